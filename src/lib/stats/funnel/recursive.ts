/**
 * Ordered funnels in full generality: one event may fit several steps, steps may repeat, exclusions may begin anywhere.
 *
 * All attempts walk one step at a time, together. The events of a user at one time form an instant; inside it they may
 * be taken in any order, each once (`used` are the positions taken there). From where an attempt stands it goes on inside
 * its instant or to the next one that has an event of the next step; where an exclusion begins with that step, a later
 * event may have a longer clean stretch before it, so the first ones after each excluded event are tried too. Of attempts with one start and the same
 * limits (the next excluded events that they must not pass), only those in the earliest instant walk on: whatever the
 * others can reach, these can. Events of one instant that nothing tells apart are taken in their order.
 *
 * The two `guessed` relations have one row each; the planner expects ten. So it never takes the events for so few that it
 * compares each with each.
 */
import { type RawBuilder, sql } from 'kysely'
import {
  bit,
  bitOfStep,
  type FunnelQuestion,
  isOpen,
  never,
  nextExcluded,
  sequence,
  windowInterval,
} from './events-sql.js'

/** The name of the column that tells an event of the first instant of its step after an excluded event. */
const leadsAt = (step: number) => sql.ref(`leads_${step}`)

/**
 * CTEs that end with `attempts (user_id, depth, reached, open)`: `reached` are the times of the steps, and an attempt is open
 * when its window is: each that stands here may go on.
 *
 * ```sql
 * WITH RECURSIVE … events AS MATERIALIZED (SELECT pointed.*, … AS previous_alike FROM (SELECT *, ARRAY[…] AS nexts … FROM …) AS pointed …),
 *   walk AS (
 *     SELECT user_id, pos AS start, … AS until, …, 1 AS depth, instant, nexts, ARRAY[pos] AS used, … AS reached …
 *       FROM events WHERE starts AND …
 *     UNION ALL
 *     SELECT user_id, start, until, last_pos, depth, instant, nexts, used, reached …
 *       FROM (SELECT *, … AS nth_instant, … AS nth_alike FROM (… walk.depth + 1 AS depth, …) AS steps) AS ranked
 *      WHERE nth_instant = 1 AND nth_alike = 1),
 *   attempts AS (SELECT user_id, depth, reached, … AS open FROM walk …)
 * ```
 */
