// A made-up site for developing the console without a platform: a dormitory and a plaza that live.
// Not a simulation of the product; only the shapes of docs/openapi.yaml matter here.

const HOUR = 3600
const DAY = 86400
export const now = () => Math.floor(Date.now() / 1000)

let seed = 20251125
export const random = () => {
  seed = (seed * 1103515245 + 12345) % 2147483648
  return seed / 2147483648
}
const pickOne = (list) => list[Math.floor(random() * list.length)]

export const projects = [
  { id: 1, code: 'campus', name: '滨江学院', zone: 'Asia/Shanghai', utc_offset_s: 28800 },
]
export const places = []
export const accounts = new Map()
export const events = []
export const orders = []
export const messages = []
export const ledger = new Map()

const SURNAMES = [...'王李张刘陈杨赵黄周吴徐孙']
const GIVEN = ['子涵', '雨桐', '浩然', '思远', '欣怡', '俊杰', '梦琪', '文博']
const SHOPS = ['晨光文具', '老王拉面', '一杯咖啡', '锦绣服饰', '百姓药房', '鲜果时光', '安达快递', '云上书屋']

function place(parent, kind, code, name) {
  const one = { id: places.length + 1, parent_id: parent?.id ?? null, kind, code, name }
  places.push(one)
  return one
}

function meterOf(account, circuits, power) {
  const relays = Array.from({ length: circuits }, (_, i) => ({
    meter_id: account.id, circuit: circuits === 1 ? 0 : i + 1, state: 'closed', state_at: now() - 20,
    desired: 'none', version: 0, reason: '', actor: '', changed_at: null, not_after: null, keep: false, pending: false,
  }))
  return {
    id: account.id, address: String(202511000000 + account.id), model: circuits === 3 ? 'yufu-dorm3' : 'yufu-shop3', kind: 'electricity',
    circuits, epoch: 1, line_id: 1 + (account.id % 4), gateway_id: 1 + (account.id % 2), state_at: now() - Math.floor(random() * 60),
    values: { energy_wh: Math.floor(random() * 9_000_000), power_w: power, circuit1_w: Math.floor(power * 0.2), circuit2_w: Math.floor(power * 0.3), circuit3_w: Math.floor(power * 0.5) },
    relays,
    wallet: account.wallet === 'meter' ? { count: 3, purchased_fen: 30000, foreign_fen: 0, remaining_fen: account.prepayment, read_at: now() - 30 } : null,
  }
}

function account(at, wallet, circuits, name) {
  const id = accounts.size + 1
  const fen = Math.floor((random() ** 2) * 15000) - (random() < 0.06 ? 3000 : 0)
  const one = {
    id, project_id: 1, code: `${circuits === 3 ? 'D' : 'S'}${String(id).padStart(5, '0')}`, name, place: at, wallet, prepayment: fen,
    accrued: Math.floor(random() * 300), opened_at: now() - 90 * DAY, contract_at: random() < 0.9 ? now() - 80 * DAY : null,
    customer: { id, code: `C${id}`, name: pickOne(SURNAMES) + pickOne(GIVEN), phone: `138****${1000 + id}` }, silent: random() < 0.03, keep: random() < 0.03,
  }
  one.meters = [meterOf(one, circuits, Math.floor(random() * (circuits === 3 ? 900 : 6000)))]
  if (one.silent) one.meters[0].state_at -= 900 + Math.floor(random() * 9000)
  if (one.keep) one.meters[0].relays.forEach((relay) => (relay.keep = true))
  if (available(one) < -500 && !one.keep) one.meters[0].relays.forEach((relay) => cutFor(relay, 'arrears'))
  accounts.set(id, one)
  ledger.set(id, [])
  post(one, 'paid', { cash: -20000, prepayment: 20000 })
}

function cutFor(relay, reason) {
  Object.assign(relay, { state: 'open', desired: 'open', reason, actor: 'system', version: 1, changed_at: now() - 2 * HOUR })
}

export function post(one, kind, books) {
  const list = ledger.get(one.id)
  list.unshift({
    seq: list.length + 1, at: now(), business_day: 20251125, kind, key: `${kind}:${list.length}`, actor: 'user:1', detail: {},
    postings: Object.entries(books).map(([book, amount_fen]) => ({ book, amount_fen })),
  })
}

export const available = (one) => (one.wallet === 'meter' ? one.meters[0].wallet?.remaining_fen ?? one.prepayment : one.prepayment - one.accrued)
export const level = (one) => (available(one) <= 0 ? 3 : available(one) <= 1000 ? 2 : available(one) <= 3000 ? 1 : 0)

export function build(rooms) {
  const perFloor = 20
  const floors = Math.max(1, Math.ceil(rooms / 2 / perFloor))
  for (const letter of ['A', 'B']) {
    const building = place(null, 'building', letter, `${letter} 栋`)
    for (let floor = 1; floor <= floors; floor++) {
      const level = place(building, 'floor', `${letter}/${floor}`, `${floor} 层`)
      for (let room = 1; room <= perFloor; room++) {
        const number = `${floor}${String(room).padStart(2, '0')}`
        account(place(level, 'room', `${letter}/${floor}/${number}`, number), 'platform', 3, `${letter}${number}`)
      }
    }
  }
  const plaza = place(null, 'building', 'P', '学府商街')
  for (let i = 1; i <= 24; i++) account(place(plaza, 'shop', `P/${i}`, `${i} 号铺`), 'meter', 1, `${pickOne(SHOPS)}${i}`)
  for (const one of accounts.values()) {
    const age = level(one)
    if (age) note(one, age)
  }
}

