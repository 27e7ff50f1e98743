/** The end of `ea serve`: the first signal asks it to stop, and it has so long to do it. A second one ends it at once. */

import { logLine } from '../log-line.js'

/** How long a server may take to finish what it has accepted, in milliseconds. */
const limitMs = 30_000

/** Resolves when somebody asks the process to end. */
export async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** From now on the process has `limitMs` to end by itself; then it is ended. */
export function endInTime(): void {
  setTimeout(() => {
    process.stderr.write(logLine('error', `The server did not stop within ${limitMs / 1000} s and was ended.`))
    process.exit(1)
  }, limitMs).unref()
}
