// The tree of places, and the rooms of the wall gathered by the place above them.
import type { Place, WallRow } from '@/api/client'

export type Branch = { place: Place; children: Branch[] }
export type Group = { key: string; title: string; rows: WallRow[] }

const isLeaf = (place: Place) => place.kind === 'room' || place.kind === 'shop'

/** Buildings and floors; rooms themselves are on the wall. */
export function branches(places: Place[]): Branch[] {
  const nodes = new Map<number, Branch>()
  const top: Branch[] = []
  for (const place of places) {
    if (isLeaf(place)) continue
    const branch = { place, children: [] }
    nodes.set(place.id, branch)
    const parent = place.parent_id === null ? undefined : nodes.get(place.parent_id)
    ;(parent ? parent.children : top).push(branch)
  }
  return top
}

export const isBelow = (row: WallRow, code: string) =>
  !code || row.place === code || row.place.startsWith(`${code}/`)

function parentOf(place: Place, byId: Map<number, Place>) {
  return place.parent_id === null ? undefined : byId.get(place.parent_id)
}

type Words = (key: string, named: { n: string }) => string

/** A floor that is only numbered is called by its number. */
export function placeName(place: Place, t: Words): string {
  return place.kind === 'floor' && /^-?\d+$/.test(place.name) ? t('place.floor', { n: place.name }) : place.name
}

function titleOf(place: Place | undefined, byId: Map<number, Place>, t: Words) {
  const names: string[] = []
  for (let at = place; at; at = parentOf(at, byId)) names.unshift(placeName(at, t))
  return names.join(' · ')
}

const order = new Intl.Collator('zh-CN', { numeric: true })

/** Places by number, with their turn in the order that people expect: asked for by every room of a large site. */
export function placeIndex(places: Place[]) {
  const sorted = [...places].sort((a, b) => order.compare(a.code, b.code))
  return { byId: new Map(places.map((place) => [place.id, place])), turn: new Map(sorted.map((place, i) => [place.id, i])) }
}
export type PlaceIndex = ReturnType<typeof placeIndex>

/** By floor; or, where few rooms of many floors are left over, by building. */
export function groups(rows: WallRow[], { byId, turn }: PlaceIndex, by: 'floor' | 'building', t: Words): Group[] {
  const turnOf = (row: WallRow) => turn.get(row.place_id) ?? Infinity
  const found = new Map<string, Group>()
  for (const row of rows) {
    const room = byId.get(row.place_id)
    let above = room && isLeaf(room) ? parentOf(room, byId) : room
    while (by === 'building' && above && above.parent_id !== null) above = parentOf(above, byId)
    const key = above?.code ?? ''
    const group = found.get(key) ?? { key, title: titleOf(above, byId, t), rows: [] }
    group.rows.push(row)
    found.set(key, group)
  }
  const sorted = [...found.values()].sort((a, b) => order.compare(a.key, b.key))
  for (const group of sorted) group.rows.sort((a, b) => turnOf(a) - turnOf(b) || order.compare(a.code, b.code))
  return sorted
}
