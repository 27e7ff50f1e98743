/**
 * The events of a funnel: which are read at all, which steps each satisfies, and where it stands in the sequence of its
 * user. The forms of the statement build on these.
 *
 * Later steps may lie after the range by the window, so events are read up to there; `starts` marks those on its days.
 */
import { type RawBuilder, sql } from 'kysely'
import { addDays } from '../../core/time.js'
import type { Selector } from '../filter/filter.js'
import { selectorSql } from '../filter/filter-sql.js'
import { all, inSegments, onDays } from '../query/events.js'
import { type QueryContext, visibleOnly } from '../query/query-context.js'
import type { FunnelPlan } from './plan.js'

/** A position after all events: no excluded event follows. */
export const never = sql.lit(2_147_483_647)

export interface FunnelQuestion {
  readonly plan: FunnelPlan
  readonly windowMs: number
  readonly context: QueryContext
}

/** The window as an interval: milliseconds, so that no change of the clock stretches it. */
export function windowInterval({ windowMs }: Pick<FunnelQuestion, 'windowMs'>): RawBuilder<unknown> {
  return sql`(${windowMs}::float8 * interval '1 millisecond')`
}

/**
 * Whether the window of an attempt that begins at an instant is open: events that may still come lie in it. Nothing to work
 * out where no start can be so late.
 */
export function isOpen(start: RawBuilder<unknown>, question: FunnelQuestion): RawBuilder<unknown> {
  if (!mayBeOpen(question)) return sql`false`
  return sql`(${start} + ${windowInterval(question)} >= ${question.context.asOf}::timestamptz)`
}

/** Whether the window of the latest start that there can be reaches as-of. */
export function mayBeOpen({ context, windowMs }: Pick<FunnelQuestion, 'context' | 'windowMs'>): boolean {
  const { asOf, dataUntil, range } = context
  if (dataUntil === null || range === undefined) return false
  const lastStart = dataUntil < range.to ? dataUntil : range.to
  // The day itself, and what zones differ by.
  return Date.parse(`${addDays(lastStart, 2)}T00:00:00Z`) + windowMs >= Date.parse(asOf)
}

/** The conditions for events that are read: visible, in the segments, and not too far from the range. */
export function eventsInReach({ context, windowMs }: FunnelQuestion): RawBuilder<unknown>[] {
  const { from, to } = context.range!
  return [
    // A midnight can happen twice or not at all: a day around the range is enough. The window is added to a local time,
    // because that is constant for the server, so that it is not worked out for each event.
    sql`occurred_at >= ${addDays(from, -1)}::timestamp AT TIME ZONE ${context.tz}`,
    sql`occurred_at < (${addDays(to, 1)}::timestamp + ${windowInterval({ windowMs })}) AT TIME ZONE ${context.tz}`,
    ...visibleOnly(context),
    ...inSegments(context),
  ]
}

/** Whether an event lies on a day of the range. */
export function startsInRange({ context }: FunnelQuestion): RawBuilder<unknown> {
  return sql`(${all(onDays(context, context.range!))})`
}

/** The condition for events that satisfy one of the selectors. */
export function anyOf(selectors: readonly Selector[]): RawBuilder<unknown> {
  const types = [...new Set(selectors.map(({ eventType }) => eventType))]
  const isType = sql`event_type = ANY(${types}::text[])`
  if (selectors.every(({ conditions }) => conditions.length === 0)) return isType
  return sql`${isType} AND (${sql.join(
    selectors.map((selector) => sql`${selectorSql(selector)}`),
    sql` OR `,
  )})`
}

/** A number with a bit for each selector that an event satisfies. */
function bitsOf(selectors: readonly Selector[]): RawBuilder<unknown> {
  if (selectors.length === 0) return sql`0`
  const bits = selectors.map((selector, index) => sql`CASE WHEN ${selectorSql(selector)} THEN ${bit(index)} ELSE 0 END`)
  return sql.join(bits, sql` | `)
}

/** The number with only this bit. */
export function bit(index: number): RawBuilder<unknown> {
  return sql.lit(2 ** index)
}

/** The bit of a step, which counts from 1. */
export function bitOfStep({ selectorOfStep }: FunnelPlan, step: number): RawBuilder<unknown> {
  return bit(selectorOfStep[step - 1]!)
}

/** The name of the column that holds the position of the next event of an exclusion. */
export function nextExcluded(index: number): RawBuilder<unknown> {
  return sql.ref(`next_excluded_${index + 1}`)
}

/**
 * A query for the events in the order of their users: `user_id, occurred_at, starts, satisfied, excluded, pos` (from 1,
 * in the order of time and id), and with exclusions `last_pos`, the last position inside a window that begins here, and
 * `next_excluded_1` …, the position of the first event after this one that the exclusion names.
 *
 * @param hasOthers whether events that are neither step nor excluded are in the sequence
 */
export function sequence(question: FunnelQuestion, { hasOthers }: { hasOthers: boolean }): RawBuilder<unknown> {
  const { plan, context } = question
  const excluded = plan.exclusions.map(({ selector }) => selector)
  const named = hasOthers ? [] : [anyOf([...plan.selectors, ...excluded])]
  const marked = sql`SELECT user_id, occurred_at, event_id, ${startsInRange(question)} AS starts,
      ${bitsOf(plan.selectors)} AS satisfied, ${bitsOf(excluded)} AS excluded
    FROM ${context.t.events}
    WHERE ${all([...eventsInReach(question), ...named])}`
  const lastPos = sql`,
      (count(*) OVER (PARTITION BY user_id ORDER BY occurred_at
        RANGE BETWEEN UNBOUNDED PRECEDING AND ${windowInterval(question)} FOLLOWING))::int AS last_pos`
  const numbered = sql`SELECT user_id, occurred_at, starts, satisfied, excluded,
      (row_number() OVER (PARTITION BY user_id ORDER BY occurred_at, event_id))::int AS pos${excluded.length === 0 ? sql`` : lastPos}
    FROM (
    ${marked}
    ) AS marked`
  if (excluded.length === 0) return numbered
  const next = excluded.map(
    (_, index) =>
      sql`coalesce(min(pos) FILTER (WHERE excluded & ${bit(index)} <> 0) OVER behind, ${never}) AS ${nextExcluded(index)}`,
  )
  return sql`SELECT *, ${sql.join(
    next,
    sql`,
      `,
  )}
    FROM (
    ${numbered}
    ) AS numbered
    WINDOW behind AS (PARTITION BY user_id ORDER BY pos DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)`
}
