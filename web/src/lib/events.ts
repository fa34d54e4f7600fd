import type { Event, Me } from '@/api/client'
import { actorName } from './actor'
import { kwh, money, pick } from './format'

type Words = { t: (key: string, named?: Record<string, unknown>) => string; te: (key: string) => boolean; me: Me | null }

// "1250 fen" or the same with the Chinese word, but not "5 minutes", which begins alike in Chinese.
const FEN = /(-?\d+) ?(?:fen|\u5206)(?![\w\u949f])( ?)(?=([\u4e00-\u9fff])?)/g

/** "circuit 2" of a terminal is its sockets. */
function nameCircuits(text: string, t: Words['t']) {
  return text.replace(/(?:[Cc]ircuit|\u56de\u8def) ([0-3])(?: (?=[\u4e00-\u9fff]))?/g, (_, n) => t(n === '0' ? 'circuit.whole' : `circuit.${n}`))
}

/** The server's sentence speaks in whole fen, watt-hours and names of templates; people do not. */
export function eventText(event: Event, { t, te, me }: Words): string {
  const { template } = event.detail as { template?: string }
  const text = pick({ zh: event.text_zh, en: event.text_en })
    .replace(FEN, (_, fen, space, chinese) => money(Number(fen)) + (chinese ? ' ' : space))
    .replace(/(\d+) Wh\b/g, (_, wh) => `${kwh(Number(wh))} kWh`)
    .replace(/\buser:\d+/g, (actor) => actorName(actor, me, t))
  if (event.kind.startsWith('terminal.')) return nameCircuits(text, t)
  return template && te(`template.${template}`) ? text.replace(template, t(`template.${template}`)) : text
}

/** Every kind of event that the platform writes, for the filter; the names are stable. */
export const EVENT_KINDS = [
  'gateway.claimed', 'gateway.refused', 'gateway.online', 'gateway.offline', 'gateway.fenced', 'gateway.dropped',
  'gateway.clock', 'gateway.legacy', 'gateway.legacy_allowed', 'gateway.legacy_ended',
  'gateway.update_ordered', 'gateway.update_done', 'gateway.update_failed', 'gateway.update_halted', 'gateway.update_stopped',
  'line.down', 'line.up', 'line.damaged', 'line.clean', 'meter.silent', 'meter.back', 'meter.exchanged',
  'reading.range', 'reading.jump', 'reading.fell', 'reading.rollover', 'reading.gap', 'order.paid', 'order.booked', 'vend.bound',
  'vend.confirmed', 'vend.rejected', 'vend.refunded', 'vend.conflict', 'vend.late', 'vend.foreign', 'wallet.mismatch',
  'relay.cut', 'relay.restore', 'relay.done', 'relay.refused', 'relay.expired', 'relay.cancelled', 'relay.mismatch',
  'relay.leak', 'relay.late', 'relay.local', 'keep.on', 'keep.off', 'fee.low', 'fee.close', 'fee.arrears', 'fee.cleared',
  'fee.protected', 'fee.failed', 'message.delivered', 'message.failed', 'charge.settled', 'charge.held', 'plan.changed',
  'strategy.changed', 'site.imported', 'work.failed', 'store.full', 'clock.leapt', 'clock.right',
  'fee.overdrawn', 'fee.strategy', 'fee.limited', 'fee.proposed', 'fee.approved', 'fee.released',
  'fee.refused', 'fee.withdrawn', 'breaker.tripped', 'breaker.asked', 'breaker.refused', 'breaker.released',
  'fee.emergency', 'fee.confirmed', 'fee.permit', 'fee.away', 'protect.added', 'protect.lifted',
  'package.changed', 'package.chosen', 'charge.differs', 'wallet.adjusted',
  'terminal.malignant', 'terminal.trip', 'terminal.unplugged', 'terminal.set', 'terminal.not_set', 'valve.flow',
  'valve.fault', 'valve.mended', 'valve.exercised', 'valve.seized', 'flow.night', 'flow.night_ended',
  'battery.low', 'battery.ok', 'meter.fault', 'meter.fault_ended', 'meter.ratio', 'charge.repaired',
  'charge.trued_up', 'account.terms', 'plan.rerated', 'shift.differs', 'day.closed', 'run.done', 'run.stopped', 'run.resumed',
  'run.given_up', 'run.reversed',
  'late.fee',
  'site.import.undone',
] as const
