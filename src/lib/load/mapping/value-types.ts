/** `--types price=number`: what the texts of a column or key become as properties. SQL is made of this in types-sql.ts. */
import { nearest } from './column-guess.js'
import type { SourceName } from './expression.js'
import { Reader } from './expression-reader.js'
import { formatSource } from './map-parser.js'

const valueTypes = ['number', 'boolean', 'json'] as const
export type ValueType = (typeof valueTypes)[number]

/** A column or key as a person names it, and what its values are. */
export interface TypedName {
  readonly name: SourceName
  readonly type: ValueType
}

/**
 * Reads `--types`, each time that it is given.
 *
 * @throws EaError `usage`, with the place of the mistake
 * @example
 * parseTypes('--types', ['price=number,is_new=boolean'])[0] // { name: { name: 'price', path: ['price'] }, type: 'number' }
 */
export function parseTypes(flag: string, texts: readonly string[]): readonly TypedName[] {
  const typed = new Map<string, TypedName>()
  for (const text of texts) {
    const reader = new Reader(flag, text)
    do {
      const from = reader.at
      const name = reader.path()
      const source = formatSource(name)
      if (!reader.takes('=')) throw reader.mistake(`after ${source} come = and a type (${valueTypes.join(', ')})`)
      const at = reader.at
      const type = reader.path().name
      if (!isType(type)) throw reader.mistake(`${JSON.stringify(type)} is not a type${perhaps(type)}`, at)
      if (typed.has(source)) throw reader.mistake(`${source} has two types`, from)
      typed.set(source, { name, type })
    } while (reader.takes(','))
    reader.mustEnd('a comma or the end')
  }
  return [...typed.values()]
}

const isType = (text: string): text is ValueType => (valueTypes as readonly string[]).includes(text)

function perhaps(type: string): string {
  const near = nearest(type, valueTypes)
  return `: there are ${valueTypes.join(', ')}${near === null ? '' : `; perhaps ${near}`}`
}

/** The text that `parseTypes` reads as these. */
export const formatTypes = (types: readonly TypedName[]) =>
  types.map(({ name, type }) => `${formatSource(name)}=${type}`).join(',')
