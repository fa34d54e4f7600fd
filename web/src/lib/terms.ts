// What price plans ask of an account, as people enter it: decimals in fields, thousandths in the interface.
import type { NewTerms, Terms } from '@/api/client'
import { asksCapacity, asksPersons, listOf } from './plan'
import type { Tree } from './tree'

export const NUMBERS = ['persons', 'area_milli_m2', 'capacity_milli_kva', 'contracted_milli_kw'] as const
export const ASKED = [...NUMBERS, 'moved_in', 'ladder_group'] as const
export type Asked = (typeof ASKED)[number]

const THOUSAND = 1000
const LIMIT = { persons: 999, area_milli_m2: 4294967295, capacity_milli_kva: 1e12, contracted_milli_kw: 1e12 }

export type TermsForm = Record<Asked, string>
export type Bad = { place: string; why: 'number' | 'whole' | 'range' | 'day' }

const scaleOf = (name: Asked) => (name === 'persons' ? 1 : THOUSAND)

/** 90500 → "90.5". */
export function decimal(value: number, scale = THOUSAND): string {
  return scale === 1 ? String(value) : (value / scale).toFixed(3).replace(/\.?0+$/, '')
}

export function formOf(terms: Terms | undefined): TermsForm {
  const number = (name: (typeof NUMBERS)[number]) => (terms?.[name] ? decimal(terms[name], scaleOf(name)) : '')
  const day = String(terms?.moved_in || '')
  return {
    persons: number('persons'),
    area_milli_m2: number('area_milli_m2'),
    capacity_milli_kva: number('capacity_milli_kva'),
    contracted_milli_kw: number('contracted_milli_kw'),
    moved_in: day && `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`,
    ladder_group: terms?.ladder_group ?? '',
  }
}

/** Digits only, without floating point; null: no such number. */
function thousandths(text: string): number | null {
  const match = /^(\d{1,10})(?:\.(\d{1,3}))?$/.exec(text.trim())
  return match ? Number(match[1]) * THOUSAND + Number((match[2] ?? '').padEnd(3, '0')) : null
}

function numberOf(name: (typeof NUMBERS)[number], text: string): number | Bad {
  if (!text.trim()) return 0
  const value = name === 'persons' ? (/^\d{1,6}$/.test(text.trim()) ? Number(text) : null) : thousandths(text)
  if (value === null) return { place: name, why: name === 'persons' ? 'whole' : 'number' }
  return value <= LIMIT[name] ? value : { place: name, why: 'range' }
}

/** What the form says, and what of it cannot be sent. */
export function readForm(form: TermsForm): { body: Omit<NewTerms, 'from' | 'reason' | 'past'>; bad: Bad[] } {
  const bad: Bad[] = []
  const body = { persons: 0, area_milli_m2: 0, capacity_milli_kva: 0, contracted_milli_kw: 0, moved_in: Number(form.moved_in.replaceAll('-', '')) || 0, ladder_group: form.ladder_group.trim() }
  for (const name of NUMBERS) {
    const value = numberOf(name, form[name])
    if (typeof value === 'number') body[name] = value
    else bad.push(value)
  }
  return { body, bad }
}

/** Which terms a plan asks for. */
export function askedBy(plan: Tree | null): Asked[] {
  if (!plan) return []
  const pers = listOf(plan.fees).map((fee) => String(fee.per))
  const asked: [Asked, boolean][] = [
    ['persons', asksPersons(plan)],
    ['area_milli_m2', pers.includes('area') || plan.area_bill !== undefined],
    ['capacity_milli_kva', asksCapacity(plan)],
    ['contracted_milli_kw', listOf(plan.fees).some((fee) => fee.per === 'demand' && (fee.floor_percent !== undefined || fee.over_percent !== undefined))],
    ['moved_in', plan.move_in !== undefined && plan.move_in !== 'full'],
    ['ladder_group', plan.count === 'group'],
  ]
  return asked.filter(([, is]) => is).map(([name]) => name)
}

/** Without these a settlement waits; the others have a meaning when nothing is known. */
export const NEEDED: Asked[] = ['area_milli_m2', 'capacity_milli_kva', 'contracted_milli_kw']
