/**
 * Segments that an optional rollup of a property holds: what `user_days` and `days` are for all events, kept for each of
 * its values. A stat that reads those two then reads them of the segments alone, and needs to know no more than that.
 */
import { sql } from 'kysely'
import type { TableNames } from '../../db/tables.js'
import { isOfProperty, maxValueCharacters, type OnDemandRollup } from '../../rollups/sql/on-demand.js'
import type { Condition } from './filter.js'

/**
 * Whether `rollupTablesOf` has `user_days` and `days` of just the events for which all conditions hold.
 *
 * @example
 * areInRollups(parseSegment('properties.country:UA'), [{ id: 1, kind: 'property', path: ['country'] }]) // true
 */
export function areInRollups(conditions: readonly Condition[], rollups: readonly OnDemandRollup[]): boolean {
  return conditions.length === 0 || holderOf(conditions, rollups) !== undefined
}

/**
 * The tables with `user_days` and `days` of the segments in place of those of all events, where they are held. They are
 * subqueries, which need no alias in FROM from PostgreSQL 16 on, and which the planner takes for the table below them.
 */
export function rollupTablesOf(
  t: TableNames,
  conditions: readonly Condition[],
  rollups: readonly OnDemandRollup[],
): TableNames {
  const holder = holderOf(conditions, rollups)
  if (holder === undefined) return t
  const isOfSegment = sql`rollup = ${holder.rollup} AND value = ${holder.value}`
  return {
    ...t,
    user_days: sql`(SELECT day, first_day, prev_day, events, user_id FROM ${t.property_user_days} WHERE ${isOfSegment})`,
    days: sql`(SELECT day, active_users, new_users, events FROM ${t.property_days} WHERE ${isOfSegment})`,
  }
}

/** The rollup, and the value in it, of the events for which all conditions hold. */
function holderOf(
  [condition, ...others]: readonly Condition[],
  rollups: readonly OnDemandRollup[],
): { rollup: number; value: string } | undefined {
  if (condition === undefined || others.length > 0) return undefined
  const { field, operator, values } = condition
  const [value, ...otherValues] = values
  if (field.kind !== 'property' || operator !== '=' || value === undefined || otherValues.length > 0) return undefined
  // Longer values are not kept. Characters as PostgreSQL counts them: `length` counts some twice.
  if ([...value].length > maxValueCharacters) return undefined
  const rollup = rollups.filter(isOfProperty).find(({ path }) => isSamePath(path, field.path))
  return rollup && { rollup: rollup.id, value }
}

/** Whether two paths lead to the same property. */
export function isSamePath(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((key, index) => key === other[index])
}
