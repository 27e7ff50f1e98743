/**
 * Takes a prepared delta out of the rollups: what undoing a batch does. Rows that reach 0 vanish; of the users who lost
 * a day, the previous day of what follows and the first day are mended.
 */
import { sql } from 'kysely'
import type { Transaction } from '../db/connect.js'
import { EaError } from '../errors.js'
import { createTableAs, currentDelta } from './delta.js'

/**
 * Takes the delta of `prepareDelta` out of `user_days`, `days` and `event_type_days`. The batch is completed, so its
 * events are in them. The caller holds the visibility lock and removes the events afterwards.
 *
 * @throws EaError `rollups_differ` when the rollups lack what should be taken out
 * @example
 * await removeDelta(tx) // then: DELETE the events, UPDATE import_batches SET status = 'undone', commit
 */
export async function removeDelta(tx: Transaction): Promise<void> {
  const delta = await currentDelta(tx)
  if (delta.userDays === 0) return
  await sql`DROP TABLE IF EXISTS pg_temp.ea_taken, pg_temp.ea_gaps`.execute(tx.q)
  await findTaken(tx, delta.userDays)
  await findGaps(tx)
  await removeUserDays(tx)
  await removeDays(tx)
  await removeEventTypeDays(tx)
}

/** The stored rows of the delta's user-days, into `ea_taken`; `gone` are those of which nothing is left. */
async function findTaken(tx: Transaction, expected: number): Promise<void> {
  const taken = await createTableAs(
    tx,
    'ea_taken',
    sql`
      SELECT d.user_id, d.day, d.events, u.first_day, u.prev_day, u.events = d.events AS gone
      FROM pg_temp.ea_delta_user_days d JOIN ${tx.t.user_days} u ON u.user_id = d.user_id AND u.day = d.day
      WHERE u.events >= d.events`,
  )
  requireAll('user_days', taken, expected)
  await sql`ANALYZE pg_temp.ea_taken`.execute(tx.q)
}

/**
 * The runs of neighbouring rows that go, into `ea_gaps`: the stored day before the run (null: none) and the one that
 * follows it (null: none). A run ends where the next gone row has a previous day that stays, so what follows it stays.
 */
async function findGaps(tx: Transaction): Promise<void> {
  await createTableAs(
    tx,
    'ea_gaps',
    sql`
      SELECT run.user_id, run.first_day, run.before, follower.day AS follower
      FROM (
        SELECT user_id, day, first_day, max(prev_day) FILTER (WHERE opens) OVER by_day AS before,
               coalesce(lead(opens) OVER by_day, true) AS closes
        FROM (
          SELECT user_id, day, first_day, prev_day, prev_day IS DISTINCT FROM lag(day) OVER by_day AS opens
          FROM pg_temp.ea_taken WHERE gone
          WINDOW by_day AS (PARTITION BY user_id ORDER BY day)) gone
        WINDOW by_day AS (PARTITION BY user_id ORDER BY day)) run
      LEFT JOIN LATERAL (
        SELECT u.day FROM ${tx.t.user_days} u WHERE u.user_id = run.user_id AND u.day > run.day
        ORDER BY u.day LIMIT 1) follower ON true
      WHERE run.closes`,
  )
  await sql`ANALYZE pg_temp.ea_gaps`.execute(tx.q)
}

async function removeUserDays(tx: Transaction): Promise<void> {
  await sql`
    DELETE FROM ${tx.t.user_days} u USING pg_temp.ea_taken t
    WHERE t.gone AND u.user_id = t.user_id AND u.day = t.day`.execute(tx.q)
  // A row may lose events and follow a gap: one update for both.
  await sql`
    UPDATE ${tx.t.user_days} u
    SET events = u.events - c.events,
        prev_day = CASE WHEN c.follows THEN c.before ELSE u.prev_day END,
        first_day = coalesce(c.first_day, u.first_day)
    FROM (
      SELECT user_id, day, sum(events)::int AS events, bool_or(follows) AS follows, max(before) AS before,
             max(first_day) AS first_day
      FROM (
        SELECT user_id, day, events, false AS follows, NULL::date AS before, NULL::date AS first_day
        FROM pg_temp.ea_taken WHERE NOT gone
        UNION ALL
        SELECT user_id, follower, 0, true, before, CASE WHEN before IS NULL THEN follower END
        FROM pg_temp.ea_gaps WHERE follower IS NOT NULL) parts
      GROUP BY user_id, day) c
    WHERE u.user_id = c.user_id AND u.day = c.day`.execute(tx.q)
  // The other rows of the users whose first day is gone.
  await sql`
    UPDATE ${tx.t.user_days} u SET first_day = g.follower
    FROM pg_temp.ea_gaps g
    WHERE g.before IS NULL AND g.follower IS NOT NULL AND u.user_id = g.user_id AND u.first_day < g.follower`.execute(
    tx.q,
  )
}

async function removeDays(tx: Transaction): Promise<void> {
  const changes = sql`
    SELECT day, sum(active_users) AS active_users, sum(new_users) AS new_users, sum(events) AS events
    FROM (
      SELECT day, gone::int AS active_users, (gone AND day = first_day)::int AS new_users, events FROM pg_temp.ea_taken
      UNION ALL
      SELECT follower, 0, -1, 0 FROM pg_temp.ea_gaps WHERE before IS NULL AND follower IS NOT NULL) parts
    GROUP BY day`
  const { rows } = await sql<{ found: number; expected: number }>`
    WITH changes AS MATERIALIZED (${changes}),
    gone AS (
      DELETE FROM ${tx.t.days} d USING changes c WHERE d.day = c.day AND d.active_users <= c.active_users
      RETURNING d.day),
    kept AS (
      UPDATE ${tx.t.days} d
      SET active_users = d.active_users - c.active_users, new_users = d.new_users - c.new_users,
          events = d.events - c.events
      FROM changes c WHERE d.day = c.day AND d.active_users > c.active_users
      RETURNING d.day)
    SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM kept) AS found,
           (SELECT count(*) FROM changes) AS expected`.execute(tx.q)
  requireAll('days', rows[0]!.found, rows[0]!.expected)
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
  requireAll('event_type_days', rows[0]!.found, rows[0]!.expected)
}

function requireAll(table: string, found: number, expected: number): void {
  if (found === expected) return
  throw new EaError(
    'rollups_differ',
    `The rollup ${table} lacks ${expected - found} of ${expected} rows that the batch must have in it; nothing was changed.`,
  )
}
