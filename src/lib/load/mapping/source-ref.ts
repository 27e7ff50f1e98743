/** Columns and keys as they were found in a source, and where one is inside of another. */
import type { EventField } from '../../core/event.js'
import type { Expression, SourceName } from './expression.js'
import type { ValueType } from './value-types.js'

/** A column of a CSV or a key of a JSON record. */
export interface SourceRef {
  readonly name: string
  /** Of the column, from 0; null for JSON, and for the ordinal. */
  readonly index: number | null
  /**
   * For JSON: the keys from the outside in; one key when absent. For a column of a CSV: the keys inside of the JSON that it
   * holds; all of the column when absent.
   */
  readonly path?: readonly string[]
}

/** What a field is made of, with names that were found in the source. */
export type SourceExpression = Expression<SourceRef>

/** A field that is taken from one source, the first that is set. */
export type MappedField = Exclude<EventField, 'properties'>
export const mappedFields = ['event_id', 'occurred_at', 'user_id', 'event_type'] as const satisfies MappedField[]

/** A column or key that becomes a property, and what its values are. */
export interface TypedSource {
  readonly source: SourceRef
  readonly type: ValueType
}

/** Whether a source is a whole column or a top-level key. */
export const isWhole = ({ index, path }: SourceRef) => (index === null ? (path?.length ?? 1) === 1 : path === undefined)

/** The keys from the outside in; of a CSV the column first. */
const fullPath = ({ name, index, path }: SourceRef): readonly string[] =>
  index === null ? (path ?? [name]) : [String(index), ...(path ?? [])]

/** Where a source is inside of another one: no keys when they are the same; undefined when it is not. */
export function pathWithin(outer: SourceRef, source: SourceRef): readonly string[] | undefined {
  const [above, path] = [fullPath(outer), fullPath(source)]
  return above.every((key, at) => path[at] === key) ? path.slice(above.length) : undefined
}

/** Whether a source is another one, or inside of it. */
export const isWithin = (outer: SourceRef, source: SourceRef) => pathWithin(outer, source) !== undefined

/** How a source that was found is named. */
export function sourceName({ name, index, path }: SourceRef): SourceName {
  if (index === null) return { name, path: path ?? [name] }
  return path === undefined ? { name, path: [name] } : { name: [name, ...path].join('.'), path: [name, ...path] }
}

/** The column with the longest name that a path begins with; what follows goes on inside of its JSON. */
export function findColumn(columns: readonly string[], { name, path }: SourceName): SourceRef | undefined {
  for (let keys = path.length; keys > 0; keys--) {
    const column = keys === path.length ? name : path.slice(0, keys).join('.')
    const index = columns.indexOf(column)
    if (index >= 0) return keys === path.length ? { name, index } : { name: column, index, path: path.slice(keys) }
  }
  return undefined
}
