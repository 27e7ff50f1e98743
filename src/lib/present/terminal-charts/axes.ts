/** Axes around a canvas: values at the left, points in time or windows below. */

import { textWidth } from '../../core/text-width.js'
import { paint } from '../tables/grid.js'
import { type Canvas, canvasLines, dimStyle } from './canvas.js'
import { labelledPoints } from './dates.js'

/** The marks of axes, for terminals with more than ASCII and for those without. */
export interface AxisMarks {
  readonly side: string
  readonly sideTick: string
  readonly corner: string
  readonly floor: string
  readonly floorTick: string
}

/** @param unicode whether the terminal shows more than ASCII */
export function axisMarks(unicode = true): AxisMarks {
  return unicode
    ? { side: '│', sideTick: '┤', corner: '└', floor: '─', floorTick: '┬' }
    : { side: '|', sideTick: '+', corner: '+', floor: '-', floorTick: '+' }
}

export interface Frame {
  readonly canvas: Canvas
  /** The label of each row of the canvas that has one. */
  readonly sideLabels: ReadonlyMap<number, string>
  /** The label of each point, and the column of the canvas above it. */
  readonly points: readonly { readonly label: string; readonly column: number }[]
}

/** Columns that stand left of the canvas for labels of this width: a space and the axis after them. */
export function marginColumns(labelColumns: number): number {
  return labelColumns + 2
}

/**
 * The lines of a canvas with its axes.
 *
 * @param widthColumns what no line is wider than
 */
export function framed({ canvas, sideLabels, points }: Frame, marks: AxisMarks, widthColumns: number, color: boolean) {
  const labelColumns = Math.max(...[...sideLabels.values()].map(textWidth))
  const dim = (text: string) => paint(text, color ? dimStyle : undefined)
  const rows = canvasLines(canvas, color).map((line, row) => {
    const label = sideLabels.get(row)
    const axis = label === undefined ? marks.side : marks.sideTick
    return `${(label ?? '').padStart(labelColumns)} ${dim(axis)}${line}`
  })
  const margin = marginColumns(labelColumns)
  const needColumns = Math.max(...points.map(({ label }) => label.length)) + 2
  const labelled = labelledPoints(
    points.map(({ label }) => label),
    points.map(({ column }) => column),
    needColumns,
  ).map((index) => points[index]!)
  const floor = new Array<string>(canvas[0]!.length).fill(marks.floor)
  let labels = ''
  for (const { label, column } of labelled) {
    // The last label may have less room after its tick than it needs.
    const start = Math.max(0, Math.min(margin + column, widthColumns - label.length))
    if (labels !== '' && start < labels.length + 1) continue
    labels = labels.padEnd(start) + label
    floor[column] = marks.floorTick
  }
  return [...rows, `${' '.repeat(margin - 1)}${dim(marks.corner + floor.join(''))}`, labels]
}
