/**
 * The questions of `bench:stats`: how `ea` is asked, what somebody who knows DuckDB or ClickHouse would write, and which
 * form all three answers take to be compared. Each statement of theirs is the one that took the least processor time of those
 * tried. Both run with UTC as their time zone, where a cast makes a day.
 */
import { type Database, dau, funnel, type Result, retention, topEvents } from '../../src/index.js'

/** The days that are asked for: all of the log. */
export interface Span {
  readonly from: string
  readonly to: string
}

export interface Question {
  readonly name: string
  readonly ask: (db: Database, span: Span) => Promise<Result>
  /** The same as a command. */
  readonly command: (span: Span) => string[]
  /** The answer as lines of values between commas, as the rivals give it. */
  readonly lines: (result: Result) => string[]
  readonly duckdb: (span: Span) => string
  readonly clickhouse: (span: Span) => string
  /** `rollups` may answer it, or it reads every event: they have different targets. */
  readonly source: 'rollups' | 'events'
  /** What decides how long `ea` takes. */
  readonly bound: string
}

const day = (text: string) => new Date(`${text}T00:00:00Z`)
const dayText = (date: Date) => date.toISOString().slice(0, 10)
/** The day behind the last one, because statements ask for `[from, to)`. */
const behind = ({ to }: Span) => dayText(new Date(day(to).getTime() + 86_400_000))
const mondayOf = (text: string) =>
  dayText(new Date(day(text).getTime() - ((day(text).getUTCDay() + 6) % 7) * 86_400_000))
const weeksIn = ({ from, to }: Span) =>
  Math.round((day(mondayOf(to)).getTime() - day(mondayOf(from)).getTime()) / (7 * 86_400_000))

const during = (span: Span) =>
  `occurred_at >= TIMESTAMPTZ '${span.from} 00:00:00+00' AND occurred_at < TIMESTAMPTZ '${behind(span)} 00:00:00+00'`
const duringClick = (span: Span) =>
  `occurred_at >= toDateTime64('${span.from}', 6, 'UTC') AND occurred_at < toDateTime64('${behind(span)}', 6, 'UTC')`

const activeDays = (result: Result) =>
  result.data.filter((row) => row.unique_users !== 0).map((row) => `${row.date},${row.unique_users}`)

const steps = ['view_item', 'add_to_cart', 'purchase'] as const
const isStep = `event_type IN (${steps.map((step) => `'${step}'`).join(', ')})`
const windowDays = 14
const windowUs = windowDays * 86_400_000_000
const country = 'UA'

