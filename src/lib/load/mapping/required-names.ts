/** What flags name must be there, and be good for it: everything that is missing is said at once, with a flag that may fix it. */
import { EaError } from '../../core/errors.js'
import { guessColumn, guessColumns, looksLikeIds, nearest } from './column-guess.js'
import { allNames, isName, keepsRest, type SourceName } from './expression.js'
import { type FieldMap, formatSource, type IdFrom, shellQuoted } from './map-parser.js'
import {
  findColumn,
  isWhole,
  isWithin,
  type MappedField,
  mappedFields,
  pathWithin,
  type SourceExpression,
  type SourceRef,
  sourceName,
  type TypedSource,
} from './source-ref.js'
import { formatTypes, type TypedName } from './value-types.js'

/** What is named, and the columns that there are. */
interface Named {
  readonly columns: readonly string[]
  readonly map: FieldMap
  readonly idFrom: IdFrom | null
  readonly drop: readonly SourceName[]
  readonly typed: readonly TypedName[]
  readonly defaults: readonly SourceName[]
  readonly valuesOf: (column: string) => readonly string[]
}

/**
 * Every column that is missing is named at once, with one flag that may fix all of it.
 *
 * @throws EaError `missing_column`
 */
export function requireColumns({ columns, map, idFrom, drop, typed, defaults, valuesOf }: Named): void {
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

/** Whether a source is inside of one of those that properties come from. */
const isInside = (properties: readonly SourceExpression[], source: SourceRef) =>
  allNames<SourceRef>(properties).some((outer) => (pathWithin(outer, source)?.length ?? 0) > 0)

/**
 * A type is for a property; a field of events has one of its own.
 *
 * @throws EaError `usage`
 */
export function requireProperty(
  source: SourceRef,
  types: readonly TypedSource[],
  fields: Readonly<Record<MappedField, readonly SourceExpression[]>>,
  properties: readonly SourceExpression[],
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
