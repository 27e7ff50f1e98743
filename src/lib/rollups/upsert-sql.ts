/**
 * Where the user-days of a delta belong among the stored ones, and the statements that put them there. Each reads its
 * rows from a relation that the caller names: a temp table for a batch, a handful of rows as JSON for a commit over HTTP.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Transaction } from '../db/connect.js'
import { columns, type RollupTables, sameColumns } from './sql/rollup-tables.js'

/**
 * Finds for every row of the delta its place among the stored rows: whether its user-day `existed`; the `first_day` and
 * `prev_day` that it has from now on; `follower`, the stored day whose `prev_day` it becomes; `old_first`, the first day
 * that its user had until now; `starts`, once per user.
 *
 * One probe of the primary key finds the stored row on or after it, which knows the day before; only after a user's
 * last day a second one is needed, and only that one after the last day of all. Sorting delta and stored rows together
 * was never cheaper, even when there are as many of both.
 *
 * No event is on a later day than the last one of `days`, whatever its properties: so that holds in every scope, until
 * the days of the delta are added to `days`.
 *
 * ```sql
 * SELECT d.user_id, d.day, d.events, coalesce(after.day = d.day, false) AS existed,
 *        … AS first_day, … AS prev_day, … AS follower, … AS old_first, d.prev_day IS NULL AS starts
 *   FROM … d
 *   LEFT JOIN LATERAL (SELECT u.day, … FROM user_days u WHERE … u.day >= d.day … LIMIT 1) after ON true
 *   LEFT JOIN LATERAL (SELECT u.day, … FROM user_days u WHERE … u.day < d.day … LIMIT 1) before ON true
 * ```
 *
 * @param delta the scope's user columns, `day, events, first_day, prev_day, next_day`: the last three are neighbours
 *   within the delta
 */
export function upsertSql(tx: Transaction, scope: RollupTables, delta: RawBuilder<unknown>): RawBuilder<unknown> {
  const { user } = scope
  const userDays = tx.t[scope.userDays]
  return sql`
      SELECT ${columns(user, 'd')}, d.day, d.events,
             coalesce(after.day = d.day, false) AS existed,
             least(d.first_day, after.first_day, before.first_day) AS first_day,
             greatest(d.prev_day, after.prev_day, before.day) AS prev_day,
             CASE WHEN after.day > d.day AND (d.next_day IS NULL OR d.next_day > after.day) THEN after.day END AS follower,
             coalesce(after.first_day, before.first_day) AS old_first,
             d.prev_day IS NULL AS starts
      FROM ${delta} d
      LEFT JOIN LATERAL (
        SELECT u.day, u.prev_day, u.first_day FROM ${userDays} u
        WHERE ${sameColumns(user, 'u', 'd')} AND u.day >= d.day AND d.day <= (SELECT max(day) FROM ${tx.t.days})
        ORDER BY u.day LIMIT 1) after ON true
      LEFT JOIN LATERAL (
        SELECT u.day, u.first_day FROM ${userDays} u
        WHERE ${sameColumns(user, 'u', 'd')} AND u.day < d.day AND after.day IS NULL
        ORDER BY u.day DESC LIMIT 1) before ON true`
}

/** Writes the stored rows that have an event more or a new row before them, each once. */
export function growUserDaysSql(
  tx: Transaction,
  scope: RollupTables,
  placed: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const user = columns(scope.user)
  return sql`
    UPDATE ${tx.t[scope.userDays]} u SET events = u.events + c.events, first_day = c.first_day, prev_day = c.prev_day
    FROM (
      SELECT ${user}, day, events, first_day, prev_day FROM ${placed} WHERE existed
      UNION ALL
      SELECT ${user}, follower, 0, first_day, day FROM ${placed} WHERE follower IS NOT NULL) c
    WHERE ${sameColumns(scope.user, 'u', 'c')} AND u.day = c.day`
}

