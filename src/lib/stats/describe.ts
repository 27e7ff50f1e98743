/**
 * What the events hold: each event type with its events and users, and below it each of its properties with what its values
 * are. All events are counted; of more than a million the properties are those of a sample, and every such number says so.
 */
import { type RawBuilder, sql } from 'kysely'
import * as z from 'zod'
import { count, date, flag, jsonText, rate, text } from '../core/row-schema.js'
import type { Database } from '../db/connect.js'
import { isNumberSql } from './filter/filter-sql.js'
import { all, eventDay, eventsInRange } from './query/events.js'
import { commonParams } from './query/params.js'
import type { QueryContext } from './query/query-context.js'
import { type RunStatOptions, runStat } from './query/run-stat.js'
import { type Answer, defineStat, type SqlRow } from './query/stat.js'

/** Of more events a sample of about so many is looked into. */
const sampleEvents = 1_000_000
/** So many of the values are named. */
const topValues = 3
/** So much of a value is shown. */
const shownChars = 60

const params = z.strictObject({
  ...commonParams,
  eventType: z.string().min(1).optional().describe('Only this event type.'),
  limit: z.int().min(1).max(1000).default(20).describe('How many event types, the most frequent first.'),
})

const row = z.object({
  event_type: text(),
  property: text().nullable(),
  kind: text().nullable(),
  events: count('events'),
  share: rate(),
  users: count('users').nullable(),
  values: count('values').nullable(),
  top: jsonText().nullable(),
  min: text().nullable(),
  max: text().nullable(),
  first: date(),
  last: date(),
  estimated: flag(),
})

const meta = z.object({
  types_left_out: z.int().nonnegative().describe('How many event types there are beside those of the answer.'),
})

const definitionText =
  'Events and users of each event type; of each property the events that have it set, its different values as texts, the three most frequent, the smallest and the largest.'

/** A row of the example, with what all of its rows share; its JSON as a program gets it. */
function exampleRow(own: Readonly<Record<string, unknown>>): z.output<typeof row>[] {
  const shared = { event_type: 'app_open', property: null, kind: null, events: 12, share: 1, users: null }
  const days = { first: '2025-01-01', last: '2025-01-30', estimated: false }
  return [{ ...shared, ...own, ...days } as unknown as z.output<typeof row>]
}

export const describeStat = defineStat({
  name: 'describe',
  summary: 'Show which event types and properties there are, and what their values are',
  description:
    'A row for each event type, and below it one for each property that its events have: how many events have it, how many ' +
    'different values there are, the most frequent ones, the smallest and the largest, the first and the last day. Of more than ' +
    'a million events the properties are those of a sample, and the row says that its numbers are estimated.',
  example: {
    command: 'ea stats describe --event-type purchase',
    params: { from: '2025-01-01', to: '2025-01-31', event_type: 'app_open', segment: ['user_id:u3'] },
    data: [
      ...exampleRow({ property: null, kind: null, users: 1, values: null, top: null, min: null, max: null }),
      ...exampleRow({ property: 'app_version', kind: 'text', values: 1, top: ['3.4.1'], min: '3.4.1', max: '3.4.1' }),
      ...exampleRow({ property: 'country', kind: 'text', values: 1, top: ['PL'], min: 'PL', max: 'PL' }),
      ...exampleRow({ property: 'os', kind: 'text', values: 1, top: ['Android'], min: 'Android', max: 'Android' }),
      ...exampleRow({
        property: 'session_id',
        kind: 'text',
        values: 12,
        top: ['118664c5', '11bdccef', '15e9db42'],
        min: '118664c5',
        max: 'ffc42842',
      }),
    ],
    meta: {
      from: '2025-01-01',
      to: '2025-01-31',
      definition: definitionText,
      source: 'events',
      segment: ['user_id:u3'],
      event_type: 'app_open',
      limit: 20,
      types_left_out: 0,
    },
  },
  params,
  row,
  meta,
  range: ({ from, to }) => ({
    first: from,
    last: to,
    grain: 'day',
    firstBefore: () => '1970-01-01',
    firstBeforeText: 'All days of the data',
  }),
  canUseRollups: () => false,
  definition: () => definitionText,
  sql: describeSql,
  shape: (rows, { limit }) => {
    const left = Math.max(0, ((rows[0]?.types as number | undefined) ?? 0) - limit)
    return {
      data: rows.map((one) => ({
        event_type: one.event_type as string,
        property: one.property as string | null,
        kind: one.kind as string | null,
        events: one.events as number,
        share: one.share as number,
        users: one.users as number | null,
        values: one.values as number | null,
        top: one.top as string | null,
        min: one.min as string | null,
        max: one.max as string | null,
        first: one.first as string,
        last: one.last as string,
        estimated: one.estimated as boolean,
      })),
      meta: { types_left_out: left },
      warnings: [
        ...(left === 0 ? [] : [`The other ${left} event types are left out; a larger limit shows more.`]),
        ...(rows.some((one) => one.estimated)
          ? ['There are many events: the numbers of properties are estimates from a sample.']
          : []),
      ],
    }
  },
})

/**
 * ```sql
 * WITH types AS (…), shown AS (…), sample AS (…), pairs AS (…), ranked AS (…), properties AS (…)
 * SELECT event_type, property, … FROM … ORDER BY rank, …
 * ```
 */
