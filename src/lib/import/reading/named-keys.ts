/**
 * The keys that `--map` and `--id-from` name, looked for in the first records of a JSON source. A CSV has a header to hold
 * them against; here a misspelt key would only be absent from every record, and nobody would be told.
 */
import { EaError } from '../../core/errors.js'
import { looksLikeIds, nearest } from '../../load/mapping/column-guess.js'
import { allNames, type SourceName } from '../../load/mapping/expression.js'
import { formatSource, shellQuoted } from '../../load/mapping/map-parser.js'
import type { MappingInput } from '../../load/mapping/mapping.js'
import { type HeadRecord, valueAt } from '../detect/head.js'

export interface NamedKeys {
  /** Each key that none of the first records has, in a sentence. */
  readonly warnings: readonly string[]
  /** Set when none of the keys that an id is derived from is in any of them: all of them would be rejected. */
  readonly idIsMissing: { readonly error: EaError; readonly records: number } | null
}

/** Every name is found: also when there is nothing to look at. */
export const allKeysFound: NamedKeys = { warnings: [], idIsMissing: null }

/**
 * @param records the first ones of the source
 * @example
 * findNamedKeys([{ uid: 1 }], { map: parseMap('user_id=user') }).warnings[0] // '--map user_id: the first record does not have …'
 */
export function findNamedKeys(
  records: readonly HeadRecord[],
  { map = {}, idFrom, types = [] }: Pick<MappingInput, 'map' | 'idFrom' | 'types'>,
): NamedKeys {
  if (records.length === 0) return allKeysFound
  const isAbsent = ({ path }: SourceName) => !records.some((record) => hasPath(record, path))
  const mapped = Object.entries(map).flatMap(([field, expressions]) => {
    const sources = allNames<SourceName>(expressions)
    return sources.filter(isAbsent).map((source) => warningOf(records, `--map ${field}=`, source, sources))
  })
  const typed = types.map(({ name }) => name)
  const untyped = typed.filter(isAbsent).map((source) => warningOf(records, '--types ', source, typed))
  const warnings = [...mapped, ...untyped]
  const sources = idFrom && idFrom.sources !== '*' ? allNames<SourceName>(idFrom.sources) : []
  const absent = sources.filter(isAbsent)
  if (absent.length === 0) return { warnings, idIsMissing: null }
  const derived = absent.map((source) => warningOf(records, '--id-from ', source, sources))
  const isMissing = absent.length === sources.length
  return {
    warnings: [...warnings, ...derived],
    idIsMissing: isMissing ? { error: missingId(records, absent), records: records.length } : null,
  }
}

/** @param named all that the flag names: what is there already was not meant. */
function warningOf(
  records: readonly HeadRecord[],
  flag: string,
  source: SourceName,
  named: readonly SourceName[],
): string {
  const path = guessedPath(records, source)
  const found = path && shellQuoted(formatSource({ path }))
  const isOtherId =
    path !== undefined &&
    flag === '--map event_id=' &&
    !looksLikeIds(records.map((record) => valueAt(record, path))).uuids
  const guess = named.some((one) => shellQuoted(formatSource(one)) === found) ? undefined : found
  return `${absence(records, flag, [source])}.${guess ? ` Perhaps: ${isOtherId ? '--id-from ' : flag}${guess}` : ''}`
}

function absence(records: readonly HeadRecord[], flag: string, absent: readonly Pick<SourceName, 'path'>[]): string {
  const names = absent.map(formatSource).join(', ')
  const whose =
    records.length === 1 ? 'the first record does not have' : `none of the first ${records.length} records has`
  return `${flag.replace(/[= ]$/, '')} names ${absent.length === 1 ? 'a key that' : 'keys that'} ${whose}: ${names}`
}

/** What a CSV without these columns is told, too. */
function missingId(records: readonly HeadRecord[], absent: readonly SourceName[]): EaError {
  const keys = [...new Set(records.flatMap((record) => Object.keys(record)))]
  const guesses = absent.map((source) => {
    const path = guessedPath(records, source)
    return path && shellQuoted(formatSource({ path }))
  })
  const suggestions = guesses.every((guess) => guess !== undefined)
    ? [`Perhaps: --id-from ${guesses.join(',')}`]
    : ["If the records do not have an id of their own: --id-from '*' derives one from their content."]
  return new EaError('missing_column', `${absence(records, '--id-from ', absent)}. Their keys: ${keys.join(', ')}.`, {
    suggestions,
    details: { missing: absent.map(({ name }) => name), keys },
  })
}

/** Whether an import would find something at this path, null included. */
const hasPath = (record: HeadRecord, path: readonly string[]) => valueAt(record, path) !== undefined

/**
 * The key that was meant: one whose name holds the dots, one of this name at another depth,
 * else one that differs by a typo.
 */
function guessedPath(records: readonly HeadRecord[], { name, path }: SourceName): readonly string[] | undefined {
  const known = knownPaths(records)
  const last = path.at(-1)!
  const parent = path.slice(0, -1).join('\0')
  const siblings = known.filter((one) => one.slice(0, -1).join('\0') === parent)
  const near = nearest(
    last,
    siblings.map((one) => one.at(-1)!),
  )
  return (
    known.find((one) => one.length === 1 && path.length > 1 && one[0] === name) ??
    known.find((one) => one.at(-1) === last) ??
    (near === null ? undefined : [...path.slice(0, -1), near])
  )
}

/** The paths of one and two keys that the records have. */
function knownPaths(records: readonly HeadRecord[]): (readonly string[])[] {
  const paths = new Map<string, readonly string[]>()
  const add = (path: readonly string[]) => paths.set(path.join('\0'), path)
  for (const record of records) {
    for (const [key, value] of Object.entries(record)) {
      add([key])
      if (value === null || typeof value !== 'object' || Array.isArray(value)) continue
      for (const inner of Object.keys(value)) add([key, inner])
    }
  }
  return [...paths.values()]
}
