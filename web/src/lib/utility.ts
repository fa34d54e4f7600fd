// What meters other than electricity meters measure. The register that is charged comes in thousandths
// of its unit, whatever is measured.
import type { Meter } from '@/api/client'

type Kind = Meter['kind']

const UNITS: Record<Kind, string> = { electricity: 'kWh', water: 'm³', gas: 'm³', heat: 'GJ', cooling: 'GJ' }

/** As a plan writes it. */
export const unitOfPlan = (unit: string | undefined) => (unit === 'm3' ? 'm³' : (unit ?? 'kWh'))

export const unitOfKind = (kind: Kind | undefined) => UNITS[kind ?? 'electricity']

/** Names of the points that such a meter may tell beside its register, in the order of showing. */
export const DETAILS = [
  { point: 'thermal_w', text: 'thermal', unit: 'kW', divide: 1000, digits: 2 },
  { point: 'flow_lh', text: 'flow', unit: 'm³/h', divide: 1000, digits: 3 },
  { point: 'supply_cdeg', text: 'supply', unit: '°C', divide: 100, digits: 2 },
  { point: 'return_cdeg', text: 'back', unit: '°C', divide: 100, digits: 2 },
] as const
