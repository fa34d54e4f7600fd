// Dorm terminals: registers as the server sends them, and what of them is true today.
import type { Terminal, TerminalRegister } from '@/api/client'
import { clockText, DAY_MIN } from './clock'

export type Item = TerminalRegister['item']
export type Period = { begin_min: number; end_min: number; cover: 'on' | 'night' }
export type Load = { power_w: number; reactive_var: number }
export type Calendar = { weekend: number[]; dates: { date: number; holiday: boolean }[] }
export type Limits = {
  time_control: boolean
  malignant: boolean
  air_conditioner: boolean
  power_w: number
  current_ma: number
  night_power_w: number
  night_current_ma: number
  delay_s: number
  recloses: number
  reclose_s: number
  step_w: number
  standby_ma: number
  unplugged_s: number
}
export type Status = { cover: 'off' | 'on' | 'night'; cause: string; locked: boolean; staff_lock: boolean; air_conditioner_seen: boolean; learning: boolean; recloses_today: number; closes_in_s: number }
export type DayKind = 'workday' | 'holiday'
export const PERIODS = 8
export const LOADS = 8

export const registerOf = (terminal: Terminal, item: Item, circuit: number) =>
  terminal.registers.find((one) => one.item === item && one.circuit === circuit)

export function valueOf<T>(terminal: Terminal, item: Item, circuit: number): T | null {
  return (registerOf(terminal, item, circuit)?.value ?? null) as T | null
}

/** Something is on its way: it is worth looking again soon. */
export const isWaiting = (terminal: Terminal) =>
  terminal.registers.some((one) => one.reading || one.state === 'pending' || one.state === 'unknown')

/** Which table of hours holds on a day: dates count before the week. */
export function dayKind(date: number, weekday: number, calendar: Calendar | null): DayKind {
  const special = calendar?.dates.find((one) => one.date === date)
  const holiday = special ? special.holiday : (calendar?.weekend.includes(weekday) ?? false)
  return holiday ? 'holiday' : 'workday'
}

/** YYYYMMDD and weekday (0 Sunday) of a moment at the site. */
export function dayAt(seconds: number, zone: string) {
  const text = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(seconds * 1000)
  return { date: Number(text.replaceAll('-', '')), weekday: new Date(`${text}T00:00:00Z`).getUTCDay() }
}

/** What one day looks like, cut at midnight, in order. */
export function segments(periods: Period[]) {
  return periods
    .flatMap((one) => (one.end_min > one.begin_min
      ? [{ from: one.begin_min, to: one.end_min, cover: one.cover }]
      : [{ from: one.begin_min, to: DAY_MIN, cover: one.cover }, { from: 0, to: one.end_min, cover: one.cover }]))
    .filter((one) => one.to > one.from)
    .sort((a, b) => a.from - b.from)
}

export function overlaps(periods: Period[]) {
  const parts = segments(periods)
  return parts.some((one, i) => i > 0 && one.from < (parts[i - 1]?.to ?? 0))
}

type Words = (key: string, named?: Record<string, unknown>) => string
type Shown = { name: string; unit: string; divide?: number }
const UNITS: Record<string, Shown> = Object.fromEntries([
  ...['power_w', 'night_power_w', 'step_w'].map((name) => ({ name, unit: 'W' })),
  ...['current_ma', 'night_current_ma'].map((name) => ({ name, unit: 'A', divide: 1000 })),
  { name: 'standby_ma', unit: 'mA' },
  ...['delay_s', 'reclose_s', 'unplugged_s'].map((name) => ({ name, unit: 's' })),
].map((one) => [one.name, one]))

const day = (date: number) => String(date).replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3')

/** One member of a register in words, so that a wish can be held against what was read back. */
export function saySetting(name: string, value: unknown, t: Words): string {
  if (typeof value === 'boolean') return t(value ? 'common.yes' : 'common.no')
  if (typeof value === 'number') {
    const shown = UNITS[name]
    return shown ? `${value / (shown.divide ?? 1)} ${shown.unit}` : String(value)
  }
  if (!Array.isArray(value)) return ''
  const parts = value.map((one) => (
    name === 'periods' ? `${clockText((one as Period).begin_min)}–${clockText((one as Period).end_min)} ${t(`terminal.cover.${(one as Period).cover}`)}`
    : name === 'loads' ? `${(one as Load).power_w} W / ${(one as Load).reactive_var} var`
    : name === 'weekend' ? t(`terminal.weekday.${one as number}`)
    : `${day((one as Calendar['dates'][number]).date)} ${t(`terminal.kind.${(one as Calendar['dates'][number]).holiday ? 'holiday' : 'workday'}`)}`))
  return parts.join(t('common.listMark')) || t('terminal.nothing')
}
