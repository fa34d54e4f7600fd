// The columns of the report of readings.
import type { ReportRow } from '@/api/client'

/** Newest values in the order of showing. A column is shown if any row has it. */
export const NEWEST = [
  { name: 'volume_l', divide: 1000, digits: 3, unit: 'm³' },
  { name: 'heat_wh', divide: 1000, digits: 2, unit: 'kWh' },
  { name: 'cooling_wh', divide: 1000, digits: 2, unit: 'kWh' },
  { name: 'flow_lh', divide: 1000, digits: 3, unit: 'm³/h' },
  { name: 'thermal_w', divide: 1000, digits: 2, unit: 'kW' },
  { name: 'supply_cdeg', divide: 100, digits: 2, unit: '°C' },
  { name: 'return_cdeg', divide: 100, digits: 2, unit: '°C' },
  { name: 'work_h', divide: 1, digits: 0, unit: 'h' },
  { name: 'valve', divide: 1, digits: 0, unit: '' },
  { name: 'battery_low', divide: 1, digits: 0, unit: '' },
  { name: 'fault_bits', divide: 1, digits: 0, unit: '' },
] as const

export type Newest = (typeof NEWEST)[number]

export function newestText(row: ReportRow, column: Newest): string {
  const value = row.newest[column.name]
  if (value === undefined) return '–'
  if (column.name === 'fault_bits') return `${value.toString(16).toUpperCase()}H`
  return (value / column.divide).toFixed(column.digits)
}

/** Thousandths of the unit, as a decimal. */
export const unitsText = (thousandths: number) => (thousandths / 1000).toFixed(3)
