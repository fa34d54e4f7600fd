// What a workbook says, as the text of a CSV file. Numbers come as they are written in the file, so
// that no digit is lost here; where the spreadsheet itself has lost some, that is told.
import { csvCell } from './csv'

/** Marks a cell that the workbook keeps as a number. */
export const NUMBER = '\u0001'
const DIGITS_MAX = 15 // more than this a spreadsheet does not keep
export type Cell = string | boolean | Date | null | undefined
export type Mangled = { cell: string; value: string }
export type SheetText = { csv: string; rows: number; mangled: Mangled[]; mangledCount: number }

const MANGLED_SHOWN = 50

/** "2.026E+11" → "202600000000", without going through a floating number. */
function expand(text: string): string | null {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text)
  if (!match) return null
  const [, sign, whole, part = '', power = '0'] = match as unknown as [string, string, string, string?, string?]
  const shift = Number(power)
  if (shift < part.length || shift > 40) return shift === 0 && !part ? sign + whole : null
  return sign + (whole + part.padEnd(shift, '0')).replace(/^0+(?=\d)/, '')
}

/** A number as a person typed it; `mangled`: the spreadsheet has rounded it. */
export function numberText(raw: string): { text: string; mangled: boolean } {
  const whole = expand(raw)
  if (whole !== null) return { text: whole, mangled: whole.replace('-', '').length > DIGITS_MAX }
  return { text: String(Number(raw)), mangled: false } // 90.099999999999994 is how 90.1 is kept
}

function dateText(date: Date): string {
  if (Number.isNaN(date.getTime())) return ''
  const iso = date.toISOString()
  return iso.endsWith('T00:00:00.000Z') ? iso.slice(0, 10) : iso.slice(0, 19).replace('T', ' ')
}

/** 0 → A, 25 → Z, 26 → AA. */
export function columnName(index: number): string {
  return (index >= 26 ? columnName(Math.floor(index / 26) - 1) : '') + String.fromCharCode(65 + (index % 26))
}

function textOf(cell: Cell, place: () => string, out: SheetText): string {
  if (cell === null || cell === undefined) return ''
  if (cell instanceof Date) return dateText(cell)
  if (typeof cell === 'boolean') return cell ? 'TRUE' : 'FALSE'
  if (!cell.startsWith(NUMBER)) return cell
  const { text, mangled } = numberText(cell.slice(1))
  if (!mangled) return text
  out.mangledCount++
  if (out.mangled.length < MANGLED_SHOWN) out.mangled.push({ cell: place(), value: text })
  return cell.slice(1) // not digits any more: the check will refuse it, never take a wrong one
    .replace(/^-?\d+$/, (digits) => `${digits[0]}.${digits.slice(1)}E+${digits.length - 1}`)
}

/** Empty rows stay, so that row numbers are those of the spreadsheet. */
export function sheetText(data: Cell[][]): SheetText {
  const out: SheetText = { csv: '', rows: Math.max(0, data.length - 1), mangled: [], mangledCount: 0 }
  const lines = data.map((row, r) => row.map((cell, c) => csvCell(textOf(cell, () => columnName(c) + (r + 1), out))).join(','))
  out.csv = `${lines.join('\r\n')}\r\n`
  return out
}
