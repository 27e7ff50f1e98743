/**
 * Adds a prepared delta to the rollups: what completing a batch does, whatever the order in which batches complete.
 * Only the users and days of the delta are touched, and of each user only the rows whose values change.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Transaction } from '../db/connect.js'
import { currentDelta } from './delta.js'
import { addTimes } from './on-demand/user-times.js'
import { isOfEventType } from './sql/on-demand.js'
import { allEvents, columns, daySumsSql, propertyValues, type RollupTables } from './sql/rollup-tables.js'
import { createTableAs, dropTempTables, tempTable } from './sql/temp-tables.js'
import {
  addDaysSql,
  addEventTypesSql,
  growUserDaysSql,
  insertUserDaysSql,
  moveFirstDaysSql,
  upsertSql,
} from './upsert-sql.js'

/** From this many new rows on, reading all of them is slow enough that the index on `day` must be able to skip some. */
const clusterFromRows = 2_000_000

/**
 * Adds the delta of `prepareDelta` to `user_days`, `days` and `event_type_days`, and to the optional rollups. The caller
 * holds the visibility lock.
 *
 * @example
 * await addDelta(tx) // then: UPDATE import_batches SET status = 'completed', commit
 */
export async function addDelta(tx: Transaction): Promise<void> {
  const delta = await currentDelta(tx)
  if (delta.userDays === 0) return
  // First, because placing a row is cheapest before its day is in `days`.
  if (delta.propertyUserDays > 0) await addUserDays(tx, propertyValues, sql``)
  await addUserDays(tx, allEvents, storageOrder(delta.userDays))
  await addEventTypesSql(tx, sql`pg_temp.ea_delta_types`).execute(tx.q)
  if (delta.optional.some(isOfEventType)) await addTimes(tx)
}

async function addUserDays(tx: Transaction, scope: RollupTables, order: RawBuilder<unknown>): Promise<void> {
  if (await isEmpty(tx, scope)) return addToEmpty(tx, scope, order)
  const { temp } = scope
  const placed = tempTable(temp.placed)
  await dropTempTables(tx, [temp.placed])
  await createTableAs(tx, temp.placed, upsertSql(tx, scope, tempTable(temp.delta)))
  await sql`ANALYZE ${placed}`.execute(tx.q)
  await growUserDaysSql(tx, scope, placed).execute(tx.q)
  await moveFirstDaysSql(tx, scope, placed).execute(tx.q)
  await insertUserDaysSql(tx, scope, placed, order).execute(tx.q)
  await addDaysSql(tx, scope, placed).execute(tx.q)
}

async function isEmpty(tx: Transaction, scope: RollupTables): Promise<boolean> {
  const { rows } = await sql`SELECT FROM ${tx.t[scope.userDays]} LIMIT 1`.execute(tx.q)
  return rows.length === 0
}

/**
 * The order in which new rows of `user_days` are written. The delta is sorted by user, which is the cheapest for the
 * primary key; a big one is written month by month, so that the BRIN index on `day` can skip the months that a question
 * leaves out.
 */
function storageOrder(userDays: number): RawBuilder<unknown> {
  return userDays < clusterFromRows ? sql`` : sql`ORDER BY date_trunc('month', day::timestamp), user_id, day`
}

/** The first load: nothing to look up, the delta's own neighbours are the answer. */
async function addToEmpty(tx: Transaction, scope: RollupTables, order: RawBuilder<unknown>): Promise<void> {
  const delta = tempTable(scope.temp.delta)
  const all = columns([...scope.group, 'day', 'first_day', 'prev_day', 'events', 'user_id'])
  await sql`
    INSERT INTO ${tx.t[scope.userDays]} (${all})
    SELECT ${all} FROM ${delta} ${order}`.execute(tx.q)
  const key = columns([...scope.group, 'day'])
  await sql`
    INSERT INTO ${tx.t[scope.days]} (${key}, active_users, new_users, events)
    ${daySumsSql(scope, delta)} ORDER BY ${key}`.execute(tx.q)
}
