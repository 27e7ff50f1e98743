/**
 * The times of event types that somebody asked for: `user_times` has one row for each user and such a type, with the
 * sorted times of all their events of it. Two events may have the same time, so an array is a multiset. A batch adds its
 * times and takes them away again, whatever the order of batches; only the rows of its users are touched.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Session, Transaction } from '../../db/connect.js'
import { assertConsistent } from '../sql/assert-consistent.js'
import { completedEvents } from '../sql/completed-events.js'
import type { EventTypeRollup } from '../sql/on-demand.js'
import { createTableAs, tuneForBulk } from '../sql/temp-tables.js'

/**
 * Makes the times of these types anew from the events of completed batches. The caller holds the visibility lock.
 *
 * @example
 * await fillTimes(tx, [{ id: 3, kind: 'event_type', eventType: 'purchase' }])
 */
export async function fillTimes(tx: Transaction, rollups: readonly EventTypeRollup[]): Promise<void> {
  await dropTimes(tx, rollups)
  await tuneForBulk(tx)
  await prepareTimes(tx, completedEvents(tx), rollups)
  await addTimes(tx)
}

/** Removes the times of these types. */
export async function dropTimes(tx: Transaction, rollups: readonly EventTypeRollup[]): Promise<void> {
  await sql`DELETE FROM ${tx.t.user_times} WHERE rollup = ANY (${rollups.map(({ id }) => id)}::smallint[])`.execute(
    tx.q,
  )
}

/**
 * Computes the times of some events into the temp table `ea_delta_times (rollup, user_id, times)`, which ends with the
 * transaction; one that is there already is made again. Needs no lock.
 *
 * @param events a relation with `user_id, event_type, occurred_at`, as written after FROM
 */
export async function prepareTimes(
  tx: Transaction,
  events: RawBuilder<unknown>,
  rollups: readonly EventTypeRollup[],
): Promise<void> {
  await sql`DROP TABLE IF EXISTS pg_temp.ea_delta_times`.execute(tx.q)
  const kept = sql`unnest(${rollups.map(({ id }) => id)}::smallint[], ${rollups.map(({ eventType }) => eventType)}::text[])
        AS kept (rollup, event_type)`
  // In the order of the primary key, so that the rows that are written next to each other lie next to each other.
  await createTableAs(tx, 'ea_delta_times', sql`${timesSql(events, kept)} ORDER BY rollup, user_id`)
  await sql`ANALYZE pg_temp.ea_delta_times`.execute(tx.q)
}

/** Adds what `prepareTimes` computed. The caller holds the visibility lock. */
export async function addTimes(tx: Transaction): Promise<void> {
  await sql`
    UPDATE ${tx.t.user_times} stored SET times = ${mergedSql(sql`stored.times`, sql`added.times`)}
    FROM pg_temp.ea_delta_times added
    WHERE stored.rollup = added.rollup AND stored.user_id = added.user_id`.execute(tx.q)
  await sql`
    INSERT INTO ${tx.t.user_times} (rollup, user_id, times)
    SELECT rollup, user_id, times FROM pg_temp.ea_delta_times added
    WHERE NOT EXISTS (SELECT FROM ${tx.t.user_times} stored
                      WHERE stored.rollup = added.rollup AND stored.user_id = added.user_id)
    ORDER BY rollup, user_id`.execute(tx.q)
}

/**
 * Takes away what `prepareTimes` computed. The batch is completed, so its times are there. The caller holds the
 * visibility lock.
 *
 * @throws EaError `rollups_differ` when `user_times` lacks what should be taken out
 */
