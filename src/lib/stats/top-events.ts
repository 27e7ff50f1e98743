/**
 * Which event types happen most, and each one's share of all events of the range.
 *
 * Answered from `event_type_days`, also with segments on event types; `uniqueUsers`, other segments and other time zones
 * read `events`.
 */
import { type RawBuilder, sql } from 'kysely'
import * as z from 'zod'
import { count, rate, text } from '../core/row-schema.js'
import type { Database } from '../db/connect.js'
import { all, eventsInRange, inSegments } from './query/events.js'
import { commonParams } from './query/params.js'
import type { QueryContext } from './query/query-context.js'
import { type RunStatOptions, runStat } from './query/run-stat.js'
import { type Answer, defineStat, type SqlRow } from './query/stat.js'

const params = z.strictObject({
  ...commonParams,
  limit: z.int().min(1).max(100_000).default(10).describe('How many event types, the most frequent first.'),
  uniqueUsers: z.boolean().default(false).describe('Also count the different users of each type (reads all events).'),
})

const row = z.object({
  event_type: text(),
  events: count('events'),
  share: rate(),
  unique_users: count('users').optional(),
})

export const topEventsStat = defineStat({
  name: 'top-events',
  summary: 'Rank the event types by how often they happen',
  description: 'The share is that of all events of the range, not only of the types that are listed.',
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
  report: { title: 'Top events', params: ({ days }) => ({ ...days, limit: 10 }) },
  range: ({ from, to }) => ({ first: from, last: to, grain: 'day' }),
  canUseRollups: ({ uniqueUsers }, context) =>
    !uniqueUsers && context.segments.every(({ field }) => field.kind === 'event_type'),
  columns: ({ uniqueUsers }) => (uniqueUsers ? {} : { without: ['unique_users'] }),
  chart: { form: 'ranking', title: () => 'Events by type' },
  definition: ({ uniqueUsers }) =>
    uniqueUsers
      ? 'Events of each type, their share of all events of the range, and the different users who sent them.'
      : 'Events of each type, and their share of all events of the range.',
  inColumns: (_, context, dialect) => ({
    sql: `SELECT event_type, sum(events)::DOUBLE, count(*)::DOUBLE FROM (
  SELECT event_type, user_id, count(*) AS events FROM events WHERE ${dialect.inRange(context.range!)} GROUP BY ALL
) GROUP BY event_type`,
    columns: { event_type: 'text', events: 'count', unique_users: 'count' },
  }),
  sql: ({ limit }, context) => sql<SqlRow>`
WITH counted AS (
  ${countedTypes(context)}
)
SELECT event_type, events, (events / sum(events) OVER ())::float8 AS share, unique_users
FROM counted
ORDER BY events DESC, event_type COLLATE "C"
LIMIT ${limit}`,
  shape: (rows, { uniqueUsers }) => ({
    data: rows.map((row) => ({
      event_type: row.event_type as string,
      events: row.events as number,
      share: row.share as number,
      ...(uniqueUsers ? { unique_users: row.unique_users as number } : {}),
    })),
  }),
  drillDown: {
    key: 'the EVENT_TYPE of a row, as in purchase',
    canUseRollups: () => false,
    sql: (key, _, context) => sql`SELECT user_id
FROM ${context.t.events}
WHERE ${all([eventsInRange(context), sql`event_type = ${key}::text`])}
GROUP BY user_id`,
  },
})

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
 * @param given `from`, `to` (days, both included), `segment`, `tz`, `weekStart`, `asOf`, `limit`, `uniqueUsers`
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