export const questions: readonly Question[] = [
  {
    name: 'DAU, every day',
    source: 'rollups',
    ask: (db, span) => dau(db, span),
    command: ({ from, to }) => ['dau', '--from', from, '--to', to],
    lines: activeDays,
    duckdb: (span) => `
      SELECT occurred_at::DATE AS date, count(DISTINCT user_id)
      FROM events WHERE ${during(span)} GROUP BY ALL`,
    clickhouse: (span) => `
      SELECT date, count()
      FROM (
        SELECT arrayJoin(groupUniqArray(toDate(occurred_at))) AS date
        FROM events WHERE ${duringClick(span)} GROUP BY user_id
        SETTINGS optimize_aggregation_in_order = 1
      )
      GROUP BY date`,
    bound: 'One row for each day lies in `days`: the time is that of the transaction and its round trips.',
  },
  {
    name: 'weekly retention, every cohort',
    source: 'rollups',
    ask: (db, span) =>
      retention(db, { startDate: span.from, to: span.to, windowType: 'week', windows: Math.max(1, weeksIn(span)) }),
    command: (span) => [
      ...['retention', '--start-date', span.from, '--to', span.to],
      ...['--window-type', 'week', '--windows', String(Math.max(1, weeksIn(span)))],
    ],
    lines: (result) =>
      result.data.flatMap((row) =>
        (row.users as (number | null)[]).flatMap((users, week) => (users ? [`${row.cohort},${week},${users}`] : [])),
      ),
    duckdb: (span) => `
      WITH user_weeks AS (
        SELECT DISTINCT user_id, date_trunc('week', occurred_at::DATE)::DATE AS week
        FROM events WHERE ${during(span)}
      ), cohorts AS (
        SELECT user_id, min(week) AS cohort FROM user_weeks GROUP BY user_id
      )
      SELECT cohort, (week - cohort) // 7 AS number, count(*)
      FROM user_weeks JOIN cohorts USING (user_id) GROUP BY ALL`,
    clickhouse: (span) => `
      SELECT cohort, intDiv(week - cohort, 7) AS number, count()
      FROM (
        SELECT groupUniqArray(toMonday(occurred_at)) AS weeks, arrayMin(weeks) AS cohort
        FROM events WHERE ${duringClick(span)} GROUP BY user_id
      ) ARRAY JOIN weeks AS week
      GROUP BY cohort, number`,
    bound: 'One scan of `user_days`, a row for each user and active day, and a count for each pair of weeks.',
  },
  {
    name: 'top events',
    source: 'rollups',
    ask: (db, span) => topEvents(db, { ...span, limit: 100 }),
    command: ({ from, to }) => ['top-events', '--from', from, '--to', to, '--limit', '100'],
    lines: (result) => result.data.map((row) => `${row.event_type},${row.events}`),
    duckdb: (span) => `SELECT event_type, count(*) FROM events WHERE ${during(span)} GROUP BY ALL`,
    clickhouse: (span) => `SELECT event_type, count() FROM events WHERE ${duringClick(span)} GROUP BY event_type`,
    bound: 'One row for each day and type lies in `event_type_days`: the time is that of the transaction.',
  },
  {
    name: `DAU, properties.country:${country}`,
    source: 'events',
    ask: (db, span) => dau(db, { ...span, segment: [`properties.country:${country}`] }),
    command: ({ from, to }) => ['dau', '--from', from, '--to', to, '--segment', `properties.country:${country}`],
    lines: activeDays,
    duckdb: (span) => `
      SELECT occurred_at::DATE AS date, count(DISTINCT user_id)
      FROM events WHERE properties ->> 'country' = '${country}' AND ${during(span)} GROUP BY ALL`,
    clickhouse: (span) => `
      SELECT toDate(occurred_at) AS date, uniqExact(user_id)
      FROM events WHERE properties.country.:String = '${country}' AND ${duringClick(span)} GROUP BY date`,
    bound:
      'A scan of whole rows: each event is fetched into the cache and its jsonb opened, where ClickHouse reads only the column that it keeps for this property.',
  },
  {
    name: 'funnel of three steps in 14 days',
    source: 'events',
    ask: (db, span) => funnel(db, { ...span, step: [...steps], window: `${windowDays}d` }),
    command: ({ from, to }) => [
      ...['funnel', '--from', from, '--to', to, '--window', `${windowDays}d`],
      ...steps.flatMap((step) => ['--step', step]),
    ],
    lines: (result) => [result.data.map((row) => row.users).join(',')],
    // The latest start of each step decides: a later one leaves more of the window.
    duckdb: (span) => `
      WITH first AS (
        SELECT user_id, occurred_at AS at FROM events WHERE event_type = '${steps[0]}' AND ${during(span)}
      ), second AS (
        SELECT e.user_id, e.occurred_at AS at, first.at AS start
        FROM (SELECT user_id, occurred_at FROM events WHERE event_type = '${steps[1]}') AS e
        ASOF JOIN first ON e.user_id = first.user_id AND e.occurred_at >= first.at
        WHERE e.occurred_at <= first.at + INTERVAL ${windowDays} DAY
      ), third AS (
        SELECT e.user_id
        FROM (SELECT user_id, occurred_at FROM events WHERE event_type = '${steps[2]}') AS e
        ASOF JOIN second ON e.user_id = second.user_id AND e.occurred_at >= second.at
        WHERE e.occurred_at <= second.start + INTERVAL ${windowDays} DAY
      )
      SELECT (SELECT count(DISTINCT user_id) FROM first), (SELECT count(DISTINCT user_id) FROM second),
             (SELECT count(DISTINCT user_id) FROM third)`,
    clickhouse: (span) => `
      SELECT countIf(depth >= 1), countIf(depth >= 2), countIf(depth >= 3)
      FROM (
        SELECT windowFunnel(${windowUs})(toUInt64(toUnixTimestamp64Micro(occurred_at)),
          ${steps.map((step) => `event_type = '${step}'`).join(', ')}) AS depth
        FROM events WHERE ${isStep} AND ${duringClick(span)} GROUP BY user_id
      )`,
    bound:
      'A scan of whole rows, then bringing each user’s steps together; ClickHouse keeps them in this order. `ea` also finds the time of every step, for medians and means; the others only count.',
  },
]
