// node dev/fixture.mjs [--port 8099] [--rooms 240] [--must-change]
// Plays the platform for developing the console: docs/openapi.yaml with a made-up site behind it.
// Log in as admin / yufu-dev. Never shipped.
import { createReadStream, existsSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import * as world from './world.mjs'

const option = (name, other) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? other : process.argv[at + 1]
}
const port = Number(option('port', 8099))
world.build(Number(option('rooms', 240)))

const DIST = new URL('../dist/', import.meta.url).pathname
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' }
const PERMISSIONS = ['self', 'view', 'money', 'sell', 'cancel', 'relay', 'keep', 'import', 'claim', 'audit']
const people = { admin: { password: 'yufu-dev', must: process.argv.includes('--must-change') } }
const logins = new Map()
const answers = new Map()
const streams = new Set()
let position = 0

class Refusal extends Error {
  constructor(status, code, zh, en) {
    super(code)
    Object.assign(this, { status, code, zh, en })
  }
}
const missing = () => new Refusal(404, 'NOT_FOUND', '对象不存在。', 'There is no such object.')

function say(name, data) {
  position++
  for (const stream of streams) stream.write(`id: ${position}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
}
const sayRows = (list) => list.length && say('wall', { project_id: 1, now: world.now(), rows: list.map(world.wallRow) })

function me(login) {
  return { id: 1, login: login.name, name: '管理员', role: 'admin', permissions: PERMISSIONS, projects: world.projects, language: 'zh', must_change: people[login.name].must, csrf: login.csrf }
}

function logIn(name, response) {
  const token = Math.random().toString(36).slice(2)
  logins.set(token, { name, csrf: Math.random().toString(36).slice(2) })
  response.setHeader('Set-Cookie', `yufu_sid=${token}; HttpOnly; SameSite=Lax; Path=/`)
  return me(logins.get(token))
}

const find = (id) => world.accounts.get(Number(id)) ?? (() => { throw missing() })()

function stepOf(order, step) {
  const one = order.steps.find((entry) => entry.step === step)
  one.at = world.now()
  order.changed_at = one.at
}

function sell(one, { order_id, amount_fen }) {
  if (!(amount_fen > 0 && amount_fen <= 10_000_000)) throw new Refusal(422, 'VEND_AMOUNT', '售电金额不在允许范围内。', 'The amount is outside the allowed range.')
  const meter = one.wallet === 'meter' ? one.meters[0] : null
  const n = meter ? meter.wallet.count + 1 : null
  const steps = meter ? ['paid', 'bound', 'sent', 'confirmed'] : ['paid', 'booked']
  const order = {
    account_id: one.id, order_id, amount_fen, method: 'cash', state: meter ? 'BOUND' : 'BOOKED', wallet: one.wallet, meter_id: meter?.id ?? null, epoch: meter ? 1 : null, n, attempt: meter ? 1 : 0,
    created_at: world.now(), changed_at: world.now(), actor: 'user:1', final: !meter, steps: steps.map((step) => ({ step, at: null, ...(step === 'bound' ? { n } : {}) })),
  }
  world.orders.unshift(order)
  stepOf(order, 'paid')
  world.post(one, 'paid', { cash: -amount_fen, prepayment: amount_fen })
  if (meter) deliver(one, meter, order)
  else {
    stepOf(order, 'booked')
    one.prepayment += amount_fen
    restore(one)
  }
  sayRows([one])
  say('event', world.happen(one, 'order.paid', 'info', `已收款 ${amount_fen} 分（订单 ${order_id}）。`, `${amount_fen} fen were paid (order ${order_id}).`))
  return order
}

function deliver(one, meter, order) {
  stepOf(order, 'bound')
  setTimeout(() => { stepOf(order, 'sent'); say('order', order) }, 1500)
  setTimeout(() => {
    Object.assign(order, { state: 'CONFIRMED', final: true })
    stepOf(order, 'confirmed')
    meter.wallet.count = order.n
    meter.wallet.remaining_fen += order.amount_fen
    say('order', order)
    restore(one)
    sayRows([one])
  }, 4000)
}

function restore(one) {
  for (const relay of one.meters[0].relays) if (relay.reason === 'arrears' && world.available(one) > 0) wish(one, relay, 'closed', 'paid')
}

function wish(one, relay, desired, reason) {
  Object.assign(relay, { desired, reason, actor: 'user:1', version: relay.version + 1, changed_at: world.now(), pending: true })
  setTimeout(() => {
    Object.assign(relay, { state: desired, state_at: world.now(), pending: false })
    sayRows([one])
    say('event', world.happen(one, 'relay.done', 'info', `表计已确认：供电状态为 ${desired}。`, `The meter confirmed: supply is ${desired}.`))
  }, 2500)
  sayRows([one])
  return relay
}

const byMeter = (id) => [...world.accounts.values()].find((one) => one.meters[0].id === Number(id)) ?? (() => { throw missing() })()

function importReport(csv, dry) {
  if (!csv.startsWith('project,')) throw Object.assign(new Refusal(422, 'SITE_IMPORT', '文件中有错误行，没有写入任何数据。', 'Some rows are wrong; nothing was written.'), { report: { dry_run: dry, rows: 0, added: 0, changed: 0, same: 0, errors: [{ row: 1, column: 'who', code: 'SITE_COLUMN', title_zh: '未知的列。', title_en: 'This column is not known.' }] } })
  const rows = csv.trim().split(/\r?\n/).slice(1)
  const errors = rows.flatMap((row, i) => (row.includes('BAD') ? [{ row: i + 2, column: 'address', code: 'SITE_ADDRESS', title_zh: '表号应为 1 到 12 位数字。', title_en: 'A meter address has 1 to 12 digits.', detail: 'BAD' }] : []))
  const report = { dry_run: dry, rows: rows.length, added: rows.length - errors.length, changed: 0, same: 0, errors }
  if (errors.length) throw Object.assign(new Refusal(422, 'SITE_IMPORT', '文件中有错误行，没有写入任何数据。', 'Some rows are wrong; nothing was written.'), { report })
  return report
}

function gateways() {
  const meters = [...world.accounts.values()].map((one) => one.meters[0])
  const fresh = (list) => list.filter((meter) => world.now() - meter.state_at <= 180).length
  return [1, 2].map((id) => {
    const mine = meters.filter((meter) => meter.gateway_id === id)
    return {
      id, serial: `YG25110000${id}`, name: `${id} 号通信管理机`, state: id === 1 ? 'online' : 'offline', last_seen: world.now() - (id === 1 ? 3 : 900), config_version: 4, config_applied: id === 1 ? 4 : 3, meters: mine.length, fresh: fresh(mine),
      lines: [1, 2, 3, 4].filter((line) => mine.some((meter) => meter.line_id === line)).map((line) => {
        const list = mine.filter((meter) => meter.line_id === line)
        return { id: line, number: line, endpoint: line % 2 ? `serial:/dev/ttyS${line}` : `tcp:10.0.0.${line}:9001`, baud: 2400, parity: 'E', meters: list.length, fresh: fresh(list), oldest_age_s: Math.max(...list.map((meter) => world.now() - meter.state_at)) }
      }),
    }
  })
}

function freshness() {
  const ages = [...world.accounts.values()].map((one) => world.now() - one.meters[0].state_at).sort((a, b) => a - b)
  const edges = [15, 30, 60, 120, 180, 600, null]
  const buckets = edges.map((le_s, i) => ({ le_s, meters: ages.filter((age) => age <= (le_s ?? Infinity) && age > (edges[i - 1] ?? -1)).length }))
  return { now: world.now(), promise_s: 180, meters: ages.length, never: 0, max_age_s: ages.at(-1), p50_s: ages[ages.length >> 1], p99_s: ages[Math.floor(ages.length * 0.99)], buckets }
}

function search(q) {
  const hits = []
  for (const one of world.accounts.values()) {
    const base = { account_id: one.id, project_id: 1, code: one.code, name: one.name, place: one.place.code }
    if (one.code.toLowerCase().startsWith(q) || one.name.toLowerCase().includes(q) || one.place.name.startsWith(q)) hits.push({ ...base, kind: 'account', matched: one.name })
    else if (one.customer.name.includes(q)) hits.push({ ...base, kind: 'customer', matched: one.customer.name })
    else if (one.meters[0].address.startsWith(q)) hits.push({ ...base, kind: 'meter', matched: one.meters[0].address })
    if (hits.length >= 12) break
  }
  return hits
}

const page = (list, before, key) => {
  const rest = before ? list.filter((entry) => entry[key] < Number(before)) : list
  return { part: rest.slice(0, 50), next_before: rest.length > 50 ? rest[49][key] : null }
}

const routes = [
  ['POST', '/login', ({ body, response }) => {
    if (people[body.login]?.password !== body.password) throw new Refusal(401, 'AUTH_LOGIN', '用户名或密码不正确。', 'The user name or the password is wrong.')
    return logIn(body.login, response)
  }],
  ['POST', '/logout', ({ token }) => void logins.delete(token)],
  ['GET', '/me', ({ login }) => me(login)],
  ['POST', '/me/password', ({ login, body, response }) => {
    if (people[login.name].password !== body.password) throw new Refusal(401, 'AUTH_LOGIN', '当前密码不正确。', 'The current password is wrong.')
    people[login.name] = { password: body.new_password, must: false }
    return logIn(login.name, response)
  }],
  ['GET', '/projects/:id/places', () => ({ places: world.places })],
  ['GET', '/projects/:id/wall', () => ({ now: world.now(), stream_id: String(position), accounts: world.accounts.size, next: null, rows: [...world.accounts.values()].map(world.wallRow) })],
  ['GET', '/projects/:id/events', ({ query }) => {
    const list = world.events.filter((event) => (!query.get('severity') || event.severity === query.get('severity')) && (!query.get('kind') || event.kind === query.get('kind')) && (!query.get('account') || event.account_id === Number(query.get('account')))).reverse()
    const { part, next_before } = page(list, query.get('before'), 'id')
    return { events: part, next_before }
  }],
  ['GET', '/projects/:id/gateways', () => ({ now: world.now(), gateways: gateways() })],
  ['GET', '/projects/:id/freshness', freshness],
  ['POST', '/projects/:id/import', ({ text, query }) => importReport(text, query.get('dry_run') === '1')],
  ['GET', '/search', ({ query }) => ({ hits: search(query.get('q').toLowerCase()) })],
  ['GET', '/accounts/:id', ({ id }) => world.accountView(find(id))],
  ['GET', '/accounts/:id/orders', ({ id }) => ({ orders: world.orders.filter((order) => order.account_id === Number(id)) })],
  ['POST', '/accounts/:id/orders', ({ id, body }) => sell(find(id), body)],
  ['GET', '/accounts/:id/orders/:other', ({ other }) => world.orders.find((order) => order.order_id === other) ?? (() => { throw missing() })()],
  ['POST', '/accounts/:id/orders/:other/cancel', () => { throw new Refusal(409, 'VEND_FINAL', '款项已到表，不能退回。', 'The credit is in the meter already.') }],
  ['GET', '/accounts/:id/ledger', ({ id, query }) => {
    const { part, next_before } = page(world.ledger.get(Number(id)), query.get('before'), 'seq')
    return { transactions: part, next_before }
  }],
  ['GET', '/accounts/:id/settlements', ({ id }) => ({ settlements: world.settlements(find(id)), next_before: null })],
  ['GET', '/accounts/:id/messages', ({ id }) => ({ messages: world.messages.filter((message) => message.account_id === Number(id)) })],
  ['GET', '/accounts/:id/series', ({ id, query }) => ({ meter_id: Number(query.get('meter')), step: query.get('step'), from: Number(query.get('from')), to: Number(query.get('to')), points: world.series(find(id), Number(query.get('from')), Number(query.get('to')), query.get('step')) })],
  ['POST', '/meters/:id/relay', ({ id, body }) => {
    const one = byMeter(id)
    const relay = one.meters[0].relays.find((entry) => entry.circuit === body.circuit) ?? one.meters[0].relays[0]
    if (relay.keep && body.desired === 'open') throw new Refusal(409, 'CONTROL_KEPT', '已设置保电，不得停电。', 'Keep-power is set: this meter must not be cut.')
    return wish(one, relay, body.desired, body.reason)
  }],
  ['POST', '/meters/:id/keep', ({ id, body }) => {
    const one = byMeter(id)
    one.meters[0].relays.forEach((relay) => (relay.keep = body.on))
    sayRows([one])
    return one.meters[0].relays[0]
  }],
  ['POST', '/gateways/:id/claim-code', ({ id }) => ({ gateway_id: Number(id), serial: `YG25110000${id}`, code: '7K4M-Q2XD-91HT', valid_until: world.now() + 3600 })],
]

function match(method, path) {
  for (const [verb, pattern, act] of routes) {
    const names = []
    const shape = new RegExp(`^${pattern.replace(/:(\w+)/g, (_, name) => (names.push(name), '([^/]+)'))}$`)
    const found = verb === method && shape.exec(path)
    if (found) return { act, ids: Object.fromEntries(names.map((name, i) => [name, found[i + 1]])) }
  }
  return null
}

function stream(request, response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  response.write(`event: hello\ndata: ${JSON.stringify({ stream_id: String(position), now: world.now() })}\n\n`)
  streams.add(response)
  request.on('close', () => streams.delete(response))
}

async function bodyOf(request) {
  const parts = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts).toString()
}

async function api(request, response, url) {
  const token = /yufu_sid=(\w+)/.exec(request.headers.cookie ?? '')?.[1]
  const login = logins.get(token)
  const path = url.pathname.slice('/api/v1'.length)
  if (!login && path !== '/login') throw new Refusal(401, 'AUTH_NONE', '请先登录。', 'Log in first.')
  if (path === '/stream') return stream(request, response)
  if (login && request.method !== 'GET' && request.headers['x-csrf-token'] !== login.csrf) throw new Refusal(403, 'API_CSRF', '页面已过期，请刷新。', 'The page is out of date; reload it.')
  const found = match(request.method, path)
  if (!found) throw missing()
  const text = await bodyOf(request)
  const key = request.headers['idempotency-key']
  if (key && answers.has(key)) return send(response, 201, answers.get(key))
  const answer = found.act({ ...found.ids, query: url.searchParams, body: text.startsWith('{') ? JSON.parse(text) : {}, text, login, token, response })
  if (key) answers.set(key, answer)
  return answer === undefined ? response.writeHead(204).end() : send(response, 200, answer)
}

function send(response, status, body, type = 'application/json') {
  response.writeHead(status, { 'Content-Type': type })
  response.end(JSON.stringify(body))
}

function refuse(response, error) {
  if (!(error instanceof Refusal)) console.error(error)
  const { status = 500, code = 'BUG', zh = '内部错误。', en = 'Internal error.', report = {} } = error
  send(response, status, { type: `about:blank#${code}`, title: zh, title_zh: zh, title_en: en, status, code, request_id: 'dev', ...report }, 'application/problem+json')
}

function file(response, path) {
  const wanted = join(DIST, normalize(path))
  const real = existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(DIST, 'index.html')
  response.writeHead(200, { 'Content-Type': TYPES[extname(real)] ?? 'application/octet-stream', 'Content-Security-Policy': "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'" })
  createReadStream(real).pipe(response)
}

createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost')
  if (!url.pathname.startsWith('/api/v1/')) return file(response, url.pathname)
  api(request, response, url).catch((error) => refuse(response, error))
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}  admin / yufu-dev`))

// The site lives: every second some meters are read, some money is used.
setInterval(() => {
  const changed = []
  for (const one of world.accounts.values()) {
    if (one.silent || world.random() > 0.06) continue
    const meter = one.meters[0]
    meter.state_at = world.now()
    meter.values.power_w = Math.max(0, Math.round(meter.values.power_w * (0.9 + world.random() * 0.2)))
    meter.values.energy_wh += Math.round(meter.values.power_w / 200)
    one.accrued += Math.round(meter.values.power_w / 900)
    meter.relays.forEach((relay) => (relay.state_at = meter.state_at))
    changed.push(one)
  }
  sayRows(changed)
}, 1000)
