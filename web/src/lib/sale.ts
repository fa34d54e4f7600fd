import type { Account, Order } from '@/api/client'

export const CHIPS_FEN = [2000, 5000, 10000, 20000]
export const SALE_MAX_FEN = 10_000_000
const DUPLICATE_S = 120

type Policy = { restore?: { above?: string } }

/** What must at least be paid so that supply is on again, or stays on: 0 when nothing must. */
export function neededFen(account: Account): number {
  const available = account.balance.available_fen
  if (available === null) return 0
  const policy = account.strategy.body as Policy | null
  const above = Math.round(Number(policy?.restore?.above ?? 0) * 100) // supply returns above this, not at it
  return Math.max(0, above - available + 1)
}

/** A sale to the same account a moment ago is more often a mistake than a wish. */
export function recentSale(orders: Order[], now: number, speed: number): Order | undefined {
  return orders.find((order) => order.method === 'cash' && now - order.created_at < DUPLICATE_S * speed)
}
