/**
 * Which event types happen most, and each one's share of all events of the range.
 *
 * Answered from `event_type_days`, also with segments on event types; `uniqueUsers`, other segments and other time zones
 * read `events`.
 */
import { type RawBuilder, sql } from 'kysely'
import * as z from 'zod'
import { EaError } from '../core/errors.js'
import { count, flag, rate, text } from '../core/row-schema.js'
import type { Database } from '../db/connect.js'
import { keySql, keysOfCell } from './active/trend-by.js'
import {
  byParam,
  byText,
  keyIds,
  keyItems,
  keyOrder,
  keysLeftOut,
  keysMeta,
  keysOfRow,
  keysWithout,
  placeItems,
} from './breakdown/breakdown.js'
import { all, eventsInRange, inSegments } from './query/events.js'
import { commonParams } from './query/params.js'
import type { QueryContext } from './query/query-context.js'
import { type RunStatOptions, runStat } from './query/run-stat.js'
import { type Answer, defineStat, type SqlRow } from './query/stat.js'

const params = z.strictObject({
  ...commonParams,
  by: byParam('Rank, in place of event types, what events have'),
  limit: z.int().min(1).max(100_000).default(10).describe('How many event types or values, the most frequent first.'),
  uniqueUsers: z.boolean().default(false).describe('Also count the different users of each type (reads all events).'),
})

const row = z.object({
  event_type: text().optional(),
  key: text().nullable().optional(),
  key_2: text().nullable().optional(),
  others: flag().optional(),
  events: count('events'),
  share: rate(),
  unique_users: count('users').optional(),
})

export const topEventsStat = defineStat({
  name: 'top-events',
  summary: 'Rank the event types by how often they happen',
  description:
    'The share is that of all events of the range, not only of the types that are listed. With --by the values of a property ' +
    'are ranked in place of the event types, or pairs of them; what has no such property has the key null, and all ' +
    'values beyond the limit are one last row.',
  example: {
    command: 'ea stats top-events --from 2025-08-01 --limit 5',
    params: { from: '2025-01-01', to: '2025-01-31', limit: '2' },
    data: [
      { event_type: 'view_item', events: 917, share: 0.41530797101449274 },
      { event_type: 'app_open', events: 416, share: 0.18840579710144928 },
    ],
    meta: {
      from: '2025-01-01',
      to: '2025-01-31',
      definition: 'Events of each type, and their share of all events of the range.',
      source: 'rollups',
      limit: 2,
      unique_users: false,
    },
  },
  params,
  row,
  rowForms: [
    row.omit({ key: true, key_2: true, others: true }).required({ event_type: true }),
    row.omit({ event_type: true }).required({ key: true, others: true }),
  ],
  report: { title: 'Top events', params: ({ days }) => ({ ...days, limit: 10 }) },
  range: ({ from, to }) => ({ first: from, last: to, grain: 'day' }),
  meta: keysMeta,
  fields: ({ by }) => by.list.map(({ field }) => field),
  canUseRollups: ({ uniqueUsers, by }, context) =>
    !uniqueUsers && by.list.length === 0 && context.segments.every(({ field }) => field.kind === 'event_type'),
  columns: ({ uniqueUsers, by }) => ({
    without: [
      ...(uniqueUsers ? [] : ['unique_users']),
      ...(by.list.length > 0 ? ['event_type'] : []),
      ...keysWithout(by),
    ],
  }),
  chart: { form: 'ranking', title: ({ by }) => `Events${byText(by) || ' by type'}` },
  definition: ({ uniqueUsers, by }) => {
    const counted = by.list.length === 0 ? 'Events of each type' : `Events${byText(by)}`
    return uniqueUsers
      ? `${counted}, their share of all events of the range, and the different users who sent them.`
      : `${counted}, and their share of all events of the range.`
  },
  inColumns: ({ by }, context, dialect) =>
    by.list.length > 0
      ? undefined
      : {
          sql: `SELECT event_type, sum(events)::DOUBLE, count(*)::DOUBLE FROM (
  SELECT event_type, user_id, count(*) AS events FROM events WHERE ${dialect.inRange(context.range!)} GROUP BY ALL
) GROUP BY event_type`,
          columns: { event_type: 'text', events: 'count', unique_users: 'count' },
        },
  sql: (params, context) => (params.by.list.length === 0 ? byType(params, context) : byKey(params, context)),
  shape: (rows, { uniqueUsers, by, limit }) => ({
    data: rows.map((row) => ({
      ...(by.list.length === 0 ? { event_type: row.event_type as string } : keysOfRow(by, row)),
      events: row.events as number,
      share: row.share as number,
      ...(uniqueUsers ? { unique_users: row.unique_users as number } : {}),
    })),
    ...(by.list.length === 0 ? {} : { meta: { keys_left_out: keysLeftOut(rows, limit) } }),
  }),
  drillDown: {
    key: 'the EVENT_TYPE of a row, as in purchase; with --by its KEY, of pairs KEY,KEY',
    canUseRollups: () => false,
    sql: (key, { by }, context) => {
      const keys = by.list.length === 0 ? [] : keysOfCell(key, by.list.length)
      if (keys === undefined) {
        throw new EaError('usage', `${JSON.stringify(key)} is one key, and the rows have two.`, {
          suggestions: ['Write both with a comma between them: UA,web.'],
        })
      }
      const isOfRow =
        by.list.length === 0
          ? [sql`event_type = ${key}::text`]
          : by.list.map((one, at) => sql`${keySql(one)} IS NOT DISTINCT FROM ${keys[at]}::text`)
      return sql`SELECT user_id
FROM ${context.t.events}
WHERE ${all([eventsInRange(context), ...isOfRow])}
GROUP BY user_id`
    },
  },
})

