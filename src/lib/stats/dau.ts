/**
 * How many different users were active on each day, week or month.
 *
 * Answered from `days` and `user_days`, also those of a kept property; other time zones and segments read `events`. The
 * query is in `active-users.ts`.
 */
import { sql } from 'kysely'
import * as z from 'zod'
import { count, date, flag } from '../core/row-schema.js'
import { dayGrains, windowEnd } from '../core/time.js'
import type { Database } from '../db/connect.js'
import { activeUsers, activeUsersInColumns, usersActiveOn } from './active/active-users.js'
import { parseDateKey } from './active/parse-date-key.js'
import { windowState } from './query/completeness.js'
import { calendar } from './query/events.js'
import { commonParams } from './query/params.js'
import { type RunStatOptions, runStat } from './query/run-stat.js'
import { type Answer, defineStat, type SqlRow } from './query/stat.js'

const params = z.strictObject({
  ...commonParams,
  grain: z.enum(dayGrains).default('day').describe('Count users once a day, week or month.'),
})

const row = z.object({ date: date(), unique_users: count('users').nullable(), complete: flag() })

export const dauStat = defineStat({
  name: 'dau',
  summary: 'Count the active users of each day, week or month',
  description:
    'A user is active in a window when they have at least one event in it. Every window of the range is a row, also an ' +
    'empty one. With --grain week or month the range grows to whole windows. A window that has not begun is empty; one ' +
    'that has not ended, or that the data does not cover, is not complete.',
  example: {
    command: 'ea stats dau --from 2025-08-01 --to 2025-08-31 --grain week',
    params: { from: '2025-01-31', to: '2025-02-01' },
    data: [
      { date: '2025-01-31', unique_users: 12, complete: true },
      { date: '2025-02-01', unique_users: 7, complete: true },
    ],
    meta: {
      from: '2025-01-31',
      to: '2025-02-01',
      definition: 'Different users with at least one event in each day.',
      source: 'rollups',
      grain: 'day',
    },
  },
  params,
  row,
  report: { title: 'Active users', params: ({ days, grain }) => ({ ...days, grain }) },
  range: ({ from, to, grain }) => ({ first: from, last: to, grain }),
  canUseRollups: (_, context) => context.segmentsHeld,
  chart: { form: 'lines', title: ({ grain }) => `Active users in each ${grain}` },
  definition: ({ grain }) => `Different users with at least one event in each ${grain}.`,
  inColumns: ({ grain }, context, dialect) => activeUsersInColumns(grain, context, dialect),
  sql: ({ grain }, context) => sql<SqlRow>`
WITH calendar AS (
  ${calendar(grain, context)}
), active AS (
  ${activeUsers(grain, context)}
)
SELECT calendar.date, coalesce(active.users, 0)::bigint AS unique_users
FROM calendar LEFT JOIN active ON active.date = calendar.date
ORDER BY calendar.date`,
  shape: (rows, { grain }, context) => ({
    data: rows.map((row) => {
      const date = row.date as string
      const state = windowState(context, date, windowEnd(date, grain))
      return {
        date,
        unique_users: state === 'ahead' ? null : (row.unique_users as number),
        complete: state === 'complete',
      }
    }),
  }),
  drillDown: {
    key: 'the DATE of a row, as in 2025-10-06',
    sql: (key, { grain }, context) => {
      const date = parseDateKey(key, grain, context)
      return usersActiveOn(context, { from: date, to: windowEnd(date, grain) })
    },
  },
})

/**
 * The active users of each day, week or month.
 *
 * @param given `from`, `to` (days, both included), `segment`, `tz`, `weekStart`, `asOf`, `grain`
 * @throws EaError `usage` for parameters that are not of their form
 * @example
 * const { data } = await dau(db, { from: '2025-08-01', to: '2025-08-31' })
 * data[0] // { date: '2025-08-01', unique_users: 74, complete: true }
 */
export function dau(
  db: Database,
  given: z.input<typeof params> = {},
  options?: RunStatOptions,
): Promise<Answer<typeof dauStat>> {
  return runStat(db, dauStat, given, options)
}
