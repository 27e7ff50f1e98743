/**
 * The frame of a question: what its parameters mean for the data as one transaction sees it. Range, time zone, what
 * counts as now, which batches are not visible yet, and whether rollups can answer. Stats read it and never guess.
 */
import { type RawBuilder, sql } from 'kysely'
import { type Session, sqlState } from '../db/connect.js'
import type { TableNames } from '../db/tables.js'
import { EaError } from '../errors.js'
import { addDays, type Day, type Grain, isDay, isSameTimeZone, type Weekday, windowEnd, windowStart } from '../time.js'
import { type CommonParams, defaultRangeDays } from './params.js'

export interface Frame {
  readonly t: TableNames
  /** `[from, to)`, whole windows of the grain; both undefined when there is no data and no range was asked for. */
  readonly range: { readonly from: Day; readonly to: Day } | undefined
  /** When neither end of the range was asked for: whether it has all days of the data, or only the last ones. */
  readonly defaultRange: 'all' | 'last' | undefined
  readonly tz: string
  readonly weekStart: Weekday
  /** ISO, in UTC. */
  readonly asOf: string
  /** The same instant on the clocks of `tz`: `2025-08-31T12:00:00`, to compare with days. */
  readonly asOfLocal: string
  /** The day of the newest visible event. */
  readonly dataUntil: Day | null
  readonly source: 'rollups' | 'events'
  /** Batches whose events do not count yet. */
  readonly openBatches: readonly number[]
}

/**
 * Resolves parameters inside the transaction that will answer.
 *
 * @param needsEvents whether the rollups cannot answer even in their own time zone
 * @throws EaError `usage` for a time zone that the server does not know
 */
export async function readFrame(s: Session, params: CommonParams, grain: Grain, needsEvents: boolean): Promise<Frame> {
  const state = await readState(s, params)
  const tz = params.tz ?? state.reporting_tz
  const inReportingTz = isSameTimeZone(tz, state.reporting_tz)
  const data = state.newest === null || inReportingTz ? state : await dataDaysIn(s, tz, state)
  const range = resolveRange(params, grain, data)
  const isAsked = params.from !== undefined || params.to !== undefined
  const isCut = range !== undefined && data.oldest !== null && data.oldest < range.from
  return {
    t: s.t,
    range,
    defaultRange: isAsked || range === undefined ? undefined : isCut ? 'last' : 'all',
    tz,
    weekStart: params.weekStart,
    asOf: state.as_of,
    asOfLocal: state.as_of_local,
    dataUntil: data.newest,
    source: inReportingTz && !needsEvents ? 'rollups' : 'events',
    openBatches: state.open_batches,
  }
}

interface DataDays {
  oldest: Day | null
  newest: Day | null
}

interface State extends DataDays {
  reporting_tz: string
  open_batches: number[]
  as_of: string
  as_of_local: string
}

async function readState({ q, t }: Session, { tz, asOf }: CommonParams): Promise<State> {
  const asOfDay = asOf !== undefined && isDay(asOf) ? asOf : null
  const asOfInstant = asOfDay === null ? (asOf ?? null) : null
  const query = sql<State>`
    WITH zone AS (
      SELECT reporting_tz, coalesce(${tz ?? null}::text, reporting_tz) AS tz FROM ${t.settings}
    ), clock AS (
      SELECT *, coalesce(${asOfInstant}::timestamptz, ${asOfDay}::timestamp AT TIME ZONE tz, now()) AS as_of FROM zone
    )
    SELECT reporting_tz,
           to_char(as_of AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS as_of,
           to_char(as_of AT TIME ZONE tz, 'YYYY-MM-DD"T"HH24:MI:SS.US') AS as_of_local,
           (SELECT coalesce(jsonb_agg(id ORDER BY id), '[]') FROM ${t.import_batches} WHERE status = 'loading')
             AS open_batches,
           (SELECT min(day) FROM ${t.days}) AS oldest,
           (SELECT max(day) FROM ${t.days}) AS newest
    FROM clock`
  try {
    return (await query.execute(q)).rows[0]!
  } catch (error) {
    if (tz === undefined || sqlState(error) !== '22023') throw error
    throw new EaError('usage', `The server does not know the time zone ${tz}.`, { cause: error })
  }
}

