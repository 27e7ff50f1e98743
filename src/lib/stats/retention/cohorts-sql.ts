/**
 * Who is in which cell of a retention: `user_id, cohort, number`, each user once for a cohort and a number. With mode
 * `on` the numbers are 0 (they are in the cohort) and those of the windows in which they returned; with `on-or-after` there is
 * one number, the last window at or after whose start they returned, 0 for none. Numbers beyond the windows that are asked
 * for may occur.
 */
import { type RawBuilder, sql } from 'kysely'
import { all } from '../query/events.js'
import { type QueryContext, visibleOnly } from '../query/query-context.js'
import { firstEventKey, returnConditions, startConditions } from './events-sql.js'
import type { RetentionParams } from './params.js'
import { rollingUserWindows } from './rolling.js'
import { firstDayMembers, isByFirstDays, rollupUserWindows } from './rollups.js'
import { cohortSpan, countCohorts, notAfter, notBefore, windowNumberOf } from './windows.js'

/** The query for all cells. */
export function members(params: RetentionParams, context: QueryContext): RawBuilder<unknown> {
  if (isByFirstDays(params, context)) return firstDayMembers(params, context)
  return params.clock === 'rolling' ? rollingMembers(params, context) : calendarMembers(params, context)
}

/**
 * The query for one cell.
 *
 * @param cohort an expression for its number
 * @param number which window
 */
export function membersOfCell(
  cohort: RawBuilder<unknown>,
  number: number,
  params: RetentionParams,
  context: QueryContext,
): RawBuilder<{ user_id: string }> {
  const isInWindow = params.mode === 'on' ? sql`number = ${number}::int` : sql`number >= ${number}::int`
  return sql`SELECT user_id
FROM (
  ${members(params, context)}
) AS members
WHERE cohort = ${cohort} AND ${isInWindow}`
}

/** One scan: a row for each user and window, from these a row for each user, from it their cells. */
function calendarMembers(params: RetentionParams, context: QueryContext): RawBuilder<unknown> {
  const { cohort } = params
  const { isEntering } = startConditions(params, context)
  const userWindows =
    context.source === 'rollups' ? rollupUserWindows(params, context) : eventUserWindows(params, context)
  const starts = sql`min(number) FILTER (WHERE starts)`
  // The first event ever decides: it lies in the first window with such an event, and has to enter there.
  const hasEntered = isEntering === undefined ? sql`` : sql`\n    HAVING ${starts} = min(number) FILTER (WHERE enters)`
  const isInRange = sql`number >= 0 AND number < ${countCohorts(params, context)}::int`
  const cohorts =
    cohort === 'active' ? sql`array_agg(number) FILTER (WHERE starts AND ${isInRange})` : sql`ARRAY[${starts}]`
  return cellsOf(
    sql`SELECT user_id, ${cohorts} AS cohorts, ${returnedOf(params, sql`number`)}
    FROM (
      ${withReturnsFrom(params, userWindows)}
    ) AS user_windows
    GROUP BY user_id${hasEntered}`,
    params,
  )
}

function rollingMembers(params: RetentionParams, context: QueryContext): RawBuilder<unknown> {
  return cellsOf(
    sql`SELECT user_id, ARRAY[cohort] AS cohorts, ${returnedOf(params, sql`cohort + number`)}
    FROM (
      ${withReturnsFrom(params, rollingUserWindows(params, context))}
    ) AS user_windows
    GROUP BY user_id, cohort`,
    params,
  )
}

/** `user_id, number, starts, returns` (with first-ever also `enters`) for each user and window; all of history is -1. */
function eventUserWindows(params: RetentionParams, context: QueryContext): RawBuilder<unknown> {
  const { cohort, mode, windows, windowType } = params
  const { from, to } = cohortSpan(params, context)
  const { isStart, isEntering } = startConditions(params, context)
  const isReturn = returnConditions(params, context)
  const at = sql`occurred_at`
  const isWanted = isStart.length === 0 || isReturn.length === 0 ? [] : [sql`((${all(isStart)}) OR (${all(isReturn)}))`]
  const hoursOfWindows = (windows + 1) * longestHours[windowType]
  const conditions = [
    ...(cohort === 'active' ? [notBefore(at, from, context)] : []),
    ...(mode === 'on' ? [notAfter(at, to, hoursOfWindows, context)] : []),
    ...visibleOnly(context),
    ...isWanted,
  ]
  // Only who has no earlier start can enter, so the order of the events of history is of no interest.
  const firstKey = (conditions: readonly RawBuilder<unknown>[]) =>
    sql`min(${firstEventKey}) FILTER (WHERE ${all([notBefore(at, from, context), ...conditions])})`
  const enters =
    isEntering === undefined
      ? sql``
      : sql`
          (${firstKey(isStart)} = ${firstKey([...isStart, ...isEntering])}) IS TRUE AS enters,`
  return sql`SELECT user_id, number, bool_or(${all(isStart)}) AS starts,${enters}
          count(*) FILTER (WHERE ${all(isReturn)}) AS returns
        FROM (
          SELECT *, ${windowNumberOf(at, params, context)} AS number
          FROM ${context.t.events}
          WHERE ${all(conditions)}
        ) AS numbered
        GROUP BY user_id, number`
}

/** No window has more hours. */
const longestHours = { hour: 1, day: 25, week: 7 * 24 + 1, month: 31 * 24 + 1 }

/** Adds `returns_from`, the returns of this window and all later ones, where that is asked for. */
function withReturnsFrom(
  { mode, minReturnEvents }: RetentionParams,
  userWindows: RawBuilder<unknown>,
): RawBuilder<unknown> {
  if (mode === 'on' || minReturnEvents === 1) return userWindows
  return sql`SELECT *, sum(returns) OVER (PARTITION BY user_id ORDER BY number DESC) AS returns_from
      FROM (
        ${userWindows}
      ) AS user_windows`
}

/** What a user's windows say of their returns: `returned`, all numbers with enough of them, or `reach`, the largest. */
function returnedOf({ mode, minReturnEvents }: RetentionParams, number: RawBuilder<unknown>): RawBuilder<unknown> {
  if (mode === 'on') return sql`array_agg(${number}) FILTER (WHERE returns >= ${minReturnEvents}) AS returned`
  const returns = minReturnEvents === 1 ? sql`returns` : sql`returns_from`
  return sql`max(${number}) FILTER (WHERE ${returns} >= ${minReturnEvents}) AS reach`
}

/** The cells of users with their `cohorts` and what `returnedOf` says. */
function cellsOf(users: RawBuilder<unknown>, { mode, windows }: RetentionParams): RawBuilder<unknown> {
  if (mode === 'on-or-after') {
    return sql`SELECT user_id, cohort, greatest(least(coalesce(reach, cohort) - cohort, ${windows}::int), 0) AS number
  FROM (
    ${users}
  ) AS users CROSS JOIN LATERAL unnest(cohorts) AS cohort
  WHERE cohort >= 0`
  }
  // A user is in their own cohort whether they returned in its window or not.
  return sql`SELECT user_id, cohort, active.number - cohort AS number
  FROM (
    ${users}
  ) AS users CROSS JOIN LATERAL unnest(cohorts) AS cohort
    CROSS JOIN LATERAL unnest(cohort || returned) WITH ORDINALITY AS active(number, place)
  WHERE cohort >= 0
    AND (place = 1 OR (active.number > cohort AND active.number <= cohort + ${windows}::int))`
}
