import type { Event } from '@/api/client'
import { kwh, money, pick } from './format'

type Words = { t: (key: string) => string; te: (key: string) => boolean }

// "1250 fen" or the same with the Chinese word, but not "5 minutes", which begins alike in Chinese.
const FEN = /(-?\d+) ?(?:fen|\u5206)(?![\w\u949f])( ?)(?=([\u4e00-\u9fff])?)/g

/** The server's sentence speaks in whole fen, watt-hours and names of templates; people do not. */
export function eventText(event: Event, { t, te }: Words): string {
  const { template } = event.detail as { template?: string }
  const text = pick({ zh: event.text_zh, en: event.text_en })
    .replace(FEN, (_, fen, space, chinese) => money(Number(fen)) + (chinese ? ' ' : space))
    .replace(/(\d+) Wh\b/g, (_, wh) => `${kwh(Number(wh))} kWh`)
  return template && te(`template.${template}`) ? text.replace(template, t(`template.${template}`)) : text
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
  'fee.overdrawn', 'fee.strategy', 'fee.limited', 'fee.proposed', 'fee.approved', 'fee.released',
  'fee.refused', 'fee.withdrawn', 'fee.emergency', 'fee.confirmed', 'protect.added', 'protect.lifted',
  'package.changed', 'package.chosen', 'charge.differs', 'wallet.adjusted',
] as const
