/** The text that names a row of an answer by its date, for the lists of users behind a number. */
import { EaError } from '../../core/errors.js'
import { addDays, type Day, type DayGrain, isDay, windowEnd, windowStart } from '../../core/time.js'
import { windowState } from '../query/completeness.js'
import type { QueryContext } from '../query/query-context.js'

/**
 * The date of a row, as somebody wrote it.
 *
 * @param text `2025-10-06`
 * @throws EaError `usage` for a text that is no date of a row, with the nearest one, and for a row that is empty because
 *   its window has not begun
 */
export function parseDateKey(text: string, grain: DayGrain, context: QueryContext): Day {
  const { from, to } = context.range!
  const last = windowStart(addDays(to, -1), grain, context.weekStart)
  const nearest = !isDay(text) || text < from ? from : text >= to ? last : windowStart(text, grain, context.weekStart)
  if (text !== nearest) {
    throw new EaError('usage', `No row has the date ${JSON.stringify(text)}: they go from ${from} to ${last}.`, {
      suggestions: [`Try ${nearest}.`],
    })
  }
  if (windowState(context, text, windowEnd(text, grain)) === 'ahead') {
    throw new EaError('usage', `There is no number for ${text} yet: it begins after ${context.asOf}.`, {
      suggestions: ['Choose an earlier date, or a later as-of.'],
    })
  }
  return text
}
