// Every page that can be reached from the rail and the palette, in order. A group is set apart by a
// line; on a phone the first few stand in the bar and the others behind "more".
import type { IconName } from '@/components/icons'
import type { Permission } from '@/api/client'

export type PageEntry = { name: string; icon: IconName; right: Permission; group: 'work' | 'fee' | 'site' }

export const PAGES: PageEntry[] = [
  { name: 'wall', icon: 'wall', right: 'view', group: 'work' },
  { name: 'sale', icon: 'sale', right: 'sell', group: 'work' },
  { name: 'requests', icon: 'refund', right: 'money', group: 'work' },
  { name: 'shift', icon: 'ledger', right: 'cancel', group: 'work' },
  { name: 'events', icon: 'event', right: 'view', group: 'work' },
  { name: 'terminals', icon: 'terminal', right: 'view', group: 'work' },
  { name: 'ranking', icon: 'alarm', right: 'view', group: 'work' },
  { name: 'readings', icon: 'chart', right: 'view', group: 'work' },
  { name: 'plans', icon: 'price', right: 'money', group: 'fee' },
  { name: 'strategies', icon: 'strategy', right: 'money', group: 'fee' },
  { name: 'packages', icon: 'package', right: 'money', group: 'fee' },
  { name: 'approvals', icon: 'check', right: 'money', group: 'fee' },
  { name: 'days', icon: 'table', right: 'money', group: 'fee' },
  { name: 'month', icon: 'ledger', right: 'money', group: 'fee' },
  { name: 'runs', icon: 'split', right: 'money', group: 'fee' },
  { name: 'charges', icon: 'calculator', right: 'money', group: 'fee' },
  { name: 'gateways', icon: 'gateway', right: 'view', group: 'site' },
  { name: 'import', icon: 'import', right: 'import', group: 'site' },
]
