// What the editors of price plans and of strategies have in common: one object with two views, a form
// and a text; a check that follows every change; and the versions that were saved.
import { computed, onBeforeUnmount, provide, ref, shallowRef, watch, type ComputedRef, type InjectionKey } from 'vue'
import type { TextFault, VersionText } from '@/api/client'
import { parseTree, pretty, type Tree } from './tree'

const CHECK_MS = 350

export type Verdict = { valid: boolean; problem: TextFault | null; warnings?: TextFault[]; billable?: boolean }
/** What is wrong, or to be seen, at which place: fields ask for their own. */
export const FAULTS: InjectionKey<ComputedRef<(TextFault & { warning?: boolean })[]>> = Symbol('faults')

export function useVersioned(check: (text: string) => Promise<Verdict>) {
  const tree = ref<Tree>({})
  const text = ref('')
  const syntax = ref(true) // the text is an object
  const verdict = shallowRef<Verdict | null>(null)
  const checking = ref(false)
  const problem = shallowRef<unknown>(null) // the check itself did not work
  let fromText = false

  function setText(value: string) {
    text.value = value
    const parsed = parseTree(value)
    syntax.value = parsed !== null
    if (!parsed) return
    fromText = true
    tree.value = parsed
  }

  watch(tree, () => {
    if (fromText) fromText = false
    else {
      text.value = pretty(tree.value)
      syntax.value = true
    }
  }, { deep: true })

  let timer = 0
  let turn = 0
  watch(text, (value) => {
    window.clearTimeout(timer)
    const mine = ++turn
    checking.value = true
    timer = window.setTimeout(async () => {
      try {
        const answer = await check(value)
        if (mine !== turn) return
        verdict.value = answer
        problem.value = null
      } catch (refusal) {
        if (mine === turn) problem.value = refusal
      } finally {
        if (mine === turn) checking.value = false
      }
    }, CHECK_MS)
  })
  onBeforeUnmount(() => window.clearTimeout(timer))

  const faults = computed(() => [
    ...(verdict.value?.problem ? [verdict.value.problem] : []),
    ...(verdict.value?.warnings ?? []).map((one) => ({ ...one, warning: true })),
  ])
  provide(FAULTS, faults)

  return { tree, text, syntax, verdict, checking, problem, faults, setText }
}

/** The version in force at a time: the last one whose time has come. */
export function inForce(versions: { version: number; effective_at: number }[], now: number) {
  return versions.filter((one) => one.effective_at <= now).at(-1)?.version ?? null
}

export const textOf = (versions: VersionText[], version: number | null) =>
  versions.find((one) => one.version === version)?.text ?? null

/** Takes the person to the field of a place, or to the nearest one around it; after a blank stands what of it. */
export function goTo(place: string) {
  for (let path = place.replace(/ .*/, ''); path; path = path.replace(/(\.[^.[\]]*|\[\d+\]|^[^.[\]]+)$/, '')) {
    const field = document.querySelector<HTMLElement>(`[data-place="${CSS.escape(path)}"]`)
    if (!field) continue
    field.scrollIntoView({ block: 'center' })
    const focusable = field.matches('input, select, textarea, button') ? field : field.querySelector<HTMLElement>('input, select, textarea, button, [tabindex]')
    focusable?.focus({ preventScroll: true })
    return true
  }
  return false
}
