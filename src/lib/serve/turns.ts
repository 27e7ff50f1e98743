/** Turns for work of which only so much may run at once: who comes later waits, and leaves when he has waited too long. */
import { EaError } from '../errors.js'

export class Turns {
  readonly #maxAtOnce: number
  readonly #maxWaitMs: number
  readonly #waiting = new Set<() => void>()
  #running = 0

  /** @param maxWaitMs how long to wait for a turn, in milliseconds */
  constructor(maxAtOnce: number, maxWaitMs: number) {
    this.#maxAtOnce = maxAtOnce
    this.#maxWaitMs = maxWaitMs
  }

  /**
   * Runs `work` when it is its turn.
   *
   * @throws EaError `server_busy` when the wait was too long; the reason of `signal` when it aborts before
   */
  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    if (this.#running >= this.#maxAtOnce) await this.#wait(signal)
    else this.#running++
    try {
      return await work()
    } finally {
      // The turn goes straight to the one who waits the longest.
      const [first] = this.#waiting
      if (first === undefined) this.#running--
      else first()
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(go)
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
      }
      const go = () => {
        leave()
        resolve()
      }
      const onAbort = () => {
        leave()
        reject(signal.reason)
      }
      const timer = setTimeout(() => {
        leave()
        reject(new EaError('server_busy', 'Too many other questions are being answered.'))
      }, this.#maxWaitMs)
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.add(go)
    })
  }
}
