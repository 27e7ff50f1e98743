/**
 * A reading that is stored with its batch, and what it is good for later: to tell whether another one gives the same records
 * and in what it differs, to read a file the same way again, and to name the flags for it.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Batch } from '../../batches/batch.js'
import { type Expression, isName, renamed, type SourceName } from '../../load/mapping/expression.js'
import {
  type FieldMap,
  formatIdFrom,
  formatMap,
  formatNames,
  type IdFrom,
  parseNames,
  shellQuoted,
} from '../../load/mapping/map-parser.js'
import { ordinalRef, propertiesNames } from '../../load/mapping/mapping.js'
import {
  type MappedField,
  mappedFields,
  type SourceExpression,
  type SourceRef,
  sourceName,
} from '../../load/mapping/source-ref.js'
import { formatTimeFormat, type TimeFormat } from '../../load/mapping/time-format.js'
import { formatTypes, parseTypes } from '../../load/mapping/value-types.js'
import { type Dialect, formatOfName } from '../detect/sniff.js'
import { importDefaults } from '../options.js'
import { nameForPeople } from '../source/paths.js'
import type { ReadingOptions } from './parse-options.js'

/** What `readingRecord` makes; an older release may have stored less. */
interface StoredReading {
  readonly format?: Dialect['format']
  readonly delimiter?: string
  readonly quote?: string | null
  readonly encoding?: string
  readonly columns?: readonly string[]
  readonly fields?: Readonly<Record<MappedField, readonly SourceExpression[]>>
  readonly properties?: readonly SourceExpression[]
  readonly id_from?: readonly SourceExpression[] | '*' | null
  readonly timezone?: string
  readonly time_format?: TimeFormat
  readonly max_record_bytes?: number
  readonly escape?: string
  readonly comment?: string
  readonly has_header?: false
  readonly skip_lines?: number
  readonly each?: string
  readonly nulls?: readonly string[]
  readonly drop?: readonly SourceRef[]
  readonly types?: Readonly<Record<string, string>>
  readonly preset?: string
}

type Stored = Readonly<Record<string, unknown>>

/**
 * The options that read the same content as a stored reading says.
 *
 * @example
 * storedOptions({ format: 'csv', delimiter: ';', timezone: 'Europe/Kyiv' }) // { format: 'csv', delimiter: ';', timezone: … }
 */
export function storedOptions(reading: Stored): Partial<ReadingOptions> {
  const {
    format,
    delimiter,
    quote,
    encoding,
    timezone,
    time_format: timeFormat,
    max_record_bytes,
  } = reading as StoredReading
  const map = givenMap(reading)
  return {
    format,
    delimiter,
    quote: quote === null ? 'none' : quote,
    // A content that has a byte order mark says so itself.
    ...(encoding !== 'utf-8' && { encoding }),
    ...(Object.keys(map).length > 0 && { map }),
    idFrom: givenIdFrom(reading),
    ...(timezone !== undefined && { timezone }),
    ...(timeFormat !== undefined && { timeFormat }),
    ...(max_record_bytes !== undefined && { maxRecordBytes: max_record_bytes }),
    ...givenStructure(reading),
  }
}

/** What was said about lines, columns and values; none of it has a default. */
function givenStructure(reading: Stored): Partial<ReadingOptions> {
  const {
    columns,
    escape: escapedBy,
    comment,
    has_header,
    skip_lines,
    each,
    nulls,
    drop,
    types,
    preset,
  } = reading as StoredReading
  return {
    ...(escapedBy !== undefined && { escape: escapedBy }),
    ...(comment !== undefined && { comment }),
    ...(has_header === false && { columns }),
    ...(skip_lines !== undefined && { skipLines: skip_lines }),
    ...(each !== undefined && { each: parseNames('--each', each)[0]! }),
    ...(nulls && { nulls }),
    ...(drop && { drop: drop.map(sourceName) }),
    ...(types && {
      types: parseTypes(
        '--types',
        Object.entries(types).map((pair) => pair.join('=')),
      ),
    }),
    ...(preset !== undefined && { preset }),
  }
}

