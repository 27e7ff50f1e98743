/**
 * Which columns or keys of a source become which fields of an event. Names decide, never positions; what is not mapped
 * becomes properties, so nothing is lost. SQL is made of this elsewhere (mapping-sql.ts).
 */
import { EaError } from '../../core/errors.js'
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
import type { FieldMap, IdFrom } from './map-parser.js'
import { requireColumns, requireProperty } from './required-names.js'
import {
  findColumn,
  isWhole,
  isWithin,
  type MappedField,
  mappedFields,
  type SourceExpression,
  type SourceRef,
  type TypedSource,
} from './source-ref.js'
import type { TypedName } from './value-types.js'

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
    .toSorted((a, b) => depth(a) - depth(b))
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

/** How many keys a source has inside of its column, or of its record. */
const depth = ({ source }: TypedSource) => source.path?.length ?? 0

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

/** JSON records may have any key. */
const isIn = (columns: readonly string[] | null) => (name: string) => columns?.includes(name) ?? true

const refIn =
  (columns: readonly string[] | null) =>
  (source: SourceName): SourceRef => {
    const { name, path } = source
    if (columns) return findColumn(columns, source) ?? { name, index: -1 }
    return path.length === 1 ? { name, index: null } : { name, index: null, path }
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
