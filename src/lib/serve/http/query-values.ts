/**
 * The query of a URL as named texts: what is unknown, given twice or cannot be stored is told at once, with the nearest
 * name. Values are checked by who asked for them.
 */
import { EaError } from '../../core/errors.js'
import { nearest } from '../../core/nearest.js'

export interface KnownName {
  /** The name under which its values come back. */
  readonly name: string
  /** Other names for the same. */
  readonly otherNames?: readonly string[]
  /** Whether it may be given several times. */
  readonly isList?: boolean
}

/**
 * Refuses a query that is not percent-encoded UTF-8: what cannot be decoded would be taken as it is, for something else.
 *
 * @throws EaError `usage`
 */
export function requireDecodable(url: string): void {
  const query = url.indexOf('?')
  if (query === -1) return
  try {
    decodeURIComponent(url.slice(query + 1))
  } catch {
    throw new EaError('usage', 'The query is not percent-encoded UTF-8.', {
      suggestions: ['Write a percent sign as %25, and encode values as encodeURIComponent does.'],
    })
  }
}

/**
 * Reads a query.
 *
 * @param query as the framework has parsed it: a text for each name, or several
 * @param of what has these parameters, for messages: `dau`
 * @returns the texts that were given, by the first name of what they are for
 * @throws EaError `usage` with every problem at once
 */
export function readQuery(query: unknown, known: readonly KnownName[], of: string): Map<string, readonly string[]> {
  const byName = new Map(known.flatMap((one) => [one.name, ...(one.otherNames ?? [])].map((name) => [name, one])))
  const given = new Map<string, readonly string[]>()
  const problems: string[] = []
  const suggestions: string[] = []
  for (const [name, value] of Object.entries(query as Record<string, string | string[]>)) {
    const found = byName.get(name)
    if (found === undefined) {
      problems.push(`${of} has no parameter ${JSON.stringify(name.slice(0, 100))}`)
      const near = nearest(name, [...byName.keys()])
      if (near !== undefined) suggestions.push(`Did you mean ${near}?`)
      continue
    }
    const texts = [...(given.get(found.name) ?? []), ...[value].flat()]
    if (texts.length > 1 && !found.isList) problems.push(`${found.name} is given ${texts.length} times`)
    if (texts.some((text) => text.includes('\0'))) problems.push(`${name} has a NUL in it`)
    given.set(found.name, texts)
  }
  if (problems.length === 0) return given
  const whatThereIs = `It takes ${known.map(({ name }) => name).join(', ')}.`
  throw new EaError('usage', `${problems.join('; ')}.`, {
    suggestions: suggestions.length > 0 ? suggestions : [whatThereIs],
    details: { problems },
  })
}
