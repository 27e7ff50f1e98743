/** The users behind a number of a trend: of one window, and of one key when the trend is told apart by something. */
import { type RawBuilder, sql } from 'kysely'
import { EaError } from '../../core/errors.js'
import { type Grain, isInstant, windowEnd } from '../../core/time.js'
import type { Selector } from '../filter/filter.js'
import { selectorSql } from '../filter/filter-sql.js'
import { all, eventsInRange, eventWindow, hourOf } from '../query/events.js'
import type { QueryContext } from '../query/query-context.js'
import { usersActiveOn } from './active-users.js'
import { parseDateKey } from './parse-date-key.js'
import { type By, keySql, keysOfCell } from './trend-by.js'

/**
 * `user_id` of the users of a cell.
 *
 * @param cell `2025-10-06`, or with `by` `2025-10-06:UA`; an hour is named by an instant in it, `2025-10-06T14:00:00Z`
 * @param selectors whose events are counted; undefined in it counts all
 * @throws EaError `usage` for a text that names no cell
 */
export function trendUsers(
  cell: string,
  grain: Grain,
  by: readonly By[],
  context: QueryContext,
  selectors: readonly (Selector | undefined)[] = [],
): RawBuilder<{ user_id: string }> {
  const [, start = cell.replace(/:.*$/s, ''), key] = cellForm.exec(cell) ?? []
  const isHour = grain === 'hour'
  const date = isHour ? hour(start, context) : parseDateKey(start, grain, context)
  if (by.length === 0 && key !== undefined) {
    throw new EaError('usage', `The rows have no keys, so nothing may follow ${date}.`, {
      suggestions: [`Try ${date}, or tell the rows apart by something.`],
    })
  }
  if (by.length > 0 && key === undefined) {
    throw new EaError(
      'usage',
      `${date} has a row for each ${by.map(({ text }) => text).join(' and ')}: its key must follow.`,
      {
        suggestions: [`Try ${date}:${by.map(() => 'KEY').join(',')}; ${date}: is the row of events without one.`],
      },
    )
  }
  const counted = selectors.every((selector) => selector !== undefined) && selectors.length > 0 ? selectors : []
  if (!isHour && by.length === 0 && counted.length === 0)
    return usersActiveOn(context, { from: date, to: windowEnd(date, grain) })
  const framed = isHour ? context : { ...context, range: { from: date, to: windowEnd(date, grain) } }
  const conditions = [
    eventsInRange(framed),
    ...(isHour ? [sql`${eventWindow('hour', context)} = ${hourOf(sql`${date}::timestamptz`, context)}`] : []),
    ...(by.length === 0
      ? []
      : keysOf(key!, by).map((one, at) => sql`${keySql(by[at]!)} IS NOT DISTINCT FROM ${one}::text`)),
    ...(counted.length === 0
      ? []
      : [
          sql`(${sql.join(
            counted.map((one) => selectorSql(one!)),
            sql` OR `,
          )})`,
        ]),
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

function keysOf(text: string, by: readonly By[]): (string | null)[] {
  const keys = keysOfCell(text, by.length)
  if (keys !== undefined) return keys
  throw new EaError('usage', `${JSON.stringify(text)} is one key, and the rows have two.`, {
    suggestions: ['Write both with a comma between them: UA,web.'],
  })
}
