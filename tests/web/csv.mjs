// node csv.mjs : what leaves the console as CSV opens as text and numbers, never as a formula.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const web = join(dirname(fileURLToPath(import.meta.url)), '../../web')
const esbuild = join(web, 'node_modules/esbuild/lib/main.js')
if (!existsSync(esbuild)) {
  console.log('web/node_modules is missing: make web\n0 passed, 0 failed, 1 skipped')
  process.exit(77)
}
const { buildSync } = (await import(pathToFileURL(esbuild))).default
const { outputFiles } = buildSync({ entryPoints: [join(web, 'src/lib/csv.ts')], bundle: true, format: 'esm', write: false })
const { csvText } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`)

const cases = [
  ['=HYPERLINK("http://x")', `"'=HYPERLINK(""http://x"")"`],
  ['+cmd|calc', `'+cmd|calc`],
  ['-1+1', `'-1+1`],
  ['@SUM(A1)', `'@SUM(A1)`],
  ['\t=1', `'\t=1`],
  ['\r=1', `"'\r=1"`],
  ['-12.50', '-12.50'], // an amount
  ['+3', '+3'],
  [-7, '-7'],
  [0.5, '0.5'],
  ['', ''],
  ['A-301', 'A-301'],
  ['a=b', 'a=b'],
  ['–', '–'], // not known
  ['one, "two"', '"one, ""two"""'],
]
for (const [cell, expected] of cases) assert.equal(csvText([[cell]]), `${expected}\r\n`)
assert.equal(csvText([['a', 1], ['=b', -2]]), `a,1\r\n'=b,-2\r\n`)
console.log(`${cases.length + 1} passed, 0 failed, 0 skipped`)
