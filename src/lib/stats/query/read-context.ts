/** Makes the frame of a question: asks the database what there is, and resolves the parameters against it. */
import { type RawBuilder, sql } from 'kysely'
import { resolveDay } from '../../core/day-text.js'
import { EaError } from '../../core/errors.js'
import {
  addDays,
  type Day,
  daysBetween,
  isInstant,
  isSameTimeZone,
  type Weekday,
  windowEnd,
  windowStart,
} from '../../core/time.js'
import { type Session, sqlState } from '../../db/connect.js'
import { onDemandRollup } from '../../rollups/sql/on-demand.js'
import { areInRollups } from '../filter/rollup-match.js'
import { cutAt } from './as-of.js'
import { all } from './events.js'
import { type ContextParams, defaultDaysBack } from './params.js'
import { type Cut, type OpenQueryContext, type RangeRequest, visibleOnly } from './query-context.js'

/** The longest range: a hundred years. */
const maxRangeDays = 36_600

/**
 * Resolves parameters inside the transaction that will answer.
 *
 * @param spell how the caller writes a parameter's name, for messages
 * @returns the frame, and whether its days are those of the rollups
 * @throws EaError `usage` for a time zone that the server does not know, and for a range that ends before it begins
 */
export async function readQueryContext(
  s: Session,
  params: ContextParams,
  request: RangeRequest,
  spell: (name: string) => string = (name) => name,
): Promise<{ context: OpenQueryContext; inReportingTz: boolean }> {
  const state = await readState(s, params)
  const tz = params.tz ?? state.reporting_tz
  const inReportingTz = isSameTimeZone(tz, state.reporting_tz)
  const cut = await cutOf(s, state, request)
  const isAsStored = state.newest === null || (inReportingTz && cut === undefined)
  const data = isAsStored ? state : await dataDaysIn(s, tz, state, cut)
  const today = state.as_of_local.slice(0, 10)
  const range = resolveRange(request, params.weekStart, data, today, spell)
  const segments = params.segment.flatMap(({ conditions }) => conditions)
  const onDemandRollups = state.optional_rollups.map(onDemandRollup)
  return {
    inReportingTz,
    context: {
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
      cut,
      segments,
      onDemandRollups,
      segmentsHeld: areInRollups(segments, onDemandRollups),
    },
  }
}

interface DataDays {
  oldest: Day | null
  newest: Day | null
}

interface State extends DataDays {
  reporting_tz: string
  optional_rollups: Parameters<typeof onDemandRollup>[0][]
  open_batches: number[]
  as_of: string
  as_of_local: string
}

/**
 * ```sql
 * WITH zone AS (SELECT reporting_tz, … AS tz FROM settings), clock AS (SELECT *, … AS as_of FROM zone)
 * SELECT reporting_tz, … AS as_of, … AS as_of_local, (… FROM import_batches WHERE status = 'loading') AS open_batches,
 *        (…) AS optional_rollups, (SELECT min(day) FROM days) AS oldest, (SELECT max(day) FROM days) AS newest
 *   FROM clock, date_trunc('day', …) AS day
 * ```
 */
async function readState({ q, t }: Session, { tz, asOf }: ContextParams): Promise<State> {
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

async function cutOf(s: Session, state: State, { countsLater = false }: RangeRequest): Promise<Cut | undefined> {
  if (state.newest === null || countsLater) return undefined
  const { reporting_tz: tz, as_of: asOf, newest, open_batches: openBatches } = state
  return cutAt(s, { tz, asOf, newest, openBatches })
}

/** The first and the last day of the events that count, where the rollups do not tell: only those at the two ends need a look. */
async function dataDaysIn({ q, t }: Session, tz: string, state: State, cut: Cut | undefined): Promise<DataDays> {
  const bound = (day: RawBuilder<unknown>, hours: number) =>
    sql`((${day})::timestamp AT TIME ZONE ${state.reporting_tz}) + make_interval(hours => ${hours})`
  // A day that has an event before as-of, when there is any.
  const late =
    cut === undefined
      ? sql`${state.newest}::date`
      : sql`coalesce((SELECT max(day) FROM ${t.days} WHERE day < ${cut.wholeBefore}::date), ${state.oldest}::date)`
  const counting = visibleOnly({ openBatches: state.open_batches, cut, asOf: state.as_of })
  const day = sql`(occurred_at AT TIME ZONE ${tz})::date`
  const { rows } = await sql<DataDays>`
    SELECT (SELECT min(${day}) FROM ${t.events}
            WHERE ${all([sql`occurred_at < ${bound(sql`${state.oldest}::date`, 30)}`, ...counting])}) AS oldest,
           (SELECT max(${day}) FROM ${t.events}
            WHERE ${all([sql`occurred_at >= ${bound(late, -6)}`, ...counting])}) AS newest`.execute(q)
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
    throw new EaError('usage', `${first} is after ${last}.`, { suggestions: [`Swap them, or leave one out.`] })
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
