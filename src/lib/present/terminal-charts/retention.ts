/**
 * Retention as its heat map and, below it or beside it where the terminal is wide, as curves: the mean and some
 * cohorts, each from window 1 on. Window 0 is everybody, and on one scale with it the rest would lie flat on the ground.
 */
import { stripVTControlCharacters } from 'node:util'
import type { Result } from '../../core/result.js'
import { textWidth } from '../../core/text-width.js'
import { type FlatColumn, flatColumns, human } from '../tables/cell-text.js'
import { largest } from '../tables/grid.js'
import { heatWindows } from '../tables/heat-map.js'
import { table } from '../tables/table.js'
import { lineChart, type Series } from './lines.js'
import type { Point } from './points.js'
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
  const flat = flatColumns(result)
  const windows = (heatWindows(result, flat) ?? []).slice(1)
  const { kind, values: cohorts } = flat[0]!
  const isLine = (row: number) =>
    windows.some(({ rate, complete }) => typeof rate.values[row] === 'number' && complete?.values[row] !== false)
  const begun = [...cohorts.keys()].filter((row) => windows.some(({ rate }) => typeof rate.values[row] === 'number'))
  // One of which nothing is complete yet is a few marks on the ground, unless there is nothing else.
  const lines = begun.some(isLine) ? begun.filter(isLine) : begun
  // From the oldest to the newest: the old ones have the long curves, the new ones show what has changed.
  const count = Math.min(maxCohorts, lines.length)
  const shown = Array.from({ length: count }, (_, index) =>
    count === 1 ? lines[0]! : lines[Math.round((index * (lines.length - 1)) / (count - 1))]!,
  )
  const mean: Series[] =
    result.footer === undefined
      ? []
      : [
          {
            name: human(flat[0]!.footer ?? null, 'text', true),
            // It counts complete cells only, so it is a point wherever there is one.
            points: windows.map(({ rate }) => pointOf(rate.footer ?? null, true)),
            tail: '',
          },
        ]
  const series = shown.map((row) => ({
    name: human(cohorts[row]!, kind, true),
    points: windows.map(({ rate, complete }) => pointOf(rate.values[row]!, complete?.values[row] !== false)),
    tail: '',
  }))
  const unit = typeof result.meta.window_type === 'string' ? `${result.meta.window_type} ` : ''
  const notes = [
    `from ${unit}1 on`,
    ...(lines.length > count
      ? [`${count} of ${lines.length} cohorts with a complete rate, from the oldest to the newest`]
      : []),
  ]
  return lineChart(
    { labels: windows.map((_, index) => `${unit}${index + 1}`), series: [...mean, ...series], kind: 'rate', notes },
    options,
  )
}

function pointOf(value: FlatColumn['values'][number], isComplete: boolean): Point {
  return { value: typeof value === 'number' ? value : null, isComplete }
}
