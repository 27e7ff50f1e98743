/**
 * Numbers over time, found in a Result by its columns: dates first, then counts, or dates, keys and one count (a trend),
 * and a flag that says which rows are complete. Of a trend it makes one column for each key; of each column a sparkline.
 */

import { cutTo, textWidth } from '../../core/text-width.js'
import { amountOf, type FlatColumn, human, isQuantity, type Scalar, visible } from './cell-text.js'
import type { Glyphs } from './glyphs.js'
import { largest } from './grid.js'

/** Whether the rows are points in time. */
export function isSeries(columns: readonly FlatColumn[]): boolean {
  const first = columns[0]?.kind
  return (first === 'date' || first === 'instant') && columns.slice(1).some(({ kind }) => isQuantity(kind))
}

/** For each row whether its numbers will not change any more, as its column says; without one they all will not. */
export function completeRows(columns: readonly FlatColumn[]): boolean[] {
  const flags = columns.find(({ kind }) => kind === 'flag')
  return columns[0]!.values.map((_, row) => flags?.values[row] !== false)
}

/**
 * A long series (`date, key, value`, and a flag that is one for all keys of a date) with a row for each date and a column
 * for each key, both in the order of their first appearance, the flag after them; a pair that is missing is null. With two
 * keys, or several numbers, there is a column for each combination of them. All other keys (a flag `others`) are one more.
 *
 * @returns undefined when the columns are others, or a combination is there twice
 */
export function pivoted(columns: readonly FlatColumn[]): FlatColumn[] | undefined {
  const [dates, ...rest] = columns
  const keys = rest.filter(({ kind }) => kind === 'text')
  const others = rest.find(({ name, kind }) => name === 'others' && kind === 'flag')
  const counts = rest.filter(({ kind }) => isQuantity(kind))
  const flags = rest.filter((column) => column.kind === 'flag' && column !== others)
  const known = keys.length + counts.length + flags.length + (others === undefined ? 0 : 1)
  if (!isSeries(columns) || keys.length === 0 || flags.length > 1 || known < rest.length) return undefined
  const rowOf = new Map([...new Set(dates!.values)].map((date, row) => [date, row]))
  const spread = new Map<string, OpenColumn>()
  const flagOfRow = new Array<Scalar>(rowOf.size).fill(null)
  for (const [index, date] of dates!.values.entries()) {
    const row = rowOf.get(date)!
    const pair = keys.map(({ values }) => values[index]!)
    const isOthers = others?.values[index] === true
    for (const count of counts) {
      const id = JSON.stringify([isOthers, pair, count.name])
      const column = spread.get(id) ?? spreadColumn(count, pair, isOthers, counts.length > 1, rowOf.size)
      if (column.values[row] !== undefined) return undefined
      column.values[row] = count.values[index]!
      spread.set(id, column)
    }
    flagOfRow[row] = flags[0]?.values[index] ?? null
  }
  const whole = [...spread.values()].map((column) => ({
    ...column,
    values: column.values.map((value) => value ?? null),
  }))
  const marked = flags.map((flag) => ({ ...flag, values: flagOfRow }))
  return [{ ...dates!, values: [...rowOf.keys()] }, ...whole, ...marked]
}

/** A column that may have no value yet. */
type OpenColumn = Omit<FlatColumn, 'values'> & { readonly values: (Scalar | undefined)[] }

/** A column for one combination, still without values. */
function spreadColumn(
  count: FlatColumn,
  pair: readonly Scalar[],
  isOthers: boolean,
  isNamed: boolean,
  rows: number,
): OpenColumn {
  const name = isOthers ? 'others' : pair.map((key) => (key === null ? '-' : String(key))).join(', ')
  const key = isOthers || pair.length > 1 || isNamed ? `${name}${isNamed ? ` ${count.name}` : ''}` : pair[0]!
  return {
    ...count,
    name: key === null ? name : String(key),
    key,
    values: new Array<Scalar | undefined>(rows).fill(undefined),
  }
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
  const counts = columns.filter(({ kind }) => isQuantity(kind))
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
  return complete === false ? null : amountOf(value)
}

function sparkline(
  values: readonly Scalar[],
  complete: readonly Scalar[],
  perMark: number,
  peak: number,
  { levels, incomplete }: Glyphs,
): string {
  const level = (mean: number) =>
    levels[mean > 0 && peak > 0 ? Math.max(1, Math.round(Math.min(1, mean / peak) * (levels.length - 1))) : 0]!
  let line = ''
  for (let start = 0; start < values.length; start += perMark) {
    const bucket = values.slice(start, start + perMark)
    const whole = bucket.map((value, at) => wholeValue(value, complete[start + at])).filter((value) => value !== null)
    if (whole.length > 0) line += level(whole.reduce((sum, value) => sum + value, 0) / whole.length)
    else line += bucket.every((value) => value === null) ? ' ' : incomplete
  }
  return line
}
