/**
 * Retention as its heat map and, below it or beside it where the terminal is wide, as curves: the mean and some
 * cohorts, each from window 1 on. Window 0 is everybody, and on one scale with it the rest would lie flat on the ground.
 */
import { stripVTControlCharacters } from 'node:util'
import type { Result } from '../../core/result.js'
import { textWidth } from '../../core/text-width.js'
import { cohortsOf } from '../charts/model.js'
import { largest } from '../tables/grid.js'
import { table } from '../tables/table.js'
import { lineChart } from './lines.js'
import type { ChartOptions } from './size.js'

const besideMinColumns = 140
const curvesMinColumns = 60
const gap = '    '
const maxCohorts = 5

/** The lines of table and chart. */
export function retentionChart(result: Result, options: ChartOptions): string[] {
  const rows = table(result, options).trimEnd().split('\n')
  const widths = rows.map((row) => textWidth(stripVTControlCharacters(row)))
  const left = largest(widths) + gap.length
  const room = options.width - left
  if (!options.isTty || options.width < besideMinColumns || room < curvesMinColumns)
    return [...rows, '', ...curves(result, options)]
  const beside = curves(result, { ...options, width: room })
  return Array.from({ length: Math.max(rows.length, beside.length) }, (_, index) => {
    const padding = ' '.repeat(left - (widths[index] ?? 0))
    return `${rows[index] ?? ''}${padding}${beside[index] ?? ''}`.trimEnd()
  })
}

function curves(result: Result, options: ChartOptions): string[] {
  const { unit, windows, cohorts, mean } = cohortsOf(result)
  const begun = cohorts.filter(({ points }) => points.some(({ value }) => value !== null))
  const whole = begun.filter(({ points }) => points.some(({ value, isComplete }) => value !== null && isComplete))
  // One of which nothing is complete yet is a few marks on the ground, unless there is nothing else.
  const lines = whole.length > 0 ? whole : begun
  // From the oldest to the newest: the old ones have the long curves, the new ones show what has changed.
  const count = Math.min(maxCohorts, lines.length)
  const shown = Array.from({ length: count }, (_, index) =>
    count === 1 ? lines[0]! : lines[Math.round((index * (lines.length - 1)) / (count - 1))]!,
  )
  const series = [...(mean ? [mean] : []), ...shown].map(({ name, points }) => ({ name, points, tail: '' }))
  const prefix = unit === undefined ? '' : `${unit} `
  const labels = Array.from({ length: windows }, (_, index) => `${prefix}${index + 1}`)
  const notes = [
    `from ${prefix}1 on`,
    ...(lines.length > count
      ? [`${count} of ${lines.length} cohorts with a complete rate, from the oldest to the newest`]
      : []),
  ]
  return lineChart({ labels, series, kind: 'rate', notes }, options)
}
