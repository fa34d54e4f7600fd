// What a row of the wall means to people. A room has one condition, by urgency, and may be stale and
// under keep-power besides.
import type { WallRow } from '@/api/client'
import { isElectric } from './words'

export const PROMISE_S = 180 // no state shown is older than this, as long as all is well

export type Condition = 'cut' | 'arrears' | 'warning' | 'low' | 'timed' | 'normal' | 'unknown'
export type Filter = 'all' | Exclude<Condition, 'unknown'> | 'stale' | 'keep'

export const FILTERS: Filter[] = ['all', 'normal', 'low', 'warning', 'arrears', 'cut', 'timed', 'stale', 'keep']

export function condition(row: WallRow): Condition {
  if ((row.relay_open ?? 0) & ~row.relay_timed) return 'cut'
  if (row.level === 3) return 'arrears'
  if (row.level === 2) return 'warning'
  if (row.level === 1) return 'low'
  if (row.relay_timed) return 'timed' // dark because its hours say so: nothing is wrong
  return row.state_at === null ? 'unknown' : 'normal'
}

export const isTrouble = (row: WallRow) => ['cut', 'arrears', 'warning'].includes(condition(row))

export function isStale(row: WallRow, now: number): boolean {
  return row.state_at === null || now - row.state_at > PROMISE_S
}

export function fits(row: WallRow, filter: Filter, now: number): boolean {
  if (filter === 'all') return true
  if (filter === 'stale') return isStale(row, now)
  if (filter === 'keep') return row.keep
  return condition(row) === filter
}

/** How many rooms each filter leaves. */
export function countAll(rows: WallRow[], now: number): Record<Filter, number> {
  const counts = Object.fromEntries(FILTERS.map((one) => [one, 0])) as Record<Filter, number>
  for (const row of rows) {
    const state = condition(row)
    counts.all++
    if (state !== 'unknown') counts[state]++
    if (isStale(row, now)) counts.stale++
    if (row.keep) counts.keep++
  }
  return counts
}

/** One entry for each switched output: true = supplied, false = cut, null = never read. */
export function outputs(row: WallRow): (boolean | null)[] {
  return Array.from({ length: row.circuits }, (_, i) =>
    row.relay_open === null ? null : (row.relay_open & (1 << i)) === 0)
}

export const TONES = {
  cut: 'bad',
  arrears: 'bad',
  warning: 'warn',
  low: 'warn',
  timed: 'idle',
  normal: 'good',
  unknown: 'idle',
} as const

export const SYMBOLS = {
  cut: 'power-off',
  arrears: 'debt',
  warning: 'alarm',
  low: 'low',
  timed: 'clock',
  normal: 'check',
  unknown: 'question',
} as const

export const LEVELS: Condition[] = ['normal', 'low', 'warning', 'arrears']

/** Circuits of a breaker are opened, a valve is closed. */
export const isValve = (row: WallRow) => !isElectric(row.kinds)

/** A room that does not exist in the tree is still findable by code, name or place. */
export function matches(row: WallRow, words: string): boolean {
  const text = words.trim().toLowerCase()
  return !text || [row.code, row.name, row.place].some((field) => field.toLowerCase().includes(text))
}
