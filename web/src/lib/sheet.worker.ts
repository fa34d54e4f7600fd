// Reads a workbook off the page's own thread: a hundred thousand rows take seconds.
import readWorkbook from 'read-excel-file/universal'
import { NUMBER, sheetText, type Cell } from './sheet'

type Sheet = { sheet: string; data: Cell[][] }
let sheets: Sheet[] = []

const numbers = { parseNumber: (text: string) => NUMBER + text, trim: false }

self.onmessage = async ({ data }: MessageEvent<{ file?: Blob; sheet?: number }>) => {
  try {
    if (data.file) {
      sheets = (await readWorkbook(data.file, numbers)) as unknown as Sheet[]
      self.postMessage({ sheets: sheets.map(({ sheet, data: rows }) => ({ name: sheet, rows: rows.length })) })
    } else if (data.sheet !== undefined) {
      self.postMessage({ text: sheetText(sheets[data.sheet]?.data ?? []) })
    }
  } catch (failure) {
    self.postMessage({ failure: (failure as { code?: string }).code ?? 'FILE_NOT_SUPPORTED', detail: String(failure) })
  }
}
