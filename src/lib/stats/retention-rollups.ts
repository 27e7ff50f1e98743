/**
 * Who is in which cell of a retention, from `user_days`. A row is the user's first active day of its window when his
 * day before it (`prev_day`) is in another one, and `first_day` is his cohort: the default question needs one scan and
 * no hashing of user ids.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Day, DayGrain } from '../time.js'
import { all, windowOf } from './events.js'
import type { Frame } from './frame.js'
import type { Params } from './retention-params.js'
import { lastDay, numberOfDay } from './retention-windows.js'

/** Whether `user_days` knows the answer; the time zone is not its concern. */
export function rollupsAnswer(params: Params, frame: Frame): boolean {
  const { windowType, mode, clock, startEvent, returnEvent } = params
  // What happened after as-of does not count as a return, and a day may lie on both sides of it.
  const isDataBeforeAsOf = frame.dataUntil === null || frame.dataUntil < frame.asOfLocal.slice(0, 10)
  return (
    windowType !== 'hour' &&
    clock === 'calendar' &&
    startEvent === undefined &&
    returnEvent === undefined &&
    frame.segments.length === 0 &&
    (mode === 'on' || isDataBeforeAsOf)
  )
}

/** See `members` in `retention-members.ts`. */
export function rollupMembers(params: Params, frame: Frame): RawBuilder<unknown> {
  const windowType = params.windowType as DayGrain
  if (params.cohort === 'active') return activeMembers(params, windowType, frame)
  return params.mode === 'on' ? firstMembers(params, windowType, frame) : lastingMembers(params, windowType, frame)
}

/** Without start event and segments the first matching event is the first event ever. */
function firstMembers({ windows, minReturnEvents }: Params, windowType: DayGrain, frame: Frame): RawBuilder<unknown> {
  const { from, to } = frame.range!
  const end = lastDay(windowType, windows, frame)
  const cohort = numberOfDay(sql`first_day`, windowType, windows, frame)
  const number = sql`${numberOfDay(sql`day`, windowType, windows, frame)} - ${cohort}`
  const inCohorts = [...onDays(sql`first_day`, from, to), ...onDays(sql`day`, from, end)]
  if (minReturnEvents === 1) {
    return sql`SELECT user_id, ${cohort} AS cohort, ${number} AS number
  FROM ${frame.t.user_days}
  WHERE ${all([...inCohorts, ...isFirstOfWindow(windowType, frame)])}`
  }
  return sql`SELECT user_id, cohort, number
  FROM (
    SELECT user_id, ${cohort} AS cohort, ${number} AS number, events
    FROM ${frame.t.user_days}
    WHERE ${all(inCohorts)}
  ) AS user_days
  GROUP BY user_id, cohort, number
  HAVING number = 0 OR sum(events) >= ${minReturnEvents}`
}

/** `on-or-after` for cohorts of first days. */
function lastingMembers(params: Params, windowType: DayGrain, frame: Frame): RawBuilder<unknown> {
  const { windows } = params
  const { from, to } = frame.range!
  const cohort = numberOfDay(sql`first_day`, windowType, windows, frame)
  return sql`SELECT user_id, cohort, greatest(least(reach - cohort, ${windows}::int), 0) AS number
  FROM (
    SELECT user_id, ${cohort} AS cohort, ${numberOfDay(sql`reach_day`, windowType, windows, frame)} AS reach
    FROM (
      ${reachDays(params, [sql`first_day`], onDays(sql`first_day`, from, to), frame)}
    ) AS reach_days
  ) AS reaches`
}

function activeMembers(params: Params, windowType: DayGrain, frame: Frame): RawBuilder<unknown> {
  const { windows, mode, minReturnEvents } = params
  const { from, to } = frame.range!
  const { t } = frame
  const number = numberOfDay(sql`day`, windowType, windows, frame)
  const starts = sql`SELECT user_id, ${number} AS cohort
    FROM ${t.user_days}
    WHERE ${all([...onDays(sql`day`, from, to), ...isFirstOfWindow(windowType, frame)])}`
  if (mode === 'on-or-after') {
    return sql`SELECT starts.user_id, starts.cohort, greatest(least(reaches.reach - starts.cohort, ${windows}::int), 0) AS number
  FROM (
    ${starts}
  ) AS starts JOIN (
    SELECT user_id, ${numberOfDay(sql`reach_day`, windowType, windows, frame)} AS reach
    FROM (
      ${reachDays(params, [], onDays(sql`day`, from), frame)}
    ) AS reach_days
  ) AS reaches ON reaches.user_id = starts.user_id`
  }
  const until = lastDay(windowType, windows, frame)
  const returns =
    minReturnEvents === 1
      ? sql`SELECT user_id, ${number} AS number
    FROM ${t.user_days}
    WHERE ${all([...onDays(sql`day`, from, until), ...isFirstOfWindow(windowType, frame)])}`
      : sql`SELECT user_id, ${number} AS number, sum(events) AS events
    FROM ${t.user_days}
    WHERE ${all(onDays(sql`day`, from, until))}
    GROUP BY user_id, 2`
  const isEnough =
    minReturnEvents === 1 ? [] : [sql`(returns.number = starts.cohort OR returns.events >= ${minReturnEvents})`]
  return sql`SELECT starts.user_id, starts.cohort, returns.number - starts.cohort AS number
  FROM (
    ${starts}
  ) AS starts JOIN (
    ${returns}
  ) AS returns ON ${all([
    sql`returns.user_id = starts.user_id`,
    sql`returns.number >= starts.cohort`,
    sql`returns.number <= starts.cohort + ${windows}::int`,
    ...isEnough,
  ])}`
}

/** `user_id, reach_day` and more columns: the last day from which on a user has events enough, or null. */
function reachDays(
  { minReturnEvents }: Params,
  more: readonly RawBuilder<unknown>[],
  conditions: readonly RawBuilder<unknown>[],
  frame: Frame,
): RawBuilder<unknown> {
  const columns = sql.join([sql`user_id`, ...more])
  if (minReturnEvents === 1) {
    return sql`SELECT ${columns}, max(day) AS reach_day
      FROM ${frame.t.user_days}
      WHERE ${all(conditions)}
      GROUP BY ${columns}`
  }
  return sql`SELECT ${columns}, coalesce(max(day) FILTER (WHERE events_from >= ${minReturnEvents}), min(day)) AS reach_day
      FROM (
        SELECT ${columns}, day, sum(events) OVER (PARTITION BY user_id ORDER BY day DESC) AS events_from
        FROM ${frame.t.user_days}
        WHERE ${all(conditions)}
      ) AS user_days
      GROUP BY ${columns}`
}

function onDays(column: RawBuilder<unknown>, from: Day, to?: Day): RawBuilder<unknown>[] {
  return [sql`${column} >= ${from}::date`, ...(to === undefined ? [] : [sql`${column} < ${to}::date`])]
}

/** Of a user's rows in one window only the first. */
function isFirstOfWindow(windowType: DayGrain, frame: Frame): RawBuilder<unknown>[] {
  if (windowType === 'day') return []
  return [sql`(prev_day IS NULL OR prev_day < ${windowOf(sql`day`, windowType, frame)})`]
}
