/** Cuts CSV text into records, each with the number of its first line; quotes may hold newlines. */
export function splitRecords(text: string): { line: number; text: string }[] {
  const records: { line: number; text: string }[] = []
  let quoted = false
  let start = 0
  let first = 1
  let line = 1
  const close = (end: number) => {
    const record = text.slice(start, end).replace(/\r$/, '')
    if (record) records.push({ line: first, text: record })
  }
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '"') quoted = !quoted
    if (text[i] !== '\n') continue
    line++
    if (quoted) continue
    close(i)
    start = i + 1
    first = line
  }
  close(text.length)
  return records
}

export function csvCell(value: string | number): string {
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export function csvText(rows: (string | number)[][]): string {
  return rows.map((row) => row.map(csvCell).join(',')).join('\r\n') + '\r\n'
}

/** Offers a file; the mark at its beginning tells spreadsheets that it is UTF-8. */
export function download(name: string, text: string) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob(['\ufeff', text], { type: 'text/csv;charset=utf-8' }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}
