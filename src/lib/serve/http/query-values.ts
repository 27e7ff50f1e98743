/**
 * The query of a URL, read by the schema of its parameters: names in snake case, lists by repeating the name. What is
 * unknown, given twice or cannot be stored is told at once, with the nearest name; then what is wrong with the values.
 */
import * as z from 'zod'
import { EaError } from '../../core/errors.js'
import { nearest } from '../../core/nearest.js'
import { givenParams, type Param, paramsOf, parseParams, snake } from '../../stats/query/params.js'
import type { AnswerFormat } from './negotiate.js'

/** Names that older services have for a parameter or for another name of it. */
const olderNames: Readonly<Record<string, string>> = { from: 'from_date', to: 'to_date' }

/**
 * The other names that HTTP takes for a parameter, in snake case.
 *
 * @example
 * otherNames(startDate) // ['from', 'from_date']
 */
export function otherNames(param: Param): string[] {
  const names = [param.name, ...param.aliases].map(snake)
  return [...names, ...names.flatMap((name) => olderNames[name] ?? [])].slice(1)
}

/** `--window-type` is `window_type` here. */
export function spelt(words: string): string {
  return words.replace(/--([a-z]+(-[a-z]+)*)\b(?!-)/g, (_, name: string) => `\`${name.replaceAll('-', '_')}\``)
}

/** A field for a whole number; messages say its text as it was given. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER) {
  const fault = `must be a whole number from ${min} to ${max}`
  const asNumber = (text: unknown) => (/^\d{1,16}$/.test(String(text)) ? Number(text) : text)
  return z.preprocess(asNumber, z.int(fault).min(min, fault).max(max, fault))
}

/** The field that chooses the form of an answer; `chooseFormat` looks at it, together with the header Accept. */
export function formatField(formats: readonly AnswerFormat[]) {
  const description = 'The form of the answer; without it the header Accept decides.'
  return z.string().optional().meta({ description, enum: formats })
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

export interface ReadQuery<Q extends z.ZodObject = z.ZodObject> {
  readonly query: z.output<Q>
  /** The same as it was given, without defaults. */
  readonly given: Readonly<Record<string, unknown>>
}

/**
 * Reads a query.
 *
 * @param query as the framework has parsed it: a text for each name, or several
 * @param of what has these parameters, for messages: `dau`
 * @throws EaError `usage` with every problem at once
 * @example
 * readQuery(z.object({ limit: wholeNumber(1, 9).default(3) }), request.query, 'The list of batches').query.limit // 3
 */
export function readQuery<Q extends z.ZodObject>(schema: Q, query: unknown, of: string): ReadQuery<Q> {
  const params = paramsOf(schema)
  const texts = textsOf(query, params, of)
  const given = givenParams(params, (param) => {
    const values = texts.get(param)
    return param.isList ? values : values?.[0]
  })
  return { query: parseParams(schema, given, snake), given }
}

function textsOf(query: unknown, params: readonly Param[], of: string): Map<Param, readonly string[]> {
  const byName = new Map(params.flatMap((one) => [snake(one.name), ...otherNames(one)].map((name) => [name, one])))
  const given = new Map<Param, readonly string[]>()
  const problems: string[] = []
  const suggestions: string[] = []
  for (const [name, value] of Object.entries(query as Record<string, string | string[]>)) {
    const param = byName.get(name)
    if (param === undefined) {
      problems.push(`${of} has no parameter ${JSON.stringify(name.slice(0, 100))}`)
      const near = nearest(name, [...byName.keys()])
      if (near !== undefined) suggestions.push(`Did you mean ${near}?`)
      continue
    }
    const texts = [...(given.get(param) ?? []), ...[value].flat()]
    if (texts.length > 1 && !param.isList) problems.push(`${snake(param.name)} is given ${texts.length} times`)
    if (texts.some((text) => text.includes('\0'))) problems.push(`${name} has a NUL in it`)
    given.set(param, texts)
  }
  if (problems.length === 0) return given
  const whatThereIs = `It takes ${params.map(({ name }) => snake(name)).join(', ')}.`
  throw new EaError('usage', `${problems.join('; ')}.`, {
    suggestions: suggestions.length > 0 ? suggestions : [whatThereIs],
    details: { problems },
  })
}
