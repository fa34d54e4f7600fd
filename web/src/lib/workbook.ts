// A workbook on its way to becoming a CSV file; the work is done by sheet.worker.ts.
import type { SheetText } from './sheet'

export type SheetEntry = { name: string; rows: number }
type Answer = { sheets?: SheetEntry[]; text?: SheetText; failure?: string; detail?: string }

/** Why a workbook could not be read; the page words it. */
export class WorkbookFailure extends Error {
  constructor(readonly code: string, detail: string) {
    super(detail)
  }
}

export const isWorkbook = (file: File) => /\.xls[xmb]?$/i.test(file.name)

export class Workbook {
  private worker = new Worker(new URL('./sheet.worker.ts', import.meta.url), { type: 'module' })

  private ask(question: { file?: Blob; sheet?: number }): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.worker.onmessage = ({ data }: MessageEvent<Answer>) =>
        data.failure ? reject(new WorkbookFailure(data.failure, data.detail ?? '')) : resolve(data)
      this.worker.onerror = (event) => reject(new WorkbookFailure('FILE_NOT_SUPPORTED', event.message))
      this.worker.postMessage(question)
    })
  }

  open = async (file: Blob) => (await this.ask({ file })).sheets ?? []
  sheet = async (index: number) => (await this.ask({ sheet: index })).text!
  close = () => this.worker.terminate()
}
