/**
 * How many events each user has on each day with each value of a property, as SQL. A value is its text as `->>` gives it:
 * what a segment compares with. Events without one, with JSON null or with a long one have no rows.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Session } from '../../db/connect.js'
import { maxValueCharacters, type PropertyRollup } from './on-demand.js'

/**
 * Groups `rollup, value, user_id, day, events` of some events, in one scan for all rollups.
 *
 * @param events a relation with `user_id, occurred_at, properties`, as written after FROM
 * @param zone the zone of the days: a name, or an interval
 * @param values what an event `e` has: `valuesOf` or `registeredValues`
 */
export function propertyGroupsSql(
  events: RawBuilder<unknown>,
  zone: RawBuilder<unknown>,
  values: RawBuilder<unknown>,
): RawBuilder<unknown> {
  // OFFSET 0 keeps an event's day, and each of its values, from being computed more than once.
  return sql`
      SELECT rollup, value, user_id, day, count(*) AS events
      FROM (SELECT p.rollup, p.value COLLATE "C" AS value, e.user_id, e.day
            FROM (SELECT user_id COLLATE "C" AS user_id, (occurred_at AT TIME ZONE ${zone})::date AS day, properties
                  FROM ${events} OFFSET 0) e
            CROSS JOIN LATERAL ${values} AS p (rollup, value) OFFSET 0) valued
      WHERE ${isInRollup}
      GROUP BY rollup, value, user_id, day`
}

/** The value of a property as text, for segments too; NULL when it is not set. */
export function propertyText(properties: RawBuilder<unknown>, path: readonly string[]): RawBuilder<string | null> {
  // Properties are always an object, so for one key both are the same; the first is a tenth faster.
  return path.length === 1 ? sql`(${properties} ->> ${path[0]}::text)` : sql`(${properties} #>> ${path}::text[])`
}

/** Whether a value has rows; not so for NULL. */
export const isInRollup = sql`char_length(value) <= ${sql.lit(maxValueCharacters)}`

/** The values `(rollup, value)` that an event `e` has of these properties, as written after LATERAL. */
export function valuesOf(rollups: readonly PropertyRollup[]): RawBuilder<unknown> {
  const rows = rollups.map(({ id, path }) => sql`(${id}::smallint, ${propertyText(sql`e.properties`, path)})`)
  return sql`(VALUES ${sql.join(rows)})`
}

/** The same for the properties that are registered in the snapshot of the statement. */
export function registeredValues({ t }: Session): RawBuilder<unknown> {
  return sql`(SELECT o.id, e.properties #>> o.path FROM ${t.optional_rollups} o WHERE o.path IS NOT NULL)`
}
