/**
 * What `wau` and `mau` share: how many different users were active in the so many days that end with each date.
 *
 * No user is hashed and none is counted once per date: an active day counts its user for the dates from
 * `greatest(day, prev_day + length)` to `day + length - 1`, because before that the previous active day does. Days with
 * the same gap before them begin and end to count together, so a running sum over the calendar of what begins minus what
 * ends is the answer. The active days are rows of `user_days`, or else are made of events.
 *
 * ```sql
 * WITH calendar AS (…), active_days AS (…),
 *   days_by_gap AS (SELECT day, least(day - prev_day, $1::int) AS gap, count(*) AS users FROM active_days GROUP BY 1, 2),
 *   changes AS (
 *     SELECT greatest(change.date, $2::date) AS date, sum(change.users) AS users
 *       FROM days_by_gap CROSS JOIN LATERAL (VALUES (…, users), (…, -users)) AS change(date, users) GROUP BY 1)
 * SELECT calendar.date, coalesce(sum(changes.users) OVER (ORDER BY calendar.date), 0)::bigint AS unique_users
 *   FROM calendar LEFT JOIN changes ON changes.date = calendar.date
 *  ORDER BY calendar.date
 * ```
 */
import { type RawBuilder, sql } from 'kysely'
import * as z from 'zod'
import { count, date, flag } from '../../core/row-schema.js'
import { addDays } from '../../core/time.js'
import type { ColumnStatement } from '../columns/column-answer.js'
import type { ColumnDialect } from '../columns/dialect.js'
import { windowState } from '../query/completeness.js'
import { calendar, eventDay, eventsInRange } from '../query/events.js'
import { commonParams } from '../query/params.js'
import type { QueryContext } from '../query/query-context.js'
import { defineStat, type SqlRow } from '../query/stat.js'
import { usersActiveOn } from './active-users.js'
import { parseDateKey } from './parse-date-key.js'

const row = z.object({ date: date(), unique_users: count('users').nullable(), complete: flag() })

export const rollingParams = z.strictObject(commonParams)

interface TrailingUsers {
  readonly name: string
  readonly lengthDays: number
  /** The answer for the last day of January 2025 and the day after it, on `examples/events.csv`. */
  readonly example: z.output<typeof row>[]
}

/** A stat over trailing days, by its name and the length of its window. */
export function rollingUsersStat({ name, lengthDays, example }: TrailingUsers) {
  const definition = `Different users with at least one event in the ${lengthDays} calendar days that end with the date.`
  return defineStat({
    name,
    summary: `Count the active users of the ${lengthDays} days that end with each date`,
    description:
      `The window of a date is that day and the ${lengthDays - 1} calendar days before it; it moves day by day and never ` +
      'snaps to weeks or months. Every date of the range is a row. A date that has not begun is empty; one that has not ' +
      'ended, or that the data does not cover, is not complete.',
    example: {
      command: `ea stats ${name} --from 2025-08-01 --to 2025-08-31`,
      params: { from: '2025-01-31', to: '2025-02-01' },
      data: example,
      meta: { from: '2025-01-31', to: '2025-02-01', definition, source: 'rollups' },
    },
    params: rollingParams,
    row,
    range: ({ from, to }) => ({ first: from, last: to, grain: 'day' }),
    canUseRollups: (_, context) => context.segmentsHeld,
    chart: { form: 'lines', title: () => `Active users of the ${lengthDays} days up to each day` },
    lookbackDays: () => lengthDays - 1,
    definition: () => definition,
    inColumns: (_, context, dialect) => daysByGapInColumns(context, lengthDays, dialect),
    sql: (_, context) => sql<SqlRow>`
WITH calendar AS (
  ${calendar('day', context)}
), ${daysByGap(context, lengthDays)}, changes AS (
  SELECT greatest(change.date, ${context.range!.from}::date) AS date, sum(change.users) AS users
  FROM days_by_gap CROSS JOIN LATERAL (
    VALUES (day + ${lengthDays}::int - gap, users), (day + ${lengthDays}::int, -users)
  ) AS change(date, users)
  GROUP BY 1
)
SELECT calendar.date, coalesce(sum(changes.users) OVER (ORDER BY calendar.date), 0)::bigint AS unique_users
FROM calendar LEFT JOIN changes ON changes.date = calendar.date
ORDER BY calendar.date`,
    shape: (rows, _, context) => ({
      data: rows.map((row) => {
        const date = row.date as string
        const state = windowState(context, date, addDays(date, 1))
        return {
          date,
          unique_users: state === 'ahead' ? null : (row.unique_users as number),
          complete: state === 'complete',
        }
      }),
    }),
    drillDown: {
      key: 'the DATE of a row, as in 2025-10-06',
      sql: (key, _, context) => {
        const date = parseDateKey(key, 'day', context)
        return usersActiveOn(context, { from: addDays(date, 1 - lengthDays), to: addDays(date, 1) })
      },
    },
  })
}

/** The CTE `days_by_gap`, and what it is made of. */
function daysByGap(context: QueryContext, lengthDays: number): RawBuilder<unknown> {
  if (context.fromColumns !== undefined) return sql`days_by_gap AS (${context.fromColumns.rows})`
  return sql`active_days AS (
  ${activeDays(context, lengthDays)}
), days_by_gap AS (
  SELECT day, least(day - prev_day, ${lengthDays}::int) AS gap, count(*) AS users
  FROM active_days
  GROUP BY 1, 2
)`
}

/** The same in the column store. */
function daysByGapInColumns(context: QueryContext, lengthDays: number, dialect: ColumnDialect): ColumnStatement {
  const { from, to } = context.range!
  return {
    sql: `SELECT day::DOUBLE, least(coalesce(day - prev_day, ${lengthDays}), ${lengthDays})::DOUBLE AS gap, count(*)::DOUBLE
FROM (
  SELECT day, lag(day) OVER (PARTITION BY user_id ORDER BY day) AS prev_day FROM (
    SELECT DISTINCT user_id, ${dialect.day} AS day FROM events
    WHERE ${dialect.inRange({ from: addDays(from, 1 - lengthDays), to })}
  )
) GROUP BY ALL`,
    columns: { day: 'day', gap: 'integer', users: 'count' },
  }
}

/** `day, prev_day` of every user's active days that count for a date of the range. */
function activeDays(context: QueryContext, lengthDays: number): RawBuilder<unknown> {
  const { from, to } = context.range!
  const reach = { from: addDays(from, 1 - lengthDays), to }
  if (context.source === 'rollups') {
    return sql`SELECT day, prev_day FROM ${context.t.user_days} WHERE day >= ${reach.from}::date AND day < ${reach.to}::date`
  }
  return sql`SELECT day, lag(day) OVER (PARTITION BY user_id ORDER BY day) AS prev_day
  FROM (
    SELECT user_id, ${eventDay(context)} AS day
    FROM ${context.t.events}
    WHERE ${eventsInRange({ ...context, range: reach })}
    GROUP BY user_id, 2
  ) AS user_days`
}
