/** What taking a batch out of a rollup must find there: undo stops when it does not, before anything is changed. */
import { EaError } from '../../core/errors.js'

/**
 * @param found how many rows of `table` were there
 * @param expected how many the batch must have in it
 * @throws EaError `rollups_differ` when they are not all there
 */
export function assertConsistent(table: string, found: number, expected: number): void {
  if (found === expected) return
  throw new EaError(
    'rollups_differ',
    `The rollup ${table} lacks ${expected - found} of ${expected} rows that the batch must have in it; nothing was changed.`,
  )
}
