// Price plans as docs/formats/price-plan.md writes them: what a form has to know of them.
import { clockText, DAY_MIN, minuteOf } from './clock'
import type { Tree } from './tree'

export const RATES = ['sharp', 'peak', 'flat', 'valley', 'deep_valley'] as const
export type Rate = (typeof RATES)[number]
export const KINDS = ['flat', 'time_of_use', 'ladder', 'time_of_use_ladder'] as const
export type Kind = (typeof KINDS)[number]

export type Period = { from: string; to: string; rate: string }
export type Segment = { from: number; to: number; rate: string | null } // null: nothing holds

export const kindOf = (plan: Tree): Kind => KINDS.find((kind) => kind === plan.kind) ?? 'flat'
export const hasRates = (plan: Tree) => kindOf(plan).startsWith('time_of_use')
export const hasSteps = (plan: Tree) => kindOf(plan).endsWith('ladder')
/** Whether it counts heads: of a household's ladder, or of a free quota. */
export const asksPersons = (plan: Tree) => plan.household !== undefined || (plan.free_quota as Tree | undefined)?.per_person === true
/** Whether it counts kVA: for a fee, or for how well they are used. */
export const asksCapacity = (plan: Tree) => listOf(plan.fees).some((fee) => fee.per === 'capacity' || fee.utilised_from !== undefined)
export const unitOf = (plan: Tree) => String(plan.unit ?? 'kWh')
export const listOf = (value: unknown): Tree[] => (Array.isArray(value) ? (value as Tree[]) : [])

/** The rates that a plan uses anywhere. */
export function ratesOf(plan: Tree): Rate[] {
  const text = JSON.stringify([plan.prices, plan.periods, plan.schedules, plan.steps])
  const used = RATES.filter((rate) => text.includes(`"${rate}"`))
  return used.length ? used : ['peak', 'flat', 'valley']
}

/** The day from midnight to midnight; where no period holds the rate is null. */
export function segmentsOf(periods: Period[]): Segment[] {
  const day: (string | null)[] = new Array(DAY_MIN).fill(null)
  for (const period of periods) {
    const from = minuteOf(period.from)
    const to = minuteOf(period.to)
    if (from === null || to === null || from === to) continue
    const length = to > from ? to - from : DAY_MIN - from + to
    for (let i = 0; i < length; i++) day[(from + i) % DAY_MIN] = period.rate
  }
  const out: Segment[] = []
  day.forEach((rate, minute) => {
    const last = out[out.length - 1]
    if (last && last.rate === rate) last.to = minute + 1
    else out.push({ from: minute, to: minute + 1, rate })
  })
  return out
}

/** Back to periods; what touches over midnight becomes one. Stretches without a rate stay gaps. */
export function periodsOf(segments: Segment[]): Period[] {
  const parts = segments.filter((one) => one.rate !== null).map((one) => ({ from: clockText(one.from), to: clockText(one.to), rate: one.rate as string }))
  const first = parts[0]
  const last = parts[parts.length - 1]
  if (first && last && parts.length > 1 && first.rate === last.rate && first.from === '00:00' && last.to === '24:00') {
    return [...parts.slice(1, -1), { from: last.from, to: first.to, rate: first.rate }]
  }
  return parts
}

/** Members that only some kinds have; everything else stays when the kind is changed. */
const ONLY: Record<string, Kind[]> = {
  price: ['flat', 'ladder'],
  prices: ['time_of_use', 'time_of_use_ladder'],
  periods: ['time_of_use', 'time_of_use_ladder'],
  schedules: ['time_of_use', 'time_of_use_ladder'],
  calendar: ['time_of_use', 'time_of_use_ladder'],
  rates_from: ['time_of_use', 'time_of_use_ladder'],
  mix: ['flat', 'time_of_use'],
  by_month: [],
  cycle: ['ladder', 'time_of_use_ladder'],
  start: ['ladder', 'time_of_use_ladder'],
  end: ['ladder', 'time_of_use_ladder'],
  high_season: ['ladder', 'time_of_use_ladder'],
  household: ['ladder', 'time_of_use_ladder'],
  steps: ['ladder', 'time_of_use_ladder'],
  apportion: ['time_of_use_ladder'],
  outside_steps: ['time_of_use_ladder'],
  move_in: ['ladder', 'time_of_use_ladder'],
  count: ['ladder', 'time_of_use_ladder'],
}

const PERIODS: Period[] = [
  { from: '08:00', to: '22:00', rate: 'peak' },
  { from: '22:00', to: '08:00', rate: 'valley' },
]

const STARTS: Record<Kind, () => Tree> = {
  flat: () => ({ price: '0.50' }),
  time_of_use: () => ({ prices: { peak: '0.60', valley: '0.30' }, periods: PERIODS.map((one) => ({ ...one })) }),
  ladder: () => ({ cycle: 'month', steps: [{ to: '200', price: '0.50' }, { price: '0.60' }] }),
  time_of_use_ladder: () => ({
    prices: { peak: '0.60', valley: '0.30' },
    periods: PERIODS.map((one) => ({ ...one })),
    cycle: 'month',
    steps: [{ to: '200', surcharge: '0' }, { surcharge: '0.10' }],
  }),
}

/** The plan as another kind: what fits stays, what is missing starts from an example. */
export function ofKind(plan: Tree, kind: Kind): Tree {
  const kept = Object.entries(plan).filter(([name]) => name !== 'kind' && (!ONLY[name] || ONLY[name].includes(kind)))
  const start = STARTS[kind]()
  const next: Tree = { kind, ...start, ...Object.fromEntries(kept) }
  if (kind !== kindOf(plan) && start.steps) next.steps = start.steps
  if (kind === 'ladder' && next.price && !formIs(next, 'surcharge')) delete next.price
  return next
}

export type StepForm = 'price' | 'surcharge' | 'prices'

export const formIs = (plan: Tree, form: StepForm) => formOf(plan) === form
export function formOf(plan: Tree): StepForm {
  const first = listOf(plan.steps)[0] ?? {}
  return (['price', 'surcharge', 'prices'] as const).find((form) => form in first) ?? 'price'
}

/** Whether the steps have whole prices of their own, not surcharges on the plan's. */
export const ownSteps = (plan: Tree) => hasSteps(plan) && !formIs(plan, 'surcharge')

/** The same steps with another way of saying their price. */
export function ofForm(plan: Tree, form: StepForm) {
  const rates = ratesOf(plan)
  for (const step of listOf(plan.steps)) {
    delete step.price
    delete step.surcharge
    delete step.prices
    if (form === 'prices') step.prices = Object.fromEntries(rates.map((rate) => [rate, '0.50']))
    else step[form] = form === 'price' ? '0.50' : '0'
  }
  if (form === 'prices') {
    delete plan.prices
    delete plan.outside_steps
    plan.apportion = plan.apportion ?? 'pro_rata'
  } else {
    delete plan.apportion
    if (kindOf(plan) === 'ladder') {
      if (form === 'surcharge') plan.price = plan.price ?? '0.50'
      else delete plan.price
    } else plan.prices = plan.prices ?? Object.fromEntries(rates.map((rate) => [rate, '0.50']))
  }
}
