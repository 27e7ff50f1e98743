/**
 * Compares the rollups with the events, row by row. One statement, so that rollups, events, batches and the reporting
 * zone are those of one snapshot, also beside an import that completes meanwhile. Writes nothing.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Session } from '../db/connect.js'
import { timesFromEvents } from './on-demand/user-times.js'
import { eventTypeDaysFromEvents, propertyUserDaysFromEvents, userDaysFromEvents } from './sql/completed-events.js'
import {
  allEvents,
  dayColumns,
  daySumsSql,
  propertyValues,
  type RollupTables,
  sameColumns,
  userDayColumns,
} from './sql/rollup-tables.js'

/** The tables that can differ. */
export type RollupTable =
  | 'user_days'
  | 'days'
  | 'event_type_days'
  | 'property_user_days'
  | 'property_days'
  | 'user_times'

/** What a column holds; the times of a user are a list. */
type Stored = string | number | null | readonly string[]

/** A row of a rollup that is not what the events say. */
export interface RollupDifference {
  readonly table: RollupTable
  /** The primary key, such as `{ user_id, day }`; `rollup` is the id of an optional rollup, registered or not. */
  readonly key: Readonly<Record<string, string | number>>
  /** The other columns as they are stored; null: the row is missing. */
  readonly stored: Readonly<Record<string, Stored>> | null
  /** The other columns as they must be; null: the row must not be there. */
  readonly expected: Readonly<Record<string, Stored>> | null
}

/**
 * Recomputes the rollups from the events of completed batches and names each difference, ordered by table and key.
 *
 * @param options.limit the most differences to name; default all
 * @example
 * await verifyRollups(db) // [] when all is well
 */
export async function verifyRollups(session: Session, options: { limit?: number } = {}): Promise<RollupDifference[]> {
  const { t } = session
  const reportingTz = sql`(SELECT reporting_tz FROM ${t.settings})`
  const { rows } = await sql<RollupDifference>`
    WITH true_user_days AS MATERIALIZED (${userDaysFromEvents(session, reportingTz)}),
    true_property_user_days AS MATERIALIZED (${propertyUserDaysFromEvents(session, reportingTz)})
    SELECT * FROM (
    ${scopeDifferences(session, allEvents, sql`true_user_days`)}
    UNION ALL
    ${differences('event_type_days', t.event_type_days, sql`(${eventTypeDaysFromEvents(session, reportingTz)})`, { keys: ['day', 'event_type'], values: ['events'] })}
    UNION ALL
    ${scopeDifferences(session, propertyValues, sql`true_property_user_days`)}
    UNION ALL
    ${differences('user_times', t.user_times, sql`(${timesFromEvents(session)})`, { keys: ['rollup', 'user_id'], values: ['times'] })}
    ) found ORDER BY "table", key::text COLLATE "C"
    LIMIT ${options.limit ?? null}::bigint`.execute(session.q)
  return rows
}

function scopeDifferences(
  { t }: Session,
  scope: RollupTables,
  userDaysFromEvents: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const { userDays, days } = scope
  return sql`
    ${differences(userDays, t[userDays], userDaysFromEvents, userDayColumns(scope))}
    UNION ALL
    ${differences(days, t[days], sql`(${daySumsSql(scope, userDaysFromEvents)})`, dayColumns(scope))}`
}

/** The rows in which a stored and a true relation differ, as JSON for people. */
function differences(
  name: RollupDifference['table'],
  stored: RawBuilder<unknown>,
  expected: RawBuilder<unknown>,
  { keys, values }: { keys: readonly string[]; values: readonly string[] },
): RawBuilder<unknown> {
  const key = keys.map(
    (column) => sql`${sql.lit(column)}, coalesce(${sql.id('stored', column)}, ${sql.id('expected', column)})`,
  )
  const row = (side: string) =>
    sql`CASE WHEN ${sql.id(side, keys[0]!)} IS NOT NULL THEN jsonb_build_object(${sql.join(
      values.map((column) => sql`${sql.lit(column)}, ${sql.id(side, column)}`),
    )}) END`
  const rowOf = (side: string) => sql`(${sql.join(values.map((column) => sql.id(side, column)))})`
  return sql`
    SELECT ${sql.lit(name)} AS "table", jsonb_build_object(${sql.join(key)}) AS key,
           ${row('stored')} AS stored, ${row('expected')} AS expected
    FROM ${stored} stored FULL JOIN ${expected} expected ON ${sameColumns(keys, 'stored', 'expected')}
    WHERE stored.${sql.id(keys[0]!)} IS NULL OR expected.${sql.id(keys[0]!)} IS NULL
       OR ${rowOf('stored')} IS DISTINCT FROM ${rowOf('expected')}`
}
