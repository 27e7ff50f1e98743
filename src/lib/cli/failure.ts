/**
 * Anything that was thrown, as an error for a person: a code of the catalogue, what happened, what to do next. Both
 * forms (lines on stderr, JSON on stdout) and the exit code come from the same EaError, so they cannot differ.
 */
import { EaError } from '../core/errors.js'
import { commandLineFault, type KnownFlags, type OclifError, withoutFrame } from './command-line-fault.js'
import { logLine } from './log-line.js'
import { interruption } from './signals.js'
import { wantsColor, wantsJson } from './terminal.js'

/**
 * Turns what was thrown into an EaError; what nobody expected becomes `internal_error`.
 *
 * @param flags those of the command, to suggest the nearest one and to say what they take
 */
export async function asEaError(error: unknown, flags: KnownFlags = {}): Promise<EaError> {
  if (interruption.aborted) return interruption.reason as EaError
  if (error instanceof EaError) {
    error.message = withoutFrame(error.message)
    return error
  }
  if (isOclifError(error)) return commandLineFault(error, flags)
  // Loaded only here: it brings the database driver, which most errors have never met.
  const { asDatabaseError } = await import('../db/database-error.js')
  const told = asDatabaseError(error)
  if (told instanceof EaError) return told
  const message = error instanceof Error ? error.message : String(error)
  return new EaError('internal_error', message || 'Something unexpected happened.', { cause: error })
}

function isOclifError(error: unknown): error is OclifError {
  return error instanceof Error && 'oclif' in error
}

/** Shows an error where it belongs (see `wantsJson`) and sets the exit code. */
export function showFailure(error: EaError, argv: readonly string[] = process.argv): void {
  process.exitCode = error.exitCode
  if (wantsJson(argv)) process.stdout.write(`${JSON.stringify(failureJson(error), null, 2)}\n`)
  else process.stderr.write(failureText(error, wantsColor(process.stderr, argv)))
}

/** The error as `--json` prints it. */
export function failureJson(error: EaError): { error: Record<string, unknown> } {
  return {
    error: { code: error.code, message: error.message, suggestions: error.suggestions, ...error.details },
  }
}

/** The error as a line of the log of `ea serve`. */
export function failureLine(error: EaError): string {
  const { code, message, suggestions, cause, details } = error
  const reason = cause instanceof Error && !message.includes(cause.message) ? { reason: cause.message } : {}
  return logLine('error', message, { ...details, code, ...reason, suggestions })
}

/** The error as a person reads it: `error code: message`, then what to do. */
export function failureText(error: EaError, color: boolean): string {
  const paint = (style: number, text: string) => (color ? `\u001b[${style}m${text}\u001b[0m` : text)
  const lines = [`${paint(31, `error ${error.code}:`)} ${error.message}`]
  const cause = error.cause instanceof Error ? error.cause.message : undefined
  if (cause && !error.message.includes(cause)) lines.push(`  cause: ${cause}`)
  for (const suggestion of error.suggestions) lines.push(`  - ${suggestion}`)
  // The stack is for those who look for the bug.
  if (process.env.DEBUG && error.code === 'internal_error') {
    lines.push(error.cause instanceof Error ? (error.cause.stack ?? '') : (error.stack ?? ''))
  }
  return `${lines.join('\n')}\n`
}