/**
 * The options of a stored reading with those that are given instead: another format takes its delimiter and quote along, a
 * map changes only the fields that it names, and a mapped id ends a derived one and the other way round.
 */
export function changedOptions<T extends Partial<ReadingOptions>>(stored: Partial<ReadingOptions>, given: T): T {
  const kept = { ...stored }
  const isOtherFormat = given.format !== undefined && given.format !== stored.format
  if (isOtherFormat) delete kept.delimiter
  if (isOtherFormat && given.format !== 'csv' && given.format !== 'tsv') delete kept.quote
  if (isOtherFormat) for (const key of structure) delete kept[key]
  if (given.delimiter !== undefined || given.quote !== undefined) delete kept.format
  if (given.map?.event_id) delete kept.idFrom
  const { event_id: _, ...otherFields } = stored.map ?? {}
  const map = { ...(given.idFrom ? otherFields : stored.map), ...given.map }
  const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  return { ...kept, ...(defined as T), map }
}

/** What says nothing about a file of another format. */
const structure = ['columns', 'comment', 'escape', 'skipLines', 'each'] as const

/** The flags with which `ea import` reads the file of a batch as it was read, each after a space. */
export function flagsOfBatch({ file, reading, rejected }: Pick<Batch, 'file' | 'reading' | 'rejected'>): string {
  const values = flagValues(reading, givenMap(reading))
  const { format, delimiter } = reading as StoredReading
  const named =
    formatOfName(nameForPeople(file)) ?? (/\.json\b/i.test(file) && format === 'json-array' ? format : 'csv')
  return textOf(
    Object.entries(values).filter(
      ([flag, value]) =>
        !isDefaultValue(flag, value) &&
        !(flag === 'format' && value === named) &&
        !(flag === 'delimiter' && delimiter === (format === 'tsv' ? '\t' : ',')),
    ),
  ).concat(rejected > 0 ? ` --max-rejects ${rejected}` : '')
}

/** The flags that say options, each after a space; what is a default needs none. */
export function optionFlags(options: Partial<ReadingOptions>): string {
  return textOf(Object.entries(valuesOf(options)).filter(([flag, value]) => !isDefaultValue(flag, value)))
}

/** The flags that turn a stored reading into another one, each after a space. */
export function changingFlags(stored: Stored, now: Stored): string {
  const before = flagValues(stored, {})
  const { fields: were } = stored as StoredReading
  const { fields = {} as NonNullable<StoredReading['fields']>, properties = [] } = now as StoredReading
  const changed = mappedFields.filter((field) => fields[field]?.length > 0 && differs(were?.[field], fields[field]))
  const map: Partial<Record<string, readonly Expression<SourceName>[]>> = Object.fromEntries(
    changed.map((field) => [field, fields[field].map(nameOf)]),
  )
  if (properties.length > 0 && differs((stored as StoredReading).properties, properties)) {
    map.properties = properties.map(nameOf)
  }
  return textOf(
    Object.entries(flagValues(now, map)).filter(([flag, value]) => flag === 'map' || before[flag] !== value),
  )
}

/** `--null` is given once for each text; a text has no NUL. */
const textOf = (flags: readonly (readonly [string, string])[]) =>
  flags.flatMap(([flag, values]) => values.split('\0').map((value) => ` --${flag}${flagValue(value)}`)).join('')

/** What begins with a dash would be another flag. */
const flagValue = (value: string) => (value.startsWith('-') ? `=${shellQuoted(value)}` : ` ${shellQuoted(value)}`)

const defaultValues = {
  quote: '"',
  encoding: 'utf-8',
  timezone: importDefaults.timezone,
  'time-format': formatTimeFormat(importDefaults.timeFormat),
  'max-record-bytes': String(importDefaults.maxRecordBytes),
}

/** What needs no flag to be so. */
const isDefaultValue = (flag: string, value: string) => value === (defaultValues as Record<string, string>)[flag]

/** The values of the flags that say all of a reading, but its map as it is given. */
function flagValues(reading: Stored, map: FieldMap): Record<string, string> {
  const { encoding } = reading as StoredReading
  return valuesOf({ ...storedOptions(reading), encoding, map })
}

