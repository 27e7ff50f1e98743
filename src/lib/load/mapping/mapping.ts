/**
 * Which columns or keys of a source become which fields of an event. Names decide, never positions; what is not mapped
 *becomes properties, so nothing is lost. SQL is made of this elsewhere (mapping-sql.ts).
 */
import { EaError } from '../../core/errors.js'
import type { EventField } from '../../core/event.js'
import { guessColumn, guessColumns, looksLikeIds, nearest } from './column-guess.js'
import {
  allNames,
  type Expression,
  isName,
  keepsRest,
  mergedParts,
  namesIn,
  renamed,
  type SourceName,
} from './expression.js'
import { type FieldMap, formatSource, type IdFrom } from './map-parser.js'
import { formatTypes, type TypedName, type ValueType } from './value-types.js'

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

/** Stands in `idFrom` for the number of the record in its file. A column of a CSV that is called `#` has an index. */
export const ordinalRef: SourceRef = { name: '#', index: null }

export interface Mapping {
  /** For each field its sources in order of preference; `event_id` has none when `idFrom` is used. */
  readonly fields: Readonly<Record<MappedField, readonly SourceExpression[]>>
  /** Where JSON objects of properties come from; may be empty. A list that is merged is its only one. */
  readonly properties: readonly SourceExpression[]
  /**
   * What becomes properties: columns of a CSV; for JSON `rest`, every top-level key that is no source of a field. So does a
   * source that is set while another one was chosen (kept-sources.ts).
   */
  readonly unmapped: readonly SourceRef[] | 'rest'
  /** What an id is derived from (`*`: the whole record), with `ordinalRef` for `#`; null when the source has ids. */
  readonly idFrom: readonly SourceExpression[] | '*' | null
  /** Keys of JSON that `ea` itself has put into a record: fields may come from them, properties never. */
  readonly ownKeys?: readonly string[]
  /** Texts that stand for no value, in columns and in fields. */
  readonly nulls?: readonly string[]
  /** What never becomes a property. */
  readonly dropped?: readonly SourceRef[]
  /** Properties whose texts become what they say; an outer one comes before those inside of it. */
  readonly types?: readonly TypedSource[]
}

/** A column or key that becomes a property, and what its values are. */
export interface TypedSource {
  readonly source: SourceRef
  readonly type: ValueType
}

/** The columns or keys of properties, unless a map names others. */
export const propertiesNames = ['properties', 'properties_json'] as const

/** What a mapping is made of. */
export interface MappingInput {
  /** The names of a CSV's header; null for JSON, whose keys are only known record by record. */
  readonly columns: readonly string[] | null
  readonly map?: FieldMap | undefined
  readonly idFrom?: IdFrom | null | undefined
  readonly nulls?: readonly string[] | undefined
  readonly drop?: readonly SourceName[] | undefined
  readonly types?: readonly TypedName[] | undefined
  /** Whether a column may be missing where the preset names another one for it: a preset fits several versions of an export. */
  readonly isLenient?: boolean | undefined
  /** The values of a column in the first records, for advice. */
  readonly valuesOf?: (column: string) => readonly string[]
}

/**
 * Resolves names against the columns of a source. A field that is not mapped comes from the column of its own name;
 * properties come from `properties` or `properties_json`, and may be absent. A column that only `--id-from` names
 * still becomes a property.
 *
 * @throws EaError `missing_column` with every column that is missing and a flag that may fix it; `usage` when an id is
 *   both mapped and derived
 * @example
 * resolveMapping({ columns: ['uuid', 'ts', 'user_id', 'event_type'], map: parseMap('event_id=uuid,occurred_at=ts') })
 */
