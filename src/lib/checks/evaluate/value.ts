/**
 * Takes the value that an assertion speaks of out of an answer: picks rows, leaves out or refuses what is not complete,
 * and aggregates. Whether the value is good enough is not its concern.
 */
import { nearest } from '../../core/nearest.js'
import type { Cell, Column, Result, Row } from '../../core/result.js'
import type { Measure } from '../assertion/assertion.js'
import { type Unit, unitOf } from '../assertion/column-units.js'
import { subjectText } from '../assertion/text.js'
import { completeness, daysText } from './completeness.js'
import { compare, type Fraction, fractionOf, meanOf, over, sumOf, zero } from './fraction.js'

/** One row that counts, and its value. */
export interface WindowValue {
  readonly row: Row
  readonly value: Fraction
}

export interface MeasuredValue {
  /** At least one. */
  readonly points: readonly WindowValue[]
  /** Of all points; of `every` and `any` it is the judge who says which one decides. */
  readonly value: Fraction
  readonly unit: Unit
  /** How many users or events stand behind the value; undefined where none can be told. */
  readonly weight: Fraction | undefined
}

/** Why there is no value, as a part of a sentence. */
export interface MissingValue {
  readonly unknown: string
}

/**
 * The value of a measure in an answer.
 *
 * Rows of dates must be complete, all that are used; of lists (retention) the elements that are not are left out, and of
 * an answer without dates the whole range must be complete. Cells without a number are left out where there are no dates.
 *
 * @param subject one that fits the columns of the answer
 * @example
 * measuredValue(parseAssertion('sum(value) > 0').subject, answer) // { value: 120/1, unit: 'count', … }
 */
export function measuredValue(subject: Measure, answer: Result): MeasuredValue | MissingValue {
  const problem = rangeProblem(answer)
  if (problem !== undefined) return { unknown: problem }
  const picked = pick(subject, answer)
  if ('unknown' in picked) return picked
  const known = completeness(subject, answer)
  const whole = known.leavesOut ? picked.rows.filter((row) => known.isComplete(row)) : picked.rows
  if (whole.length === 0) return { unknown: `no row of ${subjectText(subject)} is complete yet${known.hint}` }
  // A row that is known whole and has no number, such as the rate of an empty cohort, says nothing.
  const telling = whole.filter((row) => !known.isComplete(row) || cellOf(row, subject) !== null)
  if (telling.length === 0) return { unknown: `${subjectText(subject)} has no value: ${emptyReason(answer, whole)}` }
  const used = usedRows(subject, telling)
  const open = used.find((row) => !known.isComplete(row))
  if (open !== undefined) return { unknown: `${known.nameOf(open)} is not complete yet${known.hint}` }
  return aggregated(
    subject,
    used.map((row) => ({ row, value: fractionIn(cellOf(row, subject)) ?? zero })),
    answer,
  )
}

/** Why nothing can be said about these days at all. */
function rangeProblem({ data, meta, metric }: Result): string | undefined {
  const { from, to, data_from, data_until } = meta as Record<string, string | null | undefined>
  if (from == null || to == null || data_until == null) return 'there are no events yet'
  if (data_from != null && to < data_from) return `${daysText(meta)} is before the data, which begins on ${data_from}`
  if (from > data_until) return `${daysText(meta)} is after the data, which ends on ${data_until}`
  return data.length === 0 ? `${metric} has no rows for ${daysText(meta)}` : undefined
}

/** The rows for which all filters hold. */
function pick(
  { where, aggregate, column, index }: Measure,
  { data, columns }: Result,
): { rows: readonly Row[] } | MissingValue {
  const rows = data.filter((row) =>
    where.every((filter) => isSame(row[filter.column] ?? null, filter.value, columns, filter.column)),
  )
  if (rows.length === 0) {
    const filters = where.map((filter) => `${filter.column}=${filter.value}`).join(' and ')
    const [only] = where
    const known = only === undefined ? [] : [...new Set(data.map((row) => String(row[only.column] ?? '')))]
    const meant = where.length === 1 ? nearest(only!.value, known) : undefined
    return { unknown: `no row has ${filters}${meant === undefined ? '' : `; did you mean ${meant}?`}` }
  }
  if (aggregate !== undefined || rows.length === 1) return { rows }
  const measured = index === undefined ? column : `${column}[${index}]`
  const key = columns[0]!.name
  const example = String(rows[0]![key])
  return {
    unknown: `${measured} has ${rows.length} rows: pick one, as in ${measured}[${key}=${example}], or write mean(${measured}) or another aggregate`,
  }
}

