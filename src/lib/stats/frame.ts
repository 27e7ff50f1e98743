/**
 * The frame of a question: what its parameters mean for the data as one transaction sees it. Range, time zone, what
 * counts as now, which batches are not visible yet, and whether rollups can answer. Stats read it and never guess.
 */
import { type RawBuilder, sql } from 'kysely'
import { type Session, sqlState } from '../db/connect.js'
import type { TableNames } from '../db/tables.js'
import { EaError } from '../errors.js'
import { resolveDay } from '../given-day.js'
import { type OptionalRollup, optionalRollup } from '../rollups/optional.js'
import {
  addDays,
  type Day,
  daysBetween,
  type Grain,
  isInstant,
  isSameTimeZone,
  type Weekday,
  windowEnd,
  windowStart,
} from '../time.js'
import { areHeld } from './held-segments.js'
import { defaultDaysBack, type FrameParams } from './params.js'
import type { Condition } from './selector.js'

/** The days that a question asks for, as given, and what it means when they are not given. */
export interface RangeRequest {
  /** As `given-day.ts` reads it. */
  readonly first: string | undefined
  readonly last: string | undefined
  /** The windows to which the range grows. */
  readonly grain: Grain
  /** The names of the two parameters, for messages: `from` and `to` unless the stat has others. */
  readonly names?: readonly [first: string, last: string]
  /** The first day when none is given; `defaultDaysBack` days before the last one unless the stat has its own rule. */
  readonly firstBefore?: (last: Day, weekStart: Weekday) => Day
  /** The rule of `firstBefore` for people. */
  readonly firstBeforeText?: string
}

export interface Frame {
  /** When rollups answer and an optional one holds the segments, `user_days` and `days` are those of the segments. */
  readonly t: TableNames
  /** `[from, to)`, whole windows of the grain; undefined when there is no data and no range was asked for. */
  readonly range: { readonly from: Day; readonly to: Day } | undefined
  /** What the range is when neither end was given, for people; null when one was. */
  readonly defaultRange: string | null
  readonly tz: string
  readonly weekStart: Weekday
  /** ISO, in UTC. */
  readonly asOf: string
  /**
   * The same instant on the clocks of `tz`: `2025-08-31T12:00:00.000000`, to compare with days. The start of a day is its
   * midnight, also when the clocks jump over it.
   */
  readonly asOfLocal: string
  /** The day of the oldest visible event. */
  readonly dataFrom: Day | null
  /** The day of the newest visible event. */
  readonly dataUntil: Day | null
  readonly source: 'rollups' | 'events'
  /** Batches whose events do not count yet. */
  readonly openBatches: readonly number[]
  /** The conditions of all segments: all of them hold for an event that counts. */
  readonly segments: readonly Condition[]
  /** The rollups that are kept because somebody asked for them. */
  readonly optionalRollups: readonly OptionalRollup[]
  /** Whether rollups have `user_days` and `days` for these segments: there are none, or an optional rollup holds them. */
  readonly segmentsHeld: boolean
}

/** A frame of which is not known yet who answers. */
export type OpenFrame = Omit<Frame, 'source'>

/** The longest range: a hundred years. */
const maxRangeDays = 36_600

/**
 * Resolves parameters inside the transaction that will answer.
 *
 * @param spell how the caller writes a parameter's name, for messages
 * @returns the frame, and whether its days are those of the rollups
 * @throws EaError `usage` for a time zone that the server does not know, and for a range that ends before it begins
 */
export async function readFrame(
  s: Session,
  params: FrameParams,
  request: RangeRequest,
  spell: (name: string) => string = (name) => name,
): Promise<{ frame: OpenFrame; inReportingTz: boolean }> {
  const state = await readState(s, params)
  const tz = params.tz ?? state.reporting_tz
  const inReportingTz = isSameTimeZone(tz, state.reporting_tz)
  const data = state.newest === null || inReportingTz ? state : await dataDaysIn(s, tz, state)
  const today = state.as_of_local.slice(0, 10)
  const range = resolveRange(request, params.weekStart, data, today, spell)
  const segments = params.segment.flatMap(({ conditions }) => conditions)
  const optionalRollups = state.optional_rollups.map(optionalRollup)
  return {
    inReportingTz,
    frame: {
      t: s.t,
      range: range?.days,
      defaultRange: range?.note ?? null,
      tz,
      weekStart: params.weekStart,
      asOf: state.as_of,
      asOfLocal: state.as_of_local,
      dataFrom: data.oldest,
      dataUntil: data.newest,
      openBatches: state.open_batches,
      segments,
      optionalRollups,
      segmentsHeld: areHeld(segments, optionalRollups),
    },
  }
}

interface DataDays {
  oldest: Day | null
  newest: Day | null
}

interface State extends DataDays {
  reporting_tz: string
  optional_rollups: Parameters<typeof optionalRollup>[0][]
  open_batches: number[]
  as_of: string
  as_of_local: string
}

async function readState({ q, t }: Session, { tz, asOf }: FrameParams): Promise<State> {
  const asOfInstant = asOf !== undefined && isInstant(asOf) ? asOf : null
  const asOfDay = asOf === undefined || asOfInstant !== null ? null : await dayOfAsOf({ q, t }, asOf, tz)
  const query = sql<State>`
    WITH zone AS (
      SELECT reporting_tz, coalesce(${tz ?? null}::text, reporting_tz) AS tz FROM ${t.settings}
    ), clock AS (
      SELECT *, coalesce(${asOfInstant}::timestamptz, ${asOfDay}::timestamp AT TIME ZONE tz, now()) AS as_of FROM zone
    )
    SELECT reporting_tz,
           to_char(as_of AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS as_of,
           to_char(CASE WHEN as_of = day AT TIME ZONE tz THEN day ELSE as_of AT TIME ZONE tz END,
                   'YYYY-MM-DD"T"HH24:MI:SS.US') AS as_of_local,
           (SELECT coalesce(jsonb_agg(id ORDER BY id), '[]') FROM ${t.import_batches} WHERE status = 'loading')
             AS open_batches,
           (SELECT coalesce(jsonb_agg(to_jsonb(kept) ORDER BY id), '[]')
            FROM (SELECT id, path, event_type FROM ${t.optional_rollups}) AS kept) AS optional_rollups,
           (SELECT min(day) FROM ${t.days}) AS oldest,
           (SELECT max(day) FROM ${t.days}) AS newest
    FROM clock, date_trunc('day', as_of AT TIME ZONE tz) AS day`
  return knownZone(tz, async () => (await query.execute(q)).rows[0]!)
}