function describeSql({ eventType, limit }: z.output<typeof params>, context: QueryContext): RawBuilder<SqlRow> {
  const inTypes = all([
    eventsInRange(context),
    ...(eventType === undefined ? [] : [sql`event_type = ${eventType}::text`]),
  ])
  const { t } = context
  return sql`
WITH types AS (
  SELECT *, row_number() OVER (ORDER BY events DESC, event_type COLLATE "C") AS rank, count(*) OVER () AS types,
    sum(events) OVER () AS all_events
  FROM (
    SELECT event_type, sum(events)::bigint AS events, count(*) AS users, min(first) AS first, max(last) AS last
    FROM (
      SELECT user_id, event_type, count(*) AS events, min(day) AS first, max(day) AS last
      FROM (SELECT user_id, event_type, ${eventDay(context)} AS day FROM ${t.events} WHERE ${inTypes}) AS counted
      GROUP BY user_id, event_type
    ) AS of_users
    GROUP BY event_type
  ) AS of_types
), shown AS (
  SELECT * FROM types WHERE rank <= ${limit}::bigint
), sample AS (
  SELECT least(1, ${sql.lit(sampleEvents)} / nullif(sum(events), 0))::float8 AS fraction FROM shown
), pairs AS (
  SELECT event_type, property, ${kindSql} AS kind, ${isNumeric} AS is_number, value, count(*) AS n, min(day) AS first, max(day) AS last
  FROM (
    SELECT event_type, of_event.key AS property, jsonb_typeof(of_event.value) AS type, of_event.value #>> '{}' AS value, day
    FROM (
      SELECT event_type, properties, ${eventDay(context)} AS day
      FROM ${t.events}
      WHERE ${inTypes} AND event_type IN (SELECT event_type FROM shown)
        AND (SELECT fraction = 1 OR uuid_hash(event_id) % 1000000 < fraction * 2000000 - 1000000 FROM sample)
    ) AS looked_into CROSS JOIN LATERAL jsonb_each(properties) AS of_event
    WHERE jsonb_typeof(of_event.value) <> 'null'
  ) AS typed
  GROUP BY event_type, property, type, value
), ranked AS (
  SELECT *, row_number() OVER (PARTITION BY event_type, property ORDER BY n DESC, value COLLATE "C") AS place FROM pairs
), properties AS (
  SELECT event_type, property, string_agg(DISTINCT kind, ' or ') || CASE WHEN bool_and(is_number) AND bool_or(kind = 'text') THEN ' (numbers)' ELSE '' END AS kind, sum(n) AS events, count(*) AS values,
    count(*) FILTER (WHERE n = 1) AS once, min(first) AS first, max(last) AS last,
    jsonb_agg(left(value, ${sql.lit(shownChars)}) ORDER BY place) FILTER (WHERE place <= ${sql.lit(topValues)}) AS top,
    bool_and(is_number) AS is_number,
    min(CASE WHEN is_number THEN value::numeric END) AS least, max(CASE WHEN is_number THEN value::numeric END) AS most,
    min(left(value, ${sql.lit(shownChars)}) COLLATE "C") AS first_text, max(left(value, ${sql.lit(shownChars)}) COLLATE "C") AS last_text
  FROM ranked
  GROUP BY event_type, property
)
SELECT event_type, property, kind, events, share, users, values, top::text AS top, min, max, first, last, estimated, types
FROM (
  SELECT event_type, NULL AS property, NULL AS kind, events, (events / all_events)::float8 AS share, users, NULL::bigint AS values,
    NULL::jsonb AS top, NULL AS min, NULL AS max, first, last, false AS estimated, types, rank, NULL::bigint AS place
  FROM shown
  UNION ALL
  SELECT p.event_type, p.property, p.kind, least(shown.events, round(p.events / fraction::numeric))::bigint,
    least(1, p.events / fraction / shown.events)::float8, NULL,
    CASE WHEN fraction = 1 THEN p.values
      ELSE round(p.events * p.values / (p.events - p.once + p.once * fraction::numeric))::bigint END,
    p.top, CASE WHEN is_number THEN trim_scale(least)::text ELSE first_text END,
    CASE WHEN is_number THEN trim_scale(most)::text ELSE last_text END, p.first, p.last, fraction < 1, types, rank, p.events
  FROM properties AS p JOIN shown ON shown.event_type = p.event_type CROSS JOIN sample
) AS described
ORDER BY rank, place DESC NULLS FIRST, property COLLATE "C"`
}

/** What a value is, in words. */
const kindSql = sql`CASE type WHEN 'string' THEN 'text' WHEN 'boolean' THEN 'true/false' WHEN 'array' THEN 'list' ELSE type END`

/** Whether it counts as a number in measures and comparisons. */
const isNumeric = sql`(type = 'number' OR (type = 'string' AND ${isNumberSql(sql`value`)}))`

/**
 * The event types and properties that there are.
 *
 * @param given `from`, `to` (days, both included; all of the data by default), `segment`, `tz`, `weekStart`, `asOf`, `eventType`,
 *   `limit`
 * @throws EaError `usage` for parameters that are not of their form
 * @example
 * const { data } = await describe(db, { eventType: 'purchase' })
 * data[1] // { event_type: 'purchase', property: 'amount', kind: 'number', events: 150, share: 1, …, min: '0.5', max: '99' }
 */
export function describe(
  db: Database,
  given: z.input<typeof params> = {},
  options?: RunStatOptions,
): Promise<Answer<typeof describeStat>> {
  return runStat(db, describeStat, given, options)
}
