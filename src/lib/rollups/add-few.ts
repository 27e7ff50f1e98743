/**
 * Adds a handful of user-days to the rollups without temporary tables: what a small commit over HTTP does many times
 * per second. A temp table costs rows in six catalogs, and a few for every commit would bloat them.
 */
import { sql } from 'kysely'
import type { Transaction } from '../db/connect.js'
import { addDays, addEventTypes, growUserDays, insertUserDays, moveFirstDays, placedSql } from './place.js'

/** How many new events a user has on a day of the reporting zone. */
export interface UserDay {
  readonly user_id: string
  readonly day: string
  readonly events: number
}

/** How many new events of a type there are on a day of the reporting zone. */
export interface EventTypeDay {
  readonly event_type: string
  readonly day: string
  readonly events: number
}

/** A row of `placedSql`. */
interface Placed extends UserDay {
  readonly existed: boolean
  readonly first_day: string
  readonly prev_day: string | null
  readonly follower: string | null
  readonly old_first: string | null
  readonly starts: boolean
}

/**
 * Adds new events to `user_days`, `days` and `event_type_days`. The caller holds the visibility lock, and took the days
 * in the zone that the rollups have under it.
 *
 * @param userDays each user and day once
 * @param types each event type and day once
 * @example
 * await addFew(tx, [{ user_id: 'u1', day: '2025-10-06', events: 2 }], [{ event_type: 'login', day: '2025-10-06', events: 2 }])
 */
export async function addFew(
  tx: Transaction,
  userDays: readonly UserDay[],
  types: readonly EventTypeDay[],
): Promise<void> {
  if (userDays.length === 0) return
  const delta = sql`(
    SELECT user_id, day, events, first_value(day) OVER by_day AS first_day, lag(day) OVER by_day AS prev_day,
           lead(day) OVER by_day AS next_day
      FROM json_to_recordset(${JSON.stringify(userDays)}::json) AS r (user_id text COLLATE "C", day date, events int)
    WINDOW by_day AS (PARTITION BY user_id ORDER BY day))`
  const { rows } = await sql<Placed>`${placedSql(tx, delta)}`.execute(tx.q)
  const placed = sql`json_to_recordset(${JSON.stringify(rows)}::json) AS placed (user_id text COLLATE "C", day date,
    events int, existed bool, first_day date, prev_day date, follower date, old_first date, starts bool)`
  if (rows.some((row) => row.existed || row.follower !== null)) await growUserDays(tx, placed)
  if (rows.some((row) => row.starts && row.old_first !== null && row.first_day < row.old_first)) {
    await moveFirstDays(tx, sql`(SELECT * FROM ${placed})`)
  }
  if (rows.some((row) => !row.existed)) await insertUserDays(tx, placed, sql``)
  await addDays(tx, placed)
  await addEventTypes(
    tx,
    sql`json_to_recordset(${JSON.stringify(types)}::json) AS types (day date, event_type text COLLATE "C", events bigint)`,
  )
}
