/**
 * In how many windows of the range users were active: how many users in exactly one, in exactly two, and so on.
 *
 * From `user_days`, a window of a user is a row whose `prev_day` lies before it. Hours, other time zones, and segments that
 * no optional rollup holds, read `events`.
 */
import { type RawBuilder, sql } from 'kysely'
import * as z from 'zod'
import { EaError } from '../core/errors.js'
import { count } from '../core/row-schema.js'
import { type Grain, grains } from '../core/time.js'
import type { Database } from '../db/connect.js'
import { countWindows } from './query/answer-size.js'
import { calendar, eventsInRange, eventWindow, windowOf } from './query/events.js'
import { commonParams } from './query/params.js'
import type { QueryContext } from './query/query-context.js'
import { type RunStatOptions, runStat } from './query/run-stat.js'
import { type Answer, defineStat, type SqlRow } from './query/stat.js'

const params = z.strictObject({
  ...commonParams,
  grain: z.enum(grains).default('day').describe('Length of a window.'),
})

const row = z.object({ periods_active: count(), users: count('users') })

export const stickinessStat = defineStat({
  name: 'stickiness',
  summary: 'Count users by the number of days, weeks or months in which they were active',
  description:
    'A user is active in a window when they have at least one event in it, and is counted in exactly one row: that of the ' +
    'number of their active windows. Every number up to the windows of the range is a row, also with no users. The range ' +
    'grows to whole windows. An hour begins on the hour of the local clock.',
  example: {
    command: 'ea stats stickiness --from 2025-08-01 --to 2025-08-31',
    params: { from: '2025-01-01', to: '2025-01-02' },
    data: [
      { periods_active: 1, users: 12 },
      { periods_active: 2, users: 0 },
    ],
    meta: {
      from: '2025-01-01',
      to: '2025-01-02',
      definition: 'Different users by the number of days of the range in which they have at least one event.',
      source: 'rollups',
      grain: 'day',
    },
  },
  params,
  row,
  range: ({ from, to, grain }) => ({ first: from, last: to, grain }),
  canUseRollups: ({ grain }, context) => grain !== 'hour' && context.segmentsHeld,
  chart: { form: 'histogram', title: ({ grain }) => `Users by active ${grain}s` },
  definition: ({ grain }) =>
    `Different users by the number of ${grain}s of the range in which they have at least one event.`,
  size: ({ grain }, context) => [
    { count: countWindows(grain, context), of: `${grain}s`, params: ['from', 'to', 'grain'] },
  ],
  inColumns: ({ grain }, context, dialect) => ({
    sql: `SELECT periods_active::DOUBLE, count(*)::DOUBLE FROM (
  SELECT count(DISTINCT ${dialect.window(grain)}) AS periods_active
  FROM events WHERE ${dialect.inRange(context.range!)} GROUP BY user_id
) GROUP BY periods_active`,
    columns: { periods_active: 'count', users: 'count' },
  }),
  sql: ({ grain }, context) => sql<SqlRow>`
WITH calendar AS (
  ${calendar(grain, context)}
), numbers AS (
  SELECT row_number() OVER (ORDER BY date) AS periods_active FROM calendar
), ${counted(grain, context)}
SELECT numbers.periods_active, coalesce(counted.users, 0)::bigint AS users
FROM numbers LEFT JOIN counted ON counted.periods_active = numbers.periods_active
ORDER BY numbers.periods_active`,
  shape: (rows) => ({
    data: rows.map((row) => ({ periods_active: row.periods_active as number, users: row.users as number })),
  }),
  drillDown: {
    key: 'the number of active windows of a row, as in 3',
    sql: (key, { grain }, context) => sql`SELECT user_id
FROM (
  ${activeWindows(grain, context)}
) AS users
WHERE periods_active = ${activeWindowsOf(key, grain, context)}`,
  },
})

/** CTEs that end with `counted`: how many users have each number. */
function counted(grain: Grain, context: QueryContext): RawBuilder<unknown> {
  if (context.fromColumns !== undefined) return sql`counted AS (${context.fromColumns.rows})`
  return sql`users AS (
  ${activeWindows(grain, context)}
), counted AS (
  SELECT periods_active, count(*) AS users FROM users GROUP BY periods_active
)`
}

/** `user_id, periods_active` of every user of the range. */
function activeWindows(grain: Grain, context: QueryContext): RawBuilder<{ user_id: string }> {
  const { t } = context
  const { from, to } = context.range!
  if (context.source === 'events') {
    return sql`SELECT user_id, count(*) AS periods_active
  FROM (
    SELECT user_id, ${eventWindow(grain, context)} AS date
    FROM ${t.events}
    WHERE ${eventsInRange(context)}
    GROUP BY user_id, 2
  ) AS user_windows
  GROUP BY user_id`
  }
  const isFirstOfWindow =
    grain === 'day' ? sql`` : sql` AND (prev_day IS NULL OR prev_day < ${windowOf(sql`day`, grain, context)})`
  return sql`SELECT user_id, count(*) AS periods_active
  FROM ${t.user_days}
  WHERE day >= ${from}::date AND day < ${to}::date${isFirstOfWindow}
  GROUP BY user_id`
}

function activeWindowsOf(key: string, grain: Grain, context: QueryContext): number {
  // A day on which the clock was set back has 25 hours.
  const most = countWindows(grain, context) + (grain === 'hour' ? 1 : 0)
  const count = /^\d{1,9}$/.test(key) ? Number(key) : 0
  if (count >= 1 && count <= most) return count
  throw new EaError('usage', `No row has the number ${JSON.stringify(key)}: they go from 1 to ${most}.`, {
    suggestions: [`Try ${count > most ? most : 1}.`],
  })
}

/**
 * The users by the number of their active days, weeks, months or hours.
 *
 * @param given `from`, `to` (days, both included), `segment`, `tz`, `weekStart`, `asOf`, `grain`
 * @throws EaError `usage` for parameters that are not of their form
 * @example
 * const { data } = await stickiness(db, { from: '2025-08-01', to: '2025-08-31' })
 * data[0] // { periods_active: 1, users: 412 }
 */
export function stickiness(
  db: Database,
  given: z.input<typeof params> = {},
  options?: RunStatOptions,
): Promise<Answer<typeof stickinessStat>> {
  return runStat(db, stickinessStat, given, options)
}
