/**
 * Retention from `user_days`. A row is the user's first active day of its window when their day before it (`prev_day`) lies
 * in another one, and `first_day` tells their cohort: the default question is plain counts over one scan, without hashing
 * of user ids.
 */
import { type RawBuilder, sql } from 'kysely'
import type { DayGrain } from '../../core/time.js'
import { all, windowOf } from '../query/events.js'
import type { QueryContext } from '../query/query-context.js'
import type { RetentionParams } from './params.js'
import { lastDay, numberOfDay } from './windows.js'

/** Whether `user_days` knows the answer; the time zone is not its concern. */
export function canUseRollups(params: RetentionParams, context: QueryContext): boolean {
  const { windowType, clock, cohort, startEvent, returnEvent } = params
  return (
    windowType !== 'hour' &&
    clock === 'calendar' &&
    startEvent === undefined &&
    returnEvent === undefined &&
    // The first event ever is searched without the segments, and that is not in a rollup of one of them.
    (context.segments.length === 0 || (cohort !== 'first-ever' && context.segmentsHeld))
  )
}

/** Whether `firstDayMembers` says who is in which cell: without a start event the first events are those of `first_day`. */
export function isByFirstDays({ cohort, mode }: RetentionParams, context: QueryContext): boolean {
  return context.source === 'rollups' && cohort !== 'active' && mode === 'on'
}

/** See `members` in `cohorts-sql.ts`. */
export function firstDayMembers(params: RetentionParams, context: QueryContext): RawBuilder<unknown> {
  const { minReturnEvents, windows } = params
  const windowType = params.windowType as DayGrain
  const { from, to } = context.range!
  const cohort = numberOfDay(sql`first_day`, windowType, windows, context)
  const number = sql`${numberOfDay(sql`day`, windowType, windows, context)} - ${cohort}`
  const isWanted = [
    // The first one says nothing new, but there is an index for it.
    sql`day >= ${from}::date`,
    sql`day < ${lastDay(windowType, windows, context)}::date`,
    sql`first_day >= ${from}::date`,
    sql`first_day < ${to}::date`,
  ]
  if (minReturnEvents === 1) {
    return sql`SELECT user_id, ${cohort} AS cohort, ${number} AS number
  FROM ${context.t.user_days}
  WHERE ${all([...isWanted, ...isFirstOfWindow(windowType, context)])}`
  }
  return sql`SELECT user_id, cohort, number
  FROM (
    SELECT user_id, ${cohort} AS cohort, ${number} AS number, events
    FROM ${context.t.user_days}
    WHERE ${all(isWanted)}
  ) AS numbered
  GROUP BY user_id, cohort, number
  HAVING number = 0 OR sum(events) >= ${minReturnEvents}`
}

/** `user_id, number, starts, returns` for each user and window: any activity starts, the first one is the first ever. */
export function rollupUserWindows(params: RetentionParams, context: QueryContext): RawBuilder<unknown> {
  const { cohort, mode, minReturnEvents, windows } = params
  const windowType = params.windowType as DayGrain
  const { from, to } = context.range!
  const number = numberOfDay(sql`day`, windowType, windows, context)
  const isWanted = [
    sql`day >= ${from}::date`,
    ...(mode === 'on' ? [sql`day < ${lastDay(windowType, windows, context)}::date`] : []),
    ...(cohort === 'active' ? [] : [sql`first_day >= ${from}::date`, sql`first_day < ${to}::date`]),
  ]
  if (minReturnEvents === 1) {
    return sql`SELECT user_id, ${number} AS number, true AS starts, events AS returns
        FROM ${context.t.user_days}
        WHERE ${all([...isWanted, ...isFirstOfWindow(windowType, context)])}`
  }
  return sql`SELECT user_id, number, true AS starts, sum(events) AS returns
        FROM (
          SELECT user_id, ${number} AS number, events
          FROM ${context.t.user_days}
          WHERE ${all(isWanted)}
        ) AS numbered
        GROUP BY user_id, number`
}

/** Of a user's rows in one window only the first. */
function isFirstOfWindow(windowType: DayGrain, context: QueryContext): RawBuilder<unknown>[] {
  switch (windowType) {
    case 'day':
      return []
    case 'week':
      return [sql`(prev_day IS NULL OR prev_day < day - (day - ${context.range!.from}::date) % 7)`]
    case 'month':
      return [sql`(prev_day IS NULL OR prev_day < ${windowOf(sql`day`, windowType, context)})`]
  }
}
