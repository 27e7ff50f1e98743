/** A rectangle of terminal cells to draw on, each one column wide, and the styles of what is drawn. */
import { paint } from '../tables/grid.js'

interface CanvasCell {
  readonly char: string
  /** SGR parameters. */
  readonly style?: string | undefined
}

/** Rows from top to bottom. */
export type Canvas = CanvasCell[][]

const blank: CanvasCell = { char: ' ' }

/** An empty canvas. */
export function blankCanvas(widthColumns: number, heightRows: number): Canvas {
  return Array.from({ length: heightRows }, () => new Array<CanvasCell>(widthColumns).fill(blank))
}

/** Its lines, with one escape sequence for each run of cells of one style. */
export function canvasLines(canvas: Canvas, color: boolean): string[] {
  return canvas.map((row) => {
    let line = ''
    for (let start = 0; start < row.length; ) {
      let end = start
      while (end < row.length && row[end]!.style === row[start]!.style) end++
      const text = row.slice(start, end).map(({ char }) => char)
      line += paint(text.join(''), color ? row[start]!.style : undefined)
      start = end
    }
    return line.trimEnd()
  })
}

/**
 * The styles of several series, out of the 256 colours that every terminal emulator has: each has a contrast of at least
 * 3 on black and on white (test/present/terminal-charts/lines.test.ts), so neither a dark nor a light theme matters.
 */
export const seriesColors: readonly number[] = [31, 166, 98, 64, 161, 136, 30, 133, 94, 102]

/** The style of the series of this index. */
export function seriesStyle(index: number): string {
  return `38;5;${seriesColors[index % seriesColors.length]}`
}

/** The style of what explains: notes, axes. */
export const dimStyle = '2'
