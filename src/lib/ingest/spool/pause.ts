/** A wait that ends early when there is a reason to look again. */
export class Pause {
  #end: (() => void) | undefined

  /** Ends a wait that is under way. */
  end(): void {
    this.#end?.()
  }

  /** Waits so many milliseconds, or until `end` is called or the signal aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        this.#end = undefined
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal.addEventListener('abort', done)
      this.#end = done
    })
  }
}
