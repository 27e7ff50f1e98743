/**
 * A Result as a table for people: retention as a heat map, a trend with a column for each key. On a terminal: thousands
 * separators, a bar beside the first count of a ranking, sparklines below a series, nothing wider than the terminal.
 * Piped: plain numbers, nothing cut, no drawings.
 */
import type { Result } from '../../core/result.js'
import { packed, wrapped } from '../../core/text-width.js'
import { type FlatColumn, flatColumns } from './cell-text.js'
import type { RenderOptions } from './formats.js'
import { glyphsFor } from './glyphs.js'
import { gridLines, paint } from './grid.js'
import { heatMap } from './heat-map.js'
import { isSeries, pivoted, sparklines } from './series.js'
import { fitsWhole, layOutTable, type TableLayout, tableLayoutColumns } from './table-layout.js'

const gap = '  '
const noteStyle = '2'
const seriesStyle = '36'

/**
 * The table with its heading; a result without rows is one line that says so.
 *
 * @example
 * table(result, { color: true, isTty: true, width: process.stdout.columns })
 */
export function table(result: Result, options: RenderOptions): string {
  if (result.data.length === 0) return 'No rows.\n'
  const { isTty, color, seeAll = '--format csv' } = options
  const marks = glyphsFor(!isTty || options.unicode)
  const width = options.width > 0 ? options.width : 80
  const flat = flatColumns(result)
  const pivot = isTty ? pivoted(flat) : undefined
  const heat = heatMap(result, isTty)
  const sheet = heat ?? wholePivot(pivot, width) ?? plainSheet(flat, isTty)
  const { grid, left } = layOutTable(sheet, isTty ? width : undefined, marks)
  const lines = gridLines(grid, sheet.gap, color)
  addNotes(sheet.legend ?? [])
  if (left > 0) addNotes([`${left} more ${left === 1 ? 'column does' : 'columns do'} not fit: ${seeAll}`])
  const drawn = isTty && heat === undefined ? sparklines(pivot ?? flat, width, marks) : undefined
  if (drawn) {
    lines.push('', ...drawn.lines.map((line) => paint(line, color ? seriesStyle : undefined)))
    addNotes(drawn.notes)
  }
  return `${lines.join('\n')}\n`

  function addNotes(notes: readonly string[]): void {
    const room = isTty ? width : Number.POSITIVE_INFINITY
    const fitting = packed(notes, '; ', room).flatMap((line) => wrapped(line, room))
    lines.push(...fitting.map((line) => paint(line, color ? noteStyle : undefined)))
  }
}

/** The pivot of a trend, if there is one and the terminal has room for all of it. */
function wholePivot(pivot: readonly FlatColumn[] | undefined, width: number): TableLayout | undefined {
  // A column takes three at least, its gap included: thousands of keys need not become texts first.
  if (pivot === undefined || pivot.length * 3 > width + gap.length) return undefined
  const sheet = { columns: tableLayoutColumns(pivot, true), gap }
  return fitsWhole(sheet, width) ? sheet : undefined
}

/** The columns as they are. The first one says what a row is about; the bars show the first count after it. */
function plainSheet(flat: readonly FlatColumn[], grouped: boolean): TableLayout {
  const behind = isSeries(flat)
    ? -1
    : flat.findIndex(({ kind, element }, index) => index > 0 && kind === 'count' && !element)
  const bars = behind > 0 ? { behind, values: flat[behind]!.values } : undefined
  return { columns: tableLayoutColumns(flat, grouped), gap, bars }
}
