/**
 * How many events, or different users, each day, week, month or hour has, in all or by event type or property.
 *
 * Events come from `days` and `event_type_days`, users without `by` from `days` and `user_days`, which an optional rollup
 * also has for a value of its property; everything else reads `events`. With `by`, the keys with the largest totals are
 * kept, and each has a value for every window.
 */
import { type RawBuilder, sql } from 'kysely'
import * as z from 'zod'
import { mapInTurns } from '../core/in-turns.js'
import { count, dateOrInstant, flag, text } from '../core/row-schema.js'
import { type Grain, grains, windowEnd } from '../core/time.js'
import type { Database } from '../db/connect.js'
import { activeUsers } from './active/active-users.js'
import { type By, keySql, parseBy } from './active/trend-by.js'
import { trendUsers } from './active/trend-users.js'
import { countWindows } from './query/answer-size.js'
import { hourState, type WindowState, windowState } from './query/completeness.js'
import { all, calendar, eventsInRange, eventWindow, inSegments, windowOf } from './query/events.js'
import { commonParams, parsedText } from './query/params.js'
import type { QueryContext } from './query/query-context.js'
import { type RunStatOptions, runStat } from './query/run-stat.js'
import { type Answer, defineStat, type SqlRow } from './query/stat.js'

const measures = ['events', 'unique_users'] as const

const params = z.strictObject({
  ...commonParams,
  grain: z.enum(grains).default('day').describe('Length of a window.'),
  by: parsedText(parseBy)
    .optional()
    .describe('Tell apart by this: event_type, user_id or a property (properties.country).'),
  measure: z.enum(measures).default('events').describe('Count events, or the different users who sent them.'),
  limit: z.int().min(1).max(1000).default(10).describe('With --by, how many keys: those with the largest totals.'),
})
type Params = z.output<typeof params>

const row = z.object({
  date: dateOrInstant(),
  key: text().nullable(),
  value: count('events').nullable(),
  complete: flag(),
})

const meta = z.object({
  by: z.string().nullable().describe('What tells the keys apart; null when nothing does, and every key is null.'),
  keys_left_out: z.int().nonnegative().describe('How many keys there are beside those of the answer.'),
})

