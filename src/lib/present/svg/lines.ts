/**
 * Numbers over time as lines: `dau`, `wau`, `mau`, and a trend with a line for each key. What is not complete is dashed and
 * has hollow points, because a day that has just begun is no fall.
 */
import type { LineSeriesOption } from 'echarts/charts'
import { type FlatColumn, flatColumns, human, type Scalar } from '../tables/cell-text.js'
import { completeRows, pivoted } from '../tables/series.js'
import { countAxis, legendHeightPx, legendOf, nameAxis, plot, shown } from './axes.js'
import { isBehindData } from './behind-data.js'
import { backgroundColor, seriesColor, seriesColors } from './colors.js'
import type { Draw } from './drawing.js'

/** More lines than this nobody can tell apart; they are those with the largest values. */
const maxLines = 2 * seriesColors
/** Up to so many points all are drawn as dots, up to the other number they can be pointed at. */
const maxDots = 45
const maxMarks = 2000

/** A line of a chart, as values with what is known of each. */
export interface Line {
  readonly label: string
  readonly color: string
  readonly values: readonly Scalar[]
  readonly complete: readonly boolean[]
  readonly tips: readonly string[]
  readonly widthPx?: number
  readonly isDotted?: boolean
}

/** The lines of a series. */
export const drawLines: Draw = (result, width) => {
  const flat = flatColumns(result)
  const columns = pivoted(flat) ?? flat
  const dates = columns[0]!.values.map(String)
  const complete = completeRows(columns)
  const all = columns.filter(({ kind }) => kind === 'count')
  const counts = all.slice(0, maxLines)
  const isKeyed = columns !== flat
  const keys = isKeyed ? keysOf(flat[1]!) : []
  const unit = result.columns.find(({ kind }) => kind === 'count')?.unit ?? ''
  const lines = counts.map((column, index): Line => {
    const label = isKeyed ? shown(keys[index]!) : result.chart!.title
    return {
      label,
      color: seriesColor(index),
      values: column.values.map((value, row) => (isBehindData(dates[row]!, result.meta) ? null : value)),
      complete,
      tips: dates.map((date, row) => {
        const value = `${human(column.values[row]!, 'count', true)} ${unit}`.trim()
        return `${date}: ${isKeyed ? `${label}, ` : ''}${value}${complete[row] ? '' : ', not complete'}`
      }),
      isDotted: index >= seriesColors,
    }
  })
  const hasLegend = isKeyed
  const labels = new Map(lines.map(({ label }, index) => [`${2 * index}`, label]))
  const top = hasLegend ? legendHeightPx([...labels.values()], width) : 12
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
    height: 260 + (hasLegend ? top : 0),
    option: {
      grid: plot({ top: top + 4, right: 28 }),
      ...(hasLegend ? { legend: legendOf(labels) } : {}),
      xAxis: { ...nameAxis(dates.map(shortDate)), boundaryGap: dates.length < 2 },
      yAxis: { ...countAxis(), min: 0 },
      series: lines.flatMap((line) => seriesOf(line)),
    },
    tips: lines.flatMap(({ tips }) => [tips, tips]),
  }
}

function keysOf(column: FlatColumn): Scalar[] {
  return [...new Set(column.values)]
}

function describe(dates: readonly string[], lines: readonly Line[]): string {
  const span = dates.length === 1 ? dates[0] : `${dates[0]} to ${dates.at(-1)}`
  const each = lines.slice(0, 5).map(({ label, values }) => {
    const known = values.filter((value) => typeof value === 'number')
    if (known.length === 0) return `${label}: nothing yet`
    const ends = [...bounds(known)].map((value) => human(value, 'count', true))
    return `${label}: from ${ends[0]} to ${ends[1]}, last ${human(known.at(-1)!, 'count', true)}`
  })
  const more = lines.length > each.length ? `; and ${lines.length - each.length} more` : ''
  return `Lines over ${span}. ${each.join('; ')}${more}.`
}

/** The smallest and the largest of numbers, without handing all of them to a function at once. */
function bounds(values: readonly number[]): [number, number] {
  let [low, high] = [values[0]!, values[0]!]
  for (const value of values) {
    if (value < low) low = value
    if (value > high) high = value
  }
  return [low, high]
}

/** `2025-08-31T06:00:00+03:00` as `08-31 06:00`; a day stays as it is. */
function shortDate(date: string): string {
  return date.length > 10 ? `${date.slice(5, 10)} ${date.slice(11, 16)}` : date
}

/**
 * The two series of a line: what is complete, and dashed what is not, which begins and ends at the complete points beside
 * it. Their numbers are `2 * index` and `2 * index + 1` in the order of the lines.
 */
export function seriesOf({ color, values, complete, widthPx = 2, isDotted = false }: Line): LineSeriesOption[] {
  const points = values.length
  const isOpen = (row: number) => row >= 0 && row < points && !complete[row]
  const whole = values.map((value, row) => (isOpen(row) ? null : value)) as (number | null)[]
  const open = values.map((value, row) => {
    if (isOpen(row)) return { value: value as number | null }
    if (isOpen(row - 1) || isOpen(row + 1)) return { value: value as number | null, symbol: 'none' }
    return { value: null }
  })
  const hasMarks = points <= maxMarks
  const dot = { symbol: 'circle', symbolSize: points <= maxDots ? 6 : 8, showAllSymbol: true as const }
  const shared = {
    type: 'line' as const,
    clip: false,
    connectNulls: false,
    emphasis: { disabled: true },
    ...(hasMarks ? dot : { sampling: 'minmax' as const }),
  }
  return [
    {
      ...shared,
      data: whole,
      // A dense line has dots that only the pointer finds.
      showSymbol: hasMarks,
      itemStyle: { color, opacity: points <= maxDots ? 1 : 0 },
      lineStyle: { color, width: widthPx, type: isDotted ? 'dotted' : 'solid' },
    },
    {
      ...shared,
      data: open,
      showSymbol: hasMarks,
      itemStyle: { color: backgroundColor, borderColor: color, borderWidth: 1.5 },
      lineStyle: { color, width: widthPx, type: [5, 4] },
    },
  ]
}
