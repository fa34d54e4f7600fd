// Facts as the server stores them, shown in words: the ending of a name says what the number means.
import { age, money, when } from './format'

type Words = { t: (key: string, named?: Record<string, unknown>) => string; te: (key: string) => boolean; zone: string }

function valueOf(name: string, value: unknown, words: Words): string {
  const { t, te, zone } = words
  if (value === null || value === undefined) return t('common.unknown')
  if (typeof value === 'boolean') return t(value ? 'common.yes' : 'common.no')
  if (typeof value === 'number') {
    if (name.endsWith('_fen')) return money(value)
    if (name.endsWith('_s')) return age(value, { t: (key, named) => t(key, named) })
    if (name.endsWith('_at') || name === 'not_before') return value ? when(value, zone) : t('common.never')
    return String(value)
  }
  if (typeof value === 'string') return te(`word.${value}`) ? t(`word.${value}`) : value
  return JSON.stringify(value)
}

/** Said already above the list, in words. */
const SAID = ['action', 'reason', 'guards', 'balance_fen']

export function factRows(facts: Record<string, unknown>, words: Words) {
  return Object.entries(facts).filter(([name]) => !SAID.includes(name)).map(([name, value]) => ({
    label: words.te(`fact.name.${name}`) ? words.t(`fact.name.${name}`) : name,
    value: valueOf(name, value, words),
  }))
}
