// Days and months of the site, as instants. The offset is the site's, east of Greenwich.
const DAY = 86400

export type Span = { from: number; to: number }

/** The local calendar of an instant, as a UTC date that carries the local fields. */
const local = (at: number, offset: number) => new Date((at + offset) * 1000)

export function dayOf(at: number, offset: number): Span {
  const from = Math.floor((at + offset) / DAY) * DAY - offset
  return { from, to: from + DAY }
}

export function monthOf(at: number, offset: number): Span {
  const date = local(at, offset)
  const first = (month: number) => Date.UTC(date.getUTCFullYear(), month, 1) / 1000 - offset
  return { from: first(date.getUTCMonth()), to: first(date.getUTCMonth() + 1) }
}

/** "2025-11-25" of the site → its first second. */
export function instantOf(day: string, offset: number): number {
  return Date.parse(`${day}T00:00:00Z`) / 1000 - offset
}

export function dayText(at: number, offset: number): string {
  return local(at, offset).toISOString().slice(0, 10)
}
