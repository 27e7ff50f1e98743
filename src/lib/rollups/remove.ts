/**
 * Takes a prepared delta out of the rollups: what undoing a batch does. Rows that reach 0 vanish; of the users who lost
 * a day, the previous day of what follows and the first day are fixed.
 */
import { sql } from 'kysely'
import type { Transaction } from '../db/connect.js'
import { currentDelta } from './delta.js'
import { removeTimes } from './on-demand/user-times.js'
import { assertConsistent } from './sql/assert-consistent.js'
import { isOfEventType } from './sql/on-demand.js'
import { allEvents, columns, propertyValues, type RollupTables, sameColumns } from './sql/rollup-tables.js'
import { createTableAs, dropTempTables, tempTable } from './sql/temp-tables.js'

/**
 * Takes the delta of `prepareDelta` out of `user_days`, `days` and `event_type_days`, and out of the optional rollups.
 * The batch is completed, so its events are in them. The caller holds the visibility lock and removes the events
 * afterwards.
 *
 * @throws EaError `rollups_differ` when the rollups lack what should be taken out
 * @example
 * await removeDelta(tx) // then: DELETE the events, UPDATE import_batches SET status = 'undone', commit
 */
export async function removeDelta(tx: Transaction): Promise<void> {
  const delta = await currentDelta(tx)
  if (delta.userDays === 0) return
  await takeUserDays(tx, allEvents, delta.userDays)
  if (delta.propertyUserDays > 0) await takeUserDays(tx, propertyValues, delta.propertyUserDays)
  await removeEventTypeDays(tx)
  if (delta.optional.some(isOfEventType)) await removeTimes(tx)
}

async function takeUserDays(tx: Transaction, scope: RollupTables, expected: number): Promise<void> {
  await dropTempTables(tx, [scope.temp.taken, scope.temp.gaps])
  await findTaken(tx, scope, expected)
  await findGaps(tx, scope)
  await removeUserDays(tx, scope)
  await removeDays(tx, scope)
}

/** The stored rows of the delta's user-days, into a temp table; `gone` are those of which nothing is left. */
async function findTaken(tx: Transaction, { user, userDays, temp }: RollupTables, expected: number): Promise<void> {
  const taken = await createTableAs(
    tx,
    temp.taken,
    sql`
      SELECT ${columns(user, 'd')}, d.day, d.events, u.first_day, u.prev_day, u.events = d.events AS gone
      FROM ${tempTable(temp.delta)} d JOIN ${tx.t[userDays]} u ON ${sameColumns(user, 'u', 'd')} AND u.day = d.day
      WHERE u.events >= d.events`,
  )
  assertConsistent(userDays, taken, expected)
  await sql`ANALYZE ${tempTable(temp.taken)}`.execute(tx.q)
}

/**
 * The runs of neighbouring rows that go, into a temp table: the stored day before the run (null: none) and the one that
 * follows it (null: none). A run ends where the next gone row has a previous day that stays, so what follows it stays.
 *
 * ```sql
 * SELECT run.user_id, run.first_day, run.before, follower.day AS follower
 *   FROM (
 *     SELECT user_id, day, first_day, max(prev_day) FILTER (WHERE opens) OVER by_day AS before, … AS closes
 *       FROM (SELECT …, prev_day IS DISTINCT FROM lag(day) OVER by_day AS opens FROM … WHERE gone …) gone …) run
 *   LEFT JOIN LATERAL (SELECT u.day FROM user_days u WHERE … ORDER BY u.day LIMIT 1) follower ON true
 *  WHERE run.closes
 * ```
 */
async function findGaps(tx: Transaction, { user, userDays, temp }: RollupTables): Promise<void> {
  await createTableAs(
    tx,
    temp.gaps,
    sql`
      SELECT ${columns(user, 'run')}, run.first_day, run.before, follower.day AS follower
      FROM (
        SELECT ${columns(user)}, day, first_day, max(prev_day) FILTER (WHERE opens) OVER by_day AS before,
               coalesce(lead(opens) OVER by_day, true) AS closes
        FROM (
          SELECT ${columns(user)}, day, first_day, prev_day, prev_day IS DISTINCT FROM lag(day) OVER by_day AS opens
          FROM ${tempTable(temp.taken)} WHERE gone
          WINDOW by_day AS (PARTITION BY ${columns(user)} ORDER BY day)) gone
        WINDOW by_day AS (PARTITION BY ${columns(user)} ORDER BY day)) run
      LEFT JOIN LATERAL (
        SELECT u.day FROM ${tx.t[userDays]} u WHERE ${sameColumns(user, 'u', 'run')} AND u.day > run.day
        ORDER BY u.day LIMIT 1) follower ON true
      WHERE run.closes`,
  )
  await sql`ANALYZE ${tempTable(temp.gaps)}`.execute(tx.q)
}

