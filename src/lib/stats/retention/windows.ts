/**
 * The windows of a retention, numbered: 0 is that of the first cohort, and a cohort has the number of its window. Here
 * is which number an event has, when a window begins, and how the rows of the answer are named.
 */
import { type RawBuilder, sql } from 'kysely'
import { EaError } from '../../core/errors.js'
import { addDays, addWindows, type Day, type DayGrain, daysBetween } from '../../core/time.js'
import { calendar, localTime } from '../query/events.js'
import type { QueryContext } from '../query/query-context.js'
import { hourOf, type RetentionParams } from './params.js'

/** A time on the clocks of the frame's zone: `2025-10-06` or `2025-10-06T07:00`; text that sorts. */
type LocalTime = string

/**
 * The cohorts as a span of local time, `[from, to)`.
 *
 * @throws EaError `usage` when it ends before it begins
 */
export function cohortSpan(
  { startDate, to }: RetentionParams,
  context: QueryContext,
): { from: LocalTime; to: LocalTime } {
  const days = context.range!
  const first = startDate === undefined ? undefined : hourOf(startDate)
  const last = to === undefined ? undefined : hourOf(to)
  const span = {
    from: first === undefined ? days.from : `${first.day}T${first.hour}`,
    to: last === undefined ? days.to : hourAfter(`${last.day}T${last.hour}`),
  }
  if (span.from >= span.to) {
    throw new EaError('usage', `The first cohort, ${startDate}, is after the last one, ${to}.`, {
      suggestions: ['Swap them, or leave one out.'],
    })
  }
  return span
}

function hourAfter(local: LocalTime): LocalTime {
  return new Date(Date.parse(`${local}Z`) + 3_600_000).toISOString().slice(0, 16)
}

/** How many cohorts there are; for hours at most, because a day can have 25. */
export function countCohorts({ windowType }: Pick<RetentionParams, 'windowType'>, context: QueryContext): number {
  const { from, to } = context.range!
  return windowType === 'hour' ? 25 * daysBetween(from, to) : dayCohorts(windowType, context).length
}

/** The cohorts by their first days, where windows are made of days. */
export function dayCohorts(windowType: DayGrain, context: QueryContext): Day[] {
  const { from, to } = context.range!
  const cohorts: Day[] = []
  for (let start = from; start < to; start = addWindows(start, windowType, 1)) cohorts.push(start)
  return cohorts
}

/** The first day after the last window that is looked at. */
export function lastDay(windowType: DayGrain, windows: number, context: QueryContext): Day {
  const last = dayCohorts(windowType, context).at(-1)!
  return addWindows(last, windowType, windows + 1)
}

/** The number of the window that holds a day, an expression of type date that is not before the first window. */
export function numberOfDay(
  day: RawBuilder<unknown>,
  windowType: DayGrain,
  windows: number,
  context: QueryContext,
): RawBuilder<number> {
  const { from } = context.range!
  switch (windowType) {
    case 'day':
      return sql`(${day} - ${from}::date)`
    case 'week':
      return sql`((${day} - ${from}::date) / 7)`
    case 'month': {
      const end = lastDay(windowType, windows, context)
      const starts = dayCohorts(windowType, { ...context, range: { from, to: addWindows(end, 'month', 1) } })
      return sql`(width_bucket(${day}, ${starts}::date[]) - 1)`
    }
  }
}

/** The number of the window that holds an instant, -1 for all that lies before the first one. */
export function windowNumberOf(
  instant: RawBuilder<unknown>,
  params: RetentionParams,
  context: QueryContext,
): RawBuilder<number> {
  const { windowType, windows } = params
  if (windowType === 'hour') {
    const begins = sql`SELECT array_agg(begins ORDER BY begins) FROM (${hours(params, context)}) AS hours`
    return sql`(width_bucket(${instant}, (${begins})) - 1)`
  }
  const day = sql`(${localTime(instant, context)})::date`
  // Division rounds towards 0, so weeks are counted from before all events.
  const weeksBefore = windowType === 'week' ? Math.ceil(daysBetween('1900-01-01', context.range!.from) / 7) : 0
  const from = addDays(context.range!.from, -7 * weeksBefore)
  const number = numberOfDay(day, windowType, windows, { ...context, range: { from, to: context.range!.to } })
  return weeksBefore === 0 ? sql`greatest(${number}, -1)` : sql`greatest(${number} - ${weeksBefore}::int, -1)`
}

/**
 * Conditions for local times in `[from, to)`. Far from the two ends an instant alone decides; near them clocks do, because
 * a midnight can happen twice or not at all.
 */
export function inSpan(
  instant: RawBuilder<unknown>,
  { from, to }: { from?: LocalTime; to?: LocalTime },
  context: QueryContext,
): RawBuilder<unknown>[] {
  const local = localTime(instant, context)
  return [
    ...(from === undefined ? [] : [notBefore(instant, from, context)]),
    ...(to === undefined ? [] : [notAfter(instant, to, 0, context)]),
    ...(from === undefined
      ? []
      : [sql`(${instant} >= ${clockAt(from, slackHours, context)} OR ${local} >= ${from}::timestamp)`]),
    ...(to === undefined
      ? []
      : [sql`(${instant} < ${clockAt(to, -slackHours, context)} OR ${local} < ${to}::timestamp)`]),
  ]
}

