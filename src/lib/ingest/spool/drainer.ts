/** Drains a spool for as long as a server lives: whenever there is something in it, beside the requests that come. */

import { InterruptibleSleep } from '../../os/interruptible-sleep.js'
import type { Deliver, DrainOptions } from './delivery.js'
import { drainSpool } from './drain.js'
import type { Spool } from './spool.js'

export interface Drainer {
  /** Something is worth a look: a long wait for the database becomes a short one. New requests need no call. */
  wake(): void
  /** Resolves when the part that is being delivered is done, and nothing is delivered any more. */
  stop(): Promise<void>
}

/** How long to rest after an error that should not be, in milliseconds. */
const restMs = 5_000

/**
 * Starts draining. It never ends by itself: an error that is nobody's fault outside is told as `stuck` and tried again.
 *
 * @param options as for `drainSpool`; `stop` takes the place of the signal
 * @example
 * const drainer = startDrainer(spool, (part) => deliverPart(db, part), { isAway })
 * await drainer.stop()
 */
export function startDrainer(spool: Spool, deliver: Deliver, options: Omit<DrainOptions, 'signal' | 'pause'>): Drainer {
  const stopping = new AbortController()
  const { signal } = stopping
  const pause = new InterruptibleSleep()
  const running = run()
  return {
    wake: () => pause.shorten(),
    stop: () => {
      stopping.abort()
      return running
    },
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      await spool.filled(signal)
      try {
        await drainSpool(spool, deliver, { ...options, signal, pause })
      } catch (error) {
        options.onEvent?.({ kind: 'stuck', error })
        await pause.wait(restMs, signal)
      }
    }
  }
}
