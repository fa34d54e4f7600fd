// The file that is being imported, and the part of it that the server refused.
import type { ImportResult } from '@/api/client'
import { csvCell, splitRecords } from './csv'
import { pick } from './format'

export type RowError = ImportResult['errors'][number]

/** The bytes go to the server as they are; only our own copy for the failed rows is decoded. */
export async function readText(file: File): Promise<string> {
  const bytes = await file.arrayBuffer()
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('gb18030').decode(bytes)
  }
}

export const reasonOf = (error: RowError) => pick({ zh: error.title_zh, en: error.title_en }) || error.detail || error.code

/** The heading and each refused row, with one more column that says why. */
export function failedRows(text: string, errors: RowError[], heading: string): string {
  const reasons = new Map<number, string[]>()
  for (const error of errors)
    reasons.set(error.row, [...(reasons.get(error.row) ?? []), `${error.column}: ${reasonOf(error)}`])
  const records = splitRecords(text)
  const failed = records.filter((record) => reasons.has(record.line) && record !== records[0])
    .map((record) => `${record.text},${csvCell((reasons.get(record.line) ?? []).join('; '))}`)
  return [`${records[0]?.text ?? ''},${csvCell(heading)}`, ...failed].join('\r\n') + '\r\n'
}
