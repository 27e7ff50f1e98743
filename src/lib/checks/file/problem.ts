/** What is wrong with a check or a file of checks, and where inside it; plain sentences from what zod found. */
import type * as z from 'zod'
import { nearest } from '../../core/nearest.js'

export interface CheckFileProblem {
  /** From the root of what was given: `['checks', 2, 'params', 'from']`. */
  readonly path: readonly PropertyKey[]
  /** Whether it is the key at the end of the path that is wrong, and not its value. */
  readonly isKey?: boolean
  /** Of the character that is wrong, where the value is a text with a grammar; from 0. */
  readonly position?: number
  readonly message: string
  /** What was probably meant. */
  readonly suggestion?: string | undefined
}

/** The same problem, of something that lies at `path`. */
export function under(path: readonly PropertyKey[], problem: CheckFileProblem): CheckFileProblem {
  return { ...problem, path: [...path, ...problem.path] }
}

/** A key that means nothing here, with the one that was probably meant; keys may be written as flags. */
export function unknownKey(path: readonly PropertyKey[], of: string, known: readonly string[]): CheckFileProblem {
  const key = String(path.at(-1))
  const dashes = key.startsWith('--') ? '--' : ''
  const near = nearest(key.slice(dashes.length), known)
  const rest = near === undefined ? `; known: ${known.map((name) => dashes + name).join(', ')}` : ''
  const message = `${of} has no ${dashes === '' ? JSON.stringify(key) : key}${rest}`
  return { path, isKey: true, message, suggestion: near === undefined ? undefined : dashes + near }
}

/**
 * The problems that zod found.
 *
 * @param of how a person calls what was given: `a check`
 * @param given what was given, to name its values
 */
export function shapeProblems(
  error: z.ZodError,
  of: string,
  given: unknown,
  known: readonly string[],
): CheckFileProblem[] {
  const told = new Set<string>()
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => unknownKey([...issue.path, key], of, known))
    }
    // What is of another kind is also of another length.
    const place = issue.path.join('.')
    if (told.has(place)) return []
    told.add(place)
    const value = issue.path.reduce<unknown>(
      (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
      given,
    )
    const name = issue.path.filter((key) => typeof key === 'string').join('.') || of
    if (issue.code === 'custom' && issue.params?.pointed !== undefined) {
      const { pointed, suggestion } = issue.params as { pointed: string; suggestion?: string }
      return [{ path: issue.path, message: `${name}: ${issue.message}\n${pointed}`, suggestion }]
    }
    if (value === undefined) return [{ path: issue.path.slice(0, -1), message: `${name} is missing` }]
    const suggestion = issue.code === 'invalid_value' ? nearest(String(value), issue.values.map(String)) : undefined
    return [{ path: issue.path, message: `${name} ${fault(issue)}${shown(value)}`, suggestion }]
  })
}

const kinds: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  array: 'a list',
  object: 'a map of names to values',
  record: 'a map of names to values',
}

function fault(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') return `must be ${kinds[issue.expected] ?? issue.expected}`
  if (issue.code === 'invalid_value')
    return `must be ${issue.values
      .map(String)
      .join(', ')
      .replace(/, ([^,]*)$/, ' or $1')}`
  if (issue.code === 'too_small')
    return issue.origin === 'number' ? `must be at least ${issue.minimum}` : 'must not be empty'
  return issue.message
}

/** The value, where it is short enough to be worth saying. */
function shown(value: unknown): string {
  const text = JSON.stringify(value)
  return text === '""' || text === '[]' || text.length > 80 ? '' : `, not ${text}`
}
