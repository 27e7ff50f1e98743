/** What is known of the points of a series: which will not change any more, and which lie where there is no data. */
import type { FlatColumn } from '../render/cells.js'
import type { Result } from '../result.js'

/**
 * For each row of a series whether it is complete; a row ends where the next one begins.
 *
 * @param columns the dates first
 */
export function completeRows(columns: readonly FlatColumn[], meta: Result['meta']): boolean[] {
  const dates = columns[0]!.values.map(String)
  const flags = columns.find(({ kind }) => kind === 'flag')
  if (flags !== undefined) return flags.values.map((value) => value === true)
  const { complete_until, to, as_of, data_until } = meta
  if (typeof complete_until !== 'string') return dates.map(() => false)
  if (columns[0]!.kind === 'date') {
    return dates.map((_, row) =>
      row + 1 < dates.length ? dates[row + 1]! <= complete_until : String(to) < complete_until,
    )
  }
  const now = Date.parse(String(as_of))
  return dates.map((date, row) => {
    const end = row + 1 < dates.length ? Date.parse(dates[row + 1]!) : Date.parse(date) + 3_600_000
    return end <= now && date.slice(0, 10) <= String(data_until)
  })
}

/**
 * Whether a window begins behind the newest day of the data: its number is nothing to draw, because a line that falls to
 * zero there would say that everybody had left.
 *
 * @param date a day, or an instant of the local clock
 */
export function isBehindData(date: string, { data_until }: Result['meta']): boolean {
  return typeof data_until === 'string' && date.slice(0, 10) > data_until
}
