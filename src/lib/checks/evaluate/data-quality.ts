/**
 * What checks look at beside stats: how old the newest event is, and how many records of the last imports were rejected or
 * duplicates. Each is a query that can also be shown.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Session } from '../../db/connect.js'
import { all, onDays } from '../../stats/query/events.js'
import { contextParams } from '../../stats/query/params.js'
import { type OpenQueryContext, visibleOnly } from '../../stats/query/query-context.js'
import { readQueryContext } from '../../stats/query/read-context.js'
import type { ImportQuality } from '../assertion/assertion.js'
import type { Imports } from './evaluation.js'

/** What counts as now, and the zone in which a day of `asOf` begins; as given. */
export interface Clock {
  readonly asOf?: string | undefined
  readonly tz?: string | undefined
}

/**
 * The age of the newest event that counts: one with a clock that runs ahead must not hide that nothing arrives any more.
 *
 * @returns seconds; null without such an event
 * @throws EaError `usage` for a time zone that the server does not know
 */
export async function freshness(s: Session, clock: Clock): Promise<number | null> {
  return (await (await freshnessQuery(s, clock)).execute(s.q)).rows[0]!.seconds
}

/** The query for it: the newest day is known, so that the BRIN index has little to read. */
export async function freshnessQuery(s: Session, clock: Clock): Promise<RawBuilder<{ seconds: number | null }>> {
  const context = await readClock(s, clock)
  const { asOf, dataUntil } = context
  const isOnNewestDay = dataUntil === null ? [sql`false`] : onDays(context, { from: dataUntil })
  return sql`
SELECT extract(epoch FROM ${asOf}::timestamptz - max(occurred_at))::float8 AS seconds
FROM ${s.t.events}
WHERE ${all([...isOnNewestDay, ...visibleOnly(context)])}`
}

/** What the clock and the batches are; `asOf` is ISO in UTC. */
export async function readClock(s: Session, { asOf, tz }: Clock): Promise<OpenQueryContext> {
  const params = { asOf, tz, segment: [], weekStart: contextParams.weekStart.def.defaultValue }
  return (await readQueryContext(s, params, { first: undefined, last: undefined, grain: 'day' })).context
}

/**
 * Completed batches, the last ones by the clock of the database: an import of old events is not an old import, so
 * `asOf` has no say here.
 */
export function importsQuery({ t }: Session, over: ImportQuality['over']): RawBuilder<Imports> {
  const isRecent = 'seconds' in over ? sql` AND finished_at >= now() - make_interval(secs => ${over.seconds})` : sql``
  const limit = 'batches' in over ? sql`LIMIT ${over.batches}` : sql``
  return sql`
SELECT count(*) AS batches, coalesce(sum(read), 0)::bigint AS read,
  coalesce(sum(rejected), 0)::bigint AS rejected, coalesce(sum(duplicates), 0)::bigint AS duplicates
FROM (
  SELECT read, rejected, duplicates
  FROM ${t.import_batches}
  WHERE status = 'completed'${isRecent}
  ORDER BY finished_at DESC NULLS LAST, id DESC ${limit}
) AS last_batches`
}

/** What the last completed batches brought. */
export async function importQuality(s: Session, over: ImportQuality['over']): Promise<Imports> {
  return (await importsQuery(s, over).execute(s.q)).rows[0]!
}
