/**
 * A Result with a list of rates in each row (retention) as a heat map: a line for each row, a tile for each rate. What
 * is not complete is marked, what has not begun is blank.
 */
import type { Column, Result } from '../../core/result.js'
import { type FlatColumn, flatColumns, human, visible } from './cell-text.js'
import { type GridCell, largest } from './grid.js'
import { boldStyle, type TableLayout, type TableLayoutColumn, tableLayoutColumns } from './table-layout.js'

/** What marks a cell whose number will still change. */
export const incompleteMark = '*'
export const incompleteText = 'not complete yet'

/** The flat columns of a heat map, by window. */
interface HeatWindow {
  readonly rate: FlatColumn
  readonly users: FlatColumn | undefined
  readonly complete: FlatColumn | undefined
}

/** For each index of the list of rates its columns; undefined when the result has no list of rates, or several. */
export function heatWindows(result: Result, flat: readonly FlatColumn[]): HeatWindow[] | undefined {
  const rates = result.columns.filter(({ kind }) => kind === 'rates')
  if (rates.length !== 1) return undefined
  const byElement = new Map(flat.map((column) => [`${column.element?.index} ${column.element?.of}`, column]))
  const beside = (kind: Column['kind'], index: number) =>
    byElement.get(`${index} ${result.columns.find((column) => column.kind === kind)?.name}`)
  return flat
    .filter(({ element }) => element?.of === rates[0]!.name)
    .map((rate) => ({
      rate,
      users: beside('counts', rate.element!.index),
      complete: beside('flags', rate.element!.index),
    }))
}

/** The heat map; undefined for a result that is none. */
export function heatMap(result: Result, grouped: boolean): TableLayout | undefined {
  const flat = flatColumns(result)
  const windows = heatWindows(result, flat)
  if (windows === undefined || windows.length === 0) return undefined
  const scalars = tableLayoutColumns(
    flat.filter(({ element }) => element === undefined),
    grouped,
  )
  const unit = typeof result.meta.window_type === 'string' ? visible(result.meta.window_type) : undefined
  const tiles = windows.map((window, index) =>
    tileColumn(window, unit === undefined ? [`${index}`] : [unit, `${index}`]),
  )
  return { columns: [...scalars.map(indented), ...tiles], gap: ' ', legend: legendOf(tiles) }
}

/** Tiles bring a space along at their left, so that the gap between them can be one column; the others get one too. */
function indented(column: TableLayoutColumn, index: number): TableLayoutColumn {
  if (index === 0) return column
  const shifted = (cell: GridCell) => ({ ...cell, text: ` ${cell.text}` })
  return {
    ...column,
    heading: column.heading.map((line) => ` ${line}`),
    cells: column.cells.map(shifted),
    footer: column.footer && shifted(column.footer),
  }
}

const notBegun = ''
const noRate = '-'

function tileColumn({ rate, users, complete }: HeatWindow, heading: readonly string[]): TableLayoutColumn {
  const digits = rate.values.map((value, row) => {
    if (value !== null) return human(value, 'rate', false)
    return (users?.values[row] ?? null) === null ? notBegun : noRate
  })
  const footerDigits = rate.footer === undefined ? [] : [human(rate.footer, 'rate', false)]
  const width = largest([...digits, ...footerDigits].map((text) => text.length))
  const isOpen = (value: unknown, text: string) => value === false && text !== notBegun && text !== noRate
  const hasMarks = digits.some((text, row) => isOpen(complete?.values[row], text))
  const tile = (value: unknown, text: string, flag: unknown, style: string | undefined): GridCell => ({
    text: text === notBegun ? '' : ` ${text.padStart(width)}`,
    style: typeof value === 'number' ? heatStyle(value) : style,
    tail: isOpen(flag, text) ? incompleteMark : hasMarks ? ' ' : '',
  })
  return {
    heading: [heading.join(' ')],
    narrowHeading: heading,
    align: 'right',
    cells: digits.map((text, row) => tile(rate.values[row], text, complete?.values[row], undefined)),
    footer: footerDigits[0] === undefined ? undefined : tile(rate.footer, footerDigits[0], complete?.footer, boldStyle),
    isCuttable: false,
  }
}

function legendOf(tiles: readonly TableLayoutColumn[]): string[] {
  const cells = tiles.flatMap((column) => [...column.cells, ...(column.footer ? [column.footer] : [])])
  return [
    ...(cells.some(({ tail }) => tail === incompleteMark) ? [`${incompleteMark} ${incompleteText}`] : []),
    ...(cells.some(({ text }) => text === notBegun) ? ['blank: not begun'] : []),
    ...(cells.some(({ text }) => text.trim() === noRate) ? [`${noRate} no rate`] : []),
  ]
}

/**
 * The tile colours from low to high, after viridis, out of the 256 that every terminal emulator has: lighter means more,
 * also for who sees no hues. The digits have their own colour, so that neither a dark nor a light theme matters; each
 * pair has a contrast of at least 4.5 (test/present/tables/heat-map.test.ts).
 */
export const heatColors: readonly { readonly background: number; readonly text: number }[] = [
  ...[53, 54, 24, 25].map((background) => ({ background, text: 231 })),
  ...[30, 36, 72, 77, 148, 220].map((background) => ({ background, text: 16 })),
]

/**
 * The style of a rate. The scale is fixed, so that a rate looks the same in every report; it follows the root of the
 * rate, because most rates of a retention lie below 30%. Zero has no colour.
 */
function heatStyle(rate: number): string | undefined {
  if (!(rate > 0)) return undefined
  const step = Math.min(heatColors.length - 1, Math.floor(Math.sqrt(rate) * heatColors.length))
  const { background, text } = heatColors[step]!
  return `48;5;${background};38;5;${text}`
}
