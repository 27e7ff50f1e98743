/** The users behind a number of a trend: of one window, and of one key when the trend is told apart by something. */
import { type RawBuilder, sql } from 'kysely'
import { EaError } from '../../core/errors.js'
import { type Grain, isInstant, windowEnd } from '../../core/time.js'
import { all, eventsInRange, eventWindow, hourOf } from '../query/events.js'
import type { QueryContext } from '../query/query-context.js'
import { usersActiveOn } from './active-users.js'
import { parseDateKey } from './parse-date-key.js'
import { type By, keySql } from './trend-by.js'

/**
 * `user_id` of the users of a cell.
 *
 * @param cell `2025-10-06`, or with `by` `2025-10-06:UA`; an hour is named by an instant in it, `2025-10-06T14:00:00Z`
 * @throws EaError `usage` for a text that names no cell
 */
export function trendUsers(
  cell: string,
  grain: Grain,
  by: By | undefined,
  context: QueryContext,
): RawBuilder<{ user_id: string }> {
  const [, start = cell.replace(/:.*$/s, ''), key] = cellForm.exec(cell) ?? []
  const isHour = grain === 'hour'
  const date = isHour ? hour(start, context) : parseDateKey(start, grain, context)
  if (by === undefined && key !== undefined) {
    throw new EaError('usage', `The rows have no keys, so nothing may follow ${date}.`, {
      suggestions: [`Try ${date}, or tell the rows apart by something.`],
    })
  }
  if (by !== undefined && key === undefined) {
    throw new EaError('usage', `${date} has a row for each ${by.text}: its key must follow.`, {
      suggestions: [`Try ${date}:KEY; ${date}: is the row of events without one.`],
    })
  }
  if (!isHour && by === undefined) return usersActiveOn(context, { from: date, to: windowEnd(date, grain) })
  const framed = isHour ? context : { ...context, range: { from: date, to: windowEnd(date, grain) } }
  const conditions = [
    eventsInRange(framed),
    ...(isHour ? [sql`${eventWindow('hour', context)} = ${hourOf(sql`${date}::timestamptz`, context)}`] : []),
    ...(by === undefined ? [] : [sql`${keySql(by)} IS NOT DISTINCT FROM ${keyValue(key!)}::text`]),
  ]
  return sql`SELECT user_id
FROM ${context.t.events}
WHERE ${all(conditions)}
GROUP BY user_id`
}

// A day or an instant, and after a colon anything.
const cellForm = /^(\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?)(?::(.*))?$/s

/** An instant in an hour that has begun; only the database knows which hours the range has. */
function hour(text: string, context: QueryContext): string {
  if (!isInstant(text)) {
    throw new EaError('usage', `No row has the date ${JSON.stringify(text)}.`, {
      suggestions: [`Name the hour by an instant in it: ${context.range!.from}T14:00:00Z.`],
    })
  }
  if (Date.parse(text) >= Date.parse(context.asOf)) {
    throw new EaError('usage', `There is no number for ${text} yet: it begins after ${context.asOf}.`, {
      suggestions: ['Choose an earlier hour, or a later as-of.'],
    })
  }
  return text
}

/** The key as it was written: nothing is the missing one, `""` the empty text, and so are all JSON strings texts. */
function keyValue(text: string): string | null {
  if (text === '') return null
  if (!text.startsWith('"')) return text
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'string' ? parsed : text
  } catch {
    return text
  }
}
