/**
 * The delta of one batch, or of several that complete together: how many events each user and each event type has on each day,
 * also with each value of the properties that have a rollup of their own, and the times of the event types that have one. It is
 * computed into temp tables before the visibility lock is taken, because it is the expensive part and needs no lock: the events
 * of the batches do not change any more. `addDelta` and `removeDelta` apply it.
 *
 *   events of batches ─ delta (temp tables) ─ visibility lock ─ user_days ─ days, event_type_days, on-demand rollups
 */
import { isDeepStrictEqual } from 'node:util'
import { type RawBuilder, sql } from 'kysely'
import type { Session, Transaction } from '../db/connect.js'
import { copyIn } from '../db/copy-in.js'
import type { CountedDays } from './counted-days.js'
import { prepareTimes } from './on-demand/user-times.js'
import {
  isOfEventType,
  isOfProperty,
  type OnDemandRollup,
  onDemandRollup,
  type PropertyRollup,
} from './sql/on-demand.js'
import { propertyGroupsSql, valuesOf } from './sql/property-values.js'
import { allEvents, neighboursSql, propertyValues } from './sql/rollup-tables.js'
import { createTableAs, createTableHashed, dropTempTables, tempTable, tuneForBulk } from './sql/temp-tables.js'

/** What the delta depends on beside the events: whoever changes it holds the visibility lock. */
interface Kept {
  /** The zone of the days. */
  readonly reportingTz: string
  readonly optional: readonly OnDemandRollup[]
}

/** What has been prepared in this transaction. */
export interface Delta extends Kept {
  /** Null when it is not that of whole batches. */
  readonly batchIds: readonly number[] | null
  /** Rows of `ea_delta_user_days`. */
  readonly userDays: number
  /** Rows of `ea_delta_property_user_days`, which is there when a property has a rollup. */
  readonly propertyUserDays: number
}

/**
 * Computes the delta of batches into temp tables that end with the transaction. Call it before the visibility lock is
 * taken, when all events of the batches are committed or written by this transaction.
 *
 * @param counted what is known of all events of the batches; without it they are read
 * @returns the number of the batches' events in `events`
 * @example
 * const { events } = await prepareDelta(tx, [batchId])
 * await takeTheVisibilityLock(tx)
 * await addDelta(tx)
 */
export async function prepareDelta(
  tx: Transaction,
  batchIds: readonly number[],
  counted?: CountedDays,
): Promise<{ events: number }> {
  const kept = await readKept(tx)
  if (counted?.reportingTz === kept.reportingTz && kept.optional.length === 0) {
    return takeCounted(tx, batchIds, counted, kept)
  }
  return computeDelta(tx, batchIds, eventsOf(tx, batchIds), kept)
}

/**
 * The same for events that are not a whole batch. The caller holds the visibility lock already.
 *
 * @param events a relation with `user_id, event_type, occurred_at`, and `properties` when a property has a rollup
 */
export async function prepareDeltaOf(tx: Transaction, events: RawBuilder<unknown>): Promise<{ events: number }> {
  return computeDelta(tx, null, events, await readKept(tx))
}

/**
 * The events of batches, as written after FROM. Batches that complete together lie side by side, so their range is what the
 * BRIN index is asked for; a list would be a search for each of them.
 */
export function eventsOf(tx: Session, batchIds: readonly number[]): RawBuilder<unknown> {
  const [first, last] = [Math.min(...batchIds), Math.max(...batchIds)]
  if (first === last) return sql`${tx.t.events} WHERE batch_id = ${first}::bigint`
  return sql`${tx.t.events} WHERE batch_id BETWEEN ${first}::bigint AND ${last}::bigint AND batch_id = ANY (${batchIds}::bigint[])`
}

/**
 * The prepared delta, for the zone and the optional rollups of now. The caller holds the visibility lock, so they cannot
 * change any more; a delta that was prepared before somebody changed them is computed again.
 */
export async function currentDelta(tx: Transaction): Promise<Delta> {
  const { delta, now } = await readDelta(tx)
  const { batchIds, reportingTz, optional } = delta
  if (batchIds === null || isDeepStrictEqual({ reportingTz, optional }, now)) return delta
  await computeDelta(tx, batchIds, eventsOf(tx, batchIds), now)
  return (await readDelta(tx)).delta
}

/** The rows of `optional_rollups` as JSON. */
const optionalRows = (tx: Transaction) => sql`(
    SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'path', path, 'event_type', event_type) ORDER BY id), '[]')
    FROM ${tx.t.optional_rollups})`

type OptionalRows = Parameters<typeof onDemandRollup>[0][]

/** The zone of the days, and the rollups on demand, of now. */
export async function readKept(tx: Transaction): Promise<Kept> {
  const { rows } = await sql<{ reportingTz: string; optional: OptionalRows }>`
    SELECT reporting_tz AS "reportingTz", ${optionalRows(tx)} AS optional FROM ${tx.t.settings}`.execute(tx.q)
  const { reportingTz, optional } = rows[0]!
  return { reportingTz, optional: optional.map(onDemandRollup) }
}

