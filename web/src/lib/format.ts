// Numbers and times as people read them. Money arrives in fen and energy in watt-hours; both are
// turned into text without floating point where the last digit matters.
import { currentLocale } from '@/i18n'

const UNKNOWN = '–'
const MINUS = '\u2212'

function grouped(whole: number) {
  return String(whole).replace(/\B(?=(\d{3})+(?!\d))/g, ',')
}

/** 123456 → "1,234.56"; null → "–". */
export function yuan(fen: number | null | undefined): string {
  if (fen === null || fen === undefined) return UNKNOWN
  const size = Math.abs(fen)
  const cents = String(size % 100).padStart(2, '0')
  return `${fen < 0 ? MINUS : ''}${grouped(Math.floor(size / 100))}.${cents}`
}

export function money(fen: number | null | undefined): string {
  if (fen === null || fen === undefined) return UNKNOWN
  return fen < 0 ? `${MINUS}¥${yuan(-fen)}` : `¥${yuan(fen)}`
}

/** As money, with a plus sign before what comes in. */
export function signedMoney(fen: number | null): string {
  return fen !== null && fen > 0 ? `+${money(fen)}` : money(fen)
}

/** "12.5" or "12.50" → 1250; anything that is not a positive amount of whole fen → null. */
export function parseYuan(text: string): number | null {
  const match = /^(\d{1,7})(?:\.(\d{1,2}))?$/.exec(text.trim())
  if (!match) return null
  const fen = Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'))
  return fen > 0 ? fen : null
}

export function kwh(wh: number | null | undefined, digits = 2): string {
  if (wh === null || wh === undefined) return UNKNOWN
  return (wh / 1000).toFixed(digits)
}

/** As it was counted: a third decimal where there is one, so that a bill can be worked out again. */
export const exactKwh = (wh: number | null | undefined) => kwh(wh, wh && wh % 10 ? 3 : 2)

export function kilowatt(w: number | null | undefined): string {
  if (w === null || w === undefined) return UNKNOWN
  return w >= 1000 ? `${(w / 1000).toFixed(2)} kW` : `${w} W`
}

const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(zone: string) {
  let format = formats.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('sv-SE', {
      timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
    })
    formats.set(zone, format)
  }
  return format
}

/** Where each style begins and ends within "2025-11-25 14:03:22". */
const styles = { full: [0, 19], short: [5, 16], clock: [11, 19] } as const

/** A time in the site's own zone. */
export function when(seconds: number | null | undefined, zone: string, style: keyof typeof styles = 'full') {
  if (seconds === null || seconds === undefined) return UNKNOWN
  return formatOf(zone).format(seconds * 1000).slice(...styles[style])
}

/** 20251125 → "2025-11-25". */
export function businessDay(day: number): string {
  return String(day).replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3')
}

type AgeWords = { t: (key: string, named: { n: number }) => string }

/** "12 s", "3 min", "2 h": short enough for a tile. */
export function age(seconds: number, words: AgeWords): string {
  const s = Math.max(0, Math.floor(seconds))
  if (s < 100) return words.t('age.seconds', { n: s })
  if (s < 5400) return words.t('age.minutes', { n: Math.round(s / 60) })
  if (s < 129600) return words.t('age.hours', { n: Math.round(s / 3600) })
  return words.t('age.days', { n: Math.round(s / 86400) })
}

/** The text of the current language out of a pair that the server sent. */
export function pick(pair: { zh?: string; en?: string }): string {
  return (currentLocale() === 'zh-CN' ? pair.zh || pair.en : pair.en || pair.zh) ?? ''
}
