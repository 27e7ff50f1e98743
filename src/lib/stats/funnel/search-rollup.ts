/**
 * The sorted times of a funnel's steps from `user_times`, where they are kept for each of its event types (`ea rollups
 * add event_type:purchase`). What then happens to them is told in `search-events.ts`.
 *
 * `user_times` knows no range: the times of the first step are cut to the days of the range, exactly. The others are cut
 * to what an attempt can reach, which only saves work: what lies before the first start or after the window never counts.
 */
import { type RawBuilder, sql } from 'kysely'
import { addDays, type Day, isSameTimeZone } from '../../core/time.js'
import { isOfEventType } from '../../rollups/sql/on-demand.js'
import type { Selector } from '../filter/filter.js'
import type { QueryContext } from '../query/query-context.js'
import { type FunnelQuestion, isOpen, mayBeOpen, startsInRange, windowInterval } from './events-sql.js'
import { firstFrom, latestStart, searchArrays, times } from './search-events.js'

/** Whether the times of all these steps are kept. */
export function hasTimesRollup(
  selectors: readonly Selector[],
  { onDemandRollups }: Pick<QueryContext, 'onDemandRollups'>,
): boolean {
  return selectors.every(
    (selector) => selector.conditions.length === 0 && idOf(selector, { onDemandRollups }) !== undefined,
  )
}

function idOf({ eventType }: Selector, { onDemandRollups }: Pick<QueryContext, 'onDemandRollups'>): number | undefined {
  return onDemandRollups.filter(isOfEventType).find((rollup) => rollup.eventType === eventType)?.id
}

/**
 * A CTE `best (user_id, depth, reached, open)` from `user_times`: `reached` are the times of the steps.
 *
 * ```sql
 * WITH tried AS (…),
 *   best AS (
 *     SELECT user_id, CASE … END AS depth, reached, … AS open
 *       FROM (SELECT user_id, coalesce(reached, (SELECT searched.reached FROM (…) AS searched)) AS reached … FROM tried …) AS found
 *      WHERE reached[1] IS NOT NULL …)
 * ```
 */
export function bestByTimes(question: FunnelQuestion): RawBuilder<unknown> {
  const { plan } = question
  const steps = plan.selectors.map((_, index) => index + 1)
  const deepestFirst = [...steps].reverse()
  const depth = sql.join(
    deepestFirst.map((step) => sql`WHEN reached[${sql.lit(step)}] IS NOT NULL THEN ${sql.lit(step)}`),
    sql` `,
  )
  const rest = sql`SELECT * FROM (
      SELECT tried.user_id, ${startsOf(sql`tried.times_1`, question)} AS times_1${sql.join(
        steps.slice(1).map((step) => sql`, ${inReach(sql`tried.${times(step)}`, question)} AS ${times(step)}`),
        sql``,
      )}
      OFFSET 0
    ) AS cut
    WHERE cardinality(times_1) > 0`
  // An attempt can go on as long as its window is open, and the last one is open the longest.
  const last = mayBeOpen(question) ? sql`, ${lastStart(sql`tried.times_1`, question)} AS last_start` : sql``
  return sql`tried AS (
  ${triedByFirstTimes(question)}
), best AS (
  SELECT user_id, CASE ${depth} END AS depth, reached, ${isOpen(sql`last_start`, question)} AS open
  FROM (
    SELECT user_id, coalesce(reached, (SELECT searched.reached FROM (
    ${searchArrays(question, rest)}
    ) AS searched)) AS reached${last}
    FROM tried
    OFFSET 0
  ) AS found
  WHERE reached[1] IS NOT NULL
  OFFSET 0
)`
}

/**
 * A query `user_id, reached, times_1, times_2 …` for each user with an event of the first step. It only uses expressions
 * that workers may work out; a search needs a subquery, and PostgreSQL keeps that in the leader. `reached` is null for
 * those who have to be searched, and empty for those without a start in the range.
 *
 * From the first start on, `first (1)`, `first (2)` … are the first times of each step at or after the one before: no
 * attempt ends earlier. When it ends within the window it is the best one. When it does not, there may be a later start
 * for the same end; and when the step has no later time, there is no other end.
 */
function triedByFirstTimes(question: FunnelQuestion): RawBuilder<unknown> {
  const { plan, context } = question
  const window = windowInterval(question)
  const steps = plan.selectors.map((_, index) => index + 1)
  const stored = (step: number) => sql.ref(`step_${step}.times`)
  const chainFrom = (start: RawBuilder<unknown>, depth: number) => {
    const chain = [start]
    for (const step of steps.slice(1, depth)) chain.push(firstFrom(stored(step), chain.at(-1)!))
    return chain
  }
  const array = (chain: readonly RawBuilder<unknown>[]) =>
    sql`ARRAY[${sql.join(steps.map((step) => chain[step - 1] ?? sql`NULL::timestamptz`))}]`

  const { isInside, first, before } = firstStart(stored(1), question)
  const firsts = chainFrom(first, steps.length)
  const depths = steps.length > triedSteps ? [] : steps.slice(1).reverse()
  const branches = depths.map((step) => {
    const end = firsts[step - 1]!
    const later = chainFrom(firstFrom(stored(1), sql`${end} - ${window}`), step)
    return sql`
        WHEN ${end} <= ${first} + ${window} THEN ${array(firsts.slice(0, step))}
        WHEN ${end} IS NOT NULL AND NOT ${isInside} THEN NULL
        WHEN ${end} <= ${latestStart(step, end, stored)} + ${window} THEN ${array(later)}
        WHEN ${end} < ${stored(step)}[cardinality(${stored(step)})] THEN NULL`
  })
  const tried =
    depths.length === 0
      ? sql`NULL::timestamptz[]`
      : sql`CASE ${before}${sql.join(branches, sql``)}
        ELSE ${array([first])} END`
  const joins = steps.slice(1).map(
    (step) => sql`
    LEFT JOIN ${context.t.user_times} AS ${sql.ref(`step_${step}`)}
      ON ${isOf(step, question)} AND ${sql.ref(`step_${step}.user_id`)} = step_1.user_id`,
  )
  return sql`SELECT step_1.user_id, ${tried} AS reached,
      ${sql.join(steps.map((step) => sql`${stored(step)} AS ${times(step)}`))}
    FROM ${context.t.user_times} AS step_1${sql.join(joins, sql``)}
    WHERE ${isOf(1, question)}
    OFFSET 0`
}