/** A condition that leaves out what is surely before a local time, by instants alone. */
export function notBefore(instant: RawBuilder<unknown>, local: LocalTime, context: QueryContext): RawBuilder<unknown> {
  return sql`${instant} >= ${clockAt(local, -slackHours, context)}`
}

/** A condition that leaves out what is surely later than so many hours after a local time, by instants alone. */
export function notAfter(
  instant: RawBuilder<unknown>,
  local: LocalTime,
  hours: number,
  context: QueryContext,
): RawBuilder<unknown> {
  return sql`${instant} < ${clockAt(local, hours + slackHours, context)}`
}

/** More than clocks are ever changed by: zones have skipped whole days. */
const slackHours = 30

/** About the instant so many hours after a local time; as a constant, where an interval would be added for each event. */
function clockAt(local: LocalTime, hours: number, { tz }: QueryContext): RawBuilder<unknown> {
  const start = Date.parse(local.includes('T') ? `${local}Z` : `${local}T00:00Z`)
  return sql`(${new Date(start + hours * 3_600_000).toISOString().slice(0, 19)}::timestamp AT TIME ZONE ${tz})`
}

/**
 * A query for the cohorts where windows are made of days: `number, cohort`.
 */
export function dayCohortsSql(windowType: DayGrain, context: QueryContext): RawBuilder<unknown> {
  return sql`SELECT (row_number() OVER (ORDER BY date) - 1)::int AS number, date AS cohort
  FROM (${calendar(windowType, context)}) AS calendar`
}

/**
 * A query for windows with their instants: `number, cohort, is_cohort, begins, ends`. For windows of days these are the
 * cohorts, for hours all windows that are looked at; there `cohort` is the local time of the beginning.
 */
export function windowInstants(params: RetentionParams, context: QueryContext): RawBuilder<unknown> {
  const { windowType } = params
  if (windowType === 'hour') {
    const { to } = cohortSpan(params, context)
    return sql`SELECT number, to_char(begins AT TIME ZONE ${context.tz}, 'YYYY-MM-DD"T"HH24:MI:SS') AS cohort,
    begins AT TIME ZONE ${context.tz} < ${to}::timestamp AS is_cohort, begins, ends
  FROM (
    SELECT (row_number() OVER (ORDER BY begins) - 1)::int AS number, begins, lead(begins) OVER (ORDER BY begins) AS ends
    FROM (${hours(params, context)}) AS hours
  ) AS numbered
  WHERE ends IS NOT NULL`
  }
  const step = { day: '1 day', week: '7 days', month: '1 month' }[windowType]
  return sql`SELECT number, to_char(cohort, 'YYYY-MM-DD') AS cohort, true AS is_cohort,
    ${dayBegins(sql`cohort`, context)} AS begins, ${dayBegins(sql`(cohort + ${step}::interval)::date`, context)} AS ends
  FROM (${dayCohortsSql(windowType, context)}) AS numbered`
}

/**
 * The beginning of every hour of the local clock from the first cohort on, as `begins`. Where the clock is changed by half
 * an hour, one window is shorter: it begins with the change.
 */
function hours(params: RetentionParams, context: QueryContext): RawBuilder<unknown> {
  const { tz } = context
  const { from, to } = cohortSpan(params, context)
  return sql`SELECT min(quarter) AS begins
  FROM generate_series(
    date_trunc('hour', (${from}::timestamp AT TIME ZONE ${tz}) - interval '6 hours', ${tz}),
    (${to}::timestamp AT TIME ZONE ${tz}) + make_interval(hours => ${params.windows + 9}),
    interval '15 minutes') AS quarter
  GROUP BY date_trunc('hour', quarter, ${tz})
  HAVING min(quarter) AT TIME ZONE ${tz} >= ${from}::timestamp`
}

/** The first instant of a local day; its midnight can happen twice or not at all. `day` is an expression of type date. */
export function dayBegins(day: RawBuilder<unknown>, { tz }: QueryContext): RawBuilder<unknown> {
  const midnight = sql`(${day}::timestamp AT TIME ZONE ${tz})`
  return sql`(
      SELECT min(instant) FROM generate_series(${midnight} - interval '3 hours', ${midnight}, interval '30 minutes') AS instant
      WHERE instant AT TIME ZONE ${tz} >= ${day}::timestamp
    )`
}

/**
 * The instants (ms since 1970) at which an hour with this local time begins, the first one first: none where the clock skips it, two
 * where it comes twice. This only finds the cell that a person means; what lies in it, PostgreSQL says.
 *
 * @param local `2020-06-10T06:00`
 */
export function hourBegins(local: LocalTime, tz: string): number[] {
  const clock = new Intl.DateTimeFormat('sv-SE', { timeZone: tz, dateStyle: 'short', timeStyle: 'short' })
  const shown = (instant: number) => clock.format(instant).replace(' ', 'T')
  const minuteMs = 60_000
  const minuteBefore = (text: LocalTime) => new Date(Date.parse(`${text}Z`) - minuteMs).toISOString().slice(0, 16)
  const found: number[] = []
  const asUtc = Date.parse(`${local}Z`)
  if (Number.isNaN(asUtc)) return []
  for (let offset = 15 * 60; offset >= -15 * 60; offset -= 15) {
    const instant = asUtc - offset * minuteMs
    const isBeginning = local.endsWith(':00') || shown(instant - minuteMs) !== minuteBefore(local)
    if (shown(instant) === local && isBeginning) found.push(instant)
  }
  return found
}
