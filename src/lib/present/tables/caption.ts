/** What a person who reads a table wants to know beside it: what was counted, over which days, and how far the data goes. */
import type { Result } from '../../core/result.js'
import { wrapped } from '../../core/text-width.js'
import { capitalized, human, visible } from './cell-text.js'

/**
 * The lines to print before a table, made of `meta`; what is not there is not said.
 *
 * @param width columns of the terminal
 * @param rows how many rows the answer has, where they are not in it
 * @example
 * caption(result, 80)
 * // Different users with at least one event in each day.
 * // 2025-07-31 to 2025-08-31, UTC. The data ends on 2025-08-30.
 */
export function caption({ data, meta }: Result, width: number, rows = data.length): string[] {
  const { definition, from, to, tz, grain, window_type, week_start, default_range, data_until, users_of } = meta
  const days = isText(from) && isText(to) ? [from === to ? from : `${from} to ${to}`] : []
  const weeks =
    [grain, window_type].includes('week') && isText(week_start) ? [`weeks start on ${capitalized(week_start)}`] : []
  const range = days.length === 0 ? [] : [`${[...days, ...[tz].filter(isText), ...weeks].join(', ')}.`]
  const isShort = isText(data_until) && isText(to) && data_until < to
  const notes = [...range, ...[default_range].filter(isText), ...(isShort ? [`The data ends on ${data_until}.`] : [])]
  const count = human(rows, 'count', true)
  const users = isText(users_of) ? [`${count} ${rows === 1 ? 'user' : 'users'} behind ${users_of}.`] : []
  return [definition, notes.join(' '), ...users]
    .filter(isText)
    .filter((line) => line !== '')
    .flatMap((line) => wrapped(visible(line), width > 0 ? width : 80))
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
