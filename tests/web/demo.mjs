// node demo.mjs YUFU
// Starts `yufu demo`, waits until every meter is live, lets run.mjs walk through its console, and ends
// it. Fetches its own packages at the first run. Exit code 77: skipped, something to run with is missing.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const dist = join(here, '../../web/dist')
const [yufu] = process.argv.slice(2)
const START_MS = 240_000

function skip(why) {
  console.log(`${why}\n0 passed, 0 failed, 1 skipped`)
  process.exit(77)
}

/** The console's address and the one-time password, once the whole site is live. */
function started(demo) {
  return new Promise((resolve, reject) => {
    let text = ''
    const late = setTimeout(() => reject(new Error(`the demo did not come up:\n${text}`)), START_MS)
    demo.stdout.on('data', (part) => {
      text += part
      const url = /console\s+(http:\S+?)\/?\s/.exec(text)?.[1]
      const password = /password\s+(\S+)/.exec(text)?.[1]
      if (!url || !password || !text.includes('all meters are live')) return
      clearTimeout(late)
      resolve({ url, password })
    })
    demo.on('exit', (code) => reject(new Error(`the demo ended with ${code}:\n${text}`)))
  })
}

function run(program, args, env) {
  return new Promise((resolve) => spawn(program, args, { cwd: here, stdio: 'inherit', env: { ...process.env, ...env } }).on('exit', resolve))
}

/** People with other rights than the administrator's, and one with the same: "warden:PASSWORD,...". */
function addStaff() {
  const roles = ['warden', 'engineer', 'cashier', 'finance', 'officer'].map((role) => [role, role])
  return [...roles, ['second', 'admin']].map(([login, role]) => {
    const { stdout } = spawnSync(yufu, ['person', 'add', login, '--data', data, '--role', role, '--projects', 'park'], { encoding: 'utf8' })
    return `${login}:${/password.*: (\S+)/.exec(stdout)?.[1]}`
  }).join(',')
}

/** An update file that the platform takes: the demo's own gateway again. The gateway itself knows no release key. */
function addUpdate() {
  const gateway = join(dirname(yufu), 'yufu-gateway'), at = (name) => join(data, name)
  spawnSync(gateway, ['update', 'key', '--secret', at('release.pem'), '--public', at('release.pub')])
  spawnSync(gateway, ['update', 'pack', '--program', gateway, '--key', at('release.pem'), '--output', at('same.update')])
  spawnSync(yufu, ['update', 'add', at('same.update'), '--data', data, '--keys', at('release.pub')])
}

/** The demo's gateway, to be stopped for a while; 0 where the system does not tell. */
function gatewayOf(pid) {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    return Number(children.find((one) => readFileSync(`/proc/${one}/cmdline`, 'utf8').includes('yufu-gateway')) ?? 0)
  } catch {
    return 0
  }
}

if (!existsSync(process.env.CHROMIUM ?? '/usr/bin/chromium')) skip('no browser: install chromium')
if (!existsSync(join(dist, 'index.html'))) skip('web/dist is not built: make web')
if (!existsSync(join(here, 'node_modules'))) {
  const fetched = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: here, stdio: 'inherit' })
  if (fetched.status !== 0) skip('the npm registry cannot be reached')
}

const data = mkdtempSync(join(tmpdir(), 'yufu-web-'))
const demo = spawn(yufu, ['demo', '--speed', '10', '--http', '0', '--web', dist, '--data', data], { stdio: ['ignore', 'pipe', 'inherit'] })
const ended = new Promise((resolve) => demo.on('exit', resolve))
let code = 1
try {
  const { url, password } = await started(demo)
  addUpdate()
  code = await run(process.execPath, ['run.mjs', url, 'admin', password], { STAFF: addStaff(), GATEWAY: String(gatewayOf(demo.pid)) })
} catch (error) {
  console.error(error.message)
}
demo.kill('SIGINT')
await ended
rmSync(data, { recursive: true, force: true })
process.exit(code)
