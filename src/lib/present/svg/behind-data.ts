/** Which points of a chart lie where there is no data. */
import type { Result } from '../../core/result.js'

/**
 * Whether a window begins after the newest day of the data: its number is nothing to draw, because a line that falls to
 * zero there would say that everybody had left.
 *
 * @param date a day, or an instant of the local clock
 */
export function isBehindData(date: string, { data_until }: Result['meta']): boolean {
  return typeof data_until === 'string' && date.slice(0, 10) > data_until
}
