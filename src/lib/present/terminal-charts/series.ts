/** A Result over time (`dau`, `wau`, `mau`, `trend`) as lines: one for each column of counts, or for each key. */
import type { Result } from '../../core/result.js'
import { seriesOver } from '../charts/model.js'
import { lineChart } from './lines.js'
import type { ChartOptions } from './size.js'

/** The lines of the chart. */
export function seriesChart(result: Result, options: ChartOptions): string[] {
  const { dates, series } = seriesOver(result)
  const lines = series.map(({ name, unit, points }) => ({
    // The one count of a trend has no better name than what it counts.
    name: name === 'value' ? (unit ?? name) : name,
    points,
  }))
  // A day as it is; an hour without its seconds and its offset, which `meta.tz` tells.
  const labels = dates.map((date) => (date.includes('T') ? date.slice(0, 16).replace('T', ' ') : date))
  return lineChart({ labels, series: lines, kind: 'count' }, options)
}
