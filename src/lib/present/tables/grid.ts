/**
 * Rows of cells as aligned lines without borders. cli-table3 lays out an ordinary table. It costs half a millisecond a
 * row and measures fewer scripts than `text-width.ts` does, so long tables and unusual texts are padded here instead; the
 * lines are the same (test/present/tables/grid.test.ts).
 */
import Table from 'cli-table3'
import { isAscii, textWidth } from '../../core/text-width.js'

export interface GridCell {
  readonly text: string
  /** SGR parameters for the text: `1` is bold. */
  readonly style?: string | undefined
  /** Plain text that follows the styled one. */
  readonly tail?: string | undefined
}

export interface GridColumn {
  readonly align: 'left' | 'right'
  readonly cells: readonly GridCell[]
}

/** Rows up to which cli-table3 is quick enough. */
export const cliTableMaxRows = 200

/**
 * The lines of a table, without spaces at their ends.
 *
 * @param columns all of the same length, none of their texts with line breaks
 * @param gap what stands between two columns
 * @param color whether styles become escape sequences
 */
export function gridLines(columns: readonly GridColumn[], gap: string, color: boolean): string[] {
  const rows = columns[0]?.cells.length ?? 0
  const isOrdinary =
    rows <= cliTableMaxRows && columns.every(({ cells }) => cells.every(({ text }) => isMeasurable(text)))
  return isOrdinary ? cliTableLines(columns, gap, color) : paddedLines(columns, gap, color)
}

/** Texts of which cli-table3 knows the width as well: ASCII and the marks of `glyphs.ts`. */
function isMeasurable(text: string): boolean {
  return isAscii(text) || /^[\u0020-\u007e\u2026\u2500\u2580-\u2593]*$/.test(text)
}

/** The lines as cli-table3 lays them out. */
export function cliTableLines(columns: readonly GridColumn[], gap: string, color: boolean): string[] {
  const grid = new Table({
    chars: { ...borderless, middle: gap },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
    colAligns: columns.map(({ align }) => align),
  })
  const rows = columns[0]?.cells.length ?? 0
  for (let row = 0; row < rows; row++) grid.push(columns.map(({ cells }) => painted(cells[row]!, color)))
  return grid
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
}

const borderless = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid', 'right-mid', 'left-mid', 'mid-mid']
    .concat(['top-mid', 'top-left', 'top-right', 'bottom-mid', 'bottom-left', 'bottom-right'])
    .map((side) => [side, '']),
)

/** The same lines, padded here. */
export function paddedLines(columns: readonly GridColumn[], gap: string, color: boolean): string[] {
  const lines = new Array<string>(columns[0]?.cells.length ?? 0).fill('')
  for (const [index, { align, cells }] of columns.entries()) {
    const widths = cells.map(cellWidth)
    const width = Math.max(1, largest(widths))
    for (const [row, cell] of cells.entries()) {
      const space = ' '.repeat(width - widths[row]!)
      const text = painted(cell, color)
      lines[row] += (index === 0 ? '' : gap) + (align === 'right' ? space + text : text + space)
    }
  }
  return lines.map((line) => line.trimEnd())
}

/** Terminal columns of a cell. */
export function cellWidth({ text, tail }: GridCell): number {
  return textWidth(text) + (tail?.length ?? 0)
}

/** The largest of numbers, 0 when there are none; Math.max would take them all as arguments, and too many overflow. */
export function largest(values: Iterable<number>): number {
  let found = 0
  for (const value of values) if (value > found) found = value
  return found
}

function painted({ text, style, tail = '' }: GridCell, color: boolean): string {
  return paint(text, color ? style : undefined) + tail
}

/** Text between an escape sequence for `style` and one that ends it; spaces at its end stay outside, to be trimmed. */
export function paint(text: string, style: string | undefined): string {
  const shown = text.trimEnd()
  return style === undefined || shown === '' ? text : `\u001b[${style}m${shown}\u001b[0m${text.slice(shown.length)}`
}
