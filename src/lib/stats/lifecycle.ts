/**
 * Whether the active users of each day, week or month are new, stayed, or came back, and how many went away.
 *
 * A user counts on their first active day of a period, a row of `user_days` whose `prev_day` is before it; that
 * same `prev_day` tells their state, and who went away is who was active in the period before and did not stay. The first
 * event of a segment is in no rollup but that of a kept property, so other segments, and other time zones, read `events`
 * from the very first one on.
 *
 * ```sql
 * WITH calendar AS (…), first_days AS (…),
 *   counted AS (SELECT date, count(*) AS active, … AS new, … AS stayed FROM first_days WHERE … GROUP BY date),
 *   periods AS (
 *     SELECT calendar.date, …, lag(coalesce(active, 0)) OVER (ORDER BY calendar.date) AS active_before
 *       FROM calendar LEFT JOIN counted ON counted.date = calendar.date)
 * SELECT date, new, stayed AS "returning", active - new - stayed AS resurrecting, active_before - stayed AS dormant
 *   FROM periods WHERE date >= $1::date ORDER BY date
 * ```
 */
import { type RawBuilder, sql } from 'kysely'
import * as z from 'zod'
import { EaError } from '../core/errors.js'
import { nearest } from '../core/nearest.js'
import { count, date, flag } from '../core/row-schema.js'
import { addWindows, type Day, type DayGrain, dayGrains, daysBetween, windowEnd } from '../core/time.js'
import type { Database } from '../db/connect.js'
import { parseDateKey } from './active/parse-date-key.js'
import type { ColumnStatement } from './columns/column-answer.js'
import { type ColumnDialect, conjunction } from './columns/dialect.js'
import { windowState } from './query/completeness.js'
import { all, calendar, eventDay, eventWindow, inSegments, onDays, windowOf } from './query/events.js'
import { commonParams } from './query/params.js'
import { type QueryContext, visibleOnly } from './query/query-context.js'
import { type RunStatOptions, runStat } from './query/run-stat.js'
import { type Answer, defineStat, type SqlRow } from './query/stat.js'

const states = ['new', 'returning', 'resurrecting', 'dormant'] as const
type State = (typeof states)[number]

const params = z.strictObject({
  ...commonParams,
  grain: z.enum(dayGrains).default('day').describe('Length of a period.'),
})

const row = z.object({
  date: date(),
  new: count('users').nullable(),
  returning: count('users').nullable(),
  resurrecting: count('users').nullable(),
  dormant: count('users').nullable(),
  complete: flag(),
})

