/** Work on many things that lets everything else have its turn in between: a server must answer meanwhile. */
import { setImmediate } from 'node:timers/promises'

/** About so many numbers are worked on at once: some milliseconds. */
const numbersAtOnce = 10_000

/**
 * Maps a list, and lets the event loop turn after each part of it.
 *
 * @param each how many numbers one item stands for
 * @example
 * const rows = await mapInTurns(cohorts, windows + 1, (cohort) => rowOf(cohort))
 */
export async function mapInTurns<T, R>(
  items: readonly T[],
  each: number,
  map: (item: T, index: number) => R,
): Promise<R[]> {
  const atOnce = Math.max(1, Math.floor(numbersAtOnce / each))
  const mapped: R[] = []
  for (const [index, item] of items.entries()) {
    if (index > 0 && index % atOnce === 0) await setImmediate()
    mapped.push(map(item, index))
  }
  return mapped
}
