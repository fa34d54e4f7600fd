// Fails when a text is missing in one of the languages, when a page asks for a text that does not
// exist, when a text is never asked for, or when Chinese stands in the code instead of the
// dictionaries. Keys that are put together at run time are recognised by their fixed beginning:
// t(`state.${x}`) uses everything below "state.".
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

const LANGUAGES = ['zh-CN', 'en']
const complaints = []

function flatten(tree, prefix = '', out = new Map()) {
  for (const [key, value] of Object.entries(tree)) {
    const path = prefix ? `${prefix}.${key}` : key
    if (typeof value === 'object') flatten(value, path, out)
    else out.set(path, value)
  }
  return out
}

function sources(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) return sources(path)
    return /\.(vue|ts)$/.test(name) ? [path] : []
  })
}

/** The text up to the comma or bracket that ends the first argument of a call. */
function firstArgument(text) {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    if ('([{'.includes(text[i])) depth++
    if (')]}'.includes(text[i]) && depth-- === 0) return text.slice(0, i)
    if (text[i] === ',' && depth === 0) return text.slice(0, i)
  }
  return text
}

const placeholders = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort().join()

const [chinese, english] = LANGUAGES.map((language) =>
  readdirSync('src/i18n').filter((name) => name.endsWith(`${language}.json`))
    .reduce((all, name) => flatten(JSON.parse(readFileSync(`src/i18n/${name}`, 'utf8')), '', all), new Map()))

for (const [key, text] of chinese) {
  if (!english.has(key)) complaints.push(`missing in en: ${key}`)
  else if (english.get(key).split(' | ').some((form) => placeholders(form) !== placeholders(text)))
    complaints.push(`placeholders differ: ${key}`)
}
for (const key of english.keys()) if (!chinese.has(key)) complaints.push(`missing in zh-CN: ${key}`)

// Chinese sentences end and pause with Chinese marks.
for (const [key, text] of chinese)
  if (/[\u4e00-\u9fff）}][,;:?!](?=\s*(?:[\u4e00-\u9fff（{]|$))|[,;?!][\u4e00-\u9fff]|[\u4e00-\u9fff]\(|\([\u4e00-\u9fff]/.test(text))
    complaints.push(`half-width mark in a Chinese text: ${key}: ${text}`)

const exact = new Set()
const beginnings = new Set()
for (const path of sources('src')) {
  const text = readFileSync(path, 'utf8')
  if (/[\u4e00-\u9fff]/.test(text)) complaints.push(`Chinese text in the code: ${path}`)
  for (const start of text.matchAll(/\bte?\(/g)) {
    const asked = firstArgument(text.slice(start.index + start[0].length))
    for (const m of asked.matchAll(/'([\w-]+(?:\.[\w-]+)+)'/g)) exact.add(m[1])
    for (const m of asked.matchAll(/`([\w.-]+\.)\$\{/g)) beginnings.add(m[1])
  }
}
for (const key of exact) if (!chinese.has(key)) complaints.push(`asked for but missing: ${key}`)
for (const beginning of beginnings)
  if (![...chinese.keys()].some((key) => key.startsWith(beginning)))
    complaints.push(`asked for but missing: ${beginning}*`)
for (const key of chinese.keys())
  if (!exact.has(key) && ![...beginnings].some((beginning) => key.startsWith(beginning)))
    complaints.push(`never asked for: ${key}`)

// Words of valves stand for words of power: src/lib/words.ts takes them by the same name.
for (const key of chinese.keys())
  if (key.startsWith('pipe.') && !chinese.has(key.slice(5))) complaints.push(`stands for no text: ${key}`)

// Every kind of event that the platform writes has a title, and stands in the filter.
const kinds = [...readFileSync('../src/journal/event_table.h', 'utf8').matchAll(/^EVENT_ROW\(\w+, "([\w.]+)"/gm)].map((m) => m[1])
const filter = readFileSync('src/lib/events.ts', 'utf8')
for (const kind of kinds) {
  if (!chinese.has(`kind.${kind}`)) complaints.push(`event without a title: ${kind}`)
  if (!filter.includes(`'${kind}'`)) complaints.push(`event without a place in the filter: ${kind}`)
}
if (kinds.length === 0) complaints.push('no events found in src/journal/event_table.h')

for (const complaint of complaints) console.error(complaint)
console.log(`${chinese.size} texts in ${LANGUAGES.length} languages, ${complaints.length} complaints`)
process.exit(complaints.length ? 1 : 0)