export const lifecycleStat = defineStat({
  name: 'lifecycle',
  summary: 'Count the new, returning, resurrecting and dormant users of each period',
  description:
    'Every active user of a period is either new, returning or resurrecting; a dormant one is not active in it but was ' +
    'in the period before. With a segment, only its events make a user active or new. Every period of the range is a row; ' +
    'the range grows to whole periods, and the period before it is looked at too. A period that has not begun is empty; one that has not ' +
    'ended, or that the data does not cover, is not complete.',
  example: {
    command: 'ea stats lifecycle --from 2025-08-01 --to 2025-08-31 --grain week',
    params: { from: '2025-01-31', to: '2025-02-01' },
    data: [
      { date: '2025-01-31', 'new': 7, returning: 0, resurrecting: 5, dormant: 11, complete: true },
      { date: '2025-02-01', 'new': 5, returning: 1, resurrecting: 1, dormant: 11, complete: true },
    ],
    meta: {
      from: '2025-01-31',
      to: '2025-02-01',
      definition:
        "new: the user's first event ever is in the day; returning: not new, and also active in the day before; resurrecting: active, not new, and not active in the day before; dormant: active in the day before and not in this one.",
      source: 'rollups',
      grain: 'day',
    },
  },
  params,
  row,
  range: ({ from, to, grain }) => ({ first: from, last: to, grain }),
  lookbackDays: ({ grain }) => ({ day: 1, week: 7, month: 31 })[grain],
  canUseRollups: (_, context) => context.segmentsHeld,
  chart: {
    form: 'stack',
    title: ({ grain }) => `New, returning, resurrecting and dormant users of each ${grain}`,
    below: 'dormant',
  },
  definition: ({ grain, segment }) => {
    const event = segment.length === 0 ? 'event' : 'event of the segment'
    return (
      `new: the user's first ${event} ever is in the ${grain}; returning: not new, and also active in the ${grain} before; ` +
      `resurrecting: active, not new, and not active in the ${grain} before; dormant: active in the ${grain} before and not in this one.`
    )
  },
  inColumns: ({ grain }, context, dialect) => countedInColumns(grain, context, dialect),
  sql: ({ grain }, context) => sql<SqlRow>`
WITH calendar AS (
  ${calendar(grain, fromOneBefore(grain, context))}
), ${counted(grain, context)}, periods AS (
  SELECT calendar.date, coalesce(new, 0) AS new, coalesce(stayed, 0) AS stayed, coalesce(active, 0) AS active,
    lag(coalesce(active, 0)) OVER (ORDER BY calendar.date) AS active_before
  FROM calendar LEFT JOIN counted ON counted.date = calendar.date
)
SELECT date, new, stayed AS "returning", active - new - stayed AS resurrecting, active_before - stayed AS dormant
FROM periods
WHERE date >= ${context.range!.from}::date
ORDER BY date`,
  shape: (rows, { grain }, context) => ({
    data: rows.map((row) => {
      const date = row.date as string
      const known = windowState(context, date, windowEnd(date, grain))
      const users = (state: State) => (known === 'ahead' ? null : (row[state] as number))
      return {
        date,
        new: users('new'),
        returning: users('returning'),
        resurrecting: users('resurrecting'),
        dormant: users('dormant'),
        complete: known === 'complete',
      }
    }),
  }),
  drillDown: {
    key: `DATE:STATE, as in 2025-10-06:new (${states.join(', ')})`,
    sql: (key, { grain }, context) => usersInState(key, grain, context),
  },
})

/** The start of the period before the range: who is dormant in the first one was active there. */
function oneBefore(grain: DayGrain, context: QueryContext): Day {
  return addWindows(context.range!.from, grain, -1)
}

function fromOneBefore(grain: DayGrain, context: QueryContext): QueryContext {
  return { ...context, range: { from: oneBefore(grain, context), to: context.range!.to } }
}

/** The start of the period before the one that begins on `start`, an expression of type date. */
function windowBefore(grain: DayGrain, start: RawBuilder<unknown>): RawBuilder<unknown> {
  return grain === 'month'
    ? sql`(${start} - interval '1 month')::date`
    : sql`${start} - ${grain === 'week' ? 7 : 1}::int`
}

/** CTEs that end with `counted`: the users of each period, and how many of them are new or were there in the one before. */
function counted(grain: DayGrain, context: QueryContext): RawBuilder<unknown> {
  if (context.fromColumns !== undefined) return sql`counted AS (${context.fromColumns.rows})`
  return sql`first_days AS (
  ${firstDays(grain, context)}
), counted AS (
  SELECT date, count(*) AS active,
    count(*) FILTER (WHERE prev IS NULL) AS new,
    count(*) FILTER (WHERE prev >= ${windowBefore(grain, sql`date`)}) AS stayed
  FROM first_days
  WHERE date >= ${oneBefore(grain, context)}::date
  GROUP BY date
)`
}

/** The same in the column store. */
function countedInColumns(grain: DayGrain, context: QueryContext, dialect: ColumnDialect): ColumnStatement {
  const { from, to } = fromOneBefore(grain, context).range!
  const day = (text: Day) => daysBetween('1970-01-01', text)
  const conditions = [...dialect.onDays({ to }), ...dialect.visible(), ...dialect.segments()]
  return {
    sql: `SELECT date::DOUBLE, count(*)::DOUBLE, (count(*) FILTER (WHERE prev IS NULL))::DOUBLE,
  (count(*) FILTER (WHERE prev >= ${dialect.windowBefore('date', grain)}))::DOUBLE
FROM (
  SELECT date, lag(date) OVER (PARTITION BY user_id ORDER BY date) AS prev FROM (
    SELECT DISTINCT user_id, greatest(${dialect.window(grain)}, ${day(addWindows(from, grain, -1))}) AS date
    FROM events WHERE ${conjunction(conditions)}
  )
) WHERE date >= ${day(from)} GROUP BY date`,
    columns: { date: 'day', active: 'count', new: 'count', stayed: 'count' },
  }
}

