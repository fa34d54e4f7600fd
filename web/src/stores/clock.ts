// The site's time. The server tells it with every answer; between answers it runs on here, and as
// fast as the site's clock runs (a demonstration may run sixty times faster).
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

const STORED = 'yufu.speed'

const REMEMBER_S = 300 // the longer, the steadier the measured speed

type Sample = { local: number; site: number }

export const useClock = defineStore('clock', () => {
  const tick = ref(Date.now())
  const latest = ref<Sample>({ local: Date.now(), site: Math.floor(Date.now() / 1000) })
  const speed = ref(Number(sessionStorage.getItem(STORED) ?? 1))
  let base: Sample | null = null

  setInterval(() => (tick.value = Date.now()), 1000)

  function learn(site: number) {
    const sample = { local: Date.now(), site }
    latest.value = sample
    base ??= sample
    const elapsed = (sample.local - base.local) / 1000
    if (elapsed < 3) return
    const measured = (sample.site - base.site) / elapsed
    speed.value = measured < 1.5 ? 1 : Math.round(measured)
    sessionStorage.setItem(STORED, String(speed.value))
    if (elapsed > REMEMBER_S) base = sample
  }

  const now = computed(() =>
    Math.floor(latest.value.site + Math.max(0, (tick.value - latest.value.local) / 1000) * speed.value))

  return { now, speed, tick, learn }
})