/** The values of the flags that say options; several of one flag have a NUL between them. */
function valuesOf(options: Partial<ReadingOptions>): Record<string, string> {
  const { delimiter, columns, nulls, drop, types, each, map, idFrom, timeFormat } = options
  const values = {
    format: options.format,
    delimiter: delimiter === '\t' ? 'tab' : delimiter,
    quote: options.quote,
    escape: options.escape,
    encoding: options.encoding,
    comment: options.comment,
    columns: columns && formatNames(columns.map((name) => ({ path: [name] }))),
    'skip-lines': options.skipLines?.toString(),
    null: nulls?.join('\0'),
    drop: drop && formatNames(drop),
    types: types && formatTypes(types),
    each: each && formatNames([each]),
    map: map && Object.keys(map).length > 0 ? formatMap(map) : undefined,
    'id-from': idFrom ? formatIdFrom(idFrom) : undefined,
    timezone: options.timezone,
    'time-format': timeFormat && formatTimeFormat(timeFormat),
    'max-record-bytes': options.maxRecordBytes?.toString(),
  }
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

const nameOf = (source: SourceExpression): Expression<SourceName> => renamed(source, sourceName)

/** What of a mapping does not come by itself. */
function givenMap(reading: Stored): FieldMap {
  const { fields, properties = [], columns } = reading as StoredReading
  const isDefault = (field: string, [only, ...others]: readonly SourceExpression[]) =>
    only !== undefined && others.length === 0 && isName(only) && only.name === field && !only.path
  const byItself = propertiesNames.filter((name) => columns?.includes(name) ?? true)
  const given = mappedFields
    .filter((field) => fields?.[field]?.length && !isDefault(field, fields[field]))
    .map((field) => [field, fields![field].map(nameOf)] as const)
  const others =
    differs(
      properties.map((source) => (isName(source) ? source.name : source)),
      byItself,
    ) && properties.length > 0
  return Object.fromEntries([...given, ...(others ? [['properties', properties.map(nameOf)] as const] : [])])
}

function givenIdFrom(reading: Stored): IdFrom | undefined {
  const { id_from: from } = reading as StoredReading
  if (!from) return undefined
  if (from === '*') return { sources: '*', ordinal: false }
  const isOrdinal = (source: SourceExpression) =>
    isName(source) && source.name === ordinalRef.name && source.index === null && source.path === undefined
  return { sources: from.filter((ref) => !isOrdinal(ref)).map(nameOf), ordinal: from.some(isOrdinal) }
}

/** Whether two readings, one of them stored, give the same records. */
export function isSameReading(a: Stored, b: Stored): boolean {
  return !differs(a, b)
}

/**
 * In what a stored reading and another one of the same content differ, for people. A part that only one of them has is
 * none: an older release did not store it.
 *
 * @example
 * readingDifferences({ timezone: 'UTC' }, { timezone: 'Europe/Kyiv' }) // ['timezone UTC, now Europe/Kyiv']
 */
export function readingDifferences(stored: Stored, now: Stored): string[] {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
  return Object.keys(now).flatMap((key) => {
    if (!(key in stored) || !differs(stored[key], now[key])) return []
    if (key === 'fields') {
      const [before, after] = [stored, now].map((reading) => reading[key] as Record<string, unknown>)
      const names = Object.keys(after!).filter((name) => differs(before![name], after![name]))
      return [`the mapping of ${names.join(', ')}`]
    }
    if (key === 'properties' || key === 'columns') return [`the mapping of ${key}`]
    if (key === 'id_from') return ['what ids are derived from']
    return [`${key.replaceAll('_', ' ')} ${text(stored[key])}, now ${text(now[key])}`]
  })
}

/** Whether two values are different as JSON; jsonb does not keep the order of keys, so none matters. */
function differs(a: unknown, b: unknown): boolean {
  const stored = (value: unknown) => JSON.parse(JSON.stringify({ value }))
  return !isDeepStrictEqual(stored(a), stored(b))
}
