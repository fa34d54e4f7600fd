// States of an update of a communication manager, in colour and symbol.
import type { GatewayPush, PushState } from '@/api/client'
import type { IconName } from '@/components/icons'

type Look = { tone: 'good' | 'warn' | 'bad' | 'idle' | 'info'; icon: IconName }

export const PART: Record<PushState, Look> = {
  waiting: { tone: 'idle', icon: 'wait' },
  fetching: { tone: 'info', icon: 'import' },
  ready: { tone: 'info', icon: 'wait' },
  trial: { tone: 'warn', icon: 'wait' },
  stopping: { tone: 'idle', icon: 'wait' },
  confirmed: { tone: 'good', icon: 'check' },
  failed: { tone: 'bad', icon: 'alarm' },
  stopped: { tone: 'idle', icon: 'close' },
}

export const PUSH: Record<GatewayPush['state'], Look> = {
  running: { tone: 'info', icon: 'wait' },
  done: { tone: 'idle', icon: 'check' },
  stopped: { tone: 'idle', icon: 'close' },
  halted: { tone: 'bad', icon: 'alarm' },
}
