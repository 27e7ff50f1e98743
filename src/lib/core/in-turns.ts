/** Work on many things that lets everything else have its turn in between: a server must answer meanwhile. */
import { setImmediate } from 'node:timers/promises'

/** So many bytes are worked on at once. */
export const bytesAtOnce = 256 * 1024

/** Work in steps: it yields after each, and returns what it made. */
export type Steps<T> = Generator<void, T>

/** Does work step by step, and lets the event loop turn in between. What is done in one step never waits. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    await setImmediate()
  }
}

/** Does one work after the other, in the order in which they came. */
export class Queue {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work)
    this.#last = mine.catch(() => {})
    return mine
  }
}

/** Does work that is known to be short. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** The parts of some bytes, none longer than is worked on at once; the parts are no copies. */
export function* slicesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += bytesAtOnce) yield bytes.subarray(at, at + bytesAtOnce)
}

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
  const itemsAtOnce = Math.max(1, Math.floor(numbersAtOnce / each))
  const mapped: R[] = []
  for (const [index, item] of items.entries()) {
    if (index > 0 && index % itemsAtOnce === 0) await setImmediate()
    mapped.push(map(item, index))
  }
  return mapped
}
