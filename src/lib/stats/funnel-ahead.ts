/**
 * Ordered funnels whose steps no event can share, without exclusions: the common case, in one pass over one sort.
 *
 * Read backwards, each event learns when the next step comes at or after it, and what that one learnt itself. The
 * earliest next step is always the best one, since all that can follow a later one can follow it too.
 */
import { type RawBuilder, sql } from 'kysely'
import { all } from './events.js'
import { anyOf, eventsInReach, type FunnelQuestion, startsInRange, windowInterval } from './funnel-events.js'
import { selectorSql } from './segment-sql.js'

/** Whether this form can answer. */
export function canLookAhead({ plan }: FunnelQuestion): boolean {
  return plan.areStepsDisjoint && plan.exclusions.length === 0
}

/** CTEs that end with `attempts (user_id, depth, reached)`: `reached` are the times of the steps. */
export function aheadAttempts(question: FunnelQuestion): RawBuilder<unknown> {
  const { plan, frame } = question
  const stepCount = plan.selectors.length
  const at = (step: number) => sql.ref(`at_${step}`)
  const after = (name: string, step: number) =>
    Array.from({ length: stepCount - step }, (_, index) => sql`${sql.ref(`${name}_${step + 1 + index}`)}`)

  let looking = sql`SELECT user_id, occurred_at,
      CASE ${sql.join(
        plan.selectors.map((selector, index) => sql`WHEN ${selectorSql(selector)} THEN ${sql.lit(index + 1)}`),
        sql` `,
      )} END AS step
    FROM ${frame.t.events}
    WHERE ${all([...eventsInReach(question), anyOf(plan.selectors)])}`
  for (let step = stepCount; step >= 2; step--) {
    const learnt = after('at', step).map(
      (name) => sql`, min(${name}) FILTER (WHERE step = ${sql.lit(step)}) OVER onward AS ${name}`,
    )
    looking = sql`SELECT user_id, occurred_at, step,
      min(occurred_at) FILTER (WHERE step = ${sql.lit(step)}) OVER onward AS ${at(step)}${sql.join([sql``, ...learnt], sql``)}
    FROM (
    ${looking}
    ) AS after_${sql.raw(String(step))}
    WINDOW onward AS (PARTITION BY user_id ORDER BY occurred_at DESC)`
  }
  const depths = after('at', 1)
    .map((time, index) => sql`WHEN ${time} <= occurred_at + ${windowInterval(question)} THEN ${sql.lit(index + 2)}`)
    .reverse()
  return sql`looked_ahead AS (
  ${looking}
), started AS (
  SELECT user_id, ARRAY[${sql.join([sql`occurred_at`, ...after('at', 1)])}] AS times,
    CASE ${sql.join(depths, sql` `)} ELSE 1 END AS depth
  FROM looked_ahead
  WHERE step = 1 AND ${startsInRange(question)}
), attempts AS (
  SELECT user_id, depth, times[1:depth] AS reached FROM started
)`
}
