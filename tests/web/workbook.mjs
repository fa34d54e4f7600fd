// Makes the files that spreadsheets make.
import { deflateRawSync } from 'node:zlib'

/** An .xlsx: sheets by name, each the inside of its sheetData. Compressed, as spreadsheets do it. */
export function workbook(sheets) {
  const xml = '<?xml version="1.0" encoding="UTF-8"?>'
  const ns = 'http://schemas.openxmlformats.org'
  const names = Object.keys(sheets)
  const files = {
    '[Content_Types].xml': `${xml}<Types xmlns="${ns}/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/></Types>`,
    '_rels/.rels': `${xml}<Relationships xmlns="${ns}/package/2006/relationships"><Relationship Id="r1" Type="${ns}/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    'xl/workbook.xml': `${xml}<workbook xmlns="${ns}/spreadsheetml/2006/main" xmlns:r="${ns}/officeDocument/2006/relationships"><sheets>${names.map((name, i) => `<sheet name="${name}" sheetId="${i + 1}" r:id="r${i + 1}"/>`).join('')}</sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': `${xml}<Relationships xmlns="${ns}/package/2006/relationships">${names.map((_, i) => `<Relationship Id="r${i + 1}" Type="${ns}/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet${i + 1}.xml"/>`).join('')}</Relationships>`,
  }
  names.forEach((name, i) => (files[`xl/worksheets/sheet${i + 1}.xml`] = `${xml}<worksheet xmlns="${ns}/spreadsheetml/2006/main"><sheetData>${sheets[name]}</sheetData></worksheet>`))
  const parts = [], central = []
  let offset = 0
  for (const [name, text] of Object.entries(files)) {
    const plain = Buffer.from(text), body = deflateRawSync(plain), title = Buffer.from(name)
    const head = Buffer.alloc(30), entry = Buffer.alloc(46)
    head.writeUInt32LE(0x04034b50, 0)
    head.writeUInt16LE(20, 4)
    head.writeUInt16LE(8, 8)
    head.writeUInt32LE(crc32(plain), 14)
    head.writeUInt32LE(body.length, 18)
    head.writeUInt32LE(plain.length, 22)
    head.writeUInt16LE(title.length, 26)
    entry.writeUInt32LE(0x02014b50, 0)
    head.copy(entry, 6, 4, 30)
    entry.writeUInt16LE(20, 4)
    entry.writeUInt32LE(offset, 42)
    parts.push(head, title, body)
    central.push(entry, title)
    offset += head.length + title.length + body.length
  }
  const size = central.reduce((sum, part) => sum + part.length, 0)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(Object.keys(files).length, 8)
  end.writeUInt16LE(Object.keys(files).length, 10)
  end.writeUInt32LE(size, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, ...central, end])
}

function crc32(bytes) {
  let crc = ~0
  for (const byte of bytes) {
    crc ^= byte
    for (let k = 0; k < 8; k++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return ~crc >>> 0
}
