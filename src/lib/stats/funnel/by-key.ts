/**
 * A funnel for each key: the value of the event that is step 1 of a user's counted attempt, which is chosen as without keys. Each
 * user has one key, so that the rows of all keys add up to the funnel.
 */
import { type RawBuilder, sql } from 'kysely'
import { keyIds, keyItems, keyOrder } from '../breakdown/breakdown.js'
import { selectorSql } from '../filter/filter-sql.js'
import { all, eventsInRange } from '../query/events.js'
import type { QueryContext } from '../query/query-context.js'
import type { FunnelParams } from './params.js'

/** CTEs after `best` that end with `ranked`: its rows with the keys, and the `rank` of these by their users. */
export function rankedByKey({ by, step, order }: FunnelParams, context: QueryContext): RawBuilder<unknown> {
  // Steps in any order begin with any of them.
  const first = order === 'unordered' ? step : step.slice(0, 1)
  const isFirst = sql`(${sql.join(
    first.map((selector) => selectorSql(selector)),
    sql` OR `,
  )})`
  const keys = sql.join(keyIds(by))
  return sql`, keyed AS (
  SELECT DISTINCT ON (best.user_id) best.*, ${keys}
  FROM best JOIN (
    SELECT user_id AS of_user, occurred_at, event_id, ${sql.join(keyItems(by))}
    FROM ${context.t.events}
    WHERE ${all([eventsInRange(context), isFirst])}
  ) AS first_steps ON first_steps.of_user = best.user_id AND first_steps.occurred_at = best.reached[1]
  ORDER BY best.user_id, event_id
), totals AS (
  SELECT *, count(*) OVER (PARTITION BY ${keys}) AS total FROM keyed
), ranked AS (
  SELECT *, dense_rank() OVER (ORDER BY total DESC, ${keyOrder(by)}) AS rank FROM totals
)`
}
