// What a person wants done once. The key that names it is made before the first try and kept in this browser until
// the outcome is known: whoever enters the same again, after closing the form, loading the page anew or in another
// tab, repeats it instead of doing it twice. It is asked about when the form is opened again.
import { computed, ref, shallowRef } from 'vue'
import { isOpen } from '@/api/client'
import { useSession } from '@/stores/session'
import { newKey } from './id'

const STORED = 'yufu.wishes'
const DAY_MS = 86_400_000 // the platform keeps its answers much longer

type Kept = { key: string; at: number }

function stored(): Record<string, Kept> {
  const all = JSON.parse(localStorage.getItem(STORED) ?? '{}') as Record<string, Kept>
  return Object.fromEntries(Object.entries(all).filter(([, one]) => Date.now() - one.at < DAY_MS))
}
const store = (all: Record<string, Kept>) => localStorage.setItem(STORED, JSON.stringify(all))

/** `object` says what it is about: one form for one object has one wish. */
export function useWish(object: () => string) {
  const session = useSession()
  const busy = ref(false)
  const problem = shallowRef<unknown>(null)
  const name = computed(() => `${session.me?.id} ${object()}`)
  const since = ref(stored()[name.value]?.at ?? 0) // when it was sent without an answer, in an earlier form

  function forget() {
    since.value = 0
    const { [name.value]: _, ...others } = stored()
    store(others)
  }

  function keep() {
    const kept = stored()[name.value] ?? { key: newKey(), at: Date.now() }
    store({ ...stored(), [name.value]: kept })
    return kept.key
  }

  /** True when it is done; otherwise `problem` says why not, or that nobody knows. */
  async function send(work: (key: string) => Promise<unknown>): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    problem.value = null
    try {
      await work(keep())
      forget()
      return true
    } catch (refusal) {
      problem.value = refusal
      if (!isOpen(refusal)) forget()
      return false
    } finally {
      busy.value = false
    }
  }

  return { busy, problem, since, forget, send }
}