/**
 * `date, prev` for every user and period with an event in it: the start of the period, and when the user was active
 * before, which is exact as to the period; null when never.
 */
function firstDays(grain: DayGrain, context: QueryContext): RawBuilder<unknown> {
  const { t } = context
  const { from, to } = fromOneBefore(grain, context).range!
  if (context.source === 'rollups') {
    return sql`SELECT date, prev
  FROM (
    SELECT ${windowOf(sql`day`, grain, context)} AS date, prev_day AS prev
    FROM ${t.user_days}
    WHERE day >= ${from}::date AND day < ${to}::date
  ) AS user_days
  WHERE prev IS NULL OR prev < date`
  }
  // All periods further back than that are one: they only tell that somebody is not new.
  const longAgo = addWindows(from, grain, -1)
  return sql`SELECT date, lag(date) OVER (PARTITION BY user_id ORDER BY date) AS prev
  FROM (
    SELECT user_id, greatest(${eventWindow(grain, context)}, ${longAgo}::date) AS date
    FROM ${t.events}
    WHERE ${all([...onDays(context, { to }), ...visibleOnly(context), ...inSegments(context)])}
    GROUP BY user_id, 2
  ) AS user_periods`
}

function usersInState(key: string, grain: DayGrain, context: QueryContext): RawBuilder<{ user_id: string }> {
  const [, dateText = key, stateText = ''] = /^(.*):(.*)$/s.exec(key) ?? []
  const start = parseDateKey(dateText, grain, context)
  const state = states.find((name) => name === stateText)
  if (state === undefined) {
    const near = nearest(stateText, states)
    throw new EaError('usage', `${JSON.stringify(stateText)} is not a state of the lifecycle: ${states.join(', ')}.`, {
      suggestions: [near === undefined ? `A cell is ${start}:STATE.` : `Did you mean ${start}:${near}?`],
    })
  }
  const [before, end] = [addWindows(start, grain, -1), windowEnd(start, grain)]
  if (context.source === 'rollups') {
    if (state === 'dormant') {
      return sql`SELECT user_id FROM ${context.t.user_days}
  WHERE day >= ${before}::date AND day < ${end}::date
  GROUP BY user_id
  HAVING max(day) < ${start}::date`
    }
    const condition = {
      new: sql`prev_day IS NULL`,
      returning: sql`prev_day >= ${before}::date AND prev_day < ${start}::date`,
      resurrecting: sql`prev_day < ${before}::date`,
    }[state]
    return sql`SELECT user_id FROM ${context.t.user_days}
  WHERE day >= ${start}::date AND day < ${end}::date AND ${condition}`
  }
  const day = eventDay(context)
  const isActiveBefore = sql`bool_or(${day} >= ${before}::date AND ${day} < ${start}::date)`
  const condition = {
    new: sql`min(${day}) >= ${start}::date`,
    returning: sql`max(${day}) >= ${start}::date AND ${isActiveBefore}`,
    resurrecting: sql`max(${day}) >= ${start}::date AND min(${day}) < ${before}::date AND NOT ${isActiveBefore}`,
    dormant: sql`max(${day}) < ${start}::date AND ${isActiveBefore}`,
  }[state]
  return sql`SELECT user_id FROM ${context.t.events}
  WHERE ${all([...onDays(context, { to: end }), ...visibleOnly(context), ...inSegments(context)])}
  GROUP BY user_id
  HAVING ${condition}`
}

/**
 * The new, returning, resurrecting and dormant users of each day, week or month.
 *
 * @param given `from`, `to` (days, both included), `segment`, `tz`, `weekStart`, `asOf`, `grain`
 * @throws EaError `usage` for parameters that are not of their form
 * @example
 * const { data } = await lifecycle(db, { grain: 'week' })
 * data[0] // { date: '2025-08-04', new: 12, returning: 130, resurrecting: 9, dormant: 41, complete: true }
 */
export function lifecycle(
  db: Database,
  given: z.input<typeof params> = {},
  options?: RunStatOptions,
): Promise<Answer<typeof lifecycleStat>> {
  return runStat(db, lifecycleStat, given, options)
}
