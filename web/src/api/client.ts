// The one door to the server: every call of docs/openapi.yaml that the console makes, typed by the
// generated schema. A refusal becomes a Problem, which the pages show in words.
import type { components, operations } from './schema'

type Schemas = components['schemas']
export type Account = Schemas['Account']
export type Approval = Schemas['Approval']
export type Decided = Schemas['VerdictResults']['results'][number]
export type Breaker = Schemas['Breaker']
export type Protection = Schemas['Protection']
export type CashPolicy = Schemas['CashPolicy']
export type Shift = Schemas['Shift']
export type Day = Schemas['Day']
export type Month = Schemas['Month']
export type MonthLine = Month['lines'][number]
export type Run = Schemas['Run']
export type RunLine = Schemas['RunLine']
export type Dues = Schemas['Dues']
export type Decision = Schemas['Decision']
export type Event = Schemas['Event']
export type Freshness = Schemas['Freshness']
export type Gateway = Schemas['Gateway']
export type Hit = Schemas['Hit']
export type ImportCheck = Schemas['ImportCheck']
export type ImportRows = Schemas['ImportRows']
export type ImportWritten = Schemas['ImportWritten']
export type Imported = Schemas['ImportList']['imports'][number]
export type ImportUndo = Schemas['ImportUndo']
export type LedgerTransaction = Schemas['LedgerTransaction']
export type Me = Schemas['Me']
export type MoneyRequest = Schemas['MoneyRequest']
export type Terms = Schemas['AccountTerms']
export type NewTerms = operations['putTerms']['requestBody']['content']['application/json']
export type Ratio = operations['listRatios']['responses']['200']['content']['application/json']['ratios'][number]
export type ReportRow = Schemas['MeterReportRow']
export type FlowRule = Schemas['FlowRule']
export type MeterChange = operations['exchangeMeter']['requestBody']['content']['application/json']
export type Message = Schemas['Message']
export type Meter = Schemas['Meter']
export type LineMeter = Schemas['LineMeter']
export type LineHealth = Schemas['LineHealth']
export type Order = Schemas['Order']
export type Permission = Schemas['Permission']
export type Place = Schemas['Place']
export type PlanList = Schemas['PricePlanList']
export type PlanEntry = PlanList['plans'][number]
export type PlanCheck = Schemas['PricePlanCheck']
export type PlanBill = Schemas['PlanTrialBill']
export type PlanSimulated = Schemas['PlanSimulated']
export type PlanUsage = Schemas['PlanTrial']['usage']
export type Project = Schemas['Project']
export type Relay = Schemas['Relay']
export type Series = Schemas['Series']
export type Settlement = Schemas['Settlement']
export type TrueUp = Schemas['TrueUp']
export type HeldCharge = Schemas['HeldCharge']
export type HeldHow = HeldCharge['hows'][number]
export type Rerate = Schemas['Rerate']
export type Rerates = operations['listRerates']['responses']['200']['content']['application/json']
export type Severity = Schemas['Severity']
export type StrategyList = Schemas['StrategyList']
export type StrategyEntry = StrategyList['strategies'][number]
export type StrategyCheck = Schemas['StrategyCheck']
export type FeePackage = Schemas['Package']
export type PackageChoice = Schemas['PackageChoice']
export type StrategyPreview = Schemas['StrategyPreview']
export type PreviewRow = Schemas['PreviewRow']
export type PreviewSide = Schemas['PreviewSide']
export type TextFault = Schemas['TextFault']
export type NewVersion = Schemas['NewVersion']
export type SavedVersion = Schemas['SavedVersion']
export type VersionTexts = Schemas['VersionTexts']
export type VersionText = VersionTexts['versions'][number]
export type WallRow = Schemas['WallRow']
export type Terminal = Schemas['Terminal']
export type TerminalRegister = Schemas['TerminalRegister']
export type TerminalRow = Schemas['TerminalRow']
export type TerminalKind = Schemas['TerminalKind']
export type TerminalList = operations['listTerminals']['responses'][200]['content']['application/json']
export type Trip = Schemas['Trip']
export type TripRank = Schemas['TripRank']
type Setting = operations['setTerminal']['requestBody']['content']['application/json']
type ManySetting = operations['setTerminals']['requestBody']['content']['application/json']
type TerminalOrder = operations['orderTerminal']['requestBody']['content']['application/json']
export type GatewayPackage = Schemas['GatewayPackage']
export type GatewayPush = Schemas['GatewayPush']
export type PushState = Schemas['PushState']
export type GatewayUpdates = operations['listGatewayUpdates']['responses'][200]['content']['application/json']
type PushWish = operations['pushGatewayUpdate']['requestBody']['content']['application/json']
type LegacyWish = operations['allowLegacySeal']['requestBody']['content']['application/json']
type LegacyAnswer = operations['allowLegacySeal']['responses'][200]['content']['application/json']
export type SeriesStep = Series['step']
export type ClaimCode = { gateway_id: number; serial: string; code: string; valid_until: number }

