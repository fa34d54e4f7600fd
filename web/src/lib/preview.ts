// Who would be warned or cut by the strategy on the screen: asked page by page, added up here.
// Stopping to ask is cancelling; nothing runs on the server between two pages.
import { computed, ref, shallowRef } from 'vue'
import { api, type PreviewRow, type PreviewSide, type StrategyPreview } from '@/api/client'

const ACCOUNTS_A_PAGE = 25

export type Wish = { text: string; code: string; days: number }
export type Counts = Pick<StrategyPreview, 'seen' | 'accounts' | 'refused' | 'before' | 'after' | 'change'>
export type Kind = 'newlyCut' | 'newlyWarned' | 'noLongerCut' | 'noLongerWarned' | 'same'
export type State = 'cut' | 'off' | 'restore' | 'held' | 'warn' | 'none'

export const nowState = (side: PreviewSide): State => (side?.now.cut ? 'cut' : side?.now.restore ? 'restore' : side?.now.held ? 'held' : side?.now.warn ? 'warn' : 'none')
export const pastState = (side: PreviewSide): State => (!side ? 'none' : side.past.cuts > 0 ? 'cut' : side.past.notices > 0 ? 'warn' : 'none')

const cutBy = (side: PreviewSide) => !!side && (side.now.cut || side.past.cuts > 0)
const warnedBy = (side: PreviewSide) => !!side && (side.now.warn || side.past.notices > 0)

/** The weightiest difference between the two strategies. */
export function kindOf(row: PreviewRow): Kind {
  const { before, after } = row
  if (newly(before, after, (side) => side?.now.cut) || newly(before, after, (side) => (side?.past.cuts ?? 0) > 0)) return 'newlyCut'
  if (cutBy(before) && !cutBy(after)) return 'noLongerCut'
  if (newly(before, after, (side) => side?.now.warn) || newly(before, after, (side) => (side?.past.notices ?? 0) > 0)) return 'newlyWarned'
  return warnedBy(before) && !warnedBy(after) ? 'noLongerWarned' : 'same'
}

function newly(before: PreviewSide, after: PreviewSide, is: (side: PreviewSide) => boolean | undefined) {
  return !!is(after) && !is(before)
}

function sum<T>(a: T, b: T): T {
  if (typeof a === 'number') return ((a as number) + (b as unknown as number)) as unknown as T
  return Object.fromEntries(Object.entries(a as object).map(([name, value]) => [name, sum(value, (b as Record<string, unknown>)[name])])) as T
}

export type Day = { at: number; available: number; before: State; after: State }
const dayState = (cuts: number, off: boolean, notices: number): State => (cuts > 0 ? 'cut' : off ? 'off' : notices > 0 ? 'warn' : 'none')

/** One account, day by day, newest first. */
export async function daysOf(project: number, wish: Wish, account: number): Promise<Day[]> {
  const page = await api.previewStrategy(project, { ...wish, after: account - 1, limit: 1, each_day: true })
  const row = page.concerned.find((one) => one.account_id === account)
  const before = row?.before?.past.each ?? []
  return (row?.after?.past.each ?? []).map((day, i) => {
    const old = before[i]
    return { at: day.at, available: day.available_fen, before: old ? dayState(old.cuts, old.off, old.notices) : 'none', after: dayState(day.cuts, day.off, day.notices) }
  }).reverse()
}

const countsOf = ({ seen, accounts, refused, before, after, change }: StrategyPreview): Counts => ({ seen, accounts, refused, before, after, change })
const ORDER: Kind[] = ['newlyCut', 'newlyWarned', 'noLongerCut', 'noLongerWarned', 'same']

export function usePreview(project: () => number) {
  const wish = shallowRef<Wish | null>(null) // what the counts below are about
  const counts = shallowRef<Counts | null>(null)
  const rows = shallowRef<{ row: PreviewRow; kind: Kind }[]>([])
  const total = ref(0)
  const breaker = ref(0)
  const running = ref(false)
  const complete = ref(false)
  const problem = shallowRef<unknown>(null)
  const runs = ref(0)
  let turn = 0

  function take(page: StrategyPreview) {
    counts.value = counts.value ? sum(counts.value, countsOf(page)) : countsOf(page)
    total.value = page.total
    breaker.value = page.breaker
    rows.value = [...rows.value, ...page.concerned.map((row) => ({ row, kind: kindOf(row) }))]
  }

  async function pages(mine: number, asked: Wish) {
    for (let after: number | null = 0; after !== null;) {
      const page: StrategyPreview = await api.previewStrategy(project(), { ...asked, after, limit: ACCOUNTS_A_PAGE, each_day: false })
      if (mine !== turn) return
      take(page)
      after = page.next
    }
    rows.value = [...rows.value].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))
    complete.value = true
  }

  async function run(asked: Wish) {
    const mine = ++turn
    runs.value = mine
    wish.value = asked
    counts.value = problem.value = null
    rows.value = []
    total.value = 0
    running.value = true
    complete.value = false
    try {
      await pages(mine, asked)
    } catch (refusal) {
      if (mine === turn) problem.value = refusal
    } finally {
      if (mine === turn) running.value = false
    }
  }

  function cancel() {
    turn++
    running.value = false
  }

  const seen = computed(() => counts.value?.seen ?? 0)
  return { wish, counts, rows, seen, total, breaker, turn: runs, running, complete, problem, run, cancel }
}
