/**
 * Turns for work of which only so much may run at once. Later callers wait; they give up after the timeout. One sender
 * holds only some of the turns, so that what one asks does not keep all others waiting.
 */
import { EaError } from '../../core/errors.js'

export interface TurnLimits {
  readonly maxAtOnce: number
  /** Of these, how many one sender may hold. */
  readonly maxPerSender: number
  /** How long to wait for a turn, in milliseconds. */
  readonly maxWaitMs: number
}

interface Waiting {
  readonly sender: string
  readonly go: () => void
}

export class Semaphore {
  readonly #limits: TurnLimits
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>()
  readonly #runningBySender = new Map<string, number>()
  #running = 0

  constructor(limits: TurnLimits) {
    this.#limits = limits
  }

  /**
   * Runs `work` when it is its turn.
   *
   * @param sender who asks: a key, the subject of a token, or an address
   * @throws EaError `server_busy` when the wait was too long; the reason of `signal` when it aborts before
   */
  async take<T>(sender: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    if (this.#isFree(sender)) this.#begin(sender)
    else await this.#wait(sender, signal)
    try {
      return await work()
    } finally {
      this.#end(sender)
    }
  }

  #isFree(sender: string): boolean {
    const { maxAtOnce, maxPerSender } = this.#limits
    return this.#running < maxAtOnce && this.#held(sender) < maxPerSender
  }

  #held(sender: string): number {
    return this.#runningBySender.get(sender) ?? 0
  }

  #begin(sender: string): void {
    this.#running++
    this.#runningBySender.set(sender, this.#held(sender) + 1)
  }

  /** The turn goes to the one who waits the longest and may have it. */
  #end(sender: string): void {
    this.#running--
    if (this.#held(sender) === 1) this.#runningBySender.delete(sender)
    else this.#runningBySender.set(sender, this.#held(sender) - 1)
    for (const next of this.#waiting) {
      if (!this.#isFree(next.sender)) continue
      this.#begin(next.sender)
      next.go()
      return
    }
  }

  #wait(sender: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(waiting)
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
      }
      const go = () => {
        leave()
        resolve()
      }
      const waiting = { sender, go }
      const onAbort = () => {
        leave()
        reject(signal.reason)
      }
      const timer = setTimeout(() => {
        leave()
        reject(new EaError('server_busy', this.#busyText(sender)))
      }, this.#limits.maxWaitMs)
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.add(waiting)
    })
  }

  #busyText(sender: string): string {
    const { maxPerSender } = this.#limits
    return this.#held(sender) >= maxPerSender
      ? `This key or address has ${maxPerSender} other questions under way, and they take long.`
      : 'Too many other questions are in progress.'
  }
}