export function recursiveAttempts(question: FunnelQuestion): RawBuilder<unknown> {
  const { plan } = question
  const stepCount = plan.selectorOfStep.length
  const limits = plan.exclusions.map((_, index) => sql.ref(`limit_${index + 1}`))
  const listed = (items: readonly RawBuilder<unknown>[]) => items.map((item) => sql`, ${item}`)
  const join = (items: readonly RawBuilder<unknown>[]) => (items.length === 0 ? sql`` : sql.join(items, sql``))

  const nexts = plan.selectors.map(
    (_, index) => sql`min(instant) FILTER (WHERE satisfied & ${bit(index)} <> 0) OVER later`,
  )
  const bitsOfSteps = sql`'{${sql.raw(plan.selectorOfStep.map((index) => 2 ** index).join(','))}}'::int[]`
  const nextOfStep = sql`'{${sql.raw(plan.selectorOfStep.map((index) => index + 1).join(','))}}'::int[]`
  const firstLimits = plan.exclusions.map(
    ({ after }, index) => sql`, ${after === 1 ? nextExcluded(index) : never} AS ${limits[index]!}`,
  )
  const nextLimits = plan.exclusions.map(
    ({ after, before }, index) => sql`,
        CASE WHEN walk.depth + 1 = ${sql.lit(after)} THEN events.${nextExcluded(index)}
             WHEN walk.depth + 1 >= ${sql.lit(before)} THEN ${never} ELSE walk.${limits[index]!} END AS ${limits[index]!}`,
  )
  const keepLimits = plan.exclusions.map(
    ({ before }, index) => sql`
        AND (walk.depth + 1 <> ${sql.lit(before)} OR events.pos <= walk.${limits[index]!})`,
  )
  const isClean = plan.exclusions.map((_, index) => sql`${limits[index]!} > last_pos`)
  const lastPos = plan.exclusions.length === 0 ? sql`NULL::int AS last_pos` : sql`last_pos`
  const beginning = [...new Set(plan.exclusions.map(({ after }) => after).filter((after) => after > 1))]
  // Where such an exclusion begins, also the instants that are the first of their step after an excluded event.
  const leads = beginning.map((step) => {
    const begun = plan.exclusions.reduce((sum, { after }, index) => (after === step ? sum + 2 ** index : sum), 0)
    return sql`,
      coalesce(max(instant) FILTER (WHERE excluded & ${sql.lit(begun)} <> 0) OVER so_far
        >= max(instant) FILTER (WHERE satisfied & ${bitOfStep(plan, step)} <> 0) OVER earlier, false) AS ${leadsAt(step)}`
  })
  const leadWindows = sql`,
      so_far AS (PARTITION BY user_id ORDER BY instant),
      earlier AS (PARTITION BY user_id ORDER BY instant GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)`
  const next = sql`nexts[(${nextOfStep})[depth + 1]]`
  const moves =
    beginning.length === 0
      ? sql`(SELECT *, unnest(ARRAY[instant, ${next}]) AS place FROM walk) AS walk
        JOIN events ON events.user_id = walk.user_id AND events.instant = walk.place`
      : sql`(SELECT *, ${next} AS next FROM walk) AS walk
        JOIN events ON events.user_id = walk.user_id AND events.instant >= walk.instant
          AND (events.instant = walk.instant OR events.instant = walk.next${join(
            beginning.map((step) => sql` OR walk.depth + 1 = ${sql.lit(step)} AND events.${leadsAt(step)}`),
          )})`

  return sql`events AS MATERIALIZED (
  SELECT pointed.*, lag(pos) OVER (PARTITION BY user_id, instant, satisfied, excluded${join(listed(plan.exclusions.map((_, index) => nextExcluded(index))))}
      ORDER BY pos) AS previous_alike
  FROM (
    SELECT *, ARRAY[${sql.join(nexts)}] AS nexts${join(leads)}
    FROM (
    SELECT *, (rank() OVER (PARTITION BY user_id ORDER BY occurred_at))::int AS instant
    FROM (
    ${sequence(question, { hasOthers: false })}
    ) AS sequence
    ) AS instants
    WINDOW later AS (PARTITION BY user_id ORDER BY instant DESC GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)${leads.length === 0 ? sql`` : leadWindows}
  ) AS pointed
  CROSS JOIN unnest(ARRAY(SELECT 1)) AS guessed_10 CROSS JOIN unnest(ARRAY(SELECT 1)) AS guessed_100
), walk AS (
  SELECT user_id, pos AS start, occurred_at + ${windowInterval(question)} AS until, ${lastPos}, 1 AS depth, instant, nexts,
    ARRAY[pos] AS used, ARRAY[occurred_at] AS reached${join(firstLimits)}
  FROM events
  WHERE starts AND satisfied & ${bitOfStep(plan, 1)} <> 0 AND previous_alike IS NULL
  UNION ALL
  SELECT user_id, start, until, last_pos, depth, instant, nexts, used, reached${join(listed(limits))}
  FROM (
    SELECT *,
      rank() OVER (PARTITION BY user_id, start${join(listed(limits))} ORDER BY instant) AS nth_instant,
      row_number() OVER (PARTITION BY user_id, start${join(listed(limits))}, instant, used ORDER BY reached) AS nth_alike
    FROM (
      SELECT walk.user_id, walk.start, walk.until, walk.last_pos, walk.depth + 1 AS depth, events.instant, events.nexts,
        CASE WHEN events.instant > walk.instant THEN ARRAY[events.pos]
             ELSE ARRAY(SELECT pos FROM unnest(walk.used || events.pos) AS taken(pos) ORDER BY pos) END AS used,
        walk.reached || events.occurred_at AS reached${join(nextLimits)}
      FROM ${moves}
      WHERE walk.depth < ${sql.lit(stepCount)}
        AND events.satisfied & (${bitsOfSteps})[walk.depth + 1] <> 0
        AND events.pos <> ALL(walk.used)
        AND (events.previous_alike IS NULL OR events.previous_alike = ANY(walk.used))
        AND events.occurred_at <= walk.until${join(keepLimits)}
    ) AS steps
  ) AS ranked
  WHERE nth_instant = 1 AND nth_alike = 1
), attempts AS (
  SELECT user_id, depth, reached, ${isOpen(sql`reached[1]`, question)} AS open FROM walk${isClean.length === 0 ? sql`` : sql` WHERE ${sql.join(isClean, sql` AND `)}`}
)`
}
