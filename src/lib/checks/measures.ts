/**
 * What checks look at beside stats: how old the newest event is, and how many records of the last imports were rejected or
 * duplicates. Each is a query that can also be shown.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Session } from '../db/connect.js'
import { all } from '../stats/events.js'
import { type OpenFrame, readFrame, visibleOnly } from '../stats/frame.js'
import { frameParams } from '../stats/params.js'
import type { ImportQuality } from './assertion.js'
import type { Imports } from './judgement.js'

/** What counts as now, and the zone in which a day of `asOf` begins; as given. */
export interface Clock {
  readonly asOf?: string | undefined
  readonly tz?: string | undefined
}

/**
 * The age of the newest visible event that is not later than now: one with a clock that runs ahead must not hide that
 * nothing arrives any more.
 *
 * @returns seconds; null without such an event
 * @throws EaError `usage` for a time zone that the server does not know
 */
export async function freshness(s: Session, clock: Clock): Promise<number | null> {
  for (const query of await freshnessQueries(s, clock)) {
    const { seconds } = (await query.execute(s.q)).rows[0]!
    if (seconds !== null) return seconds
  }
  return null
}

/**
 * The queries of which the first that finds an event gives the age: the newest day of the data, and the one before it,
 * for a newest day whose events all lie after now. Days of the rollups, so that the BRIN index has little to read.
 */
export async function freshnessQueries(s: Session, clock: Clock): Promise<RawBuilder<{ seconds: number | null }>[]> {
  const { asOf, openBatches } = await readClock(s, clock)
  const { rows: days } = await sql<{ begins: string }>`
    SELECT to_char((day::timestamp AT TIME ZONE reporting_tz) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS begins
    FROM ${s.t.days} CROSS JOIN ${s.t.settings}
    WHERE day <= (${asOf}::timestamptz AT TIME ZONE reporting_tz)::date
    ORDER BY day DESC LIMIT 2`.execute(s.q)
  return days.map(({ begins }) => {
    const conditions = [
      // A midnight can happen twice: the day may begin some hours earlier.
      sql`occurred_at >= ${begins}::timestamptz - interval '6 hours'`,
      sql`occurred_at <= ${asOf}::timestamptz`,
      ...visibleOnly(openBatches),
    ]
    return sql`
SELECT extract(epoch FROM ${asOf}::timestamptz - max(occurred_at))::float8 AS seconds
FROM ${s.t.events}
WHERE ${all(conditions)}`
  })
}

/** What the clock and the batches are; `asOf` is ISO in UTC. */
export async function readClock(s: Session, { asOf, tz }: Clock): Promise<OpenFrame> {
  const params = { asOf, tz, segment: [], weekStart: frameParams.weekStart.def.defaultValue }
  return (await readFrame(s, params, { first: undefined, last: undefined, grain: 'day' })).frame
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
