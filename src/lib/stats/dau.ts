/**
 * How many different users were active on each day, week or month.
 *
 * Days come from `days`. Weeks and months come from `user_days` without hashing user ids: a user counts on his first
 * active day of the window, which is a row whose `prev_day` lies before it. Other time zones read `events`.
 */
import { type RawBuilder, sql } from 'kysely'
import * as z from 'zod'
import type { Database } from '../db/connect.js'
import type { Result } from '../result.js'
import { type Grain, grains, windowEnd } from '../time.js'
import { type AskOptions, ask } from './ask.js'
import { calendar, eventDay, eventsInRange, type Frame, windowOf, windowState } from './frame.js'
import { commonParams } from './params.js'
import type { SqlRow, Stat } from './stat.js'

const params = z.strictObject({
  ...commonParams,
  grain: z.enum(grains).default('day').describe('Count users once a day, week or month.'),
})

export const dauStat = {
  name: 'dau',
  summary: 'Count the active users of each day, week or month',
  description:
    'A user is active in a window when he has at least one event in it. Every window of the range is a row, also an ' +
    'empty one. With --grain week or month the range grows to whole windows. A window that has not begun is empty; one ' +
    'that has not ended, or that the data does not cover, is not complete.',
  example: 'ea stats dau --from 2025-08-01 --to 2025-08-31 --grain week',
  params,
  grain: ({ grain }) => grain,
  readsEvents: () => false,
  columns: () => [
    { name: 'date', kind: 'date' },
    { name: 'unique_users', kind: 'count', unit: 'users' },
    { name: 'complete', kind: 'flag' },
  ],
  definition: ({ grain }) => `Different users with at least one event in each ${grain}.`,
  sql: ({ grain }, frame) => sql<SqlRow>`
WITH calendar AS (
  ${calendar(grain, frame)}
), active AS (
  ${activeUsers(grain, frame)}
)
SELECT calendar.date, coalesce(active.users, 0)::bigint AS unique_users
FROM calendar LEFT JOIN active ON active.date = calendar.date
ORDER BY calendar.date`,
  shape: (rows, { grain }, frame) =>
    rows.map((row) => {
      const date = row.date as string
      const state = windowState(frame, date, windowEnd(date, grain))
      return {
        date,
        unique_users: state === 'ahead' ? null : (row.unique_users as number),
        complete: state === 'complete',
      }
    }),
} satisfies Stat<typeof params>

/** `date, users` for the windows in which anybody was active. */
function activeUsers(grain: Grain, frame: Frame): RawBuilder<unknown> {
  const { t } = frame
  const { from, to } = frame.range!
  const window = (day: RawBuilder<unknown>) => windowOf(day, grain, frame)
  if (frame.source === 'events') {
    return sql`SELECT date, count(*) AS users
  FROM (
    SELECT user_id, ${window(eventDay(frame))} AS date
    FROM ${t.events}
    WHERE ${eventsInRange(frame)}
    GROUP BY user_id, 2
  ) AS user_windows
  GROUP BY date`
  }
  if (grain === 'day') {
    return sql`SELECT day AS date, active_users AS users FROM ${t.days} WHERE day >= ${from}::date AND day < ${to}::date`
  }
  return sql`SELECT date, count(*) AS users
  FROM (
    SELECT ${window(sql`day`)} AS date, prev_day
    FROM ${t.user_days}
    WHERE day >= ${from}::date AND day < ${to}::date
  ) AS user_windows
  WHERE prev_day IS NULL OR prev_day < date
  GROUP BY date`
}

/**
 * The active users of each day, week or month.
 *
 * @param given `from`, `to` (days, both included), `tz`, `weekStart`, `asOf`, `grain`
 * @example
 * const { data } = await dau(db, { from: '2025-08-01', to: '2025-08-31' })
 * data[0] // { date: '2025-08-01', unique_users: 74, complete: true }
 */
export function dau(db: Database, given: z.input<typeof params> = {}, options?: AskOptions): Promise<Result> {
  return ask(db, dauStat, given, options)
}
