// What was sold in this browser since it was opened: the cashier's own list, kept true by the stream.
import { defineStore } from 'pinia'
import { ref } from 'vue'
import type { Order } from '@/api/client'
import { useLive } from './live'

const KEEP = 30

export type Sale = { name: string; place: string; order: Order }

export const useSales = defineStore('sales', () => {
  const list = ref<Sale[]>([])

  function add(sale: Sale) {
    list.value = [sale, ...list.value.filter((one) => one.order.order_id !== sale.order.order_id)].slice(0, KEEP)
  }

  useLive().onOrder((order) => {
    const known = list.value.find((one) => one.order.order_id === order.order_id)
    if (known) known.order = order
  })

  return { list, add }
})