/**
 * ```sql
 * UPDATE user_days u
 *    SET events = u.events - c.events, prev_day = CASE WHEN c.follows THEN c.before ELSE u.prev_day END, first_day = …
 *   FROM (SELECT user_id, day, sum(events)::int AS events, bool_or(follows) AS follows, …
 *           FROM (SELECT … WHERE NOT gone UNION ALL SELECT … WHERE follower IS NOT NULL) parts
 *          GROUP BY user_id, day) c
 *  WHERE u.user_id = c.user_id AND u.day = c.day
 * ```
 */
async function removeUserDays(tx: Transaction, { user, userDays, temp }: RollupTables): Promise<void> {
  const table = tx.t[userDays]
  const taken = tempTable(temp.taken)
  const gaps = tempTable(temp.gaps)
  await sql`
    DELETE FROM ${table} u USING ${taken} t
    WHERE t.gone AND ${sameColumns(user, 'u', 't')} AND u.day = t.day`.execute(tx.q)
  // A row may lose events and follow a gap: one update for both.
  await sql`
    UPDATE ${table} u
    SET events = u.events - c.events,
        prev_day = CASE WHEN c.follows THEN c.before ELSE u.prev_day END,
        first_day = coalesce(c.first_day, u.first_day)
    FROM (
      SELECT ${columns(user)}, day, sum(events)::int AS events, bool_or(follows) AS follows, max(before) AS before,
             max(first_day) AS first_day
      FROM (
        SELECT ${columns(user)}, day, events, false AS follows, NULL::date AS before, NULL::date AS first_day
        FROM ${taken} WHERE NOT gone
        UNION ALL
        SELECT ${columns(user)}, follower, 0, true, before, CASE WHEN before IS NULL THEN follower END
        FROM ${gaps} WHERE follower IS NOT NULL) parts
      GROUP BY ${columns(user)}, day) c
    WHERE ${sameColumns(user, 'u', 'c')} AND u.day = c.day`.execute(tx.q)
  // The other rows of the users whose first day is gone.
  await sql`
    UPDATE ${table} u SET first_day = g.follower
    FROM ${gaps} g
    WHERE g.before IS NULL AND g.follower IS NOT NULL AND ${sameColumns(user, 'u', 'g')}
      AND u.first_day < g.follower`.execute(tx.q)
}

async function removeDays(tx: Transaction, scope: RollupTables): Promise<void> {
  const { group, temp } = scope
  const days = tx.t[scope.days]
  const key = [...group, 'day']
  const changes = sql`
    SELECT ${columns(key)}, sum(active_users) AS active_users, sum(new_users) AS new_users, sum(events) AS events
    FROM (
      SELECT ${columns(key)}, gone::int AS active_users, (gone AND day = first_day)::int AS new_users, events
      FROM ${tempTable(temp.taken)}
      UNION ALL
      SELECT ${columns([...group, 'follower'])}, 0, -1, 0 FROM ${tempTable(temp.gaps)}
      WHERE before IS NULL AND follower IS NOT NULL) parts
    GROUP BY ${columns(key)}`
  const { rows } = await sql<{ found: number; expected: number }>`
    WITH changes AS MATERIALIZED (${changes}),
    gone AS (
      DELETE FROM ${days} d USING changes c WHERE ${sameColumns(key, 'd', 'c')} AND d.active_users <= c.active_users
      RETURNING 1),
    kept AS (
      UPDATE ${days} d
      SET active_users = d.active_users - c.active_users, new_users = d.new_users - c.new_users,
          events = d.events - c.events
      FROM changes c WHERE ${sameColumns(key, 'd', 'c')} AND d.active_users > c.active_users
      RETURNING 1)
    SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM kept) AS found,
           (SELECT count(*) FROM changes) AS expected`.execute(tx.q)
  assertConsistent(scope.days, rows[0]!.found, rows[0]!.expected)
}

async function removeEventTypeDays(tx: Transaction): Promise<void> {
  const { rows } = await sql<{ found: number; expected: number }>`
    WITH gone AS (
      DELETE FROM ${tx.t.event_type_days} e USING pg_temp.ea_delta_types c
      WHERE e.day = c.day AND e.event_type = c.event_type AND e.events = c.events
      RETURNING e.day),
    kept AS (
      UPDATE ${tx.t.event_type_days} e SET events = e.events - c.events
      FROM pg_temp.ea_delta_types c
      WHERE e.day = c.day AND e.event_type = c.event_type AND e.events > c.events
      RETURNING e.day)
    SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM kept) AS found,
           (SELECT count(*) FROM pg_temp.ea_delta_types) AS expected`.execute(tx.q)
  assertConsistent('event_type_days', rows[0]!.found, rows[0]!.expected)
}
