/** The first records of a source as plain objects, of a CSV too: for what is said to people, never for what is stored. */
import { isName } from '../../load/mapping/expression.js'
import type { SourceExpression, SourceRef } from '../../load/mapping/source-ref.js'
import type { Source } from '../source/source.js'
import { headRows } from './csv-header.js'
import { headRecords, parseObject } from './json-head.js'
import type { Dialect } from './sniff.js'

export type HeadRecord = Readonly<Record<string, unknown>>

/** Of a CSV each column that is not empty, as a text. */
export function headOf(source: Pick<Source, 'head' | 'headIsAll'>, dialect: Dialect, maxRecords = 100): HeadRecord[] {
  if (dialect.empty) return []
  const { format, columns, headerBytes } = dialect
  if (format === 'ndjson' || format === 'json-array') {
    return headRecords(source.head.subarray(headerBytes), format, maxRecords)
  }
  return headRows(source.head, source.headIsAll, dialect, maxRecords).map((fields) =>
    Object.fromEntries(columns!.flatMap((name, at) => (fields[at] ? [[name, fields[at]]] : []))),
  )
}

/** What a source is in a record, as far as a plain name says; undefined when it is absent. */
export function headValue(record: HeadRecord, { name, index, path }: SourceRef): unknown {
  return index === null ? valueAt(record, path ?? [name]) : valueAt(record, [name, ...(path ?? [])])
}

/** What `#>` of PostgreSQL finds at a path, null included, and what a text that holds JSON has there. */
export function valueAt(record: HeadRecord, path: readonly string[]): unknown {
  let inner: unknown = record
  for (const key of path) {
    if (typeof inner === 'string') inner = parseObject(inner)
    if (inner === undefined || inner === null || typeof inner !== 'object') return undefined
    const at = Array.isArray(inner) && /^-\d+$/.test(key) ? String(inner.length + Number(key)) : key
    if (!Object.hasOwn(inner, at)) return undefined
    inner = (inner as Record<string, unknown>)[at]
  }
  return inner
}

/**
 * The text of a field in a record: the first of its sources that is set. What is made of pairs is not looked at.
 *
 * @param nulls texts that stand for no value
 */
export function headText(
  record: HeadRecord,
  sources: readonly SourceExpression[],
  nulls: readonly string[] = [],
): string | undefined {
  for (const source of sources) {
    const text = textOf(record, source, nulls)
    if (text !== undefined && text !== '') return text
  }
  return undefined
}

function textOf(record: HeadRecord, source: SourceExpression, nulls: readonly string[]): string | undefined {
  if (isName(source)) {
    const value = headValue(record, source)
    if (typeof value !== 'string' && typeof value !== 'number') return undefined
    return nulls.includes(String(value)) ? undefined : String(value)
  }
  switch (source.kind) {
    case 'constant':
      return source.text
    case 'word':
      return textOf(record, source.of, nulls)?.split(' ')[source.number - 1]
    case 'first':
      return headText(record, source.of, nulls)
    case 'join': {
      const parts = source.parts.map((part) => textOf(record, part as SourceExpression, nulls))
      return parts.every((part) => part !== undefined && part !== '') ? parts.join('') : undefined
    }
    default:
      return undefined
  }
}
