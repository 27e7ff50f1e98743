/**
 * Adds a prepared delta to the rollups: what completing a batch does, whatever the order in which batches complete.
 * Only the users and days of the delta are touched, and of each user only the rows whose values change.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Transaction } from '../db/connect.js'
import { createTableAs, currentDelta } from './delta.js'

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
    await placeDelta(tx)
    await addUserDays(tx, delta.userDays)
    await addDays(tx)
  }
  await sql`
    INSERT INTO ${tx.t.event_type_days} (day, event_type, events)
    SELECT day, event_type, events FROM pg_temp.ea_delta_types ORDER BY day, event_type
    ON CONFLICT ON CONSTRAINT event_type_days_pkey DO UPDATE SET events = event_type_days.events + excluded.events`.execute(
    tx.q,
  )
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

/**
 * Finds for every row of the delta its place among the stored rows, into the temp table `ea_placed`: whether its
 * user-day `existed`; the `first_day` and `prev_day` that it has from now on; `follower`, the stored day whose
 * `prev_day` it becomes; `old_first`, the first day that its user had until now; `starts`, once per user.
 *
 * One probe of the primary key finds the stored row on or after it, which knows the day before; only behind a user's
 * last day a second one is needed, and only that one behind the last day of all. Sorting delta and stored rows together
 * was never cheaper, even when there are as many of both.
 */
async function placeDelta(tx: Transaction): Promise<void> {
  await sql`DROP TABLE IF EXISTS pg_temp.ea_placed`.execute(tx.q)
  await createTableAs(
    tx,
    'ea_placed',
    sql`
      SELECT d.user_id, d.day, d.events,
             coalesce(after.day = d.day, false) AS existed,
             least(d.first_day, after.first_day, before.first_day) AS first_day,
             greatest(d.prev_day, after.prev_day, before.day) AS prev_day,
             CASE WHEN after.day > d.day AND (d.next_day IS NULL OR d.next_day > after.day) THEN after.day END AS follower,
             coalesce(after.first_day, before.first_day) AS old_first,
             d.prev_day IS NULL AS starts
      FROM pg_temp.ea_delta_user_days d
      LEFT JOIN LATERAL (
        SELECT u.day, u.prev_day, u.first_day FROM ${tx.t.user_days} u
        WHERE u.user_id = d.user_id AND u.day >= d.day AND d.day <= (SELECT max(day) FROM ${tx.t.days})
        ORDER BY u.day LIMIT 1) after ON true
      LEFT JOIN LATERAL (
        SELECT u.day, u.first_day FROM ${tx.t.user_days} u
        WHERE u.user_id = d.user_id AND u.day < d.day AND after.day IS NULL
        ORDER BY u.day DESC LIMIT 1) before ON true`,
  )
  await sql`ANALYZE pg_temp.ea_placed`.execute(tx.q)
}

async function addUserDays(tx: Transaction, userDays: number): Promise<void> {
  // Each row is written once: here those that have an event more or a new row before them, ...
  await sql`
    UPDATE ${tx.t.user_days} u SET events = u.events + c.events, first_day = c.first_day, prev_day = c.prev_day
    FROM (
      SELECT user_id, day, events, first_day, prev_day FROM pg_temp.ea_placed WHERE existed
      UNION ALL
      SELECT user_id, follower, 0, first_day, day FROM pg_temp.ea_placed WHERE follower IS NOT NULL) c
    WHERE u.user_id = c.user_id AND u.day = c.day`.execute(tx.q)
  // ... then what is left of the users whose first day moved down, ...
  await sql`
    UPDATE ${tx.t.user_days} u SET first_day = p.first_day
    FROM pg_temp.ea_placed p
    WHERE p.starts AND p.first_day < p.old_first AND u.user_id = p.user_id AND u.first_day > p.first_day`.execute(tx.q)
  // ... and the new ones. Nobody else writes here, and ON CONFLICT would cost as much again.
  await sql`
    INSERT INTO ${tx.t.user_days} (day, first_day, prev_day, events, user_id)
    SELECT day, first_day, prev_day, events, user_id FROM pg_temp.ea_placed WHERE NOT existed
    ${storageOrder(userDays)}`.execute(tx.q)
}

async function addDays(tx: Transaction): Promise<void> {
  // The sums are made here and not in DO UPDATE: a proposed row with -1 new users would break the table's CHECK.
  await sql`
    WITH changes AS (
      SELECT day, sum(active_users) AS active_users, sum(new_users) AS new_users, sum(events) AS events
      FROM (
        SELECT day, (NOT existed)::int AS active_users, 0 AS new_users, events FROM pg_temp.ea_placed
        UNION ALL
        SELECT first_day, 0, 1, 0 FROM pg_temp.ea_placed WHERE starts AND (old_first IS NULL OR first_day < old_first)
        UNION ALL
        SELECT old_first, 0, -1, 0 FROM pg_temp.ea_placed WHERE starts AND first_day < old_first) parts
      GROUP BY day)
    INSERT INTO ${tx.t.days} (day, active_users, new_users, events)
    SELECT c.day, coalesce(d.active_users, 0) + c.active_users, coalesce(d.new_users, 0) + c.new_users,
           coalesce(d.events, 0) + c.events
    FROM changes c LEFT JOIN ${tx.t.days} d ON d.day = c.day
    ORDER BY c.day
    ON CONFLICT ON CONSTRAINT days_pkey DO UPDATE
    SET active_users = excluded.active_users, new_users = excluded.new_users, events = excluded.events`.execute(tx.q)
}
