/**
 * Rows with a name or a number and a count (`top-events`, `stickiness`) as bars from 0 to the largest count, with the
 * values as the table has them.
 */
import type { Result } from '../../core/result.js'
import { cutTo, textWidth } from '../../core/text-width.js'
import { shortValue } from '../charts/scale.js'
import { type FlatColumn, flatColumns, human, isNumeric, visible } from '../tables/cell-text.js'
import { glyphsFor } from '../tables/glyphs.js'
import { type GridColumn, gridLines, largest } from '../tables/grid.js'
import { seriesStyle } from './canvas.js'
import type { ChartOptions } from './size.js'

const gap = '  '
const headingStyle = '1'
const minBarColumns = 8
const minLabelColumns = 8

/** A column of texts, its heading above. */
export interface BarLabel {
  readonly heading: string
  readonly align: 'left' | 'right'
  readonly texts: readonly string[]
}

/** The lines of the chart: what a row is about, its values, its bar. */
export function barChart(result: Result, options: ChartOptions): string[] {
  const flat = flatColumns(result)
  const counted = flat.findIndex(({ kind }, index) => index > 0 && kind === 'count')
  const labels = flat.map((column) => barLabel(column, Math.floor(options.width / 2)))
  return barLines(labels, counted, flat[counted]!.values.map(Number), options)
}

function barLabel({ name, kind, values }: FlatColumn, maxColumns: number): BarLabel {
  return {
    heading: visible(name),
    align: isNumeric(kind) ? 'right' : 'left',
    texts: values.map((value) =>
      kind === 'count' && typeof value === 'number' ? shortValue(value, kind, maxColumns) : human(value, kind, true),
    ),
  }
}

/**
 * A heading, then a line for each row.
 *
 * @param labels the first one is cut where it is wide; those behind the counted one are left out where there is no room
 * @param counted which of them the bars show
 * @param values what the bars show, 0 or more; the largest one has all the room
 */
export function barLines(
  labels: readonly BarLabel[],
  counted: number,
  values: readonly number[],
  { width, color, unicode }: ChartOptions,
): string[] {
  const marks = glyphsFor(unicode)
  const widthOf = ({ heading, texts }: BarLabel) => largest([heading, ...texts].map(textWidth))
  const roomBeside = (shown: readonly BarLabel[]) =>
    width - shown.slice(1).reduce((sum, label) => sum + widthOf(label) + gap.length, gap.length) - minBarColumns
  // What is not the count may go, from the right.
  let shown = labels
  while (shown.length > counted + 1 && roomBeside(shown) < Math.min(widthOf(labels[0]!), 2 * minLabelColumns)) {
    shown = shown.slice(0, -1)
  }
  const firstRoom = Math.max(minLabelColumns, Math.min(widthOf(labels[0]!), Math.floor(width / 3), roomBeside(shown)))
  const cut = (text: string) => cutTo(text, firstRoom, marks.ellipsis)
  shown = shown.map((label, index) =>
    index === 0 ? { ...label, heading: cut(label.heading), texts: label.texts.map(cut) } : label,
  )
  const room = width - shown.reduce((sum, label) => sum + widthOf(label) + gap.length, 0)
  const longest = largest(values) || 1
  const columns: GridColumn[] = shown.map(({ heading, align, texts }) => ({
    align,
    cells: [{ text: heading, style: headingStyle }, ...texts.map((text) => ({ text }))],
  }))
  const bars = values.map((value) => ({
    text: marks.bar((Math.max(0, value) / longest) * room),
    style: seriesStyle(0),
  }))
  return gridLines([...columns, { align: 'left', cells: [{ text: '' }, ...bars] }], gap, color)
}
