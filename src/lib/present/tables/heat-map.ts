/**
 * A Result with a list of rates in each row (retention) as a heat map: a line for each row, a tile for each rate. What
 * is not complete is marked, what has not begun is blank.
 */
import type { Column, Result } from '../../core/result.js'
import { type FlatColumn, flatColumns, human, type Scalar, visible } from './cell-text.js'
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

/** A place of a heat map. */
export interface Tile {
  /** Null where there is none. */
  readonly rate: Scalar
  /** Whether its window has not begun. */
  readonly isBlank: boolean
  /** Whether its rate will still change. */
  readonly isOpen: boolean
}

/** A column of tiles: one for each row, and that of the footer. */
export interface TileColumn {
  readonly tiles: readonly Tile[]
  readonly footer: Tile | undefined
}

/** The tiles of a result by window; undefined for one that is not a heat map. */
export function heatTiles(result: Result, flat: readonly FlatColumn[]): TileColumn[] | undefined {
  return heatWindows(result, flat)?.map(({ rate, users, complete }) => ({
    tiles: rate.values.map((value, row) => ({
      rate: value,
      isBlank: value === null && (users?.values[row] ?? null) === null,
      isOpen: value !== null && complete?.values[row] === false,
    })),
    footer:
      rate.footer === undefined
        ? undefined
        : {
            rate: rate.footer,
            isBlank: (users?.footer ?? null) === null,
            isOpen: rate.footer !== null && complete?.footer === false,
          },
  }))
}

/** What the marks of tiles mean. */
export function heatLegend(columns: readonly TileColumn[]): string[] {
  const tiles = columns.flatMap(({ tiles, footer }) => (footer ? [...tiles, footer] : tiles))
  return [
    ...(tiles.some(({ isOpen }) => isOpen) ? [`${incompleteMark} ${incompleteText}`] : []),
    ...(tiles.some(({ isBlank }) => isBlank) ? ['blank: not begun'] : []),
    ...(tiles.some(({ rate, isBlank }) => rate === null && !isBlank) ? ['- no rate'] : []),
  ]
}

/** The heat map; undefined for a result that is none. */
export function heatMap(result: Result, grouped: boolean): TableLayout | undefined {
  const flat = flatColumns(result)
  // Below a rule, a mean that is not there looks as if it was forgotten.
  const columns = heatTiles(result, flat)?.map(({ tiles, footer }) => ({
    tiles,
    footer: footer && { ...footer, isBlank: false },
  }))
  if (columns === undefined || columns.length === 0) return undefined
  const scalars = tableLayoutColumns(
    flat.filter(({ element }) => element === undefined),
    grouped,
  )
  const unit = typeof result.meta.window_type === 'string' ? [visible(result.meta.window_type)] : []
  const laidOut = columns.map((column, index) => layOutTiles(column, [...unit, `${index}`]))
  return { columns: [...scalars.map(indented), ...laidOut], gap: ' ', legend: heatLegend(columns) }
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

function layOutTiles({ tiles, footer }: TileColumn, heading: readonly string[]): TableLayoutColumn {
  const textOf = ({ rate, isBlank }: Tile) => (isBlank ? '' : human(rate, 'rate', false))
  const width = largest([...tiles, ...(footer ? [footer] : [])].map((tile) => textOf(tile).length))
  const hasMarks = tiles.some(({ isOpen }) => isOpen)
  const cell = (tile: Tile, style?: string): GridCell => ({
    text: tile.isBlank ? '' : ` ${textOf(tile).padStart(width)}`,
    style: typeof tile.rate === 'number' ? heatStyle(tile.rate) : style,
    tail: tile.isOpen ? incompleteMark : hasMarks ? ' ' : '',
  })
  return {
    heading: [heading.join(' ')],
    narrowHeading: heading,
    align: 'right',
    cells: tiles.map((tile) => cell(tile)),
    footer: footer && cell(footer, boldStyle),
    isCuttable: false,
  }
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
