/**
 * Anything that was thrown, as an error for a person: a code of the catalogue, what happened, what to do next. Both
 * forms (lines on stderr, JSON on stdout) and the exit code come from the same EaError, so they cannot differ.
 */
import { stripVTControlCharacters } from 'node:util'
import { EaError } from '../core/errors.js'
import { nearest } from '../core/nearest.js'
import { interruption } from './signals.js'
import { wantsColor, wantsJson } from './terminal.js'

/** What oclif throws for words that it cannot parse; told by its fields, so that oclif need not be loaded. */
interface OclifError extends Error {
  oclif?: { exit?: number }
  /** Of an unknown flag. */
  flags?: string[]
}

/**
 * Turns what was thrown into an EaError; what nobody expected becomes `internal_error`.
 *
 * @param knownFlags the flags of the command, to suggest the nearest one
 */
export async function asEaError(error: unknown, knownFlags: readonly string[] = []): Promise<EaError> {
  if (interruption.aborted) return interruption.reason as EaError
  if (error instanceof EaError) return error
  if (isOclifError(error)) return usageError(error, knownFlags)
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

function usageError(error: OclifError, knownFlags: readonly string[]): EaError {
  const message = stripVTControlCharacters(error.message)
    .replace(/\nSee more help with --help$/, '')
    .replace(/^Nonexistent flag/, 'Unknown flag')
  const suggestions = (error.flags ?? []).flatMap((flag) => {
    const near = nearest(flag.replace(/^-+/, '').split('=')[0]!, knownFlags)
    return near === undefined ? [] : [`Did you mean --${near}?`]
  })
  return new EaError('usage', message, { suggestions: [...suggestions, 'Add --help to see all flags.'] })
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
