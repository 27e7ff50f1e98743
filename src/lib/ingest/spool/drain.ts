/**
 * Empties a spool in its order: each part is handed to a callback that stores it exactly once (it knows parts by segment
 * and number, for the same part may come again after a crash). While the database is away it waits; a part that cannot
 * be stored for another reason becomes a dead letter, and the rest goes on.
 */
import { EaError } from '../../core/errors.js'
import { type Deliver, Delivery, type DrainOptions, type DrainResult } from './delivery.js'
import type { Spool } from './spool.js'

/**
 * Drains until the spool is empty or the signal aborts.
 *
 * @param deliver see `Deliver`
 * @throws what the spool throws that waiting cannot fix
 * @example
 * await drainSpool(spool, (part) => deliverPart(db, part), { signal, isAway })
 */
export async function drainSpool(spool: Spool, deliver: Deliver, options: DrainOptions): Promise<DrainResult> {
  const delivery = new Delivery(spool, deliver, options)
  while (!options.signal.aborted) {
    try {
      const segment = await spool.oldest()
      if (segment === undefined) break
      if (!(await delivery.segment(segment))) break
      await spool.remove(segment)
      delivery.succeeded()
    } catch (error) {
      if (!isOfDisk(error)) throw error
      options.onEvent?.({ kind: 'stuck', error })
      await delivery.waitAway()
    }
  }
  return delivery.drained
}

/** Whether waiting may help: the disk is full or broken, or the process has too many files open. */
function isOfDisk(error: unknown): boolean {
  if (error instanceof EaError) return error.code === 'spool_full'
  return typeof (error as NodeJS.ErrnoException).syscall === 'string'
}
