/**
 * Windows that are counted for each user from their own start event: window k is `[start + k·w, start + (k+1)·w)` in
 * elapsed time, whatever the clocks do meanwhile. His cohort is the window of the calendar in which the start lies.
 */
import { type RawBuilder, sql } from 'kysely'
import { all } from '../query/events.js'
import { type QueryContext, visibleOnly } from '../query/query-context.js'
import { firstEventKey, returnConditions, startConditions } from './events-sql.js'
import type { RetentionParams } from './params.js'
import { cohortSpan, inSpan, notAfter, notBefore, windowNumberOf } from './windows.js'

/** w in hours. */
export const rollingHours = { hour: 1, day: 24, week: 7 * 24, month: 30 * 24 }

/** `user_id, cohort, number, returns`: a row for each window in which a user returned, or one without a number. */
export function rollingUserWindows(params: RetentionParams, context: QueryContext): RawBuilder<unknown> {
  const { mode, windows, windowType } = params
  const { from, to } = cohortSpan(params, context)
  const hours = rollingHours[windowType]
  const elapsed = sql`((date_part('epoch', returns.occurred_at - starts.occurred_at) * 1000000)::bigint / ${hours * 3_600_000_000}::bigint)::int`
  const at = sql`occurred_at`
  const returnsAsked = all([
    notBefore(at, from, context),
    ...(mode === 'on' ? [notAfter(at, to, hours * (windows + 1), context)] : []),
    ...visibleOnly(context),
    ...returnConditions(params, context),
  ])
  const isInWindows = [
    sql`returns.occurred_at >= starts.occurred_at + make_interval(hours => ${hours})`,
    ...(mode === 'on'
      ? [sql`returns.occurred_at < starts.occurred_at + make_interval(hours => ${hours * (windows + 1)})`]
      : []),
  ]
  return sql`SELECT user_id, cohort, number, count(number) AS returns
        FROM (
          SELECT starts.user_id, starts.cohort,
            CASE WHEN returns.occurred_at IS NOT NULL THEN least(${elapsed}, ${windows}::int) END AS number
          FROM (
            ${starts(params, context)}
          ) AS starts LEFT JOIN (
            SELECT user_id, occurred_at FROM ${context.t.events} WHERE ${returnsAsked}
          ) AS returns ON ${all([sql`returns.user_id = starts.user_id`, ...isInWindows])}
        ) AS user_returns
        GROUP BY user_id, cohort, number`
}

/** `user_id, occurred_at, cohort`: the start event of each user. */
function starts(params: RetentionParams, context: QueryContext): RawBuilder<unknown> {
  const { from, to } = cohortSpan(params, context)
  const { isStart, isEntering } = startConditions(params, context)
  const at = sql`occurred_at`
  const span = params.cohort === 'active' ? { from, to } : { to }
  const hasEntered =
    isEntering === undefined
      ? []
      : [sql`min(${firstEventKey}) = min(${firstEventKey}) FILTER (WHERE ${all(isEntering)})`]
  return sql`SELECT user_id, occurred_at, ${windowNumberOf(at, params, context)} AS cohort
            FROM (
              SELECT user_id, min(occurred_at) AS occurred_at
              FROM ${context.t.events}
              WHERE ${all([...inSpan(at, span, context), ...visibleOnly(context), ...isStart])}
              GROUP BY user_id
              HAVING ${all([...inSpan(sql`min(occurred_at)`, { from }, context), ...hasEntered])}
            ) AS first_starts`
}
