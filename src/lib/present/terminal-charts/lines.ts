/**
 * Lines over time, or over windows: one for each series on one scale from 0, a legend above, axes around. A line breaks
 * where a value is missing, and does not reach values that are not complete: those have a mark of their own.
 */

import { wrapped } from '../../core/text-width.js'
import type { Point } from '../charts/model.js'
import { type AxisKind, niceScale, type Scale, shortValue } from '../charts/scale.js'
import { visible } from '../tables/cell-text.js'
import { glyphsFor } from '../tables/glyphs.js'
import { largest } from '../tables/grid.js'
import { axisMarks, framed, marginColumns } from './axes.js'
import { blankCanvas, type Canvas, seriesStyle } from './canvas.js'
import { bentMarks, type CurvePoint, drawCurve, type LineMarks, plainMarks } from './curve.js'
import { type LegendEntry, legendLines, noteLines } from './legend.js'
import { bucketed, peakOf } from './points.js'
import { type ChartOptions, plotRows } from './size.js'

interface LineSeries {
  readonly name: string
  readonly points: readonly Point[]
  /** What else the legend says of it. */
  readonly tail?: string | undefined
}

export interface LineChart {
  /** The label of each point. */
  readonly labels: readonly string[]
  /** All as long as the labels; the first ones lie on top. */
  readonly series: readonly LineSeries[]
  readonly kind: AxisKind
  /** What else to know about it. */
  readonly notes?: readonly string[] | undefined
}

/** One for each series without colours. */
export const seriesMarks = [...'*o+x#@%&=~']

const maxColumnsPerPoint = 12
const maxIntervals = 8
// With the word before the peak and the spaces.
const roomForName = 14

/** How one series is drawn. */
interface Look {
  readonly line: LineMarks
  readonly swatch: string
  readonly style: string
}

/** The lines of a chart of one series or more. */
export function lineChart(chart: LineChart, options: ChartOptions): string[] {
  const { width, color, unicode } = options
  const drawn = chart.series.slice(0, seriesMarks.length)
  if (drawn.every(({ points }) => points.every(({ value }) => value === null))) {
    return wrapped('Nothing to draw: no value is there yet.', width)
  }
  const looks = drawn.map((_, index) => lookOf(index, drawn.length, color, unicode))
  const legend = legendLines(
    drawn.map((series, index) => entryOf(series, looks[index]!, chart.kind, width)),
    options,
  )

  const rowsAtMost = plotRows(options, legend.length)
  const intervalsAtMost = Math.min(maxIntervals, Math.max(1, Math.floor((rowsAtMost - 1) / 3)))
  const scaleOf = (series: readonly LineSeries[]) =>
    niceScale(largest(series.map(({ points }) => peakOf(points))), intervalsAtMost, chart.kind)
  const tickLabels = ({ step, intervals }: Scale, maxColumns: number) =>
    Array.from({ length: intervals + 1 }, (_, tick) => shortValue(step * tick, chart.kind, maxColumns))
  // The scale of means is never larger, so the room that its labels get here is enough for them.
  const sideColumns = largest(tickLabels(scaleOf(drawn), Math.floor(width / 3)).map(({ length }) => length))
  const room = width - marginColumns(sideColumns)
  const perPoint = Math.ceil(chart.labels.length / room)
  const shown = drawn.map((series) => ({ ...series, points: bucketed(series.points, perPoint) }))
  const labels = chart.labels.filter((_, row) => row % perPoint === 0)

  const scale = scaleOf(shown)
  const rowsPerInterval = Math.max(1, Math.floor((rowsAtMost - 1) / scale.intervals))
  const height = rowsPerInterval * scale.intervals + 1
  const span = Math.min(room - 1, (labels.length - 1) * maxColumnsPerPoint)
  const columns = labels.map((_, index) => Math.round((index * span) / Math.max(1, labels.length - 1)))
  const top = scale.step * scale.intervals
  const upOf = (value: number) => Math.round((value / top) * (height - 1))

  const canvas = blankCanvas(span + 1, height)
  const { incomplete } = glyphsFor(unicode)
  for (const [index, { points }] of [...shown.entries()].reverse()) {
    drawLine(canvas, points, columns, upOf, looks[index]!)
  }
  // Over the lines, or the newest value of one would often lie below another.
  for (const [index, { points }] of [...shown.entries()].reverse()) {
    for (const [at, { value, isComplete }] of points.entries()) {
      if (value === null || isComplete) continue
      canvas[height - 1 - upOf(value)]![columns[at]!] = { char: incomplete, style: looks[index]!.style }
    }
  }
  const sideLabels = new Map(
    tickLabels(scale, sideColumns).map((label, tick) => [height - 1 - tick * rowsPerInterval, label]),
  )
  const points = labels.map((label, index) => ({ label, column: columns[index]! }))
  const lines = framed({ canvas, sideLabels, points }, axisMarks(unicode), width, color)

  const hasIncomplete = shown.some(({ points: all }) => all.some((p) => p.value !== null && !p.isComplete))
  const notes = [
    ...(hasIncomplete ? [`${incomplete} not complete`] : []),
    ...(perPoint > 1 ? [`a point is the mean of ${perPoint} rows`] : []),
    ...(chart.series.length > drawn.length ? [`the first ${drawn.length} of ${chart.series.length}`] : []),
    ...(chart.notes ?? []),
  ]
  return [...legend, ...lines, ...noteLines(notes, options)]
}

function lookOf(index: number, count: number, color: boolean, unicode?: boolean): Look {
  const style = seriesStyle(index)
  if (color || count === 1) {
    const line = bentMarks(unicode)
    return { line, swatch: line.across.repeat(2), style }
  }
  const mark = seriesMarks[index]!
  return { line: plainMarks(mark), swatch: mark, style }
}

function entryOf(
  { name, points, tail }: LineSeries,
  { swatch, style }: Look,
  kind: AxisKind,
  width: number,
): LegendEntry {
  const complete = points.filter(({ value, isComplete }) => value !== null && isComplete)
  const peak = complete.length === 0 ? '-' : shortValue(peakOf(complete), kind, width - swatch.length - roomForName)
  return { swatch, style, name: visible(name), tail: tail ?? `max ${peak}` }
}

/** A line through each unbroken run of complete points. */
function drawLine(
  canvas: Canvas,
  points: readonly Point[],
  columns: readonly number[],
  upOf: (value: number) => number,
  { line, style }: Look,
): void {
  let run: CurvePoint[] = []
  for (const [index, { value, isComplete }] of points.entries()) {
    const isPoint = value !== null && isComplete
    if (isPoint) run.push({ column: columns[index]!, up: upOf(value) })
    if (run.length > 0 && (!isPoint || index === points.length - 1)) {
      drawCurve(canvas, run, line, style)
      run = []
    }
  }
}
