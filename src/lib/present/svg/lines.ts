/**
 * Numbers over time as lines: `dau`, `wau`, `mau`, and a trend with a line for each key. What is not complete is dashed and
 * has hollow points, because a day that has just begun is no fall.
 */
import { seriesOver } from '../charts/model.js'
import { human } from '../tables/cell-text.js'
import { shortDate, shown } from './axes.js'
import { seriesColor, seriesColors } from './colors.js'
import { curves, type Line, valuesOf } from './curves.js'
import type { Draw } from './elements.js'

/** More lines cannot be told apart; these are the ones with the largest values. */
const maxLines = 2 * seriesColors

/** The lines of a series. */
export const drawLines: Draw = (result, size) => {
  const { dates, series } = seriesOver(result)
  const isKeyed = series[0]?.key !== undefined
  const lines = series.slice(0, maxLines).map(({ key, unit = '', points }, index): Line => {
    const label = key === undefined ? result.chart!.title : shown(key)
    return {
      label,
      color: seriesColor(index),
      points,
      tip: (row) => {
        const { value, isComplete } = points[row]!
        const number = `${human(value, 'count', true)} ${unit}`.trim()
        return `${dates[row]}: ${isKeyed ? `${label}, ` : ''}${number}${isComplete ? '' : ', not complete'}`
      },
      ...(index >= seriesColors ? { dashes: '2 3' } : {}),
    }
  })
  const left = series.length - lines.length
  const first = series[0]?.points ?? []
  return {
    description: [
      describe(dates, lines),
      ...(first.some(({ isComplete }) => !isComplete) ? ['Dashed: not complete.'] : []),
      ...(first.some(({ isAfterData }) => isAfterData)
        ? [`Nothing is drawn after the newest day of the data, ${result.meta.data_until}.`]
        : []),
      ...(left > 0 ? [`${left} more keys are not drawn.`] : []),
    ].join(' '),
    ...curves({ lines, inLegend: isKeyed ? lines : [], names: dates.map(shortDate), kind: 'count' }, size),
  }
}

function describe(dates: readonly string[], lines: readonly Line[]): string {
  const span = dates.length === 1 ? dates[0] : `${dates[0]} to ${dates.at(-1)}`
  const each = lines.slice(0, 5).map(({ label, points }) => {
    const known = valuesOf(points).filter((value) => value !== null)
    if (known.length === 0) return `${label}: nothing yet`
    const [least, most, last] = [Math.min, Math.max, (_: number, b: number) => b].map((end) =>
      human(
        known.reduce((a, b) => end(a, b)),
        'count',
        true,
      ),
    )
    return `${label}: from ${least} to ${most}, last ${last}`
  })
  const more = lines.length > each.length ? `; and ${lines.length - each.length} more` : ''
  return `Lines over ${span}. ${each.join('; ')}${more}.`
}