/** The day of an as-of that is written as a day; `yesterday` needs to know today. */
async function dayOfAsOf({ q, t }: Pick<Session, 'q' | 't'>, asOf: string, tz: string | undefined): Promise<Day> {
  const query = sql<{ today: Day }>`
    SELECT (now() AT TIME ZONE coalesce(${tz ?? null}::text, reporting_tz))::date AS today FROM ${t.settings}`
  const today = await knownZone(tz, async () => (await query.execute(q)).rows[0]!.today)
  return resolveDay(asOf, today).first
}

async function knownZone<T>(tz: string | undefined, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (tz === undefined || sqlState(error) !== '22023') throw error
    throw new EaError('usage', `The server does not know the time zone ${tz}.`, { cause: error })
  }
}

/** The first and the last day of the data in another zone: only the events at the two ends need a look. */
async function dataDaysIn({ q, t }: Session, tz: string, state: State): Promise<DataDays> {
  const bound = (day: Day, hours: number) =>
    sql`(${day}::timestamp AT TIME ZONE ${state.reporting_tz}) + make_interval(hours => ${hours})`
  const visible = sql.join([sql``, ...visibleOnly(state.open_batches)], sql` AND `)
  const { rows } = await sql<DataDays>`
    SELECT (SELECT min((occurred_at AT TIME ZONE ${tz})::date) FROM ${t.events}
            WHERE occurred_at < ${bound(state.oldest!, 30)} ${visible}) AS oldest,
           (SELECT max((occurred_at AT TIME ZONE ${tz})::date) FROM ${t.events}
            WHERE occurred_at >= ${bound(state.newest!, -6)} ${visible}) AS newest`.execute(q)
  return rows[0]!
}

function resolveRange(
  request: RangeRequest,
  weekStart: Weekday,
  data: DataDays,
  today: Day,
  spell: (name: string) => string,
): { days: { from: Day; to: Day }; note: string | null } | undefined {
  const { grain, names = ['from', 'to'] } = request
  const givenFirst = request.first === undefined ? undefined : resolveDay(request.first, today).first
  const givenLast = request.last === undefined ? undefined : resolveDay(request.last, today).last
  if (data.newest === null && givenFirst === undefined && givenLast === undefined) return undefined
  if (givenFirst !== undefined && givenLast !== undefined && givenFirst > givenLast) {
    const [first, last] = [`${spell(names[0])} ${request.first}`, `${spell(names[1])} ${request.last}`]
    throw new EaError('usage', `${first} lies after ${last}.`, { suggestions: [`Swap them, or leave one out.`] })
  }
  const lastKnown = data.newest ?? givenFirst ?? givenLast!
  const last = givenLast ?? (givenFirst !== undefined && givenFirst > lastKnown ? givenFirst : lastKnown)
  const firstBefore = request.firstBefore ?? ((day) => addDays(day, -defaultDaysBack))
  const unclipped = firstBefore(last, weekStart)
  const first = givenFirst ?? laterOf(unclipped, data.oldest, last)
  const days = {
    from: windowStart(first, grain, weekStart),
    to: windowEnd(windowStart(last, grain, weekStart), grain),
  }
  if (daysBetween(days.from, days.to) > maxRangeDays) {
    throw new EaError('usage', `${spell(names[0])} and ${spell(names[1])} may span ${maxRangeDays} days at most.`)
  }
  const isGiven = givenFirst !== undefined || givenLast !== undefined
  const rule = request.firstBeforeText ?? `The newest day of the data and the ${defaultDaysBack} days before it`
  const isAll = first === data.oldest
  return {
    days,
    note: isGiven ? null : isAll ? 'All days of the data.' : `${rule}; ask for an earlier start to see more.`,
  }
}

/** The start of the default range, moved up to the first day of the data when that lies inside. */
function laterOf(start: Day, oldest: Day | null, last: Day): Day {
  return oldest !== null && oldest > start && oldest <= last ? oldest : start
}

/** Conditions that leave out events of batches that are not completed: none when there are no such batches. */
export function visibleOnly(openBatches: readonly number[]): RawBuilder<unknown>[] {
  return openBatches.length === 0 ? [] : [sql`batch_id <> ALL(${openBatches}::bigint[])`]
}

/** The first day that the data or the clock does not cover whole: windows that end by then are complete. */
export function completeUntil(frame: OpenFrame): Day | null {
  if (frame.dataUntil === null) return null
  const dataEnd = addDays(frame.dataUntil, 1)
  const today = frame.asOfLocal.slice(0, 10)
  return dataEnd < today ? dataEnd : today
}

/** What is known about the window `[start, end)`: nothing yet, a part, or all. */
export function windowState(frame: OpenFrame, start: Day, end: Day): 'ahead' | 'partial' | 'complete' {
  if (`${start}T00:00:00.000000` >= frame.asOfLocal) return 'ahead'
  const until = completeUntil(frame)
  return until !== null && end <= until ? 'complete' : 'partial'
}
