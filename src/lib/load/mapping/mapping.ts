/**
 * Which columns or keys of a source become which fields of an event. Names decide, never positions; what is not mapped
 * becomes properties, so nothing is lost. SQL is made of this elsewhere (given.ts).
 */
import { EaError } from '../../core/errors.js'
import type { EventField } from '../../core/event.js'
import { guessColumn, guessColumns, looksLikeIds, nearest } from './column-guess.js'
import { type FieldMap, formatSource, type IdFrom, type SourceName } from './map-parser.js'

/** A column of a CSV or a key of a JSON record. */
export interface SourceRef {
  readonly name: string
  /** Of the column, from 0; null for JSON, and for the ordinal. */
  readonly index: number | null
  /** For JSON: the keys from the outside in; one key when absent. */
  readonly path?: readonly string[]
}

/** A field that is taken from one source, the first that is set. */
export type MappedField = Exclude<EventField, 'properties'>
export const mappedFields = ['event_id', 'occurred_at', 'user_id', 'event_type'] as const satisfies MappedField[]

/** Stands in `idFrom` for the number of the record in its file. A column of a CSV that is called `#` has an index. */
export const ordinalRef: SourceRef = { name: '#', index: null }

export interface Mapping {
  /** For each field its sources in order of preference; `event_id` has none when `idFrom` is used. */
  readonly fields: Readonly<Record<MappedField, readonly SourceRef[]>>
  /** Where JSON objects of properties come from; may be empty. */
  readonly properties: readonly SourceRef[]
  /**
   * What becomes properties: columns of a CSV; for JSON `rest`, every top-level key that is no source of a field. So does a
   * source that is set while another one was chosen (kept-sources.ts).
   */
  readonly unmapped: readonly SourceRef[] | 'rest'
  /** What an id is derived from (`*`: the whole record), with `ordinalRef` for `#`; null when the source has ids. */
  readonly idFrom: readonly SourceRef[] | '*' | null
  /** Keys of JSON that `ea` itself has put into a record: fields may come from them, properties never. */
  readonly ownKeys?: readonly string[]
}

/** The columns or keys of properties, unless a map names others. */
export const propertiesNames = ['properties', 'properties_json'] as const

/** What a mapping is made of. */
export interface MappingInput {
  /** The names of a CSV's header; null for JSON, whose keys are only known record by record. */
  readonly columns: readonly string[] | null
  readonly map?: FieldMap | undefined
  readonly idFrom?: IdFrom | null | undefined
  /** The values of a column in the first records, for advice. */
  readonly valuesOf?: (column: string) => readonly string[]
}

/**
 * Resolves names against the columns of a source. A field that is not mapped comes from the column of its own name;
 * properties come from `properties` or `properties_json`, and may be absent. A column that only `--id-from` names
 * still becomes a property.
 *
 * @throws EaError `missing_column` with every column that is missing and a flag that may mend it; `usage` when an id is
 *   both mapped and derived
 * @example
 * resolveMapping({ columns: ['uuid', 'ts', 'user_id', 'event_type'], map: parseMap('event_id=uuid,occurred_at=ts') })
 */
export function resolveMapping({ columns, map = {}, idFrom = null, valuesOf = () => [] }: MappingInput): Mapping {
  if (idFrom && map.event_id) {
    throw new EaError('usage', 'The event_id is both mapped (--map event_id=…) and derived (--id-from).', {
      suggestions: ['Leave one of the two away.'],
    })
  }
  const wanted = (field: MappedField): readonly SourceName[] => {
    if (field === 'event_id' && idFrom) return []
    return map[field] ?? [{ name: field, path: [field] }]
  }
  if (columns)
    requireColumns(
      columns,
      map,
      idFrom,
      mappedFields.flatMap((field) => (map[field] ? [] : wanted(field))),
      valuesOf,
    )
  const ref = refIn(columns)
  const sourcesOf = (field: MappedField) => wanted(field).map(ref)
  const fields = {
    event_id: sourcesOf('event_id'),
    occurred_at: sourcesOf('occurred_at'),
    user_id: sourcesOf('user_id'),
    event_type: sourcesOf('event_type'),
  }
  const properties =
    map.properties?.map(ref) ?? propertiesNames.filter(isIn(columns)).map((name) => ref({ name, path: [name] }))
  return {
    fields,
    properties,
    unmapped: columns ? unmappedColumns(columns, [...Object.values(fields).flat(), ...properties]) : 'rest',
    idFrom: idFrom ? resolveIdFrom(idFrom, columns) : null,
  }
}