function note(one, age) {
  messages.push({
    id: messages.length + 1, account_id: one.id, at: now() - HOUR, template: 'balance_low', level: age, channel: 'console', state: 'delivered', delivered_at: now() - HOUR,
    text_zh: `余额不足提醒：${one.place.name}（${one.code}）剩余 ${(available(one) / 100).toFixed(2)} 元，请及时充值。`,
    text_en: `Your balance is low: ${(available(one) / 100).toFixed(2)} yuan left for ${one.place.name} (${one.code}). Please recharge in time.`,
  })
  happen(one, age === 3 ? 'fee.arrears' : 'fee.low', age === 3 ? 'alarm' : 'warning', `余额不足：剩余 ${available(one)} 分。`, `Low balance: ${available(one)} fen left.`)
}

export function happen(one, kind, severity, text_zh, text_en) {
  const event = { id: events.length + 1, at: now(), project_id: 1, account_id: one.id, account_code: one.code, meter_id: one.meters[0].id, kind, severity, detail: {}, text_zh, text_en }
  events.push(event)
  return event
}

export function wallRow(one) {
  const relays = one.meters[0].relays
  return {
    id: one.id, code: one.code, name: one.name, place_id: one.place.id, place: one.place.code, wallet: one.wallet, available_fen: available(one), level: level(one),
    circuits: relays.length, relay_timed: 0, relay_open: relays.reduce((bits, relay, i) => bits | (relay.state === 'open' ? 1 << i : 0), 0),
    relay_pending: relays.some((relay) => relay.pending), keep: relays[0].keep, power_w: relays.every((relay) => relay.state === 'open') ? 0 : one.meters[0].values.power_w,
    state_at: one.meters[0].state_at, meters: [one.meters[0].id],
  }
}

export function accountView(one) {
  const decided = now() - 240
  const arrears = level(one) === 3
  const parts = one.wallet === 'meter'
    ? [{ kind: 'meter', amount_fen: available(one), at: one.meters[0].state_at, meter_id: one.meters[0].id }]
    : [{ kind: 'prepayment', amount_fen: one.prepayment }, { kind: 'accrued', amount_fen: -one.accrued, at: one.meters[0].state_at }]
  return {
    now: now(), id: one.id, project_id: 1, code: one.code, name: one.name, place: one.place, wallet: one.wallet, opened_at: one.opened_at, closed_at: null, customer: one.customer,
    plan: { code: 'flat', version: 1, effective_at: one.opened_at, body: { kind: 'flat', price: '0.5883' } },
    strategy: { code: 'default', version: 1, effective_at: one.opened_at, body: { levels: ['30.00', '10.00', '0.00'], restore: { automatic: true, above: '0.00' } } },
    contract_at: one.contract_at, level: level(one), meters: one.meters,
    balance: { available_fen: available(one), accrued_fen: -one.accrued, mean_day_fen: 190, days_left: Math.max(0, Math.floor(available(one) / 190)), parts, books: [{ book: 'prepayment', amount_fen: one.prepayment }] },
    decision: {
      decided_at: decided, action: arrears ? 'hold' : 'none',
      reasons: arrears
        ? [{ code: 'PROTECTED_HOURS', zh: '当前不在允许停电的时段。', en: 'It is outside the hours in which cuts are allowed.' }, { code: 'GRACE', zh: '宽限期未满。', en: 'The grace time is running.' }]
        : [{ code: 'ENOUGH', zh: '余额充足。', en: 'The balance is sufficient.' }],
      facts: { available_fen: available(one), reading_age_s: 31, keep_power: one.keep, relay: 'closed', contract_signed: one.contract_at !== null },
    },
  }
}

export function series(one, from, to, step) {
  const width = step === 'day' ? DAY : HOUR
  const points = []
  let total = one.meters[0].values.energy_wh - 200000
  for (let at = from; at < Math.min(to, now()); at += width) {
    const hour = ((at + 28800) % DAY) / HOUR
    const used = Math.floor((step === 'day' ? 3000 + ((at / DAY) * 37) % 1500 : 40 + 160 * Math.max(0, Math.sin((hour - 6) / 5.5)) + (hour > 18 ? 190 : 0)) * (0.6 + ((at / width) % 7) / 9))
    total += used
    points.push({ at, total_wh: total, energy_wh: used })
  }
  return points
}

export function settlements(one) {
  const start = Math.floor((now() + 28800) / DAY) * DAY - 28800
  return Array.from({ length: 14 }, (_, i) => {
    const opened = start - (i + 1) * DAY
    const used = 2500 + ((i * 977) % 2400)
    const amount = Math.round((used * 58.83) / 1000)
    const from = one.meters[0].values.energy_wh - (i + 1) * 3000
    return {
      meter_id: one.meters[0].id, epoch: 1, business_day: Number(new Date((opened + 28800) * 1000).toISOString().slice(0, 10).replaceAll('-', '')), opened_at: opened, closed_at: opened + DAY, amount_fen: amount, energy_wh: used,
      bill: { plan_code: 'flat', plan_version: 1, why: 'day', amount_fen: amount, charged_fen: amount, charged_by: 'plan', lines: [{ rate: 'total', carry_in: 0, carry_out: 120000000, from_wh: from, to_wh: from + used, quantity_wh: used, price: '0.5883', amount_fen: amount }] },
    }
  })
}
