// 'user:3', 'gateway:1', 'system' in words; people of the project by name.
import { shallowRef } from 'vue'
import type { Me } from '@/api/client'

const names = shallowRef(new Map<string, string>())

export function learnPeople(people: { id: number; name: string }[]) {
  names.value = new Map(people.map((one) => [String(one.id), one.name]))
}

type Words = (key: string, named?: Record<string, unknown>) => string

export function actorName(actor: string, me: Me | null, t: Words): string {
  const [kind, id] = actor.split(':')
  if (kind === 'user') return me && id === String(me.id) ? me.name : (names.value.get(id ?? '') ?? t('actor.user', { id }))
  if (kind === 'gateway') return t('actor.gateway', { id })
  return kind === 'system' ? t('actor.system') : actor
}
