/** A wait that may be cut short when there is a reason to look again, but not to nothing: reasons can come in thousands. */
export class InterruptibleSleep {
  #startedMs = 0
  #shorten: (() => void) | undefined

  /** Shortens a wait that is under way to the least that was asked for. */
  shorten(): void {
    this.#shorten?.()
  }

  /**
   * Waits, or until the signal aborts.
   *
   * @param ms in milliseconds
   * @param leastMs what `shorten` leaves of it; default all
   */
  wait(ms: number, signal: AbortSignal, leastMs = ms): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    this.#startedMs = performance.now()
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        this.#shorten = undefined
        resolve()
      }
      let timer = setTimeout(done, ms)
      signal.addEventListener('abort', done)
      this.#shorten = () => {
        this.#shorten = undefined
        clearTimeout(timer)
        timer = setTimeout(done, Math.max(0, Math.min(leastMs, ms) - (performance.now() - this.#startedMs)))
      }
    })
  }
}
