/** The users behind one cell of a retention: `2025-10-06:1`, and for hours `2020-06-10T06:00:1`. */
import { type RawBuilder, sql } from 'kysely'
import { EaError } from '../../core/errors.js'
import { addWindows, type DayGrain, isDay, windowEnd } from '../../core/time.js'
import { windowState } from '../query/completeness.js'
import type { QueryContext } from '../query/query-context.js'
import { membersOfCell } from './cohorts-sql.js'
import type { RetentionParams } from './params.js'
import { rollingHours } from './rolling.js'
import { cohortSpan, dayCohorts, hourBegins, windowInstants } from './windows.js'

/**
 * The query for the users of a cell; it has no rows where a cell of hours or of rolling windows has not begun.
 *
 * @param cell a cohort as the answer names it and a window number; an hour may leave out its seconds and its offset
 * @throws EaError `usage` for a text that is not of this form, a cohort that is no row, a window that was not asked for,
 *   and a cell of days that has not begun
 */
export function cellUsers(
  cell: string,
  params: RetentionParams,
  context: QueryContext,
): RawBuilder<{ user_id: string }> {
  const { windows, windowType } = params
  const [, cohort = '', numberText = ''] = /^(.+):(\d{1,9})$/s.exec(cell) ?? []
  if (cohort === '') {
    const { from } = cohortSpan(params, context)
    const example = windowType === 'hour' && isDay(from) ? `${from}T00:00:1` : `${from}:1`
    throw new EaError('usage', `${JSON.stringify(cell)} names no number: write COHORT:WINDOW.`, {
      suggestions: [`Try ${example}.`],
    })
  }
  const number = Number(numberText)
  if (number > windows) {
    throw new EaError('usage', `There is no window ${number}: they go from 0 to ${windows}.`, {
      suggestions: [`Try ${cohort}:${windows}, or ask for more windows.`],
    })
  }
  const index =
    windowType === 'hour' ? hourCohort(cohort, number, params, context) : dayCohort(cohort, number, params, context)
  return membersOfCell(index, number, params, context)
}

/** The number of a cohort of days. */
function dayCohort(text: string, number: number, params: RetentionParams, context: QueryContext): RawBuilder<unknown> {
  const windowType = params.windowType as DayGrain
  const cohorts = dayCohorts(windowType, context)
  const index = cohorts.indexOf(text)
  if (index < 0) {
    const [first, last] = [cohorts[0]!, cohorts.at(-1)!]
    const [before = first, after = last] = [
      cohorts.findLast((cohort) => cohort < text),
      cohorts.find((cohort) => cohort > text),
    ]
    throw isDay(text) ? noCohort(text, before, after, first, last) : noCohort(text, first, last, first, last)
  }
  if (params.clock === 'rolling') return cohortNumber(sql`number = ${index}::int`, number, params, context)
  const start = addWindows(text, windowType, number)
  if (windowState(context, start, windowEnd(start, windowType)) === 'ahead') {
    throw new EaError('usage', `There is no number for ${text}:${number} yet: it begins after ${context.asOf}.`, {
      suggestions: ['Choose an earlier cohort or window, or a later as-of.'],
    })
  }
  return sql`${index}::int`
}

/** The number of a cohort of hours; of two hours with the same name the first, unless the offset tells. */
function hourCohort(text: string, number: number, params: RetentionParams, context: QueryContext): RawBuilder<unknown> {
  const span = cohortSpan(params, context)
  const [, local = '', seconds = ':00', offset = ''] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? []
  const isInSpan = local >= span.from && local < span.to && seconds === ':00'
  const begins = (isInSpan ? hourBegins(local, context.tz) : []).filter(
    (instant) => offset === '' || instant === Date.parse(`${local}${offset}`),
  )[0]
  if (begins === undefined) {
    const first = isDay(span.from) ? `${span.from}T00:00` : span.from
    const last = new Date(Date.parse(`${span.to.slice(0, 10)}T${span.to.slice(11) || '00:00'}Z`) - 3_600_000)
    throw noCohort(text, first, last.toISOString().slice(0, 16), first, last.toISOString().slice(0, 16))
  }
  return cohortNumber(sql`begins = ${new Date(begins).toISOString()}::timestamptz`, number, params, context)
}

/** The number of the cohort for which a condition holds, or NULL when its cell has not begun. */
function cohortNumber(
  condition: RawBuilder<unknown>,
  number: number,
  params: RetentionParams,
  context: QueryContext,
): RawBuilder<unknown> {
  const cellBegins =
    params.clock === 'rolling'
      ? sql`begins + make_interval(hours => ${number * rollingHours[params.windowType]})`
      : sql`lead(begins, ${number}::int) OVER (ORDER BY begins)`
  return sql`(
  SELECT number
  FROM (
    SELECT number, is_cohort, begins, ${cellBegins} AS cell_begins
    FROM (
      ${windowInstants(params, context)}
    ) AS windows
  ) AS cell_windows
  WHERE is_cohort AND ${condition} AND cell_begins < ${context.asOf}::timestamptz
)`
}

function noCohort(text: string, before: string, after: string, first: string, last: string): EaError {
  return new EaError('usage', `No cohort is named ${JSON.stringify(text)}: they go from ${first} to ${last}.`, {
    suggestions: [before === after ? `Try ${before}.` : `Try ${before} or ${after}.`],
  })
}
