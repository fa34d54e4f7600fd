// The life of an editor page: load the versions of a code, start from the last, know what changed.
import { computed, ref, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { onBeforeRouteLeave, useRoute, useRouter } from 'vue-router'
import type { VersionText, VersionTexts } from '@/api/client'
import { useClock } from '@/stores/clock'
import { useSession } from '@/stores/session'
import { useLoad } from './load'
import { parseTree, pretty } from './tree'
import { inForce, textOf, useVersioned, type Verdict } from './versioned'

export const NEW = '+'

type Ways = { texts: (project: number, code: string) => Promise<VersionTexts>; check: (project: number, text: string) => Promise<Verdict>; start: () => object }

export function useEditor(ways: Ways) {
  const { t } = useI18n()
  const session = useSession()
  const clock = useClock()
  const route = useRoute()
  const router = useRouter()
  const code = computed(() => String(route.params.code))
  const isNew = computed(() => code.value === NEW)
  const edit = useVersioned((text) => (text ? ways.check(session.projectId, text) : Promise.resolve({ valid: false, problem: null })))
  const versions = ref<VersionText[]>([])
  const based = ref<number | null>(null)
  const start = ref('')
  const saving = ref(false)

  function take(version: VersionText) {
    based.value = version.version
    const tree = parseTree(version.text)
    start.value = tree ? pretty(tree) : version.text
    edit.setText(start.value)
  }

  const { data, problem, loading, load } = useLoad(async () => {
    if (isNew.value) {
      versions.value = []
      based.value = null
      start.value = ''
      edit.setText(pretty(ways.start()))
      return { now: clock.now }
    }
    const answer = await ways.texts(session.projectId, code.value)
    clock.learn(answer.now)
    versions.value = answer.versions
    const last = answer.versions.at(-1)
    if (last) take(last)
    return { now: answer.now }
  })
  watch([code, () => session.projectId], () => {
    data.value = null
    void load()
  }, { immediate: true })

  const changed = computed(() => edit.text.value !== start.value)
  const current = computed(() => textOf(versions.value, inForce(versions.value, clock.now)))
  const view = computed(() => (route.query.view === 'json' ? 'json' : 'form'))
  const setView = (name: string) => router.replace({ query: { ...route.query, view: name === 'json' ? name : undefined } })

  onBeforeRouteLeave(() => !changed.value || isNew.value || window.confirm(t('version.leave')))

  async function saved(newCode: string) {
    start.value = edit.text.value
    saving.value = false
    if (isNew.value) await router.replace({ name: route.name ?? undefined, params: { code: newCode } })
    else await load()
  }

  /** What was sent without an answer may have been saved: the versions are looked at, what is edited stays. */
  async function tried(newCode: string) {
    if (!newCode) return
    const answer = await ways.texts(session.projectId, isNew.value ? newCode : code.value).catch(() => null)
    if (!answer) return
    if (!isNew.value) versions.value = answer.versions
    const [theirs, ours] = [answer.versions.at(-1)?.text ?? '', edit.text.value].map(parseTree)
    if (theirs && ours && pretty(theirs) === pretty(ours)) await saved(newCode)
  }

  return { ...edit, tried, code, isNew, versions, based, start, saving, data, loadProblem: problem, loading, load, take, changed, current, view, setView, saved }
}
