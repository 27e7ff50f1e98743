/** What surrounds the marks of a chart: the legend above, the notes below. */

import { cutTo, packed, textWidth, wrapped } from '../../core/text-width.js'
import { glyphsFor } from '../tables/glyphs.js'
import { paint } from '../tables/grid.js'
import { dimStyle } from './canvas.js'
import type { ChartOptions } from './size.js'

export interface LegendEntry {
  /** The mark of the series. */
  readonly swatch: string
  readonly style: string
  /** Cut where it is wide. */
  readonly name: string
  readonly tail: string
}

const gap = '   '

/** Entries side by side, as many in a line as fit. */
export function legendLines(entries: readonly LegendEntry[], { width, color, unicode }: ChartOptions): string[] {
  const { ellipsis } = glyphsFor(unicode)
  const lines: string[] = []
  let used = 0
  for (const { swatch, style, name, tail } of entries) {
    const room = Math.min(Math.floor(width / 2), width - textWidth(swatch) - tail.length - 2)
    const text = [cutTo(name, room, ellipsis), tail].filter((part) => part !== '').join(' ')
    const painted = `${paint(swatch, color ? style : undefined)} ${text}`
    const columns = textWidth(swatch) + 1 + textWidth(text)
    if (lines.length > 0 && used + gap.length + columns <= width) {
      lines[lines.length - 1] += gap + painted
      used += gap.length + columns
    } else {
      lines.push(painted)
      used = columns
    }
  }
  return lines
}

/** Notes in one line, or in as many as it takes. */
export function noteLines(notes: readonly string[], { width, color }: ChartOptions): string[] {
  const lines = packed(notes, '; ', width).flatMap((line) => wrapped(line, width))
  return lines.map((line) => paint(line, color ? dimStyle : undefined))
}
