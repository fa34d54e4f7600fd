// The wall and the stream that keeps it true. Rows arrive complete and replace what was shown; pages
// that want more (orders of one account, new events) listen.
import { defineStore } from 'pinia'
import { computed, ref, shallowReactive } from 'vue'
import { api, type Event, type Order, type Place, type WallRow } from '@/api/client'
import { useClock } from './clock'

const RETRY_MS = 4000
const FULL_MS = 10_000 // too many pages are open: this one asks for the whole wall instead, now and then
const SILENCE_MS = 60_000 // longer than any live site is silent: the line may be dead without a word

type Listener<T> = (item: T) => void

export const useLive = defineStore('live', () => {
  const clock = useClock()
  const rows = shallowReactive(new Map<number, WallRow>())
  const places = ref<Place[]>([])
  const state = ref<'off' | 'connecting' | 'live' | 'broken'>('off')
  const heardAt = ref(0) // the browser's clock
  const loaded = ref(false)
  const complete = ref(false) // all pages of the wall are here
  const total = ref(0) // rooms that there are
  const orderListeners = new Set<Listener<Order>>()
  const eventListeners = new Set<Listener<Event>>()
  const rowListeners = new Set<Listener<WallRow>>()

  let source: EventSource | null = null
  let timer = 0
  let project = 0
  let turns = 0 // of connecting; what an earlier one still brings is not wanted

  const silence = computed(() => Math.max(0, Math.floor((clock.tick - heardAt.value) / 1000)))

  function heard() {
    heardAt.value = Date.now()
    state.value = 'live'
  }

  function accept(changed: WallRow[]) {
    for (const row of changed) {
      rows.set(row.id, row)
      for (const listener of rowListeners) listener(row)
    }
  }

  /** Page after page: the first one is shown at once. The stream goes on from where it stood at the first. */
  async function load(turn: number) {
    const [first, tree] = await Promise.all([api.wall(project), api.places(project)])
    if (turn !== turns) return
    clock.learn(first.now)
    places.value = tree.places
    total.value = first.accounts
    const seen = new Set<number>()
    for (let page = first; ; ) {
      accept(page.rows)
      page.rows.forEach((row) => seen.add(row.id))
      loaded.value = true
      if (page.next === null) break
      page = await api.wall(project, page.next)
      if (turn !== turns) return
    }
    for (const id of rows.keys()) if (!seen.has(id)) rows.delete(id)
    complete.value = true
    listen(first.stream_id)
  }

  function on<T>(name: string, act: (data: T) => void) {
    source?.addEventListener(name, (message) => {
      heard()
      act(JSON.parse((message as MessageEvent<string>).data))
    })
  }

  function listen(after: string) {
    source = api.stream(project, after)
    on<{ now: number }>('hello', ({ now }) => clock.learn(now))
    on<{ now: number; rows: WallRow[] }>('wall', ({ now, rows: changed }) => {
      clock.learn(now)
      accept(changed)
    })
    on<Event>('event', (event) => eventListeners.forEach((listener) => listener(event)))
    on<Order>('order', (order) => orderListeners.forEach((listener) => listener(order)))
    on('reset', () => void connect(project))
    let opened = false
    source.onopen = () => {
      opened = true
      heard()
    }
    source.onerror = () => {
      state.value = 'broken'
      if (source?.readyState === EventSource.CLOSED) again(opened ? RETRY_MS : FULL_MS)
    }
  }

  /** A browser notices a dead line late or never; these two do not wait for it. */
  window.addEventListener('offline', () => {
    if (state.value === 'off') return
    source?.close()
    state.value = 'broken'
  })
  window.addEventListener('online', () => {
    if (state.value !== 'off') void connect(project)
  })
  window.setInterval(() => {
    if (state.value === 'live' && Date.now() - heardAt.value > SILENCE_MS) void connect(project)
  }, SILENCE_MS / 4)

  function again(delay = RETRY_MS) {
    window.clearTimeout(timer)
    timer = window.setTimeout(() => void connect(project), delay)
  }

  function disconnect() {
    turns++
    window.clearTimeout(timer)
    source?.close()
    source = null
    state.value = 'off'
  }

  async function connect(id: number) {
    disconnect()
    const turn = turns
    if (id !== project) {
      rows.clear()
      loaded.value = complete.value = false
    }
    project = id
    state.value = 'connecting'
    try {
      await load(turn)
    } catch {
      if (turn !== turns) return
      state.value = 'broken'
      again()
    }
  }

  /** The three return what ends the listening. */
  const subscribe = <T>(set: Set<Listener<T>>) => (listener: Listener<T>) => {
    set.add(listener)
    return () => void set.delete(listener)
  }

  return {
    rows, places, state, loaded, complete, total, silence, connect, disconnect, accept,
    onOrder: subscribe(orderListeners),
    onEvent: subscribe(eventListeners),
    onRow: subscribe(rowListeners),
  }
})
