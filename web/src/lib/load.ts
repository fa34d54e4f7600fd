// Fetching with its three outcomes, for panels and pages.
import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'

export function useLoad<T>(fetchIt: () => Promise<T>) {
  const data = shallowRef<T | null>(null) as ShallowRef<T | null>
  const problem = shallowRef<unknown>(null)
  const loading = ref(false)
  let turn = 0

  async function load() {
    const mine = ++turn
    loading.value = data.value === null
    try {
      const answer = await fetchIt()
      if (mine !== turn) return
      data.value = answer
      problem.value = null
    } catch (refusal) {
      if (mine === turn) problem.value = refusal
    } finally {
      if (mine === turn) loading.value = false
    }
  }

  return { data, problem, loading, load }
}

type Page<T> = { items: T[]; next: number | null }

/** A list that comes page by page, newest first; `next` is null when there is no older page. */
export function usePages<T>(fetchPage: (before?: number) => Promise<Page<T>>) {
  const items = ref([]) as Ref<T[]>
  const next = ref<number | null>(null)
  const first = useLoad(async () => {
    const page = await fetchPage()
    items.value = page.items
    next.value = page.next
    return page
  })

  async function more() {
    try {
      const page = await fetchPage(next.value ?? undefined)
      items.value = [...items.value, ...page.items]
      next.value = page.next
    } catch (refusal) {
      first.problem.value = refusal
    }
  }

  return { items, next, more, problem: first.problem, loading: first.loading, load: first.load }
}
