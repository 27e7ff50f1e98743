/**
 * Ctrl-C and a polite kill as one AbortSignal. The first asks the command to end: work that runs long listens to it, its
 * `finally` blocks run, and the exit code says what happened. The second one ends the process at once.
 */
import { EaError } from '../core/errors.js'

const codes = { SIGINT: 'interrupted', SIGTERM: 'terminated', SIGHUP: 'terminated' } as const
const controller = new AbortController()

/** Aborts when a person or the system asks the process to end; its reason is an EaError. */
export const interruption: AbortSignal = controller.signal

/** Listens from now on; called once, by main. */
export function watchSignals(): void {
  for (const name of Object.keys(codes) as (keyof typeof codes)[]) {
    process.on(name, () => {
      const error = new EaError(codes[name], `Ended by ${name}.`)
      if (controller.signal.aborted) process.exit(error.exitCode)
      controller.abort(error)
    })
  }
}

/**
 * A reader that goes away early (`ea … | head`) is not an error: what it does not want is dropped. Anything else, such as
 * a full disk behind `>`, is.
 *
 * @param refused gets the first error of stdout
 */
export function forgiveClosedPipes(refused: (error: Error) => void): void {
  let isTold = false
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (isTold || error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED') return
    isTold = true
    refused(error)
  })
  // There is nobody left to tell.
  process.stderr.on('error', () => {})
}
