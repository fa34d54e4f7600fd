// What was sold in this browser since it was opened: the cashier's own list, kept true by the stream. A sale that
// nobody knows the outcome of outlives the page: whoever comes back asks again with its own number.
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api, isOpen, Problem, type Account, type Order } from '@/api/client'
import { useLive } from './live'
import { useSession } from './session'

const KEEP = 30
const STORED = 'yufu.sales'

export type Sale = { name: string; place: string; order: Order }
export type OpenSale = { person: number; account_id: number; name: string; code: string; place: string; order_id: string; amount_fen: number }

const stored = () => JSON.parse(localStorage.getItem(STORED) ?? '[]') as OpenSale[]

export const useSales = defineStore('sales', () => {
  const session = useSession()
  const list = ref<Sale[]>([])
  const draft = ref<{ account: number; text: string } | null>(null) // what was entered when the log-in had expired
  const open = ref(stored())
  const unknown = computed(() => open.value.filter((one) => one.person === session.me?.id))
  const renew = () => (open.value = stored())
  window.addEventListener('storage', (event) => event.key === STORED && renew())

  const without = (sale: OpenSale) => stored().filter((one) => one.order_id !== sale.order_id)
  const keep = (some: OpenSale[]) => localStorage.setItem(STORED, JSON.stringify(some))

  function forget(sale: OpenSale) {
    keep(without(sale))
    renew()
  }

  function sold(sale: OpenSale, order: Order) {
    forget(sale)
    list.value = [{ name: sale.name, place: sale.place, order }, ...list.value.filter((one) => one.order.order_id !== order.order_id)].slice(0, KEEP)
    return order
  }

  const begin = (account: Account, order_id: string, amount_fen: number): OpenSale => ({
    person: session.me?.id ?? 0, account_id: account.id, name: account.name, code: account.code, place: account.place.code, order_id, amount_fen,
  })

  /** Sells, or asks again: the same sale as often as it takes. */
  async function sell(sale: OpenSale) {
    keep([...without(sale), sale])
    try {
      return sold(sale, await api.sell(sale.account_id, sale.order_id, sale.amount_fen))
    } catch (refusal) {
      if (!isOpen(refusal)) forget(sale)
      renew()
      throw refusal
    }
  }

  /** Looks without selling: null while the platform has no such sale. */
  async function find(sale: OpenSale) {
    try {
      return sold(sale, await api.order(sale.account_id, sale.order_id))
    } catch (refusal) {
      if (refusal instanceof Problem && refusal.status === 404) return null
      throw refusal
    }
  }

  useLive().onOrder((order) => {
    const known = list.value.find((one) => one.order.order_id === order.order_id)
    if (known) known.order = order
  })

  return { list, draft, unknown, begin, sell, find, forget }
})