/** Writes what is left, after that, of the users whose first day moved down. */
export function moveFirstDaysSql(
  tx: Transaction,
  scope: RollupTables,
  placed: RawBuilder<unknown>,
): RawBuilder<unknown> {
  return sql`
    UPDATE ${tx.t[scope.userDays]} u SET first_day = p.first_day
    FROM ${placed} p
    WHERE p.starts AND p.first_day < p.old_first AND ${sameColumns(scope.user, 'u', 'p')} AND u.first_day > p.first_day`
}

/** Writes the new rows. Nobody else writes here, and ON CONFLICT would cost as much again. */
export function insertUserDaysSql(
  tx: Transaction,
  scope: RollupTables,
  placed: RawBuilder<unknown>,
  order: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const all = columns([...scope.group, 'day', 'first_day', 'prev_day', 'events', 'user_id'])
  return sql`
    INSERT INTO ${tx.t[scope.userDays]} (${all})
    SELECT ${all} FROM ${placed} WHERE NOT existed
    ${order}`
}

/**
 * Adds to the day table what the placed rows change.
 *
 * ```sql
 * WITH changes AS (
 *   SELECT day, sum(active_users) AS active_users, sum(new_users) AS new_users, sum(events) AS events
 *     FROM (SELECT … UNION ALL SELECT first_day, 0, 1, 0 FROM … UNION ALL SELECT old_first, 0, -1, 0 FROM …) parts
 *    GROUP BY day)
 * INSERT INTO days (day, active_users, new_users, events)
 * SELECT c.day, … FROM changes c LEFT JOIN days d ON d.day = c.day ORDER BY c.day
 * ON CONFLICT ON CONSTRAINT days_pkey DO UPDATE SET …
 * ```
 */
export function addDaysSql(tx: Transaction, scope: RollupTables, placed: RawBuilder<unknown>): RawBuilder<unknown> {
  const days = tx.t[scope.days]
  const key = [...scope.group, 'day']
  const keyWith = (day: string) => columns([...scope.group, day])
  // The sums are made here and not in DO UPDATE: a proposed row with -1 new users would break the table's CHECK.
  return sql`
    WITH changes AS (
      SELECT ${columns(key)}, sum(active_users) AS active_users, sum(new_users) AS new_users, sum(events) AS events
      FROM (
        SELECT ${columns(key)}, (NOT existed)::int AS active_users, 0 AS new_users, events FROM ${placed}
        UNION ALL
        SELECT ${keyWith('first_day')}, 0, 1, 0 FROM ${placed} WHERE starts AND (old_first IS NULL OR first_day < old_first)
        UNION ALL
        SELECT ${keyWith('old_first')}, 0, -1, 0 FROM ${placed} WHERE starts AND first_day < old_first) parts
      GROUP BY ${columns(key)})
    INSERT INTO ${days} (${columns(key)}, active_users, new_users, events)
    SELECT ${columns(key, 'c')}, coalesce(d.active_users, 0) + c.active_users, coalesce(d.new_users, 0) + c.new_users,
           coalesce(d.events, 0) + c.events
    FROM changes c LEFT JOIN ${days} d ON ${sameColumns(key, 'd', 'c')}
    ORDER BY ${columns(key, 'c')}
    ON CONFLICT ON CONSTRAINT ${sql.id(scope.daysKey)} DO UPDATE
    SET active_users = excluded.active_users, new_users = excluded.new_users, events = excluded.events`
}

/**
 * Adds to `event_type_days`.
 *
 * @param types `day, event_type, events`
 */
export function addEventTypesSql(tx: Transaction, types: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    INSERT INTO ${tx.t.event_type_days} (day, event_type, events)
    SELECT day, event_type, events FROM ${types} ORDER BY day, event_type
    ON CONFLICT ON CONSTRAINT event_type_days_pkey DO UPDATE SET events = event_type_days.events + excluded.events`
}
