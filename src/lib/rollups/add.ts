/**
 * Adds a prepared delta to the rollups: what completing a batch does, whatever the order in which batches complete.
 * Only the users and days of the delta are touched, and of each user only the rows whose values change.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Transaction } from '../db/connect.js'
import { createTableAs, currentDelta } from './delta.js'
import {
  addDaysSql,
  addEventTypesSql,
  growUserDaysSql,
  insertUserDaysSql,
  moveFirstDaysSql,
  placedSql,
} from './place.js'

/** From this many new rows on, reading all of them is slow enough that the index on `day` must be able to skip some. */
const clusterFromRows = 2_000_000

/**
 * Adds the delta of `prepareDelta` to `user_days`, `days` and `event_type_days`. The caller holds the visibility lock.
 *
 * @example
 * await addDelta(tx) // then: UPDATE import_batches SET status = 'completed', commit
 */
export async function addDelta(tx: Transaction): Promise<void> {
  const delta = await currentDelta(tx)
  if (delta.userDays === 0) return
  if (await isEmpty(tx)) {
    await addToEmpty(tx, delta.userDays)
  } else {
    await sql`DROP TABLE IF EXISTS pg_temp.ea_placed`.execute(tx.q)
    await createTableAs(tx, 'ea_placed', placedSql(tx, sql`pg_temp.ea_delta_user_days`))
    await sql`ANALYZE pg_temp.ea_placed`.execute(tx.q)
    const placed = sql`pg_temp.ea_placed`
    await growUserDaysSql(tx, placed).execute(tx.q)
    await moveFirstDaysSql(tx, placed).execute(tx.q)
    await insertUserDaysSql(tx, placed, storageOrder(delta.userDays)).execute(tx.q)
    await addDaysSql(tx, placed).execute(tx.q)
  }
  await addEventTypesSql(tx, sql`pg_temp.ea_delta_types`).execute(tx.q)
}

async function isEmpty(tx: Transaction): Promise<boolean> {
  const { rows } = await sql`SELECT FROM ${tx.t.user_days} LIMIT 1`.execute(tx.q)
  return rows.length === 0
}

/**
 * The order in which new rows are written. The delta is sorted by user, which is the cheapest for the primary key; a big
 * one is written month by month, so that the BRIN index on `day` can skip the months that a question leaves out.
 */
function storageOrder(userDays: number): RawBuilder<unknown> {
  return userDays < clusterFromRows ? sql`` : sql`ORDER BY date_trunc('month', day::timestamp), user_id, day`
}

/** The first load: nothing to look up, the delta's own neighbours are the answer. */
async function addToEmpty(tx: Transaction, userDays: number): Promise<void> {
  await sql`
    INSERT INTO ${tx.t.user_days} (day, first_day, prev_day, events, user_id)
    SELECT day, first_day, prev_day, events, user_id FROM pg_temp.ea_delta_user_days ${storageOrder(userDays)}`.execute(
    tx.q,
  )
  await sql`
    INSERT INTO ${tx.t.days} (day, active_users, new_users, events)
    SELECT day, count(*), count(*) FILTER (WHERE day = first_day), sum(events) FROM pg_temp.ea_delta_user_days
    GROUP BY day ORDER BY day`.execute(tx.q)
}