export const trendStat = defineStat({
  name: 'trend',
  summary: 'Count events or users over time, in total or by event type or property',
  description:
    'Every window of the range is a row, also an empty one; with --by one for each key. The keys are the ones whose values ' +
    'are the largest in total over the range, the largest first; what has no such property has the key null. The range grows to ' +
    'whole windows. A window that has not begun is empty; one that has not ended, or that the data does not cover, is not ' +
    'complete.',
  example: {
    command: 'ea stats trend --from 2025-08-01 --grain week --by properties.country',
    params: { from: '2025-01-01', to: '2025-01-31', grain: 'month', by: 'event_type', limit: '2' },
    data: [
      { date: '2025-01-01', key: 'view_item', value: 917, complete: true },
      { date: '2025-01-01', key: 'app_open', value: 416, complete: true },
    ],
    meta: {
      from: '2025-01-01',
      to: '2025-01-31',
      definition: 'Events in each month by event_type, of the 2 largest keys of the range.',
      source: 'rollups',
      grain: 'month',
      by: 'event_type',
      measure: 'events',
      limit: 2,
      keys_left_out: 6,
      warnings: ['The other 6 values of event_type are left out; a larger limit shows more.'],
    },
  },
  params,
  row,
  range: ({ from, to, grain }) => ({ first: from, last: to, grain }),
  canUseRollups: ({ grain, by, measure }, context) => {
    if (grain === 'hour') return false
    if (measure === 'unique_users') return by === undefined && context.segmentsHeld
    if (by === undefined && context.segmentsHeld) return true
    return [...(by === undefined ? [] : [by]), ...context.segments].every(({ field }) => field.kind === 'event_type')
  },
  fields: ({ by }) => (by === undefined ? [] : [by.field]),
  columns: ({ grain, by, measure }) => ({
    without: by === undefined ? ['key'] : [],
    kinds: { date: grain === 'hour' ? 'instant' : 'date' },
    units: { value: measure === 'events' ? 'events' : 'users' },
  }),
  chart: {
    form: 'lines',
    title: ({ grain, by, measure }) =>
      `${measure === 'events' ? 'Events' : 'Active users'} in each ${grain}${by === undefined ? '' : ` by ${by.text}`}`,
  },
  meta,
  definition: ({ grain, by, measure, limit }) => {
    const counted = measure === 'events' ? 'Events' : 'Different users with at least one event'
    return by === undefined
      ? `${counted} in each ${grain}.`
      : `${counted} in each ${grain} by ${by.text}, of the ${limit} largest keys of the range.`
  },
  size: ({ grain, by, limit }, context) => [
    { count: countWindows(grain, context), of: `${grain}s`, params: ['from', 'to', 'grain'] },
    ...(by === undefined ? [] : [{ count: limit, of: 'keys', params: ['limit'] }]),
  ],
  sql: (params, context) => (params.by === undefined ? inAll(params, context) : byKey(params, context)),
  shape: async (rows, { grain, by, limit }, context) => {
    const left = by === undefined ? 0 : Math.max(0, ((rows[0]?.keys as number | undefined) ?? 0) - limit)
    // A window has a row for each key.
    const known = new Map<unknown, WindowState>()
    return {
      data: await mapInTurns(rows, 1, (row) => {
        const state = known.get(row.date) ?? stateOf(row, grain, context)
        known.set(row.date, state)
        return {
          date: row.date as string,
          key: (row.key ?? null) as string | null,
          value: state === 'ahead' ? null : (row.value as number),
          complete: state === 'complete',
        }
      }),
      meta: { by: by?.text ?? null, keys_left_out: left },
      warnings: left === 0 ? [] : [`The other ${left} values of ${by!.text} are left out; a larger limit shows more.`],
    }
  },
  drillDown: {
    key: 'the DATE of a row, with --by also its KEY, as in 2025-10-06:UA',
    canUseRollups: ({ grain, by }, context) => grain !== 'hour' && by === undefined && context.segmentsHeld,
    sql: (key, { grain, by }, context) => trendUsers(key, grain, by, context),
  },
})

function stateOf({ date, ends }: SqlRow, grain: Grain, context: QueryContext): WindowState {
  if (grain === 'hour') return hourState(context, date as string, ends as number)
  return windowState(context, date as string, windowEnd(date as string, grain))
}

/** When an hour ends; days say it by themselves. */
function endOf(grain: Grain): RawBuilder<unknown> {
  return grain === 'hour' ? sql`, extract(epoch FROM calendar.ends)::float8 AS ends` : sql``
}

/** A window for the result. An hour is the instant at which it begins, on the local clock with its offset: some come twice. */
function dateText(grain: Grain, context: QueryContext): RawBuilder<unknown> {
  if (grain !== 'hour') return sql`calendar.date`
  const local = sql`calendar.begins AT TIME ZONE ${context.tz}`
  const ahead = sql`(${local}) - (calendar.begins AT TIME ZONE 'UTC')`
  return sql`to_char(${local}, 'YYYY-MM-DD"T"HH24:MI:SS') || CASE WHEN ${ahead} < interval '0' THEN '-' ELSE '+' END
    || to_char(greatest(${ahead}, -(${ahead})), 'HH24:MI')`
}

function inAll({ grain, measure }: Params, context: QueryContext): RawBuilder<SqlRow> {
  return sql`
WITH calendar AS (
  ${calendar(grain, context)}
), counted AS (
  ${measure === 'events' ? countedEvents(grain, undefined, context) : countedUsers(grain, undefined, context)}
)
SELECT ${dateText(grain, context)} AS date, coalesce(counted.value, 0)::bigint AS value${endOf(grain)}
FROM calendar LEFT JOIN counted ON counted.date = calendar.date
ORDER BY calendar.date`
}

