/**
 * A Result as a table for people. On a terminal: thousands separators, a bar beside the first count, long texts cut to
 * the width. Piped: plain numbers, nothing cut, no bar.
 */
import { stripVTControlCharacters } from 'node:util'
import Table from 'cli-table3'
import type { Result } from '../result.js'
import { type FlatColumn, flatColumns, human, isNumeric } from './cells.js'
import type { RenderOptions } from './formats.js'

const gap = '  '
const barMaxChars = 24
const textMinChars = 12

/** The table with its heading; a result without rows is one line that says so. */
export function table(result: Result, options: RenderOptions): string {
  if (result.data.length === 0) return 'No rows.\n'
  const columns = flatColumns(result)
  const texts = columns.map((column) => column.values.map((value) => human(value, column.kind, options.isTty)))
  if (options.isTty) cutToWidth(columns, texts, options.width)

  const head = columns.map((column) => paint(column.name, 1, options))
  const rows = result.data.map((_, row) => columns.map((_, index) => texts[index]![row]!))
  const bars = options.isTty ? barsFor(columns, texts, options) : undefined
  if (bars) {
    head.push('')
    for (const [row, cells] of rows.entries()) cells.push(bars[row]!)
  }
  const grid = new Table({
    head,
    chars: borderless,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
    colAligns: columns.map((column) => (isNumeric(column.kind) ? 'right' : 'left')),
  })
  grid.push(...rows)
  return `${grid
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')}\n`
}

const borderless = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: gap,
}

function widthOf(column: FlatColumn, texts: readonly string[]): number {
  return Math.max(column.name.length, ...texts.map((text) => text.length))
}

function lineWidth(columns: readonly FlatColumn[], texts: readonly string[][]): number {
  const sum = columns.reduce((total, column, index) => total + widthOf(column, texts[index]!), 0)
  return sum + gap.length * (columns.length - 1)
}

/** Cuts the longest text columns until the lines fit, as far as they can; numbers are never cut. */
function cutToWidth(columns: readonly FlatColumn[], texts: string[][], width: number): void {
  for (;;) {
    const over = lineWidth(columns, texts) - width
    if (over <= 0) return
    const widest = columns
      .map((column, index) => ({ index, chars: Math.max(...texts[index]!.map((text) => text.length)), column }))
      .filter(({ column, chars }) => column.kind === 'text' && chars > Math.max(textMinChars, column.name.length))
      .sort((a, b) => b.chars - a.chars)[0]
    if (!widest) return
    const limit = Math.max(textMinChars, widest.column.name.length, widest.chars - over)
    texts[widest.index] = texts[widest.index]!.map((text) =>
      text.length > limit ? `${text.slice(0, limit - 1)}…` : text,
    )
  }
}

/** A bar for each row, as long as its first count is large; undefined when there is no count or no room. */
function barsFor(
  columns: readonly FlatColumn[],
  texts: readonly string[][],
  options: RenderOptions,
): string[] | undefined {
  const counted = columns.filter((column) => column.kind === 'count')
  const room = Math.min(barMaxChars, options.width - lineWidth(columns, texts) - gap.length)
  if (counted.length === 0 || room < 4) return undefined
  const values = counted[0]!.values.map((value) => (typeof value === 'number' ? value : 0))
  const largest = Math.max(...values)
  return values.map((value) => paint(largest > 0 ? bar((value / largest) * room) : '', 36, options))
}

/** Whole blocks and a last one in eighths. */
function bar(chars: number): string {
  const eighths = Math.round(chars * 8)
  const rest = eighths % 8
  return '█'.repeat(Math.floor(eighths / 8)) + (rest > 0 ? String.fromCodePoint(0x2590 - rest) : '')
}

function paint(text: string, style: number, options: RenderOptions): string {
  return options.color && text !== '' ? `\u001b[${style}m${text}\u001b[0m` : stripVTControlCharacters(text)
}
