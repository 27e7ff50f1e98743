/** The marks that a table draws beside the data, for terminals with more than ASCII and for those without. */

export interface Glyphs {
  readonly ellipsis: string
  readonly rule: string
  /** A value of a series that is not whole yet. */
  readonly incomplete: string
  /** From 0 to the largest value. */
  readonly levels: readonly string[]
  /** A bar of so many columns, which may be a fraction; above 0 it is never empty. */
  bar(columns: number): string
}

const unicodeMarks: Glyphs = {
  ellipsis: '…',
  rule: '─',
  incomplete: '░',
  levels: [...'▁▂▃▄▅▆▇█'],
  bar(columns) {
    const eighths = columns > 0 ? Math.max(1, Math.round(columns * 8)) : 0
    const rest = eighths % 8
    return '█'.repeat(Math.floor(eighths / 8)) + (rest > 0 ? String.fromCodePoint(0x2590 - rest) : '')
  },
}

const asciiMarks: Glyphs = {
  ellipsis: '~',
  rule: '-',
  incomplete: '?',
  levels: [...'_.-=+*#@'],
  bar: (columns) => '#'.repeat(columns > 0 ? Math.max(1, Math.round(columns)) : 0),
}

/** @param unicode whether the terminal shows more than ASCII */
export function glyphsFor(unicode = true): Glyphs {
  return unicode ? unicodeMarks : asciiMarks
}
