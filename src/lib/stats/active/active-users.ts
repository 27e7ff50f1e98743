/**
 * How many different users were active in each window, and who: the query of `dau`, which other stats ask as well.
 *
 * Days come from `days`. Weeks and months come from `user_days` without hashing user ids: a user counts on their first
 * active day of the window, which is a row whose `prev_day` is before it.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Day, Grain } from '../../core/time.js'
import type { ColumnStatement } from '../columns/column-answer.js'
import type { ColumnDialect } from '../columns/dialect.js'
import { eventsInRange, eventWindow, windowOf } from '../query/events.js'
import type { QueryContext } from '../query/query-context.js'

/** `date, users` for the windows in which anybody was active; the rollups have no hours. */
export function activeUsers(grain: Grain, context: QueryContext): RawBuilder<{ date: Day; users: number }> {
  const { t } = context
  const { from, to } = context.range!
  if (context.fromColumns !== undefined) return context.fromColumns.rows as RawBuilder<{ date: Day; users: number }>
  if (context.source === 'events') {
    return sql`SELECT date, count(*) AS users
  FROM (
    SELECT user_id, ${eventWindow(grain, context)} AS date
    FROM ${t.events}
    WHERE ${eventsInRange(context)}
    GROUP BY user_id, 2
  ) AS user_windows
  GROUP BY date`
  }
  if (grain === 'day') {
    return sql`SELECT day AS date, active_users AS users FROM ${t.days} WHERE day >= ${from}::date AND day < ${to}::date`
  }
  return sql`SELECT date, count(*) AS users
  FROM (
    SELECT ${windowOf(sql`day`, grain, context)} AS date, prev_day
    FROM ${t.user_days}
    WHERE day >= ${from}::date AND day < ${to}::date
  ) AS user_windows
  WHERE prev_day IS NULL OR prev_day < date
  GROUP BY date`
}

/** The same in the column store. */
export function activeUsersInColumns(grain: Grain, context: QueryContext, dialect: ColumnDialect): ColumnStatement {
  return {
    sql: `SELECT date::DOUBLE, count(*)::DOUBLE FROM (
  SELECT DISTINCT user_id, ${dialect.window(grain)} AS date FROM events WHERE ${dialect.inRange(context.range!)}
) GROUP BY date`,
    columns: { date: grain === 'hour' ? 'instant' : 'day', users: 'count' },
  }
}

/** `user_id` of everybody with an event on the days `[from, to)`. */
export function usersActiveOn(
  context: QueryContext,
  { from, to }: { from: Day; to: Day },
): RawBuilder<{ user_id: string }> {
  if (context.source === 'events') {
    return sql`SELECT user_id
FROM ${context.t.events}
WHERE ${eventsInRange({ ...context, range: { from, to } })}
GROUP BY user_id`
  }
  return sql`SELECT user_id
FROM ${context.t.user_days}
WHERE day >= ${from}::date AND day < ${to}::date AND (prev_day IS NULL OR prev_day < ${from}::date)`
}
