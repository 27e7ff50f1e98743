/**
 * Counts that add up as stacked columns above the line of zero, and what `chart.below` names below it, on one scale. Every
 * part is as high as its number within one cell.
 */
import type { Result } from '../../core/result.js'
import { wrapped } from '../../core/text-width.js'
import { type Point, seriesOver } from '../charts/model.js'
import { niceScale, shortValue } from '../charts/scale.js'
import { visible } from '../tables/cell-text.js'
import { largest } from '../tables/grid.js'
import { incompleteMark, incompleteText } from '../tables/heat-map.js'
import { axisMarks, framed, marginColumns } from './axes.js'
import { blankCanvas, type Canvas, dimStyle, seriesStyle } from './canvas.js'
import { legendLines, noteLines } from './legend.js'
import { bucketed, peakOf } from './points.js'
import { type ChartOptions, plotRows } from './size.js'

const fills = { color: '████', unicode: '█▓▒░', ascii: '#=+.' }
const maxBarColumns = 8

interface Part {
  readonly name: string
  /** Whether it is drawn below the line of zero. */
  readonly isBelow: boolean
  readonly points: readonly Point[]
  readonly fill: string
  readonly style: string
}

/** Rows above and below the line of zero, in intervals of the same height. */
interface StackScale {
  readonly step: number
  readonly rowsPerStep: number
  readonly above: number
  readonly under: number
}

/** The lines of the chart. */
export function stackChart(result: Result, options: ChartOptions): string[] {
  const { width, color, unicode = true } = options
  const fill = unicode ? (color ? fills.color : fills.unicode) : fills.ascii
  const { dates, series } = seriesOver(result)
  const parts = series.map(({ name, isBelow, points }, index) => ({
    name: visible(name),
    isBelow,
    points,
    fill: fill[index % fill.length]!,
    style: seriesStyle(index),
  }))
  if (parts.every(({ points }) => points.every(({ value }) => value === null))) {
    return wrapped('Nothing to draw: no value is there yet.', width)
  }
  const legend = legendLines(
    parts.map((part) => ({
      ...part,
      swatch: part.fill,
      tail: `max ${shortValue(peakOf(part.points), 'count', width - 16)}`,
    })),
    options,
  )
  const rowsAtMost = plotRows(options, legend.length + 1)
  // The scale of means is never larger, so the room that its labels get here is enough for them.
  const sideColumns = labelColumns(sideLabels(stackScale(parts, rowsAtMost), Math.floor(width / 3)))
  const room = width - marginColumns(sideColumns)
  const perBar = Math.ceil(dates.length / room)
  const shown = parts.map((part) => ({ ...part, points: bucketed(part.points, perBar) }))
  const labels = dates.filter((_, row) => row % perBar === 0)

  const scale = stackScale(shown, rowsAtMost)
  const slot = Math.min(maxBarColumns + 1, Math.floor(room / labels.length))
  const barColumns = slot > 2 ? slot - 1 : slot
  const canvas = blankCanvas(slot * (labels.length - 1) + barColumns, scale.above + 1 + scale.under)
  const { floor } = axisMarks(unicode)
  canvas[scale.above]!.fill({ char: floor, style: dimStyle })
  for (const bar of labels.keys()) {
    drawStack(canvas, shown, bar, scale, { from: bar * slot, to: bar * slot + barColumns })
  }
  const sides = sideLabels(scale, sideColumns)
  const points = labels.map((label, bar) => ({ label, column: bar * slot }))
  const lines = framed({ canvas, sideLabels: sides, points }, axisMarks(unicode), width, color)
  const isOpen = labels.map((_, bar) => shown.some((part) => isIncomplete(part.points[bar]!)))
  const marks = isOpen.map((open) => (open ? incompleteMark : ' ').padEnd(slot)).join('')
  const notes = [
    ...parts.filter(({ isBelow }) => isBelow).map(({ name }) => `${name} below the line`),
    ...(isOpen.includes(true) ? [`${incompleteMark} ${incompleteText}`] : []),
    ...(perBar > 1 ? [`a bar is the mean of ${perBar} rows`] : []),
  ]
  return [
    ...legend,
    ...(isOpen.includes(true) ? [' '.repeat(marginColumns(labelColumns(sides))) + marks.trimEnd()] : []),
    ...lines,
    ...noteLines(notes, options),
  ]
}

function isIncomplete({ value, isComplete }: Point): boolean {
  return value !== null && !isComplete
}

function stackScale(parts: readonly Part[], rowsAtMost: number): StackScale {
  const totals = parts[0]!.points.map((_, bar) =>
    parts.filter(({ isBelow }) => !isBelow).reduce((sum, { points }) => sum + (points[bar]!.value ?? 0), 0),
  )
  const highest = largest(totals)
  const deepest = largest(parts.filter(({ isBelow }) => isBelow).map(({ points }) => peakOf(points)))
  const rows = rowsAtMost - 1
  for (let intervals = Math.max(1, Math.floor(rows / 3)); ; intervals--) {
    const { step } = niceScale(Math.max(highest, deepest), intervals, 'count')
    const [above, under] = [highest, deepest].map((value) => Math.ceil(value / step)) as [number, number]
    if ((above + under) * 2 > rows && intervals > 1) continue
    const rowsPerStep = Math.max(1, Math.floor(rows / Math.max(1, above + under)))
    return { step, rowsPerStep, above: Math.max(1, above) * rowsPerStep, under: under * rowsPerStep }
  }
}

/** The label of each row that ends at a tick: above zero at its upper edge, below at its lower one. */
function sideLabels({ step, rowsPerStep, above, under }: StackScale, maxColumns: number): Map<number, string> {
  const found = new Map<number, string>()
  for (let up = above; up >= -under; up -= rowsPerStep) {
    found.set(above - up, shortValue((Math.abs(up) / rowsPerStep) * step, 'count', maxColumns))
  }
  return found
}

function labelColumns(labels: ReadonlyMap<number, string>): number {
  return largest([...labels.values()].map(({ length }) => length))
}

function drawStack(
  canvas: Canvas,
  parts: readonly Part[],
  bar: number,
  { step, rowsPerStep, above }: StackScale,
  columns: { readonly from: number; readonly to: number },
): void {
  const rowsOf = (value: number) => Math.round((value / step) * rowsPerStep)
  const fillRows = (from: number, to: number, { fill, style }: Part) => {
    for (let row = from; row < to; row++) canvas[row]!.fill({ char: fill, style }, columns.from, columns.to)
  }
  let total = 0
  for (const part of parts) {
    const value = part.points[bar]!.value ?? 0
    if (part.isBelow) fillRows(above + 1, above + 1 + rowsOf(value), part)
    else {
      // Borders are rounded, not heights, so that what the parts are off by does not add up.
      fillRows(above - rowsOf(total + value), above - rowsOf(total), part)
      total += value
    }
  }
}
