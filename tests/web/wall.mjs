// node wall.mjs YUFU [ROOMS]
// How long somebody who opens the wall of many rooms waits: a site of that many (6,000) and of 60, served by
// `yufu serve`. Prints milliseconds and the ratios of the two; the machine's load is in the first, hardly in the second.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openBrowser, openPage } from './browser.mjs'

const [yufu, wanted = '6000'] = process.argv.slice(2)
const dist = join(dirname(fileURLToPath(import.meta.url)), '../../web/dist')
const HEAD = 'project,building,floor,room,account,wallet,plan,strategy,contract,gateway,line,endpoint,baud,address,model\n'
const [FLOORS, ROOMS, LINE] = [12, 50, 75]
const SECRET = 'a much better secret'
const TURNS = 3

function siteOf(count) {
  const row = (n) => {
    const [building, floor, room] = [Math.floor(n / (FLOORS * ROOMS)) + 1, Math.floor(n / ROOMS) % FLOORS + 1, n % ROOMS + 1]
    const door = `${floor}${String(room).padStart(2, '0')}`
    const line = Math.floor(n / LINE)
    return `campus,${building},${floor},${door},R${building}-${door},platform,flat,standard,2026-09-01,GW-${Math.floor(line / 8) + 1},${line % 8 + 1},tcp:127.0.0.1:${30000 + line},9600,${n + 1},yufu-dorm3\n`
  }
  return HEAD + Array.from({ length: count }, (_, n) => row(n)).join('')
}

function said(child, pattern) {
  return new Promise((resolve, reject) => {
    let text = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (part) => {
        text += part
        const found = pattern.exec(text)
        if (found) resolve(found)
      })
    }
    child.on('exit', (code) => reject(new Error(`ended with ${code}:\n${text}`)))
  })
}

/** A platform with so many rooms, as { url, password, end }. */
async function serve(count) {
  const folder = mkdtempSync(join(tmpdir(), 'yufu-wall-'))
  const at = (name) => join(folder, name)
  writeFileSync(at('site.csv'), siteOf(count))
  writeFileSync(at('flat.json'), '{"kind": "ladder", "cycle": "month", "steps": [{"to": "100", "price": "0.5"}, {"price": "0.6"}]}')
  writeFileSync(at('standard.json'), '{}')
  const done = spawnSync(yufu, ['import', '--data', folder, '--plan', `flat=${at('flat.json')}`, '--strategy', `standard=${at('standard.json')}`, at('site.csv')], { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(done.stdout + done.stderr)
  const child = spawn(yufu, ['serve', '--data', folder, '--web', dist, '--http', '0', '--uplink', '0'], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [, password, port] = await said(child, /password (\S+)[\s\S]*program\.start .*http=(\d+)/)
  const end = () => {
    child.kill('SIGTERM')
    rmSync(folder, { recursive: true, force: true })
  }
  return { url: `http://127.0.0.1:${port}`, password, end }
}

async function enter(page, site) {
  await page.goto(`${site.url}/login`)
  await page.locator('#login-name').fill('admin')
  await page.locator('#login-password').fill(site.password)
  await page.keyboard.press('Enter')
  await page.waitForURL((url) => url.pathname === '/password')
  await page.locator('#password-old').fill(site.password)
  await page.locator('#password-new').fill(SECRET)
  await page.locator('#password-again').fill(SECRET)
  await page.keyboard.press('Enter')
  await page.waitForURL((url) => url.pathname === '/')
}

const median = (all) => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)]

/** Milliseconds until the first tile stands there, until all rooms are counted, and of the longest time in which nothing moved. */
async function load(page, count) {
  await page.addInitScript(() => {
    window.longest = 0
    new PerformanceObserver((list) => list.getEntries().forEach((one) => (window.longest = Math.max(window.longest, one.duration)))).observe({ type: 'longtask', buffered: true })
  })
  const began = Date.now()
  await page.reload({ waitUntil: 'commit' })
  await page.locator('[data-tile]').first().waitFor()
  const first = Date.now() - began
  await page.waitForFunction((all) => document.querySelector('.tree .all .num')?.innerText === String(all), count, { timeout: 120_000, polling: 50 })
  const whole = Date.now() - began
  return { first, whole, stuck: Math.round(await page.evaluate(() => window.longest)) }
}

/** Milliseconds until the readings of the first meters stand there. */
async function readings(page, site) {
  const began = Date.now()
  await page.goto(`${site.url}/readings`, { waitUntil: 'commit' })
  await page.locator('tbody tr').first().waitFor({ timeout: 120_000 })
  return Date.now() - began
}

async function measure(browser, count) {
  const site = await serve(count)
  const { page, close } = await openPage(browser)
  await enter(page, site)
  await page.locator('[data-tile]').first().waitFor({ timeout: 120_000 })
  const turns = []
  for (let i = 0; i < TURNS; i++) turns.push(await load(page, count))
  const found = Object.fromEntries(Object.keys(turns[0]).map((key) => [key, median(turns.map((one) => one[key]))]))
  found.readings = await readings(page, site)
  console.log(`${count} rooms: first tile after ${found.first} ms, all after ${found.whole} ms, longest standstill of the page ${found.stuck} ms; first readings after ${found.readings} ms`)
  await close()
  site.end()
  return found
}

const browser = await openBrowser()
const few = await measure(browser, 60)
const many = await measure(browser, Number(wanted))
await browser.close()
console.log(`the first tile of ${wanted} rooms waits ${(many.first / few.first).toFixed(1)} times as long as that of 60, all of them ${(many.whole / few.whole).toFixed(1)} times, the readings ${(many.readings / few.readings).toFixed(1)} times`)
