// The same in the words of what is measured: a breaker is opened and the power is off, a valve is closed.
import '@/i18n/utility'
import { useI18n } from 'vue-i18n'
import type { Account, Meter } from '@/api/client'

type Kind = Meter['kind']

/** Power words, as soon as one meter measures electricity, or nobody knows. */
export const isElectric = (kinds: Kind[]) => kinds.length === 0 || kinds.includes('electricity')
export const isElectricAccount = (account: Account) => isElectric(account.meters.map((one) => one.kind))

/** As useI18n; without electricity a text is taken from below `pipe` where there is one. */
export function useWords(electric: () => boolean) {
  const { t: plain, te } = useI18n()
  function t(key: string, named: Record<string, unknown> = {}): string {
    return !electric() && te(`pipe.${key}`) ? plain(`pipe.${key}`, named) : plain(key, named)
  }
  return { t, te }
}