const BASE = '/api/v1'
const TIMEOUT_MS = 30_000
const LIST_MAX = 500 // rows that one answer tells at most
const LONG_MS = 300_000 // what the server sums in slices

/** A refusal by the server, or no answer at all (status 0, code NETWORK). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly zh: string,
    readonly en: string,
    readonly detail = '',
    readonly requestId = '',
    readonly field = '', // of the request, that was refused
    readonly open = false, // nobody knows whether it was carried out
  ) {
    super(en || code)
  }
}

/** Nobody knows whether it was carried out: asking again needs the same key. */
export const isOpen = (refusal: unknown) => !(refusal instanceof Problem) || refusal.open

/** No answer, or one that was cut off. */
const unanswered = (method: string) => new Problem(0, 'NETWORK', '', '', '', '', '', method !== 'GET')

let csrf = ''
let person = 0
let language = 'zh-CN'
let onLoggedOut: () => void = () => {}

export function setLanguage(tag: string) {
  language = tag
}

export function whenLoggedOut(act: () => void) {
  onLoggedOut = act
}

type Query = Record<string, string | number | undefined>
type Options = { query?: Query; body?: unknown; csv?: Blob; key?: string; leaving?: boolean; patience?: number }

function address(path: string, query: Query = {}) {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString()
  return BASE + path + (text ? `?${text}` : '')
}

async function problemOf(response: Response, method: string): Promise<Problem> {
  const body = (await response.json().catch(() => ({}))) as Partial<Schemas['Problem']>
  return new Problem(response.status, body.code ?? `HTTP_${response.status}`, body.title_zh ?? '',
    body.title_en ?? '', body.detail, body.request_id, body.errors?.[0]?.pointer, method !== 'GET' && response.status >= 500)
}

function send(method: string, path: string, options: Options) {
  const headers: Record<string, string> = { 'Accept-Language': language }
  if (method !== 'GET') headers['X-CSRF-Token'] = csrf
  if (options.key) headers['Idempotency-Key'] = options.key
  if (options.body !== undefined) headers['Content-Type'] = 'application/json'
  if (options.csv !== undefined) headers['Content-Type'] = 'text/csv'
  return fetch(address(path, options.query), {
    method,
    headers,
    body: options.csv ?? (options.body === undefined ? undefined : JSON.stringify(options.body)),
    signal: AbortSignal.timeout(options.patience ?? TIMEOUT_MS),
    keepalive: options.leaving, // the page may be gone before it has left
  }).catch(() => {
    throw unanswered(method)
  })
}

async function bodyOf<T>(response: Response, method: string): Promise<T> {
  if (response.status === 204) return undefined as T
  return response.json().catch(() => {
    throw unanswered(method)
  })
}

async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const response = await send(method, path, options)
  if (response.ok) return bodyOf<T>(response, method)
  const problem = await problemOf(response, method)
  if (problem.code === 'AUTH_CSRF' && (await renewed())) return call<T>(method, path, options)
  if (response.status === 401 && path !== '/login' && path !== '/me/password') onLoggedOut()
  throw problem
}

