/**
 * Measures as SQL: what is read of each event, the aggregate over it, and what a measure is where there is no event.
 *
 * Each measure has columns of its own, by its number: whether an event counts in it (`is_0`), its number or text (`value_0`),
 * and whether it has a value that is not a number (`odd_0`).
 */
import { type RawBuilder, sql } from 'kysely'
import { fieldSql, notNumberSql, numberSql, selectorSql } from '../filter/filter-sql.js'
import type { EventMeasure } from './measure.js'

/** How a value comes back: `exact` has all its digits. */
export type NumberForm = 'integer' | 'float' | 'exact'

export function formOf({ kind }: EventMeasure): NumberForm {
  if (kind === 'events' || kind === 'unique_users' || kind === 'unique') return 'integer'
  return kind === 'sum' || kind === 'min' || kind === 'max' ? 'exact' : 'float'
}

/** Whether a measure is 0 where there is no event, and not null. */
export function isZeroOfNothing(measure: EventMeasure): boolean {
  return formOf(measure) === 'integer' || measure.kind === 'sum'
}

/** Whether it aggregates numbers, so that other values of its property are left out. */
export function isOfNumbers({ kind, field }: EventMeasure): boolean {
  return field !== undefined && kind !== 'unique'
}

const named = (what: 'is' | 'value' | 'odd', index: number) => sql.id(`${what}_${index}`)

/** What is read of an event for the measure of this number, as items of a SELECT over `events`. */
export function measuredColumns(measure: EventMeasure, index: number): RawBuilder<unknown>[] {
  const { field, selector } = measure
  const counts = selector && selectorSql(selector)
  const where = (value: RawBuilder<unknown>) =>
    counts === undefined ? value : sql`CASE WHEN ${counts} THEN ${value} END`
  return [
    ...(counts === undefined ? [] : [sql`${counts} AS ${named('is', index)}`]),
    ...(field === undefined
      ? []
      : [sql`${where(isOfNumbers(measure) ? numberSql(field) : fieldSql(field))} AS ${named('value', index)}`]),
    ...(isOfNumbers(measure) ? [sql`${where(notNumberSql({ field: field! }))} AS ${named('odd', index)}`] : []),
  ]
}

/** The aggregate over the columns of `measuredColumns` and `user_id`. */
export function aggregateSql({ kind, fraction, selector }: EventMeasure, index: number): RawBuilder<unknown> {
  const only = selector === undefined ? sql`` : sql` FILTER (WHERE ${named('is', index)})`
  const value = named('value', index)
  const users = sql`count(DISTINCT user_id)${only}`
  switch (kind) {
    case 'events':
      return sql`count(*)${only}`
    case 'unique_users':
      return users
    case 'per_user':
      return sql`(count(*)${only})::numeric / nullif(${users}, 0)`
    case 'unique':
      return sql`count(DISTINCT ${value})`
    case 'avg':
      return sql`avg(${value})`
    case 'percentile':
      return sql`percentile_cont(${fraction!}::float8) WITHIN GROUP (ORDER BY ${doubleSql(value)})`
    case 'sum_per_user':
      return sql`sum(${value}) / nullif(${users}, 0)`
    default:
      return sql`${{ sum: sql`sum`, min: sql`min`, max: sql`max` }[kind]}(${value})`
  }
}

/** How many events have a value that is not a number, as an aggregate. */
export function oddValuesSql(index: number): RawBuilder<unknown> {
  return sql`count(*) FILTER (WHERE ${named('odd', index)})`
}

/** The double that is nearest to a numeric; a cast alone refuses what is too large or too small for one. */
function doubleSql(number: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(CASE WHEN abs(${number}) < 1e-300 THEN 0
    WHEN ${number} IS NOT NULL THEN least(greatest(${number}, -1.7e308), 1.7e308) END)::float8`
}

/** The type of the aggregate. */
export function typeOf(measure: EventMeasure): RawBuilder<unknown> {
  if (formOf(measure) === 'integer') return sql`bigint`
  return measure.kind === 'percentile' ? sql`float8` : sql`numeric`
}

/** A value of a measure as numeric, for formulas: a double by its shortest text, because a cast rounds it. */
export function numericSql(measure: EventMeasure, value: RawBuilder<unknown>): RawBuilder<unknown> {
  return measure.kind === 'percentile' ? sql`${value}::text::numeric` : sql`${value}::numeric`
}
