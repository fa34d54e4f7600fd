// The mass-cut breaker of the project that is looked at: asked for now and then, and when an event says so.
import { defineStore } from 'pinia'
import { ref, watch } from 'vue'
import { api, type Breaker } from '@/api/client'
import { useClock } from './clock'
import { useLive } from './live'
import { useSession } from './session'

const EVERY_MS = 30_000

export const useBreaker = defineStore('breaker', () => {
  const session = useSession()
  const clock = useClock()
  const now = ref<Breaker | null>(null)
  const problem = ref<unknown>(null)
  let turn = 0

  function learn(breaker: Breaker) {
    clock.learn(breaker.now)
    now.value = breaker
    problem.value = null
  }

  async function load() {
    const mine = ++turn
    if (!session.projectId || session.me?.must_change) return
    try {
      const answer = await api.breaker(session.projectId)
      if (mine === turn) learn(answer)
    } catch (refusal) {
      if (mine === turn) problem.value = refusal
    }
  }

  watch(() => session.projectId, () => {
    now.value = null
    void load()
  }, { immediate: true })
  window.setInterval(() => session.me && load(), EVERY_MS)
  useLive().onEvent((event) => event.kind.startsWith('breaker.') && void load())

  return { now, problem, load, learn }
})