export async function removeTimes(tx: Transaction): Promise<void> {
  await sql`DROP TABLE IF EXISTS pg_temp.ea_left_times`.execute(tx.q)
  // Most often the times of the batch are the last ones of their user. EXCEPT ALL takes one of equal times for one.
  await createTableAs(
    tx,
    'ea_left_times',
    sql`
      SELECT rollup, user_id, times
      FROM (
        SELECT rollup, user_id, cardinality(stored) - cardinality(removed) AS expected,
               CASE WHEN stored[cardinality(stored) - cardinality(removed) + 1 :] = removed
                    THEN stored[: cardinality(stored) - cardinality(removed)]
                    ELSE ARRAY(SELECT unnest(stored) EXCEPT ALL SELECT unnest(removed) ORDER BY 1) END AS times
        FROM (SELECT rollup, user_id, u.times AS stored, d.times AS removed
              FROM pg_temp.ea_delta_times d JOIN ${tx.t.user_times} u USING (rollup, user_id) OFFSET 0) found
        OFFSET 0) left_over
      WHERE cardinality(times) = expected
      ORDER BY rollup, user_id`,
  )
  await sql`ANALYZE pg_temp.ea_left_times`.execute(tx.q)
  const { rows } = await sql<{ found: number; expected: number }>`
    SELECT (SELECT count(*) FROM pg_temp.ea_left_times) AS found, count(*) AS expected
    FROM pg_temp.ea_delta_times`.execute(tx.q)
  assertConsistent('user_times', rows[0]!.found, rows[0]!.expected)
  await sql`
    DELETE FROM ${tx.t.user_times} u USING pg_temp.ea_left_times l
    WHERE cardinality(l.times) = 0 AND u.rollup = l.rollup AND u.user_id = l.user_id`.execute(tx.q)
  await sql`
    UPDATE ${tx.t.user_times} u SET times = l.times FROM pg_temp.ea_left_times l
    WHERE cardinality(l.times) > 0 AND u.rollup = l.rollup AND u.user_id = l.user_id`.execute(tx.q)
}

/**
 * Adds a handful of times in one statement, without temp tables: what a small commit over HTTP does many times per
 * second. The caller holds the visibility lock.
 *
 * @param rows one for each event; `rollup` is `optional_rollups.id` of its type, `occurred_at` ISO with an offset
 * @example
 * await addSmallTimes(tx, [{ rollup: 3, user_id: 'u1007', occurred_at: '2025-08-31T12:00:00Z' }])
 */
export async function addSmallTimes(
  tx: Transaction,
  rows: readonly { readonly rollup: number; readonly user_id: string; readonly occurred_at: string }[],
): Promise<void> {
  if (rows.length === 0) return
  await sql`
    INSERT INTO ${tx.t.user_times} AS stored (rollup, user_id, times)
    SELECT rollup, user_id, array_agg(occurred_at ORDER BY occurred_at)
    FROM json_to_recordset(${JSON.stringify(rows)}::json)
      AS added (rollup smallint, user_id text COLLATE "C", occurred_at timestamptz)
    GROUP BY rollup, user_id ORDER BY rollup, user_id
    ON CONFLICT ON CONSTRAINT user_times_pkey
    DO UPDATE SET times = ${mergedSql(sql`stored.times`, sql`excluded.times`)}`.execute(tx.q)
}

/**
 * `user_times` as it must be: a relation `rollup, user_id, times` of the events of completed batches, for verify and
 * rebuild.
 */
export function timesFromEvents(session: Session): RawBuilder<unknown> {
  return timesSql(
    completedEvents(session),
    sql`(SELECT id AS rollup, event_type FROM ${session.t.optional_rollups}) AS kept`,
  )
}

/**
 * A query `rollup, user_id, times` of events. Workers collect the times of each user by hashing; each array is then
 * sorted alone, which is cheaper than to sort all events (docs/decisions/raw-event-questions.md).
 *
 * @param kept a relation `kept (rollup, event_type)`
 */
function timesSql(events: RawBuilder<unknown>, kept: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
      SELECT rollup, user_id,
             CASE WHEN cardinality(times) = 1 THEN times ELSE ARRAY(SELECT unnest(times) ORDER BY 1) END AS times
      FROM (
        SELECT kept.rollup, of_type.user_id, array_agg(of_type.occurred_at) AS times
        FROM (SELECT user_id COLLATE "C" AS user_id, event_type COLLATE "C" AS event_type, occurred_at FROM ${events} OFFSET 0) of_type
        JOIN ${kept} ON kept.event_type = of_type.event_type
        GROUP BY kept.rollup, of_type.user_id) collected`
}

/** Two sorted arrays as one; nearly always the added times lie after the stored ones, and nothing needs a sort. */
function mergedSql(stored: RawBuilder<unknown>, added: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`CASE WHEN ${added}[1] >= ${stored}[cardinality(${stored})] THEN ${stored} || ${added}
                ELSE ARRAY(SELECT unnest(${stored} || ${added}) ORDER BY 1) END`
}