/**
 * ```sql
 * WITH calendar AS (…), counted AS (…),
 *   totals AS (SELECT date, key, value, sum(value) OVER (PARTITION BY key) AS total FROM counted),
 *   ranked AS (SELECT date, key, value, dense_rank() OVER (ORDER BY total DESC, …) AS rank FROM totals),
 *   kept AS (SELECT rank, key, keys, jsonb_object_agg(date::text, value) AS value_by_date FROM … WHERE rank <= $1 …)
 * SELECT … AS date, kept.key, kept.keys, … AS value … FROM kept CROSS JOIN calendar ORDER BY calendar.date, kept.rank
 * ```
 */
function byKey({ grain, by, measure, limit }: Params, context: QueryContext): RawBuilder<SqlRow> {
  return sql`
WITH calendar AS (
  ${calendar(grain, context)}
), counted AS (
  ${measure === 'events' ? countedEvents(grain, by, context) : countedUsers(grain, by, context)}
), totals AS (
  SELECT date, key, value, sum(value) OVER (PARTITION BY key) AS total FROM counted
), ranked AS (
  SELECT date, key, value, dense_rank() OVER (ORDER BY total DESC, key COLLATE "C") AS rank FROM totals
), kept AS (
  SELECT rank, key, keys, jsonb_object_agg(date::text, value) AS value_by_date
  FROM (SELECT *, max(rank) OVER () AS keys FROM ranked) AS all_keys
  WHERE rank <= ${limit}
  GROUP BY rank, key, keys
)
SELECT ${dateText(grain, context)} AS date, kept.key, kept.keys,
  coalesce((kept.value_by_date ->> calendar.date::text)::bigint, 0) AS value${endOf(grain)}
FROM kept CROSS JOIN calendar
ORDER BY calendar.date, kept.rank`
}

/** `date, key, value`: the events of each window. */
function countedEvents(grain: Grain, by: By | undefined, context: QueryContext): RawBuilder<unknown> {
  const { t } = context
  const { from, to } = context.range!
  if (context.source === 'rollups') {
    const isByType = by !== undefined || !context.segmentsHeld
    const onDays = [sql`day >= ${from}::date`, sql`day < ${to}::date`, ...(isByType ? inSegments(context) : [])]
    return sql`SELECT ${windowOf(sql`day`, grain, context)} AS date, ${by === undefined ? sql`NULL` : sql`event_type`} AS key, sum(events)::bigint AS value
  FROM ${isByType ? t.event_type_days : t.days}
  WHERE ${all(onDays)}
  GROUP BY 1, 2`
  }
  return sql`SELECT ${eventWindow(grain, context)} AS date, ${by === undefined ? sql`NULL` : keySql(by)} AS key, count(*) AS value
  FROM ${t.events}
  WHERE ${eventsInRange(context)}
  GROUP BY 1, 2`
}

/** `date, key, value`: the different users of each window. */
function countedUsers(grain: Grain, by: By | undefined, context: QueryContext): RawBuilder<unknown> {
  if (by === undefined) return sql`SELECT date, users AS value FROM (${activeUsers(grain, context)}) AS active`
  return sql`SELECT date, key, count(*) AS value
  FROM (
    SELECT user_id, ${eventWindow(grain, context)} AS date, ${keySql(by)} AS key
    FROM ${context.t.events}
    WHERE ${eventsInRange(context)}
    GROUP BY user_id, 2, 3
  ) AS user_windows
  GROUP BY date, key`
}

/**
 * Events or different users over time, in all or by event type or property.
 *
 * @param given `from`, `to` (days, both included), `segment`, `tz`, `weekStart`, `asOf`, `grain`, `by`, `measure`, `limit`
 * @throws EaError `usage` for parameters that are not of their form
 * @example
 * const { data } = await trend(db, { by: 'event_type', limit: 3 })
 * data[0] // { date: '2025-08-01', key: 'page_view', value: 1204, complete: true }
 */
export function trend(
  db: Database,
  given: z.input<typeof params> = {},
  options?: RunStatOptions,
): Promise<Answer<typeof trendStat>> {
  return runStat(db, trendStat, given, options)
}