/** JSON records may have any key. */
const isIn = (columns: readonly string[] | null) => (name: string) => columns?.includes(name) ?? true

const refIn =
  (columns: readonly string[] | null) =>
  ({ name, path }: SourceName): SourceRef =>
    columns
      ? { name, index: columns.indexOf(name) }
      : path.length === 1
        ? { name, index: null }
        : { name, index: null, path }

function unmappedColumns(columns: readonly string[], used: readonly SourceRef[]): SourceRef[] {
  const taken = new Set(used.map(({ index }) => index))
  return columns.map((name, index) => ({ name, index })).filter(({ index }) => !taken.has(index))
}

function resolveIdFrom({ sources, ordinal }: IdFrom, columns: readonly string[] | null): readonly SourceRef[] | '*' {
  if (sources === '*') {
    if (!ordinal) return '*'
    if (columns) return [...columns.map((name, index) => ({ name, index })), ordinalRef]
    throw new EaError('usage', "--id-from '*,#' needs columns; for JSON, name the keys beside #.", {
      suggestions: ["--id-from 'user_id,ts,#'"],
    })
  }
  if (!columns && sources.some(({ name }) => name === ordinalRef.name)) {
    throw new EaError('usage', '--id-from cannot use a JSON key that is called "#".')
  }
  return [...sources.map(refIn(columns)), ...(ordinal ? [ordinalRef] : [])]
}

/** Everything that is missing is said at once, with one flag that may mend all of it. */
function requireColumns(
  columns: readonly string[],
  map: FieldMap,
  idFrom: IdFrom | null,
  defaults: readonly SourceName[],
  valuesOf: (column: string) => readonly string[],
): void {
  const absent = ({ name }: SourceName) => !columns.includes(name)
  const missing = defaults.filter(absent).map(({ name }) => name as MappedField)
  const named = Object.entries(map).flatMap(([field, sources]) =>
    sources.filter(absent).map(({ name }) => ({ flag: `--map ${field}=`, name })),
  )
  const derived = idFrom && idFrom.sources !== '*' ? idFrom.sources : []
  named.push(...derived.filter(absent).map(({ name }) => ({ flag: '--id-from ', name })))
  if (missing.length === 0 && named.length === 0) return

  const taken = new Set(Object.values(map).flatMap((sources) => sources.map(({ name }) => name)))
  const free = columns.filter((name) => !taken.has(name) && !mappedFields.includes(name as MappedField))
  const isId = (column: string) => looksLikeIds(valuesOf(column)).uuids
  const guessed = guessColumns(missing, free, (field, column) => field !== 'event_id' || isId(column))
  const guesses = missing.map((field) => ({ field, column: guessed.get(field) }))
  const pairs = guesses.flatMap(({ field, column }) => (column ? [`${field}=${formatSource({ path: [column] })}`] : []))
  // Ids of another form cannot be mapped; where each record has its own, one can be derived from them.
  const needsId = missing.includes('event_id') && !guessed.has('event_id')
  const others = free.filter((column) => ![...guessed.values()].includes(column))
  const other = needsId ? guessColumn('event_id', others) : null
  const derivable = other !== null && looksLikeIds(valuesOf(other)).distinct ? `--id-from ${sourceText(other)}` : null
  const mapped = pairs.length > 0 ? `--map ${shellQuoted(pairs.join(','))}` : null
  const flags = [mapped, derivable].filter((flag) => flag !== null)
  const suggestions = [
    ...(flags.length > 0 ? [`Perhaps: ${flags.join(' ')}`] : []),
    ...named.flatMap(({ flag, name }) => {
      const near = nearest(name, columns)
      if (!near) return []
      const possible = flag === '--map event_id=' && !isId(near) ? '--id-from ' : flag
      return [`Perhaps: ${possible}${sourceText(near)}`]
    }),
    ...(needsId && derivable === null
      ? ["If the records have no id of their own: --id-from '*' derives one from their content."]
      : []),
  ]
  const what = [
    ...(missing.length > 0 ? [`The file has no column ${missing.join(', ')}`] : []),
    ...named.map(({ flag, name }) => `${flag.trim()} names a column that the file does not have: ${name}`),
  ]
  throw new EaError('missing_column', `${what.join('; ')}. Its columns: ${columns.join(', ')}.`, {
    ...(suggestions.length > 0 ? { suggestions } : {}),
    details: { missing: [...missing, ...named.map(({ name }) => name)], columns },
  })
}

const sourceText = (column: string) => shellQuoted(formatSource({ path: [column] }))

/** A value of a flag as it is typed in a shell. */
export const shellQuoted = (text: string) =>
  /^[\w.,=:@%/+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
