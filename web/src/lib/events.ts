import type { Event } from '@/api/client'
import { kwh, money, pick } from './format'

/** The server's sentence speaks in whole fen and watt-hours; people read yuan and kilowatt-hours. */
export function eventText(event: Event): string {
  const zhFen = String.fromCharCode(0x5206)
  return pick({ zh: event.text_zh, en: event.text_en })
    .replace(new RegExp(`(-?\\d+) ?(?:fen|${zhFen})(?![\\w\\u949f])`, 'g'), (_, fen) => money(Number(fen)))
    .replace(/(\d+) Wh\b/g, (_, wh) => `${kwh(Number(wh))} kWh`)
}

/** Every kind of event that the platform writes, for the filter; the names are stable. */
export const EVENT_KINDS = [
  'gateway.claimed', 'gateway.refused', 'gateway.online', 'gateway.offline', 'gateway.fenced', 'gateway.dropped',
  'gateway.clock', 'line.down', 'line.up', 'meter.silent', 'meter.back', 'meter.exchanged', 'reading.range',
  'reading.jump', 'reading.fell', 'reading.rollover', 'reading.gap', 'order.paid', 'order.booked', 'vend.bound',
  'vend.confirmed', 'vend.rejected', 'vend.refunded', 'vend.conflict', 'vend.late', 'vend.foreign', 'wallet.mismatch',
  'relay.cut', 'relay.restore', 'relay.done', 'relay.refused', 'relay.expired', 'relay.cancelled', 'relay.mismatch',
  'relay.leak', 'relay.late', 'relay.local', 'keep.on', 'keep.off', 'fee.low', 'fee.close', 'fee.arrears', 'fee.cleared',
  'fee.protected', 'message.delivered', 'message.failed', 'charge.settled', 'charge.held', 'plan.changed',
  'strategy.changed', 'site.imported', 'login.locked', 'store.full', 'verify.failed',
] as const
