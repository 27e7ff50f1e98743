/**
 * Pieces of SQL over `events` that all stats share: which rows count, on which day or window a row lies, and the calendar
 * of a range. All are for the frame of one question.
 */
import { type RawBuilder, sql } from 'kysely'
import { addDays, type Day, type Grain, isSameTimeZone, windowStart } from '../../core/time.js'
import type { Condition } from '../filter/filter.js'
import { conditionSql } from '../filter/filter-sql.js'
import { type OpenQueryContext, type QueryContext, visibleOnly } from './query-context.js'

/** `a AND b AND …`, each on a line of its own; `true` for none. */
export function all(conditions: readonly RawBuilder<unknown>[]): RawBuilder<unknown> {
  return conditions.length === 0 ? sql`true` : sql.join(conditions, sql`\n      AND `)
}

/** The conditions of the segments. */
export function inSegments(context: OpenQueryContext): RawBuilder<unknown>[] {
  return context.segments.map((condition: Condition) => conditionSql(condition))
}

/**
 * Conditions for events on the days `[from, to)`. Instants a day wider than the days are for the BRIN index, and
 * instants a day inside decide for nearly every event; near its ends the days themselves decide, because a
 * midnight can happen twice or not at all.
 *
 * @param from undefined: from the first event on; `to` undefined: to the last one
 */
export function onDays(context: OpenQueryContext, { from, to }: { from?: Day; to?: Day }): RawBuilder<unknown>[] {
  if (isUtc(context)) {
    return [
      ...(from === undefined ? [] : [sql`occurred_at >= ${`${from}T00:00:00Z`}::timestamptz`]),
      ...(to === undefined ? [] : [sql`occurred_at < ${`${to}T00:00:00Z`}::timestamptz`]),
    ]
  }
  const local = localTime(sql`occurred_at`, context)
  // Thirty hours on the local clock, because zones have skipped whole days. An instant plus an interval would be worked
  // out again for each event.
  const instant = (clock: string) => sql`${clock}::timestamp AT TIME ZONE ${context.tz}`
  const before = (day: Day) => instant(`${addDays(day, -2)}T18:00:00`)
  const after = (day: Day) => instant(`${addDays(day, 1)}T06:00:00`)
  return [
    ...(from === undefined ? [] : [sql`occurred_at >= ${before(from)}`]),
    ...(to === undefined ? [] : [sql`occurred_at < ${after(to)}`]),
    ...(from === undefined ? [] : [sql`(occurred_at >= ${after(from)} OR ${local} >= ${from}::timestamp)`]),
    ...(to === undefined ? [] : [sql`(occurred_at < ${before(to)} OR ${local} < ${to}::timestamp)`]),
  ]
}

const isUtc = (context: OpenQueryContext) => isSameTimeZone(context.tz, 'UTC')

/** An instant on the clocks of the frame, as a timestamp. The same for UTC without looking up its name for each row. */
export function localTime(instant: RawBuilder<unknown>, context: OpenQueryContext): RawBuilder<unknown> {
  return isUtc(context) ? sql`${instant} AT TIME ZONE interval '0'` : sql`${instant} AT TIME ZONE ${context.tz}`
}

/** The condition for events that count: visible, on a day of the range, in the segments. */
export function eventsInRange(context: QueryContext): RawBuilder<unknown> {
  return all([...onDays(context, context.range!), ...visibleOnly(context), ...inSegments(context)])
}

/** The local day of an event. */
export function eventDay(context: OpenQueryContext): RawBuilder<unknown> {
  return sql`(${localTime(sql`occurred_at`, context)})::date`
}

/** The window of an event: its first day, or for hours what `hourOf` says. */
export function eventWindow(grain: Grain, context: OpenQueryContext): RawBuilder<unknown> {
  return grain === 'hour' ? hourOf(sql`occurred_at`, context) : windowOf(eventDay(context), grain, context)
}

/**
 * What tells the hour of an instant on the local clock from all others: when it began, or would have begun had the clock
 * not been changed by less than an hour since.
 */
export function hourOf(instant: RawBuilder<unknown>, context: OpenQueryContext): RawBuilder<unknown> {
  return sql`date_trunc('hour', ${instant}, ${context.tz})`
}

/** The first day of the window that holds a day; `day` is an expression of type date, the grain is not `hour`. */
export function windowOf(day: RawBuilder<unknown>, grain: Grain, context: OpenQueryContext): RawBuilder<unknown> {
  switch (grain) {
    case 'hour':
    case 'day':
      return day
    case 'week': {
      // A start of a week before all events, so that the division never meets a negative number.
      const anchor = windowStart('1900-01-08', 'week', context.weekStart)
      return sql`(${anchor}::date + (${day} - ${anchor}::date) / 7 * 7)`
    }
    case 'month':
      return sql`date_trunc('month', ${day}::timestamp)::date`
  }
}

/** A query for every window of the range: its first day as `date`; for hours as `eventWindow` has it, with `begins` and `ends`. */
export function calendar(grain: Grain, context: QueryContext): RawBuilder<unknown> {
  const { from, to } = context.range!
  if (grain === 'hour') {
    // A midnight can happen twice or not at all: the days decide, as for events. Every hour begins with one of the
    // instants; where the clock changes by half an hour, with the change.
    const around = (day: Day, hours: number) =>
      sql`(${day}::timestamp AT TIME ZONE ${context.tz}) + make_interval(hours => ${hours})`
    return sql`SELECT ${hourOf(sql`instant`, context)} AS date, min(instant) AS begins,
    max(instant) + interval '15 minutes' AS ends
  FROM generate_series(${around(from, -6)}, ${around(to, 6)}, interval '15 minutes') AS instant
  WHERE instant AT TIME ZONE ${context.tz} >= ${from}::timestamp AND instant AT TIME ZONE ${context.tz} < ${to}::timestamp
  GROUP BY 1`
  }
  const step = { day: '1 day', week: '7 days', month: '1 month' }[grain]
  return sql`SELECT generate_series(${from}::timestamp, ${addDays(to, -1)}::timestamp, ${step}::interval)::date AS date`
}
