/**
 * How a source is read, decided once: what the flags say, what its head shows, what its header maps to. A `Reading`
 * holds all that decides what the records mean; it is stored with the batch, and an interrupted import is resumed only
 * by one that reads the same way.
 */
import type { Readable } from 'node:stream'
import { EaError } from '../../core/errors.js'
import { allNames, type SourceName } from '../../load/mapping/expression.js'
import { type FieldMap, formatSource, type IdFrom } from '../../load/mapping/map-parser.js'
import { type Mapping, resolveMapping } from '../../load/mapping/mapping.js'
import { type SourceRef, sourceName, type TypedSource } from '../../load/mapping/source-ref.js'
import { resolveTimes, type TimeFormat } from '../../load/mapping/time-format.js'
import type { TypedName } from '../../load/mapping/value-types.js'
import type { Shape } from '../../load/split/chunk.js'
import { headFields } from '../detect/csv-header.js'
import { type HeadRecord, headOf, headText } from '../detect/head.js'
import { type Dialect, type DialectOptions, sniff } from '../detect/sniff.js'
import { nameForPeople } from '../source/paths.js'
import type { Source, SourceOptions } from '../source/source.js'
import { splitUsers } from '../user-warnings.js'
import { allKeysFound, findNamedKeys, type NamedKeys } from './named-keys.js'

/** What a person says about how to read; all of it has a default or is found by looking. */
export interface ReadingOptions extends DialectOptions {
  readonly encoding?: string | undefined
  readonly map?: FieldMap | undefined
  readonly idFrom?: IdFrom | null | undefined
  /** Texts that stand for no value. */
  readonly nulls?: readonly string[] | undefined
  /** Columns or keys that are not stored. */
  readonly drop?: readonly SourceName[] | undefined
  /** What the values of columns or keys are, as properties. */
  readonly types?: readonly TypedName[] | undefined
  /** Where the events lie in documents of JSON. */
  readonly each?: SourceName | undefined
  /** The preset that the options come from; then a column may be missing where the preset names another one for it. */
  readonly preset?: string | undefined
  /** What a time without offset means: an IANA name. */
  readonly timezone: string
  readonly timeFormat: TimeFormat
  /** The longest record. */
  readonly maxRecordBytes: number
}

export interface Reading {
  /** What the content was decoded from. */
  readonly encoding: string
  readonly dialect: Dialect
  readonly mapping: Mapping
  readonly shape: Shape
  readonly timezone: string
  readonly timeFormat: TimeFormat
  readonly maxRecordBytes: number
  /** The header as it stands in the content, with its line end; empty for JSON. */
  readonly header: Buffer
  /** What of the options is stored as it was given. */
  readonly given: Pick<ReadingOptions, 'columns' | 'skipLines' | 'each' | 'preset'>
  /** Of JSON: which of the keys that flags name its first records have. */
  readonly namedKeys: NamedKeys
}

/**
 * @throws EaError `not_recognised`, `header_invalid`, `missing_column`, `usage`
 */
export function decideReading(source: Source, options: ReadingOptions): Reading {
  const dialect = sniff(source.head, source.headIsAll, asGiven(options), source.name)
  // An empty source has no header, and no records that would need one.
  const columns = dialect.empty ? null : dialect.columns
  if (columns) requireStageable(columns, source.name)
  const mapping = resolveMapping({
    columns,
    map: options.map,
    idFrom: options.idFrom,
    nulls: options.nulls,
    drop: options.drop,
    types: options.types,
    isLenient: options.preset !== undefined,
    valuesOf: (column) => headFields(source.head, source.headIsAll, dialect, dialect.columns!.indexOf(column)),
  })
  const records = dialect.empty ? [] : headOf(source, dialect)
  const named = namedKeysOf(records, dialect, mapping, options)
  const times = resolveTimes(
    options.timeFormat,
    records.map((record) => headText(record, mapping.fields.occurred_at, mapping.nulls) ?? ''),
  )
  if (times.choices) throw ambiguousTimes(times.choices, source.name)
  return {
    encoding: source.encoding,
    dialect,
    mapping,
    shape: shapeOf(dialect, mapping),
    timezone: options.timezone,
    timeFormat: times.format,
    maxRecordBytes: options.maxRecordBytes,
    given: { columns: options.columns, skipLines: options.skipLines, each: options.each, preset: options.preset },
    header: source.head.subarray(0, dialect.headerBytes),
    namedKeys: times.note === undefined ? named : { ...named, warnings: [...named.warnings, times.note] },
  }
}

/** What opening a source needs of the options. */
export const sourceOptions = ({
  encoding,
  stdin,
  each,
  maxRecordBytes,
}: Partial<ReadingOptions> & { readonly stdin?: Readable }): SourceOptions => ({
  encoding,
  each,
  maxRecordBytes,
  ...(stdin && { stdin }),
})

