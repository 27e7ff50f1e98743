/**
 * Ordered funnels whose steps no event can share, without exclusions: the common case. Each user gets one sorted array of
 * times for each step, from their events (or from `user_times`: search-rollup.ts), and their best attempt is found by binary
 * search in them, without a sort of all events (see `docs/decisions/raw-event-questions.md`).
 *
 * `width_bucket(t, s)` is how many elements of `s` are at or before `t`; an element that is not there is null, and null
 * goes through to the end. The latest start of a chain that ends at a time is found step by step backwards; the earliest
 * end whose latest start lies within the window is that of the best attempt, which begins at the first start from which
 * the window reaches that end; each further time is the first of its step at or after the one before.
 */
import { type RawBuilder, sql } from 'kysely'
import { selectorSql } from '../filter/filter-sql.js'
import { all } from '../query/events.js'
import { anyOf, eventsInReach, type FunnelQuestion, isOpen, startsInRange, windowInterval } from './events-sql.js'

/** Whether this form can answer. */
export function canSearchArrays({ plan }: Pick<FunnelQuestion, 'plan'>): boolean {
  return plan.areStepsDisjoint && plan.exclusions.length === 0
}

/** The column with the times of a step, which counts from 1. */
export const times = (step: number) => sql.ref(`times_${step}`)

const lines = (items: readonly RawBuilder<unknown>[]) => sql.join(items, sql`,\n    `)

/** The latest start of a chain that ends at a time of this step; `arrayOf` gives the sorted times of each step before it. */
export function latestStart(
  step: number,
  end: RawBuilder<unknown>,
  arrayOf: (step: number) => RawBuilder<unknown>,
): RawBuilder<unknown> {
  let time = end
  for (let earlier = step - 1; earlier >= 1; earlier--) {
    time = sql`${arrayOf(earlier)}[width_bucket(${time}, ${arrayOf(earlier)})]`
  }
  return time
}

/** The first time of a sorted array at or after another time. */
export function firstFrom(array: RawBuilder<unknown>, time: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`${array}[width_bucket(${time} - interval '1 microsecond', ${array}) + 1]`
}

/** A CTE `best (user_id, depth, reached, open)` from `events`: `reached` are the times of the steps. */
export function bestByArrays(question: FunnelQuestion): RawBuilder<unknown> {
  return sql`best AS (
  ${searchArrays(question, timesFromEvents(question))}
)`
}

/**
 * A query `user_id, depth, reached, open`: the best attempt of each user, and whether the window of the last one is open.
 *
 * @param arrays a query `user_id, times_1, times_2 …`, the sorted times of each step; only users with a start
 */
export function searchArrays(question: FunnelQuestion, arrays: RawBuilder<unknown>): RawBuilder<unknown> {
  const { plan } = question
  const stepCount = plan.selectors.length
  const steps = Array.from({ length: stepCount }, (_, index) => index + 1)
  const laterSteps = steps.slice(1)
  const end = (step: number) => sql.ref(`end_${step}`)
  const at = (step: number) => sql.ref(`at_${step}`)
  const window = windowInterval(question)
  const isInTime = (step: number, end: RawBuilder<unknown>) =>
    sql`${end} <= ${latestStart(step, end, times)} + ${window}`
  // Most often it is the first time already. A subquery is expensive, and PostgreSQL keeps it out of the workers.
  const ends = laterSteps.map((step) => {
    const first = sql`${times(step)}[1]`
    return sql`CASE WHEN ${isInTime(step, first)} THEN ${first}
      WHEN cardinality(${times(step)}) > 1 THEN (SELECT min(at) FROM (SELECT unnest(${times(step)}) AS at) AS ends
        WHERE ${isInTime(step, sql`at`)}) END AS ${end(step)}`
  })
  const deepestFirst = [...laterSteps].reverse()
  const depth = sql.join(
    deepestFirst.map((step) => sql`WHEN ${end(step)} IS NOT NULL THEN ${sql.lit(step)}`),
    sql` `,
  )
  const deepestEnd = sql`coalesce(${sql.join(deepestFirst.map(end))})`
  let timed = sql`SELECT user_id, ${sql.join(steps.map(times))}, CASE ${depth} ELSE 1 END AS depth,
      CASE WHEN ${deepestEnd} IS NULL THEN ${times(1)}[1] ELSE ${firstFrom(times(1), sql`${deepestEnd} - ${window}`)} END AS at_1
    FROM (
    SELECT user_id, ${sql.join(steps.map(times))},
    ${lines(ends)}
    FROM (
    ${arrays}
    OFFSET 0
    ) AS sorted
    OFFSET 0
    ) AS ends`
  for (const step of laterSteps) {
    timed = sql`SELECT *, CASE WHEN depth >= ${sql.lit(step)} THEN ${firstFrom(times(step), at(step - 1))} END AS ${at(step)}
    FROM (
    ${timed}
    ) AS timed_${sql.raw(String(step - 1))}`
  }
  // OFFSET 0 keeps what stands above it from being worked out again wherever it is named.
  return sql`SELECT user_id, depth, ARRAY[${sql.join(steps.map(at))}] AS reached,
    ${isOpen(sql`${times(1)}[cardinality(${times(1)})]`, question)} AS open
  FROM (
    ${timed}
  ) AS timed
  OFFSET 0`
}

/** A query `user_id, times_1, times_2 …`: for each user with a start the sorted times of each step, null for none. */
function timesFromEvents(question: FunnelQuestion): RawBuilder<unknown> {
  const { plan, context } = question
  const collected = plan.selectors.map((selector, index) => {
    const starts = index === 0 ? sql` AND ${startsInRange(question)}` : sql``
    return sql`array_agg(occurred_at) FILTER (WHERE ${selectorSql(selector)}${starts}) AS ${times(index + 1)}`
  })
  const sorted = plan.selectors.map(
    (_, index) => sql`ARRAY(SELECT unnest(${times(index + 1)}) ORDER BY 1) AS ${times(index + 1)}`,
  )
  return sql`SELECT user_id,
    ${lines(sorted)}
  FROM (
    SELECT user_id,
    ${lines(collected)}
    FROM ${context.t.events}
    WHERE ${all([...eventsInReach(question), anyOf(plan.selectors)])}
    GROUP BY user_id
  ) AS collected
  WHERE ${times(1)} IS NOT NULL`
}
