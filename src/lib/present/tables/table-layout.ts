/**
 * A table before it is laid out: columns of texts, and what is done so that they fit a terminal. Numbers are never cut:
 * first headings are broken, then texts shortened, then whole columns left out from the right.
 */

import { cutTo, textWidth } from '../../core/text-width.js'
import { type FlatColumn, human, isNumeric, type Scalar, visible } from './cell-text.js'
import type { Glyphs } from './glyphs.js'
import { cellWidth, type GridCell, type GridColumn, largest } from './grid.js'

export interface TableLayoutColumn {
  /** In lines; the last one stands above the first cell. */
  readonly heading: readonly string[]
  /** The heading where there is little room; by itself it is broken after underscores. */
  readonly narrowHeading?: readonly string[] | undefined
  readonly align: 'left' | 'right'
  /** One for each row. */
  readonly cells: readonly GridCell[]
  readonly footer?: GridCell | undefined
  /** Whether its texts may be shortened. */
  readonly isCuttable: boolean
}

export interface TableLayout {
  readonly columns: readonly TableLayoutColumn[]
  /** What stands between two columns. */
  readonly gap: string
  /** Bars behind the column of this index, as long as the values are large. */
  readonly bars?: { readonly behind: number; readonly values: readonly Scalar[] } | undefined
  /** What the marks in its cells mean, one by one. */
  readonly legend?: readonly string[] | undefined
}

const barMinColumns = 8
const barMaxColumns = 24
const textMinColumns = 12
export const boldStyle = '1'
const barStyle = '36'

/** The columns of a flat table for people. */
export function tableLayoutColumns(columns: readonly FlatColumn[], grouped: boolean): TableLayoutColumn[] {
  return columns.map(({ name, kind, values, footer }) => ({
    heading: [visible(name)],
    align: isNumeric(kind) ? 'right' : 'left',
    cells: values.map((value) => ({ text: human(value, kind, grouped) })),
    footer: footer === undefined ? undefined : { text: human(footer, kind, grouped), style: boldStyle },
    isCuttable: kind === 'text',
  }))
}

/** Whether all columns of a sheet stand beside each other as they are. */
export function fitsWhole({ columns, gap }: TableLayout, width: number): boolean {
  return total(columns.map(widthOf), gap) <= width
}

/**
 * A sheet as columns for the grid, headings and footer included.
 *
 * @param width columns of the terminal; undefined: no limit and no bars
 * @returns the columns, and how many were left out
 */
export function layOutTable(
  sheet: TableLayout,
  width: number | undefined,
  marks: Glyphs,
): { grid: GridColumn[]; left: number } {
  const { columns, gap, bars } = sheet
  if (width === undefined) return { grid: gridColumns(columns, marks), left: 0 }
  const narrow = columns.map(withNarrowHeading)
  for (const withBars of bars ? [true, false] : [false]) {
    for (const tried of [columns, narrow]) {
      const spare = width - total(tried.map(widthOf), gap)
      if (spare < (withBars ? gap.length + barMinColumns : 0)) continue
      if (!withBars) return { grid: gridColumns(tried, marks), left: 0 }
      const bar = barColumn(bars!.values, Math.min(barMaxColumns, spare - gap.length), marks)
      return { grid: gridColumns(tried.toSpliced(bars!.behind + 1, 0, bar), marks), left: 0 }
    }
  }
  const fitting = cutToFit(narrow, gap, width, marks)
  return { grid: gridColumns(fitting, marks), left: columns.length - fitting.length }
}

function total(widths: readonly number[], gap: string): number {
  return widths.reduce((sum, width) => sum + width, gap.length * Math.max(0, widths.length - 1))
}

function contentWidth({ cells, footer }: TableLayoutColumn): number {
  return Math.max(largest(cells.map(cellWidth)), footer ? cellWidth(footer) : 0)
}

function widthOf(column: TableLayoutColumn): number {
  // The grid gives an empty column one, too.
  return Math.max(1, contentWidth(column), largest(column.heading.map(textWidth)))
}

/** The heading broken after underscores and spaces, so that it needs no more room than the cells below it. */
function withNarrowHeading(column: TableLayoutColumn): TableLayoutColumn {
  if (column.narrowHeading !== undefined) return { ...column, heading: column.narrowHeading }
  const words = column.heading.flatMap((line) => line.split(/(?<=[_ ])/))
  const room = Math.max(contentWidth(column), largest(words.map(textWidth)))
  const heading: string[] = []
  for (const word of words) {
    const line = (heading.at(-1) ?? '') + word
    if (heading.length > 0 && textWidth(line) <= room) heading[heading.length - 1] = line
    else heading.push(word)
  }
  return { ...column, heading }
}

/** The columns from the left that fit when texts are cut down, and their texts cut no more than it takes. */
function cutToFit(
  columns: readonly TableLayoutColumn[],
  gap: string,
  width: number,
  marks: Glyphs,
): TableLayoutColumn[] {
  const widths = columns.map(widthOf)
  const least = columns.map(({ isCuttable }, index) => Math.min(widths[index]!, isCuttable ? textMinColumns : Infinity))
  let count = columns.length
  while (count > 1 && total(least.slice(0, count), gap) > width) count--
  if (count === 1 && columns[0]!.isCuttable) least[0] = Math.min(least[0]!, width)
  const kept = columns.slice(0, count)
  const limitedTo = (limit: number) =>
    kept.map(({ isCuttable }, index) =>
      isCuttable ? Math.max(least[index]!, Math.min(widths[index]!, limit)) : widths[index]!,
    )
  let limit = width
  while (limit > 1 && total(limitedTo(limit), gap) > width) limit--
  const final = limitedTo(limit)
  return kept.map((column, index) => (column.isCuttable ? cutColumn(column, final[index]!, marks) : column))
}

function cutColumn(column: TableLayoutColumn, width: number, { ellipsis }: Glyphs): TableLayoutColumn {
  const shorter = (cell: GridCell) => ({ ...cell, text: cutTo(cell.text, width, ellipsis) })
  return {
    ...column,
    heading: column.heading.map((line) => cutTo(line, width, ellipsis)),
    cells: column.cells.map(shorter),
    footer: column.footer && shorter(column.footer),
  }
}

/** Bars from 0 to the largest value; a value above 0 always has one. */
function barColumn(values: readonly Scalar[], room: number, marks: Glyphs): TableLayoutColumn {
  const lengths = values.map((value) => (typeof value === 'number' ? Math.max(0, value) : 0))
  const longest = largest(lengths) || 1
  const cells = lengths.map((length) => ({ text: marks.bar((length / longest) * room), style: barStyle }))
  return { heading: [], align: 'left', cells, isCuttable: false }
}

/** Headings, rows, and below a rule the footer. */
function gridColumns(columns: readonly TableLayoutColumn[], marks: Glyphs): GridColumn[] {
  const lines = largest(columns.map(({ heading }) => heading.length))
  const hasFooter = columns.some(({ footer }) => footer !== undefined)
  return columns.map((column) => {
    const { align, heading, cells, footer } = column
    const above = new Array<GridCell>(lines - heading.length).fill({ text: '' })
    const below = hasFooter ? [{ text: marks.rule.repeat(widthOf(column)) }, footer ?? { text: '' }] : []
    const styled = heading.map((text) => ({ text, style: boldStyle }))
    return { align, cells: [...above, ...styled, ...cells, ...below] }
  })
}
