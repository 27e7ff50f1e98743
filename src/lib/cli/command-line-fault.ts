/**
 * What is wrong with a command line, in our words: oclif's own ("Parsing --limit … Expected an integer", "The following
 * error occurred") never reach a person. Each names the flag or argument, what was given, and what is allowed.
 */
import { stripVTControlCharacters } from 'node:util'
import { EaError } from '../core/errors.js'
import { nearest } from '../core/nearest.js'

/** What oclif throws for words that it cannot parse; told by its fields, so that oclif need not be loaded. */
export interface OclifError extends Error {
  oclif?: { exit?: number }
  /** Of an unknown flag. */
  flags?: string[]
  /** Of a missing argument. */
  args?: readonly { readonly name: string; readonly description?: string }[]
}

/** Flags by name, as far as a message needs them. */
export type KnownFlags = Readonly<
  Record<string, { readonly options?: readonly string[]; readonly description?: string | undefined }>
>

/**
 * The error for words that oclif cannot parse.
 *
 * @param known the flags of the command
 */
export function commandLineFault(error: OclifError, known: KnownFlags): EaError {
  const { flags = [], args = [] } = error
  const suggestions = flags.flatMap((flag) => {
    const near = nearest(flag.replace(/^-+/, '').split('=')[0]!, Object.keys(known))
    return near === undefined ? [] : [`Did you mean --${near}?`]
  })
  const message =
    args.length > 0 && args.every(({ name }) => name !== undefined)
      ? args.map(({ name, description }) => `${name.toUpperCase()} is missing: ${description}`).join('\n')
      : inOurWords(withoutFrame(stripVTControlCharacters(error.message)), known)
  return new EaError('usage', message, { suggestions: [...suggestions, 'Add --help to see all flags.'] })
}

/** A message without what oclif writes around it: around our own, too, when reading the value of a flag throws one. */
export function withoutFrame(message: string): string {
  return message
    .replace(/\nSee more help with --help$/, '')
    .replace(/^Parsing --\S+ \n\t/, '')
    .replace(/^The following errors? occurred:\n +([\s\S]*)$/, (_, faults: string) => faults.replaceAll('\n  ', '\n'))
}

/** oclif's sentences, and ours for each. */
function inOurWords(message: string, known: KnownFlags): string {
  const allowed = (name: string) => {
    const { options = [], description = '' } = known[name] ?? {}
    return options.length > 0 ? `one of ${options.join(', ')}` : description
  }
  return message
    .replace(/^Nonexistent flag/, 'Unknown flag')
    .replace(/^Unexpected (arguments?): /, 'Nothing is to be done with the $1 ')
    .replace(
      /^Expected (--\S+?)=([\s\S]*) to be one of: ([^\n]*)$/,
      (_, flag, given, options) => `${flag} must be one of ${options}, not ${JSON.stringify(given)}.`,
    )
    .replace(/^Flag --(\S+) expects [\s\S]*$/, (_, name) => `--${name} has no value: ${allowed(name)}`)
    .replace(/^Missing required flag (\S+)/gm, (_, name) => `--${name} is missing: ${allowed(name)}`)
    .replace(/^(--[^=\s]+)=.* cannot also be provided when using (--\S+)$/gm, '$1 and $2 cannot be combined.')
}