/** The first and the last day of the data in another zone: only the events at the two ends need a look. */
async function dataDaysIn({ q, t }: Session, tz: string, state: State): Promise<DataDays> {
  const bound = (day: Day, hours: number) =>
    sql`(${day}::timestamp AT TIME ZONE ${state.reporting_tz}) + make_interval(hours => ${hours})`
  const visible = visibleOnly(state.open_batches)
  const { rows } = await sql<DataDays>`
    SELECT (SELECT (min(occurred_at) AT TIME ZONE ${tz})::date FROM ${t.events}
            WHERE occurred_at < ${bound(state.oldest!, 30)} ${visible}) AS oldest,
           (SELECT (max(occurred_at) AT TIME ZONE ${tz})::date FROM ${t.events}
            WHERE occurred_at >= ${bound(state.newest!, -6)} ${visible}) AS newest`.execute(q)
  return rows[0]!
}

function resolveRange(params: CommonParams, grain: Grain, data: DataDays): Frame['range'] {
  if (data.newest === null && params.from === undefined && params.to === undefined) return undefined
  const lastKnown = data.newest ?? params.from ?? params.to!
  const last = params.to ?? (params.from !== undefined && params.from > lastKnown ? params.from : lastKnown)
  const first = params.from ?? laterOf(addDays(last, 1 - defaultRangeDays), data.oldest, last)
  return {
    from: windowStart(first, grain, params.weekStart),
    to: windowEnd(windowStart(last, grain, params.weekStart), grain),
  }
}

/** The start of the default range, moved up to the first day of the data when that lies inside. */
function laterOf(start: Day, oldest: Day | null, last: Day): Day {
  return oldest !== null && oldest > start && oldest <= last ? oldest : start
}

/** What is known about the window `[start, end)`: nothing yet, a part, or all. */
export function windowState(frame: Frame, start: Day, end: Day): 'ahead' | 'partial' | 'complete' {
  const midnight = (day: Day) => `${day}T00:00:00.000000`
  if (midnight(start) >= frame.asOfLocal) return 'ahead'
  const isDataThere = frame.dataUntil !== null && end <= addDays(frame.dataUntil, 1)
  return isDataThere && midnight(end) <= frame.asOfLocal ? 'complete' : 'partial'
}

/** `AND …` that leaves out events of batches that are not completed; nothing at all when there are none. */
function visibleOnly(openBatches: readonly number[]): RawBuilder<unknown> {
  return openBatches.length === 0 ? sql`` : sql`AND batch_id <> ALL(${openBatches}::bigint[])`
}

/**
 * The condition for rows of `events`: visible, and on a day of the range. The instants, a few hours wider than the
 * days, are for the BRIN index; the days themselves decide, because a midnight can happen twice or not at all.
 */
export function eventsInRange(frame: Frame): RawBuilder<unknown> {
  const { from, to } = frame.range!
  const at = sql`occurred_at AT TIME ZONE ${frame.tz}`
  return sql`occurred_at >= (${from}::timestamp AT TIME ZONE ${frame.tz}) - interval '6 hours'
      AND occurred_at < (${to}::timestamp AT TIME ZONE ${frame.tz}) + interval '6 hours'
      AND ${at} >= ${from}::timestamp AND ${at} < ${to}::timestamp
      ${visibleOnly(frame.openBatches)}`
}

/** The local day of an event. */
export function eventDay(frame: Frame): RawBuilder<unknown> {
  return sql`(occurred_at AT TIME ZONE ${frame.tz})::date`
}

/** The first day of the window that holds a day; `day` is an expression of type date. */
export function windowOf(day: RawBuilder<unknown>, grain: Grain, frame: Frame): RawBuilder<unknown> {
  switch (grain) {
    case 'day':
      return day
    case 'week':
      return sql`${frame.range!.from}::date + (${day} - ${frame.range!.from}::date) / 7 * 7`
    case 'month':
      return sql`date_trunc('month', ${day}::timestamp)::date`
  }
}

/** A query for the first day of every window of the range, as `date`. */
export function calendar(grain: Grain, frame: Frame): RawBuilder<unknown> {
  const step = { day: '1 day', week: '7 days', month: '1 month' }[grain]
  const { from, to } = frame.range!
  return sql`SELECT generate_series(${from}::timestamp, ${addDays(to, -1)}::timestamp, ${step}::interval)::date AS date`
}
