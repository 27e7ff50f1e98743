/** How many users went from a view to a purchase, in this order and within 14 days; the best attempt of each counts. */
import { funnel } from '../../../src/index.js'
import { during, duringClick, eventsTarget, type Question } from './question.js'

/** The event types of the funnel, none of them twice. */
export const steps = ['view_item', 'add_to_cart', 'purchase'] as const
const isStep = `event_type IN (${steps.map((step) => `'${step}'`).join(', ')})`
const windowDays = 14
const windowUs = windowDays * 86_400_000_000

export const viewToPurchase: Omit<Question, 'name' | 'source' | 'bound'> = {
  target: eventsTarget,
  ask: (db, span) => funnel(db, { ...span, step: [...steps], window: `${windowDays}d` }),
  command: ({ from, to }) => [
    ...['funnel', '--from', from, '--to', to, '--window', `${windowDays}d`],
    ...steps.flatMap((step) => ['--step', step]),
  ],
  lines: (result) => [result.data.map((row) => row.users).join(',')],
  statements: {
    // Every attempt, then the deepest of each user.
    'plain SQL': (span) => `
      WITH first AS (
        SELECT user_id, occurred_at AS at FROM events WHERE event_type = '${steps[0]}' AND ${during(span)}
      ), second AS (
        SELECT user_id, occurred_at AS at FROM events WHERE event_type = '${steps[1]}'
      ), third AS (
        SELECT user_id, occurred_at AS at FROM events WHERE event_type = '${steps[2]}'
      ), depths AS (
        SELECT first.user_id, max(CASE WHEN third.at IS NOT NULL THEN 3 WHEN second.at IS NOT NULL THEN 2 ELSE 1 END) AS depth
        FROM first
        LEFT JOIN second ON second.user_id = first.user_id
          AND second.at BETWEEN first.at AND first.at + interval '${windowDays} days'
        LEFT JOIN third ON third.user_id = first.user_id
          AND third.at BETWEEN second.at AND first.at + interval '${windowDays} days'
        GROUP BY first.user_id
      )
      SELECT count(*), count(*) FILTER (WHERE depth >= 2), count(*) FILTER (WHERE depth >= 3) FROM depths`,
    // The latest start of each step decides: a later one leaves more of the window.
    DuckDB: (span) => `
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
    ClickHouse: (span) => `
      SELECT countIf(depth >= 1), countIf(depth >= 2), countIf(depth >= 3)
      FROM (
        SELECT windowFunnel(${windowUs})(toUInt64(toUnixTimestamp64Micro(occurred_at)),
          ${steps.map((step) => `event_type = '${step}'`).join(', ')}) AS depth
        FROM events WHERE ${isStep} AND ${duringClick(span)} GROUP BY user_id
      )`,
  },
}
