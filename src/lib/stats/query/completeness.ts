/**
 * What is known of a window. This is the one place that decides it: every row over time says it in its column `complete`,
 * and what shows or checks an answer reads it there; `meta.range_complete` says it of the range as a whole.
 *
 * Complete means that time alone can no longer change the number: the window is over, and the data reaches its end.
 */
import { addDays, type Day } from '../../core/time.js'
import type { OpenQueryContext } from './query-context.js'

/** Nothing yet, a part, or all. */
export type WindowState = 'ahead' | 'partial' | 'complete'

/** The first day that the data or the clock does not cover whole: windows that end by then are complete. */
export function completeUntil(context: OpenQueryContext): Day | null {
  if (context.dataUntil === null) return null
  const dataEnd = addDays(context.dataUntil, 1)
  const today = context.asOfLocal.slice(0, 10)
  return dataEnd < today ? dataEnd : today
}

/** Whether all days of the range are over and the data covers them. */
export function isRangeComplete(context: OpenQueryContext): boolean {
  const until = completeUntil(context)
  return context.range !== undefined && until !== null && context.range.to <= until
}

/** What is known about the days `[start, end)`. */
export function windowState(context: OpenQueryContext, start: Day, end: Day): WindowState {
  if (`${start}T00:00:00.000000` >= context.asOfLocal) return 'ahead'
  const until = completeUntil(context)
  return until !== null && end <= until ? 'complete' : 'partial'
}

/**
 * What is known about an hour.
 *
 * @param begins on the clocks of the frame, with their offset
 * @param ends seconds since 1970
 */
export function hourState(context: OpenQueryContext, begins: string, ends: number): WindowState {
  const asOf = asOfSeconds(context)
  if (Date.parse(begins) / 1000 >= asOf) return 'ahead'
  const isCovered = context.dataUntil !== null && begins.slice(0, 10) <= context.dataUntil
  return isCovered && ends <= asOf ? 'complete' : 'partial'
}

/**
 * What is known about a span of instants, in seconds since 1970.
 *
 * @param dataEnds when the newest day of the data ends; null without data
 */
export function spanState(
  context: OpenQueryContext,
  { begins, ends }: { begins: number; ends: number },
  dataEnds: number | null,
): WindowState {
  const asOf = asOfSeconds(context)
  // A day that a zone leaves out ends when it begins, so it is never ahead of its own end.
  if (begins >= asOf && ends > asOf) return 'ahead'
  return dataEnds !== null && ends <= Math.min(dataEnds, asOf) ? 'complete' : 'partial'
}

function asOfSeconds({ asOf }: OpenQueryContext): number {
  const [wholeSeconds, fraction] = [asOf.slice(0, 19), asOf.slice(19, -1)]
  return Date.parse(`${wholeSeconds}Z`) / 1000 + Number(`0${fraction}`)
}
