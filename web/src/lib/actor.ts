// 'user:3', 'gateway:1', 'system' in words; oneself by name.
import type { Me } from '@/api/client'

type Words = (key: string, named?: Record<string, unknown>) => string

export function actorName(actor: string, me: Me | null, t: Words): string {
  const [kind, id] = actor.split(':')
  if (kind === 'user') return me && id === String(me.id) ? me.name : t('actor.user', { id })
  if (kind === 'gateway') return t('actor.gateway', { id })
  return kind === 'system' ? t('actor.system') : actor
}