export function resolveMapping(input: MappingInput): Mapping {
  const { columns, idFrom = null, nulls = [], valuesOf = () => [] } = input
  const isLenient = input.isLenient === true && columns !== null
  const map = isLenient ? withoutAbsent(input.map ?? {}, columns) : (input.map ?? {})
  const isThere = (name: SourceName) => !isLenient || findColumn(columns, name) !== undefined
  const drop = (input.drop ?? []).filter(isThere)
  const typed = (input.types ?? []).filter(({ name }) => isThere(name))
  if (idFrom && map.event_id) {
    throw new EaError('usage', 'The event_id is both mapped (--map event_id=…) and derived (--id-from).', {
      suggestions: ['Leave one of the two away.'],
    })
  }
  const wanted = (field: MappedField): readonly Expression<SourceName>[] => {
    if (field === 'event_id' && idFrom) return []
    return map[field] ?? [{ name: field, path: [field] }]
  }
  if (columns) {
    const defaults = mappedFields.flatMap((field) => (map[field] ? [] : allNames<SourceName>(wanted(field))))
    requireColumns({ columns, map, idFrom, drop, typed, defaults, valuesOf })
  }
  const ref = refIn(columns)
  const refs = (expressions: readonly Expression<SourceName>[]) => expressions.map((one) => renamed(one, ref))
  const fields = {
    event_id: refs(wanted('event_id')),
    occurred_at: refs(wanted('occurred_at')),
    user_id: refs(wanted('user_id')),
    event_type: refs(wanted('event_type')),
  }
  const properties = map.properties
    ? refs(map.properties)
    : propertiesNames.filter(isIn(columns)).map((name) => ref({ name, path: [name] }))
  const dropped = drop.map(ref)
  const types = typed
    .map(({ name, type }) => ({ source: ref(name), type }))
    .filter(({ source }) => !dropped.some((outer) => isWithin(outer, source)))
    .toSorted((a, b) => fullPath(a.source).length - fullPath(b.source).length)
  for (const { source } of types) requireProperty(source, types, fields, properties)
  const used = [...alternativesOf({ fields, properties }).flatMap(takenNames), ...dropped.filter(isWhole)]
  return {
    fields,
    properties,
    unmapped: columns ? (keepsRest(properties) ? unmappedColumns(columns, used) : []) : 'rest',
    idFrom: idFrom ? resolveIdFrom(idFrom, columns) : null,
    ...(nulls.length > 0 && { nulls }),
    ...(dropped.length > 0 && { dropped }),
    ...(types.length > 0 && { types }),
  }
}

/** A source and those that are taken when it is not set. */
export interface Alternatives {
  readonly sources: readonly SourceExpression[]
  readonly isOfProperties: boolean
}

/** All places of a mapping that choose one of several sources. */
export function alternativesOf({ fields, properties }: Pick<Mapping, 'fields' | 'properties'>): Alternatives[] {
  const lists = mergedParts(properties)?.map((part) => (!isName(part) && part.kind === 'first' ? part.of : [part])) ?? [
    properties,
  ]
  return [
    ...Object.values(fields).map((sources) => ({ sources, isOfProperties: false })),
    ...lists.map((sources) => ({ sources, isOfProperties: true })),
  ]
}

