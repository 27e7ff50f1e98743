/**
 * The delta of one batch: how many events each user and each event type has on each day. It is computed into temp
 * tables before the visibility lock is taken, because it is the dear part and needs no lock: the batch's events do not
 * change any more. `addDelta` and `removeDelta` then apply it.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Transaction } from '../db/connect.js'

/** What has been prepared in this transaction. */
export interface Delta {
  /** Null when it is not that of a whole batch. */
  readonly batchId: number | null
  /** The zone of the delta's days. */
  readonly reportingTz: string
  /** Rows of `ea_delta_user_days`. */
  readonly userDays: number
}

/**
 * Computes the delta of a batch into temp tables that end with the transaction. Call it before the visibility lock is
 * taken, when all events of the batch are committed or written by this transaction.
 *
 * @returns the number of the batch's events in `events`
 * @example
 * const { events } = await prepareDelta(tx, batchId)
 * await takeTheVisibilityLock(tx)
 * await addDelta(tx)
 */
export async function prepareDelta(tx: Transaction, batchId: number): Promise<{ events: number }> {
  const settings = await tx.q.selectFrom('settings').select('reporting_tz').executeTakeFirstOrThrow()
  return computeDelta(tx, batchId, eventsOf(tx, batchId), settings.reporting_tz)
}

/**
 * The same for events that are not a whole batch. The caller holds the visibility lock already.
 *
 * @param events a relation with `user_id, event_type, occurred_at`
 */
export async function prepareDeltaOf(tx: Transaction, events: RawBuilder<unknown>): Promise<{ events: number }> {
  const settings = await tx.q.selectFrom('settings').select('reporting_tz').executeTakeFirstOrThrow()
  return computeDelta(tx, null, events, settings.reporting_tz)
}

function eventsOf(tx: Transaction, batchId: number): RawBuilder<unknown> {
  return sql`${tx.t.events} WHERE batch_id = ${batchId}::bigint`
}

/**
 * The prepared delta, its days in the zone that the rollups have now. The caller holds the visibility lock, so the zone
 * cannot change any more; a delta that was prepared before `ea db rebuild --tz` changed it is computed again.
 */
export async function currentDelta(tx: Transaction): Promise<Delta> {
  const { batchId, reportingTz, now } = await readDelta(tx)
  if (reportingTz !== now && batchId !== null) await computeDelta(tx, batchId, eventsOf(tx, batchId), now)
  return readDelta(tx)
}

async function readDelta(tx: Transaction): Promise<Delta & { now: string }> {
  const { rows } = await sql<Delta & { now: string }>`
    SELECT d.batch_id AS "batchId", d.reporting_tz AS "reportingTz", d.user_days AS "userDays", s.reporting_tz AS now
    FROM pg_temp.ea_delta d CROSS JOIN ${tx.t.settings} s`.execute(tx.q)
  return rows[0]!
}

async function computeDelta(
  tx: Transaction,
  batchId: number | null,
  events: RawBuilder<unknown>,
  reportingTz: string,
): Promise<{ events: number }> {
  // The same for UTC, without looking the name of the zone up for each event: an eighth of this statement.
  const zone = reportingTz === 'UTC' ? sql`interval '0'` : sql`${reportingTz}::text`
  await tuneForBulk(tx)
  await sql`DROP TABLE IF EXISTS pg_temp.ea_delta, pg_temp.ea_delta_groups, pg_temp.ea_delta_user_days, pg_temp.ea_delta_types`.execute(
    tx.q,
  )
  // One scan for both rollups. OFFSET 0 and COLLATE keep the planner from guessing the number of groups by statistics
  // that are older than the batch, and without sorting it hashes, which is less than half as dear.
  await setLocal(tx, { enable_sort: 'off' })
  await createTableAs(
    tx,
    'ea_delta_groups',
    sql`
      SELECT user_id, event_type, day, count(*) AS events
      FROM (SELECT user_id COLLATE "C" AS user_id, event_type COLLATE "C" AS event_type,
                   (occurred_at AT TIME ZONE ${zone})::date AS day
            FROM ${events} OFFSET 0) counted
      GROUP BY GROUPING SETS ((user_id, day), (event_type, day))`,
  )
  await setLocal(tx, { enable_sort: 'on' })
  // Sorted by user and day, as the primary key of user_days is; each row knows its neighbours in the delta.
  const userDays = await createTableAs(
    tx,
    'ea_delta_user_days',
    sql`
      SELECT user_id, day, events::int AS events, first_value(day) OVER by_day AS first_day,
             lag(day) OVER by_day AS prev_day, lead(day) OVER by_day AS next_day
      FROM pg_temp.ea_delta_groups WHERE user_id IS NOT NULL
      WINDOW by_day AS (PARTITION BY user_id ORDER BY day)`,
  )
  await createTableAs(
    tx,
    'ea_delta_types',
    sql`SELECT day, event_type, events FROM pg_temp.ea_delta_groups WHERE event_type IS NOT NULL`,
  )
  await createTableAs(
    tx,
    'ea_delta',
    sql`SELECT ${batchId}::bigint AS batch_id, ${reportingTz}::text AS reporting_tz, ${userDays}::bigint AS user_days`,
  )
  const { rows } = await sql<{ events: number }>`
    SELECT coalesce(sum(events), 0)::bigint AS events FROM pg_temp.ea_delta_types`.execute(tx.q)
  return { events: rows[0]!.events }
}

/**
 * Fills a new temp table, which ends with the transaction, and gives the number of its rows. CREATE TABLE AS may read
 * in parallel; INSERT … SELECT never does.
 */
export async function createTableAs(tx: Transaction, name: string, select: RawBuilder<unknown>): Promise<number> {
  const statement = sql`CREATE TEMP TABLE ${sql.id(name)} ON COMMIT DROP AS ${select}`.compile(tx.q)
  const { rowCount } = await tx.client.query(statement.sql, [...statement.parameters])
  return rowCount ?? 0
}

/** Settings for the rest of this transaction: room to sort and hash, small samples, no compilation of queries. */
export async function tuneForBulk(tx: Transaction): Promise<void> {
  await setLocal(tx, { work_mem: '128MB', jit: 'off', default_statistics_target: '10' })
}

async function setLocal(tx: Transaction, settings: Readonly<Record<string, string>>): Promise<void> {
  const calls = Object.entries(settings).map(([name, value]) => sql`set_config(${name}, ${value}, true)`)
  await sql`SELECT ${sql.join(calls)}`.execute(tx.q)
}
