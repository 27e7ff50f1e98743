/**
 * Numbers over time as lines: `dau`, `wau`, `mau`, and a trend with a line for each key. What is not complete is dashed and
 * has hollow points, because a day that has just begun is no fall.
 */
import { flatColumns, human } from '../tables/cell-text.js'
import { completeRows, pivoted } from '../tables/series.js'
import { shortDate, shown } from './axes.js'
import { isBehindData } from './behind-data.js'
import { seriesColor, seriesColors } from './colors.js'
import { curves, type Line } from './curves.js'
import type { Draw } from './elements.js'

/** More lines cannot be told apart; these are the ones with the largest values. */
const maxLines = 2 * seriesColors

/** The lines of a series. */
export const drawLines: Draw = (result, size) => {
  const flat = flatColumns(result)
  const columns = pivoted(flat) ?? flat
  const dates = columns[0]!.values.map(String)
  const complete = completeRows(columns)
  const all = columns.filter(({ kind }) => kind === 'count')
  const counts = all.slice(0, maxLines)
  const isKeyed = columns !== flat
  const keys = isKeyed ? [...new Set(flat[1]!.values)] : []
  const unit = result.columns.find(({ kind }) => kind === 'count')?.unit ?? ''
  const lines = counts.map((column, index): Line => {
    const label = isKeyed ? shown(keys[index]!) : result.chart!.title
    return {
      label,
      color: seriesColor(index),
      values: column.values.map((value, row) =>
        typeof value !== 'number' || isBehindData(dates[row]!, result.meta) ? null : value,
      ),
      complete,
      tip: (row) => {
        const value = `${human(column.values[row]!, 'count', true)} ${unit}`.trim()
        return `${dates[row]}: ${isKeyed ? `${label}, ` : ''}${value}${complete[row] ? '' : ', not complete'}`
      },
      ...(index >= seriesColors ? { dashes: '2 3' } : {}),
    }
  })
  const left = all.length - counts.length
  return {
    description: [
      describe(dates, lines),
      ...(complete.includes(false) ? ['Dashed: not complete.'] : []),
      ...(dates.some((date) => isBehindData(date, result.meta))
        ? [`Nothing is drawn after the newest day of the data, ${result.meta.data_until}.`]
        : []),
      ...(left > 0 ? [`${left} more keys are not drawn.`] : []),
    ].join(' '),
    ...curves({ lines, inLegend: isKeyed ? lines : [], names: dates.map(shortDate) }, size),
  }
}

function describe(dates: readonly string[], lines: readonly Line[]): string {
  const span = dates.length === 1 ? dates[0] : `${dates[0]} to ${dates.at(-1)}`
  const each = lines.slice(0, 5).map(({ label, values }) => {
    const known = values.filter((value) => typeof value === 'number')
    if (known.length === 0) return `${label}: nothing yet`
    const ends = [Math.min, Math.max].map((end) =>
      human(
        known.reduce((a, b) => end(a, b)),
        'count',
        true,
      ),
    )
    return `${label}: from ${ends[0]} to ${ends[1]}, last ${human(known.at(-1)!, 'count', true)}`
  })
  const more = lines.length > each.length ? `; and ${lines.length - each.length} more` : ''
  return `Lines over ${span}. ${each.join('; ')}${more}.`
}
