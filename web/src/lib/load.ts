// Fetching with its three outcomes, for panels and pages.
import { ref, shallowRef, type ShallowRef } from 'vue'

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
