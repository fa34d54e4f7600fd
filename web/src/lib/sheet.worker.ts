// Reads a workbook off the page's own thread: a hundred thousand rows take seconds.
import { unzipSync, zipSync, type Unzipped } from 'fflate'
import readWorkbook from 'read-excel-file/universal'
import { NUMBER, sheetText, type Cell } from './sheet'

type Sheet = { sheet: string; data: Cell[][] }
let sheets: Sheet[] = []

const UNPACKED_MAX = 500_000_000 // a file that unpacks to more is no list of meters
const numbers = { parseNumber: (text: string) => NUMBER + text, trim: false }

/**
 * The same workbook without compression and pictures. The reader would unpack large parts in further
 * threads that it makes out of text, which the console's security policy refuses: this one is a thread
 * of its own already.
 */
async function unpacked(file: Blob): Promise<Blob | ArrayBuffer> {
  let bytes = 0
  let parts: Unzipped
  try {
    parts = unzipSync(new Uint8Array(await file.arrayBuffer()), {
      filter: ({ name, originalSize }) => {
        const wanted = /\.(xml|rels)$/.test(name)
        if (wanted) bytes += originalSize
        if (bytes > UNPACKED_MAX) throw Object.assign(new Error(name), { code: 'TOO_LARGE' })
        return wanted
      },
    })
  } catch (failure) {
    if ((failure as { code?: unknown }).code === 'TOO_LARGE') throw failure
    return file // no workbook of today: the reader says what it is
  }
  return zipSync(parts, { level: 0 }).buffer as ArrayBuffer
}

self.onmessage = async ({ data }: MessageEvent<{ file?: Blob; sheet?: number }>) => {
  try {
    if (data.file) {
      sheets = (await readWorkbook(await unpacked(data.file), numbers)) as unknown as Sheet[]
      self.postMessage({ sheets: sheets.map(({ sheet, data: rows }) => ({ name: sheet, rows: rows.length })) })
    } else if (data.sheet !== undefined) {
      self.postMessage({ text: sheetText(sheets[data.sheet]?.data ?? []) })
    }
  } catch (failure) {
    const { code } = failure as { code?: unknown }
    self.postMessage({ failure: typeof code === 'string' ? code : 'FILE_NOT_SUPPORTED', detail: String(failure) })
  }
}