async function readDelta(tx: Transaction): Promise<{ delta: Delta; now: Kept }> {
  const { rows } = await sql<{ delta: Delta; now: { reportingTz: string; optional: OptionalRows } }>`
    SELECT d.delta, jsonb_build_object('reportingTz', s.reporting_tz, 'optional', ${optionalRows(tx)}) AS now
    FROM pg_temp.ea_delta d CROSS JOIN ${tx.t.settings} s`.execute(tx.q)
  const { delta, now } = rows[0]!
  return { delta, now: { ...now, optional: now.optional.map(onDemandRollup) } }
}

async function computeDelta(
  tx: Transaction,
  batchIds: readonly number[] | null,
  events: RawBuilder<unknown>,
  { reportingTz, optional }: Kept,
): Promise<{ events: number }> {
  // The same for UTC, without looking the name of the zone up for each event: an eighth of this statement.
  const zone = reportingTz === 'UTC' ? sql`interval '0'` : sql`${reportingTz}::text`
  const { temp } = allEvents
  await tuneForBulk(tx)
  await dropTempTables(tx, [
    ...['ea_delta', 'ea_delta_types', temp.groups, temp.delta],
    ...[propertyValues.temp.groups, propertyValues.temp.delta],
  ])
  // One scan for both rollups. OFFSET 0 and COLLATE keep the planner from guessing the number of groups by statistics
  // that are older than the batch.
  await createTableHashed(
    tx,
    temp.groups,
    sql`
      SELECT user_id, event_type, day, count(*) AS events
      FROM (SELECT user_id COLLATE "C" AS user_id, event_type COLLATE "C" AS event_type,
                   (occurred_at AT TIME ZONE ${zone})::date AS day
            FROM ${events} OFFSET 0) counted
      GROUP BY GROUPING SETS ((user_id, day), (event_type, day))`,
  )
  // Sorted by user and day, as the primary key of user_days is; each row knows its neighbours in the delta.
  const ofUsers = sql`${tempTable(temp.groups)} WHERE user_id IS NOT NULL`
  const userDays = await createTableAs(tx, temp.delta, neighboursSql(allEvents, ofUsers))
  await createTableAs(
    tx,
    'ea_delta_types',
    sql`SELECT day, event_type, events FROM ${tempTable(temp.groups)} WHERE event_type IS NOT NULL`,
  )
  const propertyUserDays = await computeProperties(tx, events, zone, optional.filter(isOfProperty))
  const eventTypes = optional.filter(isOfEventType)
  if (eventTypes.length > 0) await prepareTimes(tx, events, eventTypes)
  await keepDelta(tx, { batchIds, reportingTz, optional, userDays, propertyUserDays })
  const { rows } = await sql<{ events: number }>`
    SELECT coalesce(sum(events), 0)::bigint AS events FROM pg_temp.ea_delta_types`.execute(tx.q)
  return { events: rows[0]!.events }
}

/** The delta from what has been counted: the events themselves are only counted. */
async function takeCounted(
  tx: Transaction,
  batchIds: readonly number[],
  counted: CountedDays,
  { reportingTz, optional }: Kept,
): Promise<{ events: number }> {
  await tuneForBulk(tx)
  const { delta } = allEvents.temp
  await dropTempTables(tx, ['ea_delta', 'ea_delta_types', delta])
  await tx.client.query(`CREATE TEMP TABLE ${delta} (user_id text COLLATE "C", day date, events int,
    first_day date, prev_day date, next_day date) ON COMMIT DROP`)
  const userDays = await copyIn(tx, `COPY pg_temp.${delta} FROM STDIN WITH (FORMAT binary)`, counted.users())
  await tx.client.query(
    `CREATE TEMP TABLE ea_delta_types (event_type text COLLATE "C", day date, events int) ON COMMIT DROP`,
  )
  await copyIn(tx, 'COPY pg_temp.ea_delta_types FROM STDIN WITH (FORMAT binary)', counted.eventTypes())
  await keepDelta(tx, { batchIds, reportingTz, optional, userDays, propertyUserDays: 0 })
  const { rows } = await sql<{ events: number }>`SELECT count(*) AS events FROM ${eventsOf(tx, batchIds)}`.execute(tx.q)
  return { events: rows[0]!.events }
}

async function keepDelta(tx: Transaction, delta: Delta): Promise<void> {
  await createTableAs(tx, 'ea_delta', sql`SELECT ${JSON.stringify(delta)}::jsonb AS delta`)
}

/** The delta of the values of these properties, in one scan more; gives the number of user-days. */
async function computeProperties(
  tx: Transaction,
  events: RawBuilder<unknown>,
  zone: RawBuilder<unknown>,
  rollups: readonly PropertyRollup[],
): Promise<number> {
  if (rollups.length === 0) return 0
  const { groups, delta } = propertyValues.temp
  await createTableHashed(tx, groups, propertyGroupsSql(events, zone, valuesOf(rollups)))
  return createTableAs(tx, delta, neighboursSql(propertyValues, tempTable(groups)))
}
