// What a trip rested on, in words.
import type { Trip } from '@/api/client'
import { kilowatt } from './format'

type Words = (key: string, named?: Record<string, unknown>) => string

const share = (permille: number) => (permille / 1000).toFixed(2)
const watts = (milli: number) => kilowatt(Math.round(milli / 1000))

/** "step of 953 W, increment factor 1.00": one fact each. */
export function factsOf(trip: Trip, t: Words): string[] {
  const why = trip.why
  if (!why) return []
  const amps = trip.reason.name === 'current'
  const size = (milli: number) => (amps ? `${(milli / 1000).toFixed(milli < 1000 ? 3 : 2)} A` : watts(milli))
  const facts: string[] = []
  if (why.step_mw) facts.push(t('terminal.fact.step', { power: watts(why.step_mw), factor: share(why.factor_permille) }))
  if (why.has_reactive && why.step_mw) facts.push(t('terminal.fact.reactive', { n: Math.round(why.step_mvar / 1000) }))
  if (why.inrush_permille > 1000) facts.push(t('terminal.fact.inrush', { n: share(why.inrush_permille) }))
  if (why.has_third) facts.push(t('terminal.fact.third', { n: Math.round(why.third_permille / 10) }))
  if (why.ramp) facts.push(t('terminal.fact.ramp'))
  if (trip.reason.name === 'aircon') facts.push(t('terminal.fact.unplugged', { value: why.value, limit: why.limit }))
  else if (why.limit && trip.reason.name !== 'malignant') facts.push(t('terminal.fact.limit', { value: size(why.value), limit: size(why.limit) }))
  return facts
}