type Params = z.output<typeof params>

function byType({ limit }: Params, context: QueryContext): RawBuilder<SqlRow> {
  return sql`
WITH counted AS (
  ${countedTypes(context)}
)
SELECT event_type, events, (events / sum(events) OVER ())::float8 AS share, unique_users
FROM counted
ORDER BY events DESC, event_type COLLATE "C"
LIMIT ${limit}`
}

/**
 * The events of each key; with `uniqueUsers` also their users, also those of all other keys together.
 *
 * ```sql
 * WITH counted AS (…), totals AS (SELECT *, sum(events) OVER (PARTITION BY key_0) AS total FROM counted),
 *   ranked AS (SELECT *, dense_rank() OVER (ORDER BY total DESC, …) AS rank FROM totals)
 * SELECT …, sum(events)::bigint AS events, … FROM ranked GROUP BY place ORDER BY place
 * ```
 */
function byKey({ by, limit, uniqueUsers }: Params, context: QueryContext): RawBuilder<SqlRow> {
  const keys = sql.join(keyIds(by))
  const user = uniqueUsers ? sql`user_id, ` : sql``
  return sql`
WITH counted AS (
  SELECT ${user}${keys}, count(*) AS events
  FROM (SELECT user_id, ${sql.join(keyItems(by))} FROM ${context.t.events} WHERE ${eventsInRange(context)}) AS keyed
  GROUP BY ${user}${keys}
), totals AS (
  SELECT *, sum(events) OVER (PARTITION BY ${keys}) AS total FROM counted
), ranked AS (
  SELECT *, dense_rank() OVER (ORDER BY total DESC, ${keyOrder(by)}) AS rank FROM totals
)
SELECT ${sql.join(placeItems(by, limit))}, sum(events)::bigint AS events,
  (sum(events) / sum(sum(events)) OVER ())::float8 AS share${uniqueUsers ? sql`, count(DISTINCT user_id) AS unique_users` : sql``}
FROM ranked
GROUP BY place
ORDER BY place`
}

/** `event_type, events, unique_users` for every type of the range; `unique_users` is null when rollups answer. */
function countedTypes(context: QueryContext): RawBuilder<unknown> {
  const { from, to } = context.range!
  if (context.fromColumns !== undefined) return context.fromColumns.rows
  if (context.source === 'rollups') {
    return sql`SELECT event_type, sum(events)::bigint AS events, NULL::bigint AS unique_users
  FROM ${context.t.event_type_days}
  WHERE ${all([sql`day >= ${from}::date`, sql`day < ${to}::date`, ...inSegments(context)])}
  GROUP BY event_type`
  }
  return sql`SELECT event_type, sum(events)::bigint AS events, count(*) AS unique_users
  FROM (
    SELECT user_id, event_type, count(*) AS events
    FROM ${context.t.events}
    WHERE ${eventsInRange(context)}
    GROUP BY user_id, event_type
  ) AS user_types
  GROUP BY event_type`
}

/**
 * The most frequent event types.
 *
 * @param given `from`, `to` (days, both included), `segment`, `tz`, `weekStart`, `asOf`, `by`, `limit`, `uniqueUsers`
 * @throws EaError `usage` for parameters that are not of their form
 * @example
 * const { data } = await topEvents(db, { limit: 3 })
 * data[0] // { event_type: 'page_view', events: 1204, share: 0.2408 }
 */
export function topEvents(
  db: Database,
  given: z.input<typeof params> = {},
  options?: RunStatOptions,
): Promise<Answer<typeof topEventsStat>> {
  return runStat(db, topEventsStat, given, options)
}