function isSame(cell: Cell, value: string, columns: readonly Column[], name: string): boolean {
  if (cell === null) return false
  switch (columns.find((column) => column.name === name)?.kind) {
    case 'count':
      return cell === Number(value)
    case 'instant':
      return cell === value || Date.parse(String(cell)) === Date.parse(value)
    default:
      return String(cell) === value
  }
}

function usedRows({ aggregate }: Measure, rows: readonly Row[]): readonly Row[] {
  if (aggregate === 'first') return rows.slice(0, 1)
  return aggregate === 'last' ? rows.slice(-1) : rows
}

/** What a row has in the measured column; rows alone are counted without one. */
function cellOf(row: Row, { column, index }: Measure): number | boolean | string | null {
  if (column === '') return 1
  const cell = row[column] ?? null
  if (index === undefined) return typeof cell === 'object' ? null : cell
  return Array.isArray(cell) ? (cell[index] ?? null) : null
}

function emptyReason({ columns }: Result, rows: readonly Row[]): string {
  const isOfNobody =
    columns.some(({ kind }) => kind === 'rate' || kind === 'rates') &&
    rows.every((row) => (row.size ?? row.users) === 0)
  return isOfNobody ? 'it cannot divide by 0, there are no users' : 'it is empty in every row'
}

function aggregated(subject: Measure, points: readonly WindowValue[], answer: Result): MeasuredValue {
  const unit = unitOfValue(subject, answer)
  const column = answer.columns.find(({ name }) => name === subject.column)
  const isWeighted = subject.aggregate === 'mean' && column?.kind === 'rates'
  return {
    points,
    unit,
    value: isWeighted ? weightedMean(subject, points) : combined(subject, points),
    weight: weightOf(subject, points, unit, answer),
  }
}

/** In what a measure is counted. */
export function unitOfValue({ aggregate, column: measured }: Measure, { columns }: Result): Unit {
  const column = aggregate === 'count' ? undefined : columns.find(({ name }) => name === measured)
  return (column && unitOf(column)) ?? 'count'
}

function combined({ aggregate }: Measure, points: readonly WindowValue[]): Fraction {
  const values = points.map(({ value }) => value)
  switch (aggregate) {
    case 'count':
      return fractionOf(points.length)
    case 'sum':
      return sumOf(values)
    case 'mean':
      return meanOf(values)
    case 'min':
      return values.reduce((least, value) => (compare(value, least) < 0 ? value : least))
    case 'max':
      return values.reduce((most, value) => (compare(value, most) > 0 ? value : most))
    default:
      return values[0]!
  }
}

/** As the mean row of a retention: all returned users of the cohorts, of all their users. */
function weightedMean(subject: Measure, points: readonly WindowValue[]): Fraction {
  const users = points.map(({ row }) => fractionOf(cellOf(row, { ...subject, column: 'users' }) as number))
  return over(sumOf(users), sumOf(points.map(({ row }) => fractionOf(row.size as number))))
}

/**
 * How many users or events a value is made of: for a count the value itself; for a mean of rates of cohorts all their
 * users, for other rates and times the users or events of the smallest row; a number of rows has none.
 */
function weightOf(subject: Measure, points: readonly WindowValue[], unit: Unit, answer: Result): Fraction | undefined {
  if (subject.aggregate === 'count') return undefined
  if (unit === 'count') return combined(subject, points)
  const wholes = points.map(({ row }) => wholeOf(subject, row, answer)).filter((whole) => whole !== undefined)
  if (wholes.length === 0) return undefined
  const isPooled = subject.aggregate === 'mean' && subject.index !== undefined
  return isPooled ? sumOf(wholes) : wholes.reduce((least, whole) => (compare(whole, least) < 0 ? whole : least))
}

/** Of what a rate is a part, or how many users a time is that of: retention, funnel, top events. */
function wholeOf({ column }: Measure, row: Row, { data, columns }: Result): Fraction | undefined {
  if (columns.some(({ name }) => name === 'size')) return fractionIn(row.size)
  if (column === 'share') {
    const [events, share] = [fractionIn(row.events), fractionIn(row.share)]
    return events === undefined || share === undefined || share.top === 0n ? undefined : over(events, share)
  }
  return fractionIn(column.endsWith('_seconds') ? row.users : data[0]!.users)
}

function fractionIn(cell: Cell | undefined): Fraction | undefined {
  if (typeof cell === 'number') return fractionOf(cell)
  const [, sign = '', whole, part = ''] = (typeof cell === 'string' && decimal.exec(cell)) || []
  return whole === undefined ? undefined : { top: BigInt(sign + whole + part), bottom: 10n ** BigInt(part.length) }
}

/** A number with more digits than JavaScript has. */
const decimal = /^(-?)(\d+)(?:\.(\d+))?$/