/** As call, for a large file: only this way a browser tells how much of it has left. */
function upload<T>(path: string, query: Query, file: Blob, type: string, sent: (share: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', address(path, query))
    request.setRequestHeader('Accept-Language', language)
    request.setRequestHeader('X-CSRF-Token', csrf)
    request.setRequestHeader('Content-Type', type)
    request.upload.onprogress = (event) => sent(event.total ? event.loaded / event.total : 0)
    request.onerror = () => reject(unanswered('POST'))
    request.onload = () => {
      const response = new Response(request.responseText, { status: request.status })
      if (response.status === 401) onLoggedOut()
      if (response.ok) resolve(JSON.parse(request.responseText) as T)
      else void problemOf(response, 'POST').then(reject)
    }
    request.send(file)
  })
}

async function authenticated(promise: Promise<Me>) {
  const me = await promise
  csrf = me.csrf
  person = me.id
  return me
}

/** Logging in in another tab makes this tab's token void: it is taken anew, but never for somebody else. */
async function renewed() {
  const me = await call<Me>('GET', '/me')
  if (me.id !== person || me.csrf === csrf) return false
  csrf = me.csrf
  return true
}

export const api = {
  login: (login: string, password: string) =>
    authenticated(call<Me>('POST', '/login', { body: { login, password } })),
  logout: () => call<void>('POST', '/logout'),
  me: () => authenticated(call<Me>('GET', '/me')),
  changePassword: (password: string, new_password: string) =>
    authenticated(call<Me>('POST', '/me/password', { body: { password, new_password } })),

  people: (project: number) => call<{ people: { id: number; name: string }[] }>('GET', `/projects/${project}/people`),
  places: (project: number) => call<{ places: Place[] }>('GET', `/projects/${project}/places`),
  wall: (project: number, after = 0) =>
    call<Schemas['Wall']>('GET', `/projects/${project}/wall`, { query: { after, limit: LIST_MAX } }),
  events: (project: number, query: Query) =>
    call<{ events: Event[]; next_before: number | null }>('GET', `/projects/${project}/events`, { query }),
  gatewayMeters: (gateway: number) =>
    call<{ now: number; meters: LineMeter[] }>('GET', `/gateways/${gateway}/meters`),
  gatewayPermits: (gateway: number) =>
    call<{ now: number; permits: Schemas['GatewayPermit'][] }>('GET', `/gateways/${gateway}/permits`),
  gatewayLines: (gateway: number) =>
    call<{ now: number; lines: LineHealth[] }>('GET', `/gateways/${gateway}/lines`, { query: { hours: 24 } }),
  gateways: (project: number) =>
    call<{ now: number; gateways: Gateway[] }>('GET', `/projects/${project}/gateways`),
  freshness: (project: number) => call<Freshness>('GET', `/projects/${project}/freshness`),
  claimCode: (gateway: number) => call<ClaimCode>('POST', `/gateways/${gateway}/claim-code`),
  legacySeal: (gateway: number, body: LegacyWish) =>
    call<LegacyAnswer>('POST', `/gateways/${gateway}/legacy-seal`, { body }),
  gatewayUpdates: (project: number) => call<GatewayUpdates>('GET', `/projects/${project}/gateway-updates`),
  addGatewayPackage: (file: Blob, sent: (share: number) => void) =>
    upload<GatewayPackage>('/gateway-packages', {}, file, 'application/octet-stream', sent),
  removeGatewayPackage: (package_id: number) => call<unknown>('POST', '/gateway-packages/remove', { body: { package_id } }),
  pushGatewayUpdate: (project: number, key: string, body: PushWish) =>
    call<GatewayPush>('POST', `/projects/${project}/gateway-updates`, { key, body }),
  stopGatewayUpdate: (project: number, key: string, push_id: number, reason: string) =>
    call<GatewayPush>('POST', `/projects/${project}/gateway-updates/stop`, { key, body: { push_id, reason } }),
  search: (q: string, limit = 12) => call<{ hits: Hit[] }>('GET', '/search', { query: { q, limit } }),

  plans: (project: number) => call<PlanList>('GET', `/projects/${project}/price-plans`),
  planTexts: (project: number, code: string) =>
    call<VersionTexts>('GET', `/projects/${project}/price-plans/versions`, { query: { code } }),
  checkPlan: (project: number, text: string) =>
    call<PlanCheck>('POST', `/projects/${project}/price-plans/check`, { body: { text } }),
  tryPlan: (project: number, text: string, usage: PlanUsage) =>
    call<PlanBill>('POST', `/projects/${project}/price-plans/trial`, { body: { text, usage } }),
  simulatePlan: (project: number, body: Schemas['PlanSimulation']) =>
    call<PlanSimulated>('POST', `/projects/${project}/price-plans/simulate`, { body }),
  savePlan: (project: number, version: NewVersion, key: string) =>
    call<SavedVersion>('POST', `/projects/${project}/price-plans`, { key, body: version }),
  strategies: (project: number) => call<StrategyList>('GET', `/projects/${project}/strategies`),
  strategyTexts: (project: number, code: string) =>
    call<VersionTexts>('GET', `/projects/${project}/strategies/versions`, { query: { code } }),
  checkStrategy: (project: number, text: string) =>
    call<StrategyCheck>('POST', `/projects/${project}/strategies/check`, { body: { text } }),
  previewStrategy: (project: number, body: Schemas['StrategyPreviewWish']) =>
    call<StrategyPreview>('POST', `/projects/${project}/strategies/preview`, { body }),
  saveStrategy: (project: number, version: NewVersion, key: string) =>
    call<SavedVersion>('POST', `/projects/${project}/strategies`, { key, body: version }),

  packages: (project: number) => call<Schemas['PackageList']>('GET', `/projects/${project}/fee-packages`),
  packageChoices: (project: number, code: string, after: number) =>
    call<Schemas['PackageChoices']>('GET', `/projects/${project}/fee-packages/choices`, { query: { package: code, after } }),
  savePackage: (project: number, body: Schemas['NewPackage'], key: string) =>
    call<FeePackage>('POST', `/projects/${project}/fee-packages`, { key, body }),
  setBaseline: (project: number, strategy: string, key: string) =>
    call<Schemas['Baseline']>('POST', `/projects/${project}/fee-baseline`, { key, body: { strategy } }),
  accountPackage: (id: number) => call<Schemas['AccountPackage']>('GET', `/accounts/${id}/fee-package`),
  choosePackage: (id: number, code: string, key: string) =>
    call<Schemas['ChosenPackage']>('POST', `/accounts/${id}/fee-package`, { key, body: { package: code } }),

  accountProtections: (id: number, now: boolean) =>
    call<Schemas['ProtectionList']>('GET', `/accounts/${id}/protections`, { query: { now: now ? 1 : 0 } }),
  protect: (project: number, body: Schemas['NewProtection'], key: string) =>
    call<Protection>('POST', `/projects/${project}/protections`, { key, body }),
  liftProtection: (project: number, id: number, reason: string, key: string) =>
    call<Protection>('POST', `/projects/${project}/protections/lift`, { key, body: { id, reason } }),
  emergency: (id: number, key: string) =>
    call<Schemas['EmergencyCredit']>('POST', `/accounts/${id}/emergency-credit`, { key }),
  approvals: (project: number, open: boolean) =>
    call<Schemas['ApprovalList']>('GET', `/projects/${project}/approvals`, { query: { open: open ? 1 : 0, limit: open ? LIST_MAX : undefined } }),
  breaker: (project: number) => call<Breaker>('GET', `/projects/${project}/breaker`),
  askBreaker: (project: number, body: { reason: string }, key: string) =>
    call<Breaker>('POST', `/projects/${project}/breaker/ask`, { key, body }),
  decideBreaker: (project: number, body: { id: number; act: 'grant' | 'refuse'; reason: string }, key: string) =>
    call<Breaker>('POST', `/projects/${project}/breaker/decide`, { key, body }),
  decideApproval: (project: number, body: Schemas['Verdict'], key: string) =>
    call<Approval>('POST', `/projects/${project}/approvals/decide`, { key, body }),
  decideApprovals: (project: number, body: Schemas['VerdictMany'], key: string) =>
    call<Schemas['VerdictResults']>('POST', `/projects/${project}/approvals/decide-many`, { key, body }),

  moneyRequests: (project: number, open: boolean) =>
    call<Schemas['MoneyRequestList']>('GET', `/projects/${project}/money-requests`, { query: { open: open ? 1 : 0 } }),
  accountRequests: (id: number) => call<Schemas['MoneyRequestList']>('GET', `/accounts/${id}/money-requests`),
  askMoney: (id: number, body: Schemas['NewMoneyRequest']) =>
    call<MoneyRequest>('POST', `/accounts/${id}/money-requests`, { key: body.request_id, body }),
  decideMoney: (id: number, body: Schemas['MoneyVerdict'], key: string) =>
    call<MoneyRequest>('POST', `/accounts/${id}/money-requests/decide`, { key, body }),
  payMoney: (id: number, body: Schemas['MoneyPayment'], key: string) =>
    call<MoneyRequest>('POST', `/accounts/${id}/money-requests/pay`, { key, body }),
  payPolicy: (project: number) => call<Schemas['PayPolicy']>('GET', `/projects/${project}/pay-policy`),
  setPayPolicy: (project: number, body: Schemas['PayPolicy'], key: string) =>
    call<Schemas['PayPolicy']>('POST', `/projects/${project}/pay-policy`, { key, body }),
  exchanges: (id: number) => call<{ now: number; exchanges: Schemas['MeterExchange'][] }>('GET', `/accounts/${id}/exchanges`),
  meterModels: () => call<operations['listMeterModels']['responses']['200']['content']['application/json']>('GET', '/meter-models'),
  exchangeMeter: (id: number, body: MeterChange) =>
    call<{ epoch: number; wallet_fen: number }>('POST', `/meters/${id}/exchange`, { key: body.exchange_id, body }),
  terms: (id: number) => call<{ now: number; terms: Terms[] }>('GET', `/accounts/${id}/terms`),
  setTerms: (id: number, body: NewTerms, key: string) => call<Terms>('POST', `/accounts/${id}/terms`, { key, body }),
  ratios: (meter: number) => call<{ now: number; ratios: Ratio[] }>('GET', `/meters/${meter}/ratio`),
  setRatio: (meter: number, body: { from: number; ratio: number; reason: string; past: boolean }, key: string) =>
    call<{ from: number; ratio: number }>('POST', `/meters/${meter}/ratio`, { key, body }),
  cashPolicy: (project: number) => call<CashPolicy>('GET', `/projects/${project}/cash-policy`),
  setCashPolicy: (project: number, body: CashPolicy, key: string) =>
    call<CashPolicy>('POST', `/projects/${project}/cash-policy`, { key, body }),
  shifts: (project: number, before?: number) =>
    call<Schemas['ShiftList']>('GET', `/projects/${project}/shifts`, { query: { before } }),
  openShift: (project: number, float_fen: number, key: string) =>
    call<Shift>('POST', `/projects/${project}/shifts/open`, { key, body: { float_fen } }),
  countShift: (project: number, counted_fen: number, key: string) =>
    call<Shift>('POST', `/projects/${project}/shifts/count`, { key, body: { counted_fen } }),
  closeShift: (project: number, id: number, note: string, key: string) =>
    call<Shift>('POST', `/projects/${project}/shifts/close`, { key, body: { id, note } }),
  month: (project: number, month: number) => call<Month>('GET', `/projects/${project}/month`, { query: { month }, patience: LONG_MS }),
  days: (project: number, before?: number) =>
    call<Schemas['DayList']>('GET', `/projects/${project}/days`, { query: { before } }),
  closeDay: (project: number, body: Schemas['DayClose'], key: string) =>
    call<Day>('POST', `/projects/${project}/days/close`, { key, body }),
  runs: (project: number, before?: number) =>
    call<Schemas['RunList']>('GET', `/projects/${project}/runs`, { query: { before } }),
  runLines: (project: number, run: number, after?: number) =>
    call<Schemas['RunLineList']>('GET', `/projects/${project}/runs/lines`, { query: { run, after } }),
  askSubsidy: (project: number, body: Schemas['NewSubsidy'], key: string) =>
    call<Run>('POST', `/projects/${project}/runs/subsidy`, { key, body }),
  askShare: (project: number, body: Schemas['NewShare'], key: string) =>
    call<Run>('POST', `/projects/${project}/runs/share`, { key, body }),
  decideRun: (project: number, body: Schemas['RunVerdict'], key: string) =>
    call<Run>('POST', `/projects/${project}/runs/decide`, { key, body }),
  dues: (id: number) => call<Dues>('GET', `/accounts/${id}/dues`),
  billDue: (id: number, body: Schemas['NewDue'], key: string) =>
    call<Dues>('POST', `/accounts/${id}/dues`, { key, body }),
  withdrawDue: (id: number, bill_id: string, reason: string, key: string) =>
    call<Dues>('POST', `/accounts/${id}/dues/withdraw`, { key, body: { bill_id, reason } }),
  payDue: (id: number, payment_id: string, amount_fen: number) =>
    call<Dues>('POST', `/accounts/${id}/dues/pay`, { key: payment_id, body: { payment_id, amount_fen } }),
  setLateTerm: (id: number, body: Schemas['NewLateTerm'], key: string) =>
    call<Dues>('POST', `/accounts/${id}/late-term`, { key, body }),

  account: (id: number) => call<Account>('GET', `/accounts/${id}`),
  orders: (id: number, limit = 50) =>
    call<{ orders: Order[] }>('GET', `/accounts/${id}/orders`, { query: { limit } }),
  openOrders: (id: number) =>
    call<{ orders: Order[] }>('GET', `/accounts/${id}/orders`, { query: { state: 'open' } }),
  order: (id: number, order: string) => call<Order>('GET', `/accounts/${id}/orders/${order}`),
  sell: (id: number, order_id: string, amount_fen: number) =>
    call<Order>('POST', `/accounts/${id}/orders`,
      { key: order_id, body: { order_id, amount_fen, method: 'cash' } }),
  cancel: (id: number, order: string, reason: string, key: string) =>
    call<Order>('POST', `/accounts/${id}/orders/${order}/cancel`, { key, body: { reason } }),
  ledger: (id: number, before?: number) =>
    call<{ transactions: LedgerTransaction[]; next_before: number | null }>('GET',
      `/accounts/${id}/ledger`, { query: { before } }),
  settlements: (id: number, before?: number) =>
    call<{ settlements: Settlement[]; next_before: number | null }>('GET',
      `/accounts/${id}/settlements`, { query: { before } }),
  trueUps: (id: number) => call<{ true_ups: TrueUp[] }>('GET', `/accounts/${id}/true-ups`),
  heldCharges: (project: number) => call<{ held: HeldCharge[] }>('GET', `/projects/${project}/held-charges`),
  rerates: (project: number) =>
    call<Rerates>('GET', `/projects/${project}/rerates`),
  setKept: (project: number, body: { kept_percent: number; reason: string }, key: string) =>
    call<{ kept_percent: number }>('POST', `/projects/${project}/rerates/kept`, { key, body }),
  repairCharge: (
    id: number,
    body: { meter_id: number; opened_at: number; how: HeldHow; total_wh: number; sharp_wh: number; peak_wh: number; flat_wh: number; valley_wh: number; taken_fen: number; reason: string },
    key: string,
  ) => call<{ settlements: number; amount_fen: number }>('POST', `/accounts/${id}/held-charges/repair`, { key, body }),
  messages: (id: number) => call<{ messages: Message[] }>('GET', `/accounts/${id}/messages`),
  series: (id: number, meter: number, from: number, to: number, step: SeriesStep) =>
    call<Series>('GET', `/accounts/${id}/series`, { query: { meter, from, to, step } }),

  setRelay: (meter: number, circuit: number, desired: 'open' | 'closed', reason: string, key: string) =>
    call<Relay>('POST', `/meters/${meter}/relay`, { key, body: { circuit, desired, reason } }),
  setKeep: (meter: number, on: boolean, reason: string, key: string) =>
    call<Relay>('POST', `/meters/${meter}/keep`, { key, body: { on, reason } }),

  terminal: (meter: number) => call<Terminal>('GET', `/meters/${meter}/terminal`),
  flow: (meter: number) => call<Schemas['Flow']>('GET', `/meters/${meter}/flow`),
  flowRule: (project: number) => call<FlowRule>('GET', `/projects/${project}/flow-rule`),
  setFlowRule: (project: number, body: Schemas['NewFlowRule'], key: string) =>
    call<FlowRule>('POST', `/projects/${project}/flow-rule`, { body, key }),
  meterReport: (project: number, query: Query) =>
    call<Schemas['MeterReport']>('GET', `/projects/${project}/meter-report`, { query }),
  trips: (meter: number, query: Query) => call<{ trips: Trip[] }>('GET', `/meters/${meter}/trips`, { query }),
  readTerminal: (meter: number, key: string) => call<Terminal>('POST', `/meters/${meter}/terminal/read`, { key }),
  orderTerminal: (meter: number, body: TerminalOrder, key: string) =>
    call<Terminal>('POST', `/meters/${meter}/terminal/orders`, { key, body }),
  setTerminal: (meter: number, body: Setting, key: string) =>
    call<Terminal>('POST', `/meters/${meter}/terminal/settings`, { key, body }),
  terminals: (project: number, query: Query) => call<TerminalList>('GET', `/projects/${project}/terminals`, { query }),
  setTerminals: (project: number, body: ManySetting, key: string) =>
    call<{ written: number }>('POST', `/projects/${project}/terminals/settings`, { key, body }),
  tripRanking: (project: number, query: Query) =>
    call<{ now: number; from: number; to: number; rooms: TripRank[] }>('GET', `/projects/${project}/trip-ranking`, { query }),

  /** Brings a file to be looked at; `sent` hears how much of it has left, 0 to 1. */
  checkImport: (project: number, csv: Blob, file: string, sent: (share: number) => void) =>
    upload<ImportCheck>(`/projects/${project}/imports/checks`, { file: [...file].slice(0, 96).join('') }, csv, 'text/csv', sent),
  importCheck: (project: number, id: string, skip = 0, limit = 100) =>
    call<ImportCheck>('GET', `/projects/${project}/imports/checks/${id}`, { query: { skip, limit } }),
  importRows: (project: number, id: string, change: 'new' | 'changed' | 'same', after: number) =>
    call<ImportRows>('GET', `/projects/${project}/imports/checks/${id}/rows`, { query: { change, after, limit: 50 } }),
  importFailed: async (project: number, id: string) => {
    const response = await send('GET', `/projects/${project}/imports/checks/${id}/failed`, {})
    if (!response.ok) throw await problemOf(response, 'GET')
    return response.blob()
  },
  writeImport: (project: number, id: string, key: string) =>
    call<ImportWritten>('POST', `/projects/${project}/imports/checks/${id}/write`, { key, body: {} }),
  releaseImport: (project: number, id: string) =>
    call<void>('POST', `/projects/${project}/imports/checks/${id}/release`, { leaving: true }),
  imports: (project: number, before = 0) =>
    call<{ imports: Imported[] }>('GET', `/projects/${project}/imports`, { query: { before, limit: 20 } }),
  importUndoCheck: (project: number, id: number) =>
    call<ImportUndo>('GET', `/projects/${project}/imports/undo`, { query: { import: id } }),
  undoImport: (project: number, id: number, reason: string, key: string) =>
    call<ImportUndo>('POST', `/projects/${project}/imports/undo`, { key, body: { import: id, reason } }),

  stream: (project: number, after: string) => new EventSource(address('/stream', { project, after })),
}
