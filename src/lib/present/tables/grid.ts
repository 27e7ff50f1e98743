/** Rows of cells as aligned lines without borders, in any script. */
import { textWidth } from '../../core/text-width.js'

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

/**
 * The lines of a table, without spaces at their ends.
 *
 * @param columns all of the same length, none of their texts with line breaks
 * @param gap what stands between two columns
 * @param color whether styles become escape sequences
 */
export function gridLines(columns: readonly GridColumn[], gap: string, color: boolean): string[] {
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
