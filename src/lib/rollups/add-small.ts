/**
 * Adds a handful of user-days to the rollups without temporary tables: what a small commit over HTTP does many times
 * per second. A temp table costs rows in six catalogs, and a few for every commit would bloat them.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Transaction } from '../db/connect.js'
import { addSmallTimes } from './on-demand/user-times.js'
import { allEvents, columns, propertyValues, type RollupTables } from './sql/rollup-tables.js'
import {
  addDaysSql,
  addEventTypesSql,
  growUserDaysSql,
  insertUserDaysSql,
  moveFirstDaysSql,
  upsertSql,
} from './upsert-sql.js'

/** How many new events of a type there are on a day of the reporting zone. */
interface EventTypeDay {
  readonly event_type: string
  readonly day: string
  readonly events: number
}

/** A row of `upsertSmallSql`: a user-day with new events, and its place among the stored ones. */
interface PlacedUserDay {
  readonly user_id: string
  readonly day: string
  readonly events: number
  readonly existed: boolean
  readonly first_day: string
  readonly prev_day: string | null
  readonly follower: string | null
  readonly old_first: string | null
  readonly starts: boolean
}

/** The same for a user-day with a value of a property that has a rollup. */
interface PlacedPropertyUserDay extends PlacedUserDay {
  readonly rollup: number
  readonly value: string
}

/** The time of an event, ISO with its offset and microseconds. */
interface FewTime {
  readonly rollup: number
  readonly user_id: string
  readonly occurred_at: string
}

/** What new events add to the rollups. */
export interface SmallDelta {
  readonly userDays: readonly PlacedUserDay[]
  /** Each event type and day once. */
  readonly types: readonly EventTypeDay[]
  readonly propertyUserDays: readonly PlacedPropertyUserDay[]
  /** Of event types that have a rollup, one for each event. */
  readonly times: readonly FewTime[]
}

/**
 * Finds the place of a handful of user-days.
 *
 * @param userDays a relation with the scope's user columns and `day, events` in the reporting zone, each user and day once
 */
export function upsertSmallSql(
  tx: Transaction,
  scope: RollupTables,
  userDays: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const { user } = scope
  return upsertSql(
    tx,
    scope,
    sql`(
    SELECT ${columns(user)}, day, events, first_value(day) OVER by_day AS first_day, lag(day) OVER by_day AS prev_day,
           lead(day) OVER by_day AS next_day
      FROM ${userDays} WINDOW by_day AS (PARTITION BY ${columns(user)} ORDER BY day))`,
  )
}

/**
 * Adds new events to `user_days`, `days` and `event_type_days`, in one statement unless a user has a new first day; and in
 * one more for each kind of optional rollups. The caller holds the visibility lock, and found the places under it.
 */
export async function addSmall(
  tx: Transaction,
  { userDays, types, propertyUserDays, times }: SmallDelta,
): Promise<void> {
  if (userDays.length === 0) return
  const added = sql`json_to_recordset(${JSON.stringify(types)}::json) AS added (day date, event_type text COLLATE "C",
    events bigint)`
  await addFewUserDays(tx, allEvents, userDays, addEventTypesSql(tx, added))
  if (propertyUserDays.length > 0) await addFewUserDays(tx, propertyValues, propertyUserDays)
  await addSmallTimes(tx, times)
}

/** @param more another statement to run along */
async function addFewUserDays(
  tx: Transaction,
  scope: RollupTables,
  userDays: readonly PlacedUserDay[],
  more = sql`SELECT`,
): Promise<void> {
  const group = scope === propertyValues ? sql`rollup smallint, value text COLLATE "C",` : sql``
  const rows = sql`json_to_recordset(${JSON.stringify(userDays)}::json) AS placed (${group} user_id text COLLATE "C",
    day date, events int, existed bool, first_day date, prev_day date, follower date, old_first date, starts bool)`
  const placed = sql`placed`
  // No row is written by two of these: what grows exists, what is inserted does not.
  const growing = userDays.some((row) => row.existed || row.follower !== null)
    ? sql`growing AS (${growUserDaysSql(tx, scope, placed)}),`
    : sql``
  const fresh = userDays.some((row) => !row.existed)
    ? sql`fresh AS (${insertUserDaysSql(tx, scope, placed, sql``)}),`
    : sql``
  await sql`
    WITH placed AS MATERIALIZED (SELECT * FROM ${rows}), ${growing} ${fresh} dayed AS (${addDaysSql(tx, scope, placed)})
    ${more}`.execute(tx.q)
  // The follower of a new first day has it already; the rows after it do not.
  if (userDays.some((row) => row.starts && row.old_first !== null && row.first_day < row.old_first)) {
    await moveFirstDaysSql(tx, scope, sql`(SELECT * FROM ${rows})`).execute(tx.q)
  }
}