/** Longer funnels are searched at once: what is tried before grows with the third power of the steps. */
const triedSteps = 6

function isOf(step: number, { plan, context }: FunnelQuestion): RawBuilder<unknown> {
  return sql`${sql.ref(`step_${step}.rollup`)} = ${idOf(plan.selectors[step - 1]!, context)}::smallint`
}

interface FirstStart {
  /** Whether all times of the first step are starts in the range. */
  readonly isInside: RawBuilder<unknown>
  /** The first one that is. */
  readonly first: RawBuilder<unknown>
  /** Branches for users without a start, and for those of whom the two above do not tell enough. */
  readonly before: RawBuilder<unknown>
}

function firstStart(times: RawBuilder<unknown>, { context }: FunnelQuestion): FirstStart {
  const { from, to } = context.range!
  const { dataFrom, dataUntil } = context
  if (dataFrom !== null && dataUntil !== null && from <= dataFrom && dataUntil < to) {
    return { isInside: sql`true`, first: sql`${times}[1]`, before: sql`` }
  }
  if (isSameTimeZone(context.tz, 'UTC')) {
    const first = sql`${times}[width_bucket(${lastBefore(from)}, ${times}) + 1]`
    return {
      isInside: sql`(${times}[1] > ${lastBefore(from)} AND ${times}[cardinality(${times})] <= ${lastBefore(to)})`,
      first,
      before: sql`WHEN (${first} <= ${lastBefore(to)}) IS NOT TRUE THEN '{}'`,
    }
  }
  const isInside = isWellInside(times, context)
  return { isInside, first: sql`${times}[1]`, before: sql`WHEN NOT ${isInside} THEN NULL` }
}

/** The last time of a sorted array that lies on the days of the range. */
function lastStart(times: RawBuilder<unknown>, question: FunnelQuestion): RawBuilder<unknown> {
  const starts = startsOf(times, question)
  return sql`(SELECT starts[cardinality(starts)] FROM (SELECT ${starts} AS starts OFFSET 0) AS in_range)`
}

/** The times of a sorted array that lie on the days of the range. */
function startsOf(times: RawBuilder<unknown>, question: FunnelQuestion): RawBuilder<unknown> {
  const { context } = question
  const { from, to } = context.range!
  if (isSameTimeZone(context.tz, 'UTC')) return between(times, lastBefore(from), lastBefore(to))
  return sql`CASE WHEN ${isWellInside(times, context)} THEN ${times}
      ELSE ARRAY(SELECT occurred_at FROM unnest(${inReach(times, question)}) AS near (occurred_at)
        WHERE ${startsInRange(question)}) END`
}

/** The last instant before a day in UTC. */
function lastBefore(day: Day): RawBuilder<unknown> {
  return sql`${`${addDays(day, -1)}T23:59:59.999999Z`}::timestamptz`
}

/** Elsewhere a midnight can happen twice or not at all: days decide, as for events, unless all lies well inside. */
function isWellInside(times: RawBuilder<unknown>, { tz, range }: QueryContext): RawBuilder<unknown> {
  const instant = (day: Day) => sql`${day}::timestamp AT TIME ZONE ${tz}`
  return sql`(${times}[1] > ${instant(addDays(range!.from, 2))}
        AND ${times}[cardinality(${times})] < ${instant(addDays(range!.to, -2))})`
}

/** The times of a sorted array from two days before the range until the last window is over, and not much more. */
function inReach(times: RawBuilder<unknown>, question: FunnelQuestion): RawBuilder<unknown> {
  const { context } = question
  const { from, to } = context.range!
  return between(
    times,
    sql`${addDays(from, -2)}::timestamp AT TIME ZONE ${context.tz}`,
    sql`(${addDays(to, 2)}::timestamp + ${windowInterval(question)}) AT TIME ZONE ${context.tz}`,
  )
}

/** The times after one instant and at or before another. Most often that is all of them. */
function between(
  times: RawBuilder<unknown>,
  after: RawBuilder<unknown>,
  until: RawBuilder<unknown>,
): RawBuilder<unknown> {
  return sql`CASE WHEN ${times}[1] > ${after} AND ${times}[cardinality(${times})] <= ${until} THEN ${times}
      ELSE ${times}[width_bucket(${after}, ${times}) + 1 : width_bucket(${until}, ${times})] END`
}