/** The whole columns or top-level keys that become a field or explicit properties, and so are not left over. */
export function takenNames({ sources, isOfProperties }: Alternatives): SourceRef[] {
  return sources.flatMap((source, at) => {
    if (isName(source)) return isWhole(source) ? [source] : []
    // What a later one is made of may be passed over.
    if (source.kind === 'word') return []
    if (source.kind === 'pairs' ? !isOfProperties : at > 0) return []
    return namesIn<SourceRef>(source).filter(isWhole)
  })
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

const isWithin = (outer: SourceRef, source: SourceRef) => pathWithin(outer, source) !== undefined

/** Whether a source is inside of one of those that properties come from. */
const isInside = (properties: Mapping['properties'], source: SourceRef) =>
  allNames<SourceRef>(properties).some((outer) => (pathWithin(outer, source)?.length ?? 0) > 0)

/** A type is for a property; a field of events has one of its own. */
function requireProperty(
  source: SourceRef,
  types: readonly TypedSource[],
  fields: Mapping['fields'],
  properties: Mapping['properties'],
): void {
  const isSource = (other: SourceExpression | undefined) =>
    other !== undefined && isName(other) && isWhole(other) && isWhole(source) && isWithin(other, source)
  const field = mappedFields.find((name) => isSource(fields[name][0]))
  const isText = source.index !== null && source.path !== undefined && !isInside(properties, source)
  const isOpened = types.some(({ source: outer, type }) => type === 'json' && isWhole(outer) && isWithin(outer, source))
  const problem =
    field !== undefined
      ? `which is the ${field} of events and not a property`
      : allNames<SourceRef>(properties).some(isSource)
        ? 'which is an object of properties: name what is inside of it'
        : !isInside(properties, source) && !keepsRest(properties)
          ? 'which does not become a property: the mapping of properties leaves it out'
          : isText && !isOpened
            ? `which is inside of a text: give ${source.name} the type json, too`
            : undefined
  if (problem === undefined) return
  const name = formatSource(sourceName(source))
  throw new EaError('usage', `--types names ${name}, ${problem}.`, {
    suggestions: ['--types is for columns and keys that become properties: --types price=number,is_new=boolean'],
    details: { name },
  })
}

/** How a source that was found is named. */
export function sourceName({ name, index, path }: SourceRef): SourceName {
  if (index === null) return { name, path: path ?? [name] }
  return path === undefined ? { name, path: [name] } : { name: [name, ...path].join('.'), path: [name, ...path] }
}

/** JSON records may have any key. */
const isIn = (columns: readonly string[] | null) => (name: string) => columns?.includes(name) ?? true

const refIn =
  (columns: readonly string[] | null) =>
  (source: SourceName): SourceRef => {
    const { name, path } = source
    if (columns) return findColumn(columns, source) ?? { name, index: -1 }
    return path.length === 1 ? { name, index: null } : { name, index: null, path }
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

/** A map without the alternatives that a CSV does not have, where another one is there. */
function withoutAbsent(map: FieldMap, columns: readonly string[]): FieldMap {
  const isThere = (one: Expression<SourceName>) =>
    namesIn<SourceName>(one).every((name) => findColumn(columns, name) !== undefined)
  const present = (sources: readonly Expression<SourceName>[]): readonly Expression<SourceName>[] => {
    const parts = mergedParts(sources)
    if (parts) return [{ kind: 'merge', parts: parts.filter(isThere) }]
    const there = sources.filter(isThere)
    return there.length > 0 ? there : sources
  }
  return Object.fromEntries(Object.entries(map).map(([field, sources]) => [field, present(sources)]))
}

function unmappedColumns(columns: readonly string[], used: readonly SourceRef[]): SourceRef[] {
  const taken = new Set(used.map(({ index }) => index))
  return columns.map((name, index) => ({ name, index })).filter(({ index }) => !taken.has(index))
}

function resolveIdFrom(
  { sources, ordinal }: IdFrom,
  columns: readonly string[] | null,
): readonly SourceExpression[] | '*' {
  if (sources === '*') {
    if (!ordinal) return '*'
    if (columns) return [...columns.map((name, index) => ({ name, index })), ordinalRef]
    throw new EaError('usage', "--id-from '*,#' needs columns; for JSON, name the keys beside #.", {
      suggestions: ["--id-from 'user_id,ts,#'"],
    })
  }
  if (!columns && allNames<SourceName>(sources).some(({ name }) => name === ordinalRef.name)) {
    throw new EaError('usage', '--id-from cannot use a JSON key that is called "#".')
  }
  return [...sources.map((source) => renamed(source, refIn(columns))), ...(ordinal ? [ordinalRef] : [])]
}

/** Everything that is missing is said at once, with one flag that may mend all of it. */
interface Named {
  readonly columns: readonly string[]
  readonly map: FieldMap
  readonly idFrom: IdFrom | null
  readonly drop: readonly SourceName[]
  readonly typed: readonly TypedName[]
  readonly defaults: readonly SourceName[]
  readonly valuesOf: (column: string) => readonly string[]
}

function requireColumns({ columns, map, idFrom, drop, typed, defaults, valuesOf }: Named): void {
  const absent = (name: SourceName) => findColumn(columns, name) === undefined
  const missing = defaults.filter(absent).map(({ name }) => name as MappedField)
  const absentNames = (flag: string, names: readonly SourceName[]) =>
    names.filter(absent).map(({ name }) => ({ flag, name, type: undefined }))
  const named = [
    ...Object.entries(map).flatMap(([field, sources]) => absentNames(`--map ${field}=`, allNames<SourceName>(sources))),
    ...absentNames('--id-from ', idFrom && idFrom.sources !== '*' ? allNames<SourceName>(idFrom.sources) : []),
    ...absentNames('--drop ', drop),
    ...typed
      .filter(({ name }) => absent(name))
      .map((one) => ({ flag: '--types ', name: one.name.name, type: one.type })),
  ]
  if (missing.length === 0 && named.length === 0) return

  const taken = new Set(Object.values(map).flatMap((sources) => allNames<SourceName>(sources).map(({ name }) => name)))
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
    ...named.flatMap(({ flag, name, type }) => {
      const near = nearest(name, columns)
      if (!near) return []
      if (type !== undefined)
        return [`Perhaps: ${flag}${shellQuoted(formatTypes([{ name: { name: near, path: [near] }, type }]))}`]
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
export function shellQuoted(text: string): string {
  if (/^[\w.,=:@%/+-]+$/.test(text)) return text
  // Constants of a mapping have single quotes: in double ones they can be read.
  return text.includes("'") && !/["$`\\!]/.test(text) ? `"${text}"` : `'${text.replaceAll("'", "'\\''")}'`
}
