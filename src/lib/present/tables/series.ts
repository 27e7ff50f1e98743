/**
 * Numbers over time, found in a Result by its columns: dates first, then counts, or dates, keys and one count (a trend),
 * and a flag that says which rows are complete. Of a trend it makes one column for each key; of each column a sparkline.
 */

import { cutTo, textWidth } from '../../core/text-width.js'
import { type FlatColumn, human, type Scalar, visible } from './cell-text.js'
import type { Glyphs } from './glyphs.js'
import { largest } from './grid.js'

/** Whether the rows are points in time. */
export function isSeries(columns: readonly FlatColumn[]): boolean {
  const first = columns[0]?.kind
  return (first === 'date' || first === 'instant') && columns.slice(1).some(({ kind }) => kind === 'count')
}

/** For each row whether its numbers will not change any more, as its column says; without one they all will not. */
export function completeRows(columns: readonly FlatColumn[]): boolean[] {
  const flags = columns.find(({ kind }) => kind === 'flag')
  return columns[0]!.values.map((_, row) => flags?.values[row] !== false)
}

/**
 * A long series (`date, key, value`, and a flag that is one for all keys of a date) with a row for each date and a column
 * for each key, both in the order of their first appearance, the flag after them; a pair that is missing is null.
 *
 * @returns undefined when the columns are others, or a pair stands there twice
 */
export function pivoted(columns: readonly FlatColumn[]): FlatColumn[] | undefined {
  const [dates, keys, counts, flags, ...others] = columns
  if (!isSeries(columns) || keys?.kind !== 'text' || counts?.kind !== 'count' || others.length > 0) return undefined
  if (flags !== undefined && flags.kind !== 'flag') return undefined
  const rowOf = new Map([...new Set(dates!.values)].map((date, row) => [date, row]))
  const byKey = new Map<Scalar, (Scalar | undefined)[]>()
  const flagOfRow = new Array<Scalar>(rowOf.size).fill(null)
  for (const [index, key] of keys.values.entries()) {
    const row = rowOf.get(dates!.values[index]!)!
    const values = byKey.get(key) ?? new Array<Scalar | undefined>(rowOf.size).fill(undefined)
    if (values[row] !== undefined) return undefined
    values[row] = counts.values[index]!
    byKey.set(key, values)
    flagOfRow[row] = flags?.values[index] ?? null
  }
  const spread = [...byKey].map(([key, values]) => ({
    ...counts,
    name: key === null ? '-' : String(key),
    values: values.map((value) => value ?? null),
  }))
  const marked = flags === undefined ? [] : [{ ...flags, values: flagOfRow }]
  return [{ ...dates!, values: [...rowOf.keys()] }, ...spread, ...marked]
}

export interface Sparklines {
  /** One for each column of counts, the first ones when there are many. */
  readonly lines: readonly string[]
  /** How to read them. */
  readonly notes: readonly string[]
}

const gap = '  '
const minPoints = 3
const minColumns = 8
const maxLines = 20

/**
 * A sparkline for each column of counts, each from 0 to its own largest value, which stands beside it. Zero has the
 * lowest mark and nothing else has it; an incomplete value has a mark of its own, because a day that has just begun is no
 * fall; null is blank. With more values than room a mark is the mean of as many consecutive ones as it takes, and the
 * line below says so: a mean can hide a peak but does not invent one.
 *
 * @param columns as `pivoted` or `flatColumns` give them
 * @param width columns of the terminal
 * @returns the lines, and what to know about them; none when there are too few points or too little room
 */
export function sparklines(columns: readonly FlatColumn[], width: number, marks: Glyphs): Sparklines | undefined {
  const rows = columns[0]?.values.length ?? 0
  if (rows < minPoints || !isSeries(columns)) return undefined
  const complete = completeRows(columns)
  const counts = columns.filter(({ kind }) => kind === 'count')
  const drawn = counts.slice(0, maxLines)
  const labelMax = Math.max(minColumns, Math.floor(width / 3))
  const labels = drawn.map(({ name }) => cutTo(visible(name), labelMax, marks.ellipsis))
  const peaks = drawn.map(({ values }) => largest(values.map((value, row) => wholeValue(value, complete[row]) ?? 0)))
  const tails = peaks.map((peak) => `max ${human(peak, 'count', true)}`)
  const labelWidth = largest(labels.map(textWidth))
  const room = width - labelWidth - largest(tails.map((tail) => tail.length)) - 2 * gap.length
  if (room < minColumns) return undefined
  const perMark = Math.ceil(rows / room)
  const drawings = drawn.map(({ values }, index) => sparkline(values, complete, perMark, peaks[index]!, marks))
  const lines = labels.map(
    (label, index) => label + ' '.repeat(labelWidth - textWidth(label)) + gap + drawings[index]! + gap + tails[index]!,
  )
  const notes = [
    drawn.length > 1 ? 'each from 0 to its own max' : 'from 0 to max',
    ...(perMark > 1 ? [`a mark is the mean of ${perMark} rows`] : []),
    ...(drawings.some((drawing) => drawing.includes(marks.incomplete)) ? [`${marks.incomplete} not complete`] : []),
    ...(counts.length > drawn.length ? [`the first ${drawn.length} of ${counts.length}`] : []),
  ]
  return { lines, notes }
}

/** A value that will not change any more. */
function wholeValue(value: Scalar, complete: Scalar | undefined): number | null {
  return typeof value === 'number' && complete !== false ? value : null
}

function sparkline(
  values: readonly Scalar[],
  complete: readonly Scalar[],
  perMark: number,
  peak: number,
  { levels, incomplete }: Glyphs,
): string {
  const level = (mean: number) => levels[mean > 0 ? Math.max(1, Math.round((mean / peak) * (levels.length - 1))) : 0]!
  let line = ''
  for (let start = 0; start < values.length; start += perMark) {
    const bucket = values.slice(start, start + perMark)
    const whole = bucket.map((value, at) => wholeValue(value, complete[start + at])).filter((value) => value !== null)
    if (whole.length > 0) line += level(whole.reduce((sum, value) => sum + value, 0) / whole.length)
    else line += bucket.every((value) => value === null) ? ' ' : incomplete
  }
  return line
}
