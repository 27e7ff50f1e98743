/**
 * Strict funnels: the events of an attempt lie next to each other in the sequence of all events of their user, so an
 * attempt is known by its start, and its steps are read by looking ahead so many events.
 */
import { type RawBuilder, sql } from 'kysely'
import { bitOfStep, type FunnelQuestion, isOpen, nextExcluded, sequence, windowInterval } from './events-sql.js'

/**
 * CTEs that end with `attempts (user_id, depth, reached, open)`: `reached` are the times of the steps; an attempt is open
 * when its window is and no event of its user has come after its last step, nor an excluded one.
 *
 * ```sql
 * adjacent AS (SELECT *, lead(occurred_at, 1) OVER onward AS at_2, … FROM (…) AS sequence WINDOW onward AS (…)),
 *   started AS (SELECT *, CASE … END AS longest FROM adjacent WHERE starts AND …),
 *   judged AS (SELECT user_id, ARRAY[…] AS reached, longest, … AS may_go_on, CASE … END AS depth FROM started),
 *   attempts AS (SELECT user_id, depth, reached[1:depth] AS reached, … AS open FROM judged WHERE depth IS NOT NULL)
 * ```
 */
export function strictAttempts(question: FunnelQuestion): RawBuilder<unknown> {
  const { plan } = question
  const stepCount = plan.selectorOfStep.length
  const laterSteps = Array.from({ length: stepCount - 1 }, (_, index) => index + 2)
  const at = (step: number) => sql.ref(`at_${step}`)
  const satisfied = (step: number) => sql.ref(`satisfied_${step}`)
  const limit = (index: number) => sql.ref(`limit_${index + 1}`)
  const comma = sql`,
    `
  const ahead = [
    ...laterSteps.flatMap((step) => [
      sql`lead(occurred_at, ${sql.lit(step - 1)}) OVER onward AS ${at(step)}`,
      sql`lead(satisfied, ${sql.lit(step - 1)}) OVER onward AS ${satisfied(step)}`,
    ]),
    // Where an exclusion begins at a later step, what counts is the next excluded event after that step.
    ...plan.exclusions.map(
      ({ after }, index) => sql`lead(${nextExcluded(index)}, ${sql.lit(after - 1)}) OVER onward AS ${limit(index)}`,
    ),
  ]
  const missed = laterSteps.map(
    (step) => sql`WHEN ${at(step)} IS NULL OR ${at(step)} > occurred_at + ${windowInterval(question)}
      OR ${satisfied(step)} & ${bitOfStep(plan, step)} = 0 THEN ${sql.lit(step - 1)}`,
  )
  const depths = [...laterSteps].reverse().concat(1)
  const cleanUpTo = (depth: number) =>
    plan.exclusions.flatMap(({ after, before }, index) => {
      if (depth < after) return []
      return depth < before
        ? [sql` AND ${limit(index)} > last_pos`]
        : [sql` AND ${limit(index)} >= pos + ${sql.lit(before - 1)}`]
    })
  const cleanDepth = depths.map(
    (depth) =>
      sql`WHEN longest >= ${sql.lit(depth)}${sql.join([sql``, ...cleanUpTo(depth)], sql``)} THEN ${sql.lit(depth)}`,
  )
  const isLast = laterSteps.map((step) => sql`WHEN ${sql.lit(step - 1)} THEN ${at(step)} IS NULL`)
  const reached = [sql`occurred_at`, ...laterSteps.map(at)]
  return sql`adjacent AS (
  SELECT *,
    ${sql.join(ahead, comma)}
  FROM (
    ${sequence(question, { hasOthers: true })}
  ) AS sequence
  WINDOW onward AS (PARTITION BY user_id ORDER BY pos)
), started AS (
  SELECT *, CASE ${sql.join(
    missed,
    sql`
      `,
  )} ELSE ${sql.lit(stepCount)} END AS longest
  FROM adjacent
  WHERE starts AND satisfied & ${bitOfStep(plan, 1)} <> 0
), judged AS (
  SELECT user_id, ARRAY[${sql.join(reached)}] AS reached, longest,
    ${isOpen(sql`occurred_at`, question)} AND CASE longest ${sql.join(isLast, sql` `)} ELSE false END AS may_go_on, CASE ${sql.join(
      cleanDepth,
      sql`
      `,
    )} END AS depth
  FROM started
), attempts AS (
  SELECT user_id, depth, reached[1:depth] AS reached, may_go_on AND depth = longest AS open
  FROM judged WHERE depth IS NOT NULL
)`
}
