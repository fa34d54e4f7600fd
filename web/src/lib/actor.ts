// 'user:3', 'gateway:1', 'system' in words; people of the project by name.
import { shallowRef } from 'vue'
import type { Me } from '@/api/client'

const names = shallowRef(new Map<string, string>())

export function learnPeople(people: { id: number; name: string }[]) {
  names.value = new Map(people.map((one) => [String(one.id), one.name]))
}

/** The name that two log-ins bear; null: they are one, or named differently. A name is no proof either way. */
export function sameName(one: string, other: string, me: Me | null): string | null {
  const nameOf = (actor: string) => (me && actor === `user:${me.id}` ? me.name : (names.value.get(actor.replace(/^user:/, '')) ?? '')).trim()
  const plain = (name: string) => name.replace(/\s+/g, '').toLowerCase()
  const name = nameOf(one)
  return one !== other && name && plain(name) === plain(nameOf(other)) ? name : null
}

type Words = (key: string, named?: Record<string, unknown>) => string

export function actorName(actor: string, me: Me | null, t: Words): string {
  const [kind, id] = actor.split(':')
  if (kind === 'user') return me && id === String(me.id) ? me.name : (names.value.get(id ?? '') ?? t('actor.user', { id }))
  if (kind === 'gateway') return t('actor.gateway', { id })
  return kind === 'system' ? t('actor.system') : actor
}
