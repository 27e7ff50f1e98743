/** A Result over time (`dau`, `wau`, `mau`, `trend`) as lines: one for each column of counts, or for each key. */
import type { Result } from '../../core/result.js'
import { flatColumns } from '../tables/cell-text.js'
import { completeRows, pivoted } from '../tables/series.js'
import { lineChart } from './lines.js'
import { pointsOf } from './points.js'
import type { ChartOptions } from './size.js'

/** The lines of the chart. */
export function seriesChart(result: Result, options: ChartOptions): string[] {
  const flat = flatColumns(result)
  const columns = pivoted(flat) ?? flat
  const complete = completeRows(columns)
  const labels = columns[0]!.values.map((value) => pointLabel(String(value)))
  const series = columns
    .filter(({ kind }) => kind === 'count')
    .map((column) => ({
      // The one count of a trend has no better name than what it counts.
      name: column.name === 'value' ? (column.unit ?? column.name) : column.name,
      points: pointsOf(column, complete),
    }))
  return lineChart({ labels, series, kind: 'count' }, options)
}

/** A day as it is; an hour without its seconds and its offset, which `meta.tz` tells. */
function pointLabel(date: string): string {
  return date.includes('T') ? date.slice(0, 16).replace('T', ' ') : date
}
