/**
 * The sorted times of a funnel's steps from `user_times`, where they are kept for each of its event types (`ea rollups
 * add event_type:purchase`). What then happens to them is told in `funnel-arrays.ts`.
 *
 * `user_times` knows no range: the times of the first step are cut to the days of the range, exactly. The others are cut
 * to what an attempt can reach, which only saves work: what lies before the first start or behind the window never counts.
 */
import { type RawBuilder, sql } from 'kysely'
import { isOfEventType } from '../rollups/optional.js'
import { addDays, isSameTimeZone } from '../time.js'
import type { Frame } from './frame.js'
import { type FunnelQuestion, startsInRange, windowInterval } from './funnel-events.js'
import type { Selector } from './selector.js'

/** Whether the times of all these steps are kept. */
export function areTimesKept(
  selectors: readonly Selector[],
  { optionalRollups }: Pick<Frame, 'optionalRollups'>,
): boolean {
  return selectors.every(
    (selector) => selector.conditions.length === 0 && idOf(selector, { optionalRollups }) !== undefined,
  )
}

function idOf({ eventType }: Selector, { optionalRollups }: Pick<Frame, 'optionalRollups'>): number | undefined {
  return optionalRollups.filter(isOfEventType).find((rollup) => rollup.eventType === eventType)?.id
}

/** A query `user_id, times_1, times_2 …`: for each user with a start the sorted times of each step, null for none. */
export function timesFromRollups(question: FunnelQuestion): RawBuilder<unknown> {
  const { plan, frame } = question
  const table = (index: number) => sql.ref(`step_${index + 1}`)
  const times = (index: number) => sql.ref(`step_${index + 1}.times`)
  const cut = plan.selectors.map((_, index) => {
    const kept = index === 0 ? startsOf(times(0), question) : inReach(times(index), question)
    return sql`${kept} AS ${sql.ref(`times_${index + 1}`)}`
  })
  const isOf = (index: number) => sql`${table(index)}.rollup = ${idOf(plan.selectors[index]!, frame)}::smallint`
  const joins = plan.selectors.slice(1).map((_, later) => {
    const index = later + 1
    return sql`
    LEFT JOIN ${frame.t.user_times} AS ${table(index)}
      ON ${isOf(index)} AND ${table(index)}.user_id = ${table(0)}.user_id`
  })
  return sql`SELECT * FROM (
    SELECT ${table(0)}.user_id,
      ${sql.join(cut, sql`,\n      `)}
    FROM ${frame.t.user_times} AS ${table(0)}${sql.join(joins, sql``)}
    WHERE ${isOf(0)}
    OFFSET 0
  ) AS cut
  WHERE cardinality(times_1) > 0`
}

/** The times of a sorted array that lie on the days of the range. */
function startsOf(times: RawBuilder<unknown>, question: FunnelQuestion): RawBuilder<unknown> {
  const { frame } = question
  const { from, to } = frame.range!
  if (isSameTimeZone(frame.tz, 'UTC')) {
    const lastBefore = (day: string) => sql`${`${addDays(day, -1)}T23:59:59.999999Z`}::timestamptz`
    return between(times, lastBefore(from), lastBefore(to))
  }
  // Elsewhere a midnight can happen twice or not at all: days decide, as for events, unless all lies well inside.
  const instant = (day: string) => sql`${day}::timestamp AT TIME ZONE ${frame.tz}`
  return sql`CASE WHEN ${times}[1] > ${instant(addDays(from, 2))}
        AND ${times}[cardinality(${times})] < ${instant(addDays(to, -2))} THEN ${times}
      ELSE ARRAY(SELECT occurred_at FROM unnest(${inReach(times, question)}) AS near (occurred_at)
        WHERE ${startsInRange(question)}) END`
}

/** The times of a sorted array from two days before the range until the last window is over, and not much more. */
function inReach(times: RawBuilder<unknown>, question: FunnelQuestion): RawBuilder<unknown> {
  const { frame } = question
  const { from, to } = frame.range!
  return between(
    times,
    sql`${addDays(from, -2)}::timestamp AT TIME ZONE ${frame.tz}`,
    sql`(${addDays(to, 2)}::timestamp + ${windowInterval(question)}) AT TIME ZONE ${frame.tz}`,
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