/** Events that were taken out of documents are lines, whatever the documents were. */
export const asGiven = (options: ReadingOptions): DialectOptions =>
  options.each ? { ...options, format: 'ndjson' } : options

/** What the first records say about the names that flags have. */
function namedKeysOf(
  records: readonly HeadRecord[],
  { columns }: Dialect,
  mapping: Mapping,
  options: ReadingOptions,
): NamedKeys {
  if (!options.map && !options.idFrom && !options.types) return allKeysFound
  const found = columns === null ? findNamedKeys(records, options) : allKeysFound
  // A preset names what several versions of an export have.
  const absent = options.preset === undefined ? found.warnings : []
  return { ...found, warnings: [...absent, ...splitUsers(mapping, records)] }
}

/** Day first or month first is never guessed. */
function ambiguousTimes(choices: readonly string[], path: string): EaError {
  return new EaError(
    'not_recognised',
    `The times of ${nameForPeople(path)} can be read as ${choices.join(' or as ')}, and the first ones do not say which.`,
    { suggestions: choices.map((choice) => `--time-format "${choice}"`), details: { path, formats: choices } },
  )
}

/** A table of PostgreSQL has 1,600 columns at most, and staging one of its own. */
const maxColumns = 1_599

/** What only PostgreSQL minds in a header. */
function requireStageable(columns: readonly string[], path: string): void {
  const nul = columns.findIndex((name) => name.includes('\0')) + 1
  const problem =
    nul > 0
      ? `the name of column ${nul} holds a NUL byte`
      : columns.length > maxColumns
        ? `it has ${columns.length} columns, and PostgreSQL takes ${maxColumns} at most`
        : undefined
  if (!problem) return
  throw new EaError('header_invalid', `The header of ${nameForPeople(path)} cannot be used: ${problem}.`, {
    ...(nul > 0 ? {} : { suggestions: ['Give it as NDJSON, where a record may have any number of keys.'] }),
    details: { path },
  })
}

function shapeOf(dialect: Dialect, mapping: Mapping): Shape {
  // Nothing but blank space: as lines of JSON all of it is blank, as a CSV a line of blanks would be a record.
  if (dialect.empty || dialect.format === 'ndjson') return { kind: 'lines' }
  if (dialect.format === 'json-array') return { kind: 'array' }
  return {
    kind: 'delimited',
    delimiter: dialect.delimiter!.charCodeAt(0),
    quote: dialect.quote === null ? null : dialect.quote.charCodeAt(0),
    ...(dialect.escape !== null && { escape: dialect.escape.charCodeAt(0) }),
    ...(dialect.comment !== null && { comment: Buffer.from(dialect.comment) }),
    ...(dialect.format === 'text' && { isText: true }),
    fields: Math.max(1, dialect.columns?.length ?? 1),
    crEndsRecords: dialect.crEndsRecords,
    jsonField: allNames<SourceRef>(mapping.properties)[0]?.index ?? null,
    timeField: allNames<SourceRef>(mapping.fields.occurred_at)[0]?.index ?? null,
    textFields: allNames<SourceRef>([...mapping.fields.user_id, ...mapping.fields.event_type]).flatMap(
      ({ index }) => index ?? [],
    ),
  }
}

/** The part of a reading that decides what records mean, as it is stored with the batch. */
export function readingRecord(reading: Reading, source: Source): Record<string, unknown> {
  const { dialect, mapping, timezone, timeFormat, maxRecordBytes, given } = reading
  return {
    format: dialect.format,
    encoding: source.encoding,
    ...(dialect.columns && { delimiter: dialect.delimiter, quote: dialect.quote, columns: dialect.columns }),
    ...(dialect.columns && { cr_ends_records: dialect.crEndsRecords }),
    ...(dialect.escape !== null && { escape: dialect.escape }),
    ...(dialect.comment !== null && { comment: dialect.comment }),
    ...(given.columns && { has_header: false }),
    ...(given.skipLines && { skip_lines: given.skipLines }),
    ...(given.each && { each: formatSource(given.each) }),
    ...(given.preset !== undefined && { preset: given.preset }),
    ...(mapping.nulls && { nulls: mapping.nulls }),
    ...(mapping.dropped && { drop: mapping.dropped }),
    ...(mapping.types && { types: typesRecord(mapping.types) }),
    fields: mapping.fields,
    properties: mapping.properties,
    id_from: mapping.idFrom,
    timezone,
    time_format: timeFormat,
    max_record_bytes: maxRecordBytes,
  }
}

const typesRecord = (types: readonly TypedSource[]) =>
  Object.fromEntries(types.map(({ source, type }) => [formatSource(sourceName(source)), type]))
