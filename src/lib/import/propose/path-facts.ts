/** What the values of one column or key are, as far as the first records show. */
import { bare, looksLikeIds } from '../../load/mapping/column-guess.js'
import type { SourceName } from '../../load/mapping/expression.js'
import { looksLikeTime } from '../../load/mapping/time-format.js'
import { type HeadRecord, valueAt } from '../detect/head.js'
import { parseObject } from '../detect/json-head.js'

export interface PathFacts {
  readonly source: SourceName
  /** The last key that says something, as it is, and without case and punctuation. */
  readonly last: string
  readonly bare: string
  /** The last two words and more of it and of the key around it, written like `bare`: `external_user_id` ends with `userid`. */
  readonly endings: readonly string[]
  /** The keys that lead to it, without those that only say a type. */
  readonly parent: string
  /** Whether somebody gave it a name. */
  readonly isNamed: boolean
  /** In how many records it is set, and in which. */
  readonly set: number
  readonly setIn: readonly number[]
  readonly distinct: number
  readonly uuids: boolean
  readonly isScalar: boolean
  readonly areObjects: boolean
  readonly areNumbers: boolean
  /** How many are times. 0 unless nearly all are. */
  readonly times: number
  /** Dates without a clock, and clocks without a date. */
  readonly areDays: boolean
  readonly areClocks: boolean
  readonly longest: number
  /** Words that come again: a type of events. */
  readonly isType: boolean
  readonly looksLikeId: boolean
  /** Addresses of the internet or of mail. */
  readonly areAddresses: boolean
  readonly hasDigits: boolean
}

/** Keys that only say of which type a value is. */
const typeKeys = new Set(['S', 'N', 'BOOL', '$oid', '$date', '$numberLong', 'string', 'long', 'int', 'value'])

/** A column that was given a name because it had none. */
export const unnamed = (at: number) => `column_${at + 1}`

const pathsMax = 400

/** The columns, or the paths of JSON that lead to something: three keys deep, into texts that hold JSON, too. */
export function pathsIn(records: readonly HeadRecord[], columns: readonly string[] | null): SourceName[] {
  const paths = new Map<string, readonly string[]>()
  const visit = (value: unknown, path: readonly string[]) => {
    if (paths.size >= pathsMax) return
    if (path.length > 0) paths.set(path.join('\0'), path)
    const inner = typeof value === 'string' ? parseObject(value) : value
    if (path.length === 3 || typeof inner !== 'object' || inner === null || Array.isArray(inner)) return
    for (const [key, member] of Object.entries(inner)) visit(member, [...path, key])
  }
  for (const column of columns ?? []) paths.set(column, [column])
  for (const record of records) visit(record, [])
  return [...paths.values()].map((path) => ({ name: path.join('.'), path }))
}

/** What a column or key has in each record; of a CSV, a key inside of a column has what its text holds. */
export const valuesOf = (records: readonly HeadRecord[], { name, path }: SourceName, isCsv: boolean): unknown[] =>
  records.map((record) => (isCsv && path.length === 1 ? record[name] : valueAt(record, path)))

/** Whether a value says something. */
export const isSet = (value: unknown) => value !== undefined && value !== null && value !== ''

export function describePath(records: readonly HeadRecord[], source: SourceName, isCsv: boolean): PathFacts {
  const values = valuesOf(records, source, isCsv)
  const setIn = values.flatMap((value, at) => (isSet(value) ? [at] : []))
  const set = values.filter(isSet)
  const texts = set.filter((value) => typeof value === 'string' || typeof value === 'number').map(String)
  const isScalar = set.length > 0 && texts.length === set.length
  const last = source.path.findLast((key) => !typeKeys.has(key)) ?? source.name
  const times = texts.filter(looksLikeTime).length
  const distinct = new Set(texts).size
  const areNumbers = isScalar && texts.every((text) => /^-?\d+([.]\d+)?$/.test(text))
  const longest = Math.max(0, ...texts.map((text) => text.length))
  const { uuids } = looksLikeIds(set)
  const isTime = isScalar && times >= 0.9 * texts.length
  return {
    source,
    last,
    bare: bare(last),
    endings: endingsOf(source.path.slice(0, source.path.lastIndexOf(last) + 1).slice(-2)),
    parent: source.path.slice(0, source.path.lastIndexOf(last)).join('\0'),
    isNamed: !/^column_\d+$/.test(last),
    set: set.length,
    setIn,
    distinct,
    isScalar,
    areNumbers,
    longest,
    uuids: isScalar && uuids,
    areObjects: set.length > 0 && set.every((value) => isObject(value)),
    times: isTime ? times : 0,
    areDays: isTime && texts.every((text) => text.length <= 10 && !/^\d{10}$/.test(text)),
    areClocks: isScalar && texts.every((text) => /^\d{1,2}:\d\d(:\d\d([.,]\d+)?)?( ?[AP]M)?$/i.test(text)),
    isType:
      isScalar && !areNumbers && !isTime && !uuids && longest <= 100 && (distinct <= 20 || distinct <= set.length / 2),
    looksLikeId:
      isScalar && !isTime && texts.every((text) => /^[\w.@:$+-]+$/.test(text)) && texts.some((text) => /\d/.test(text)),
    areAddresses: isScalar && texts.every((text) => /^(\d{1,3}(\.\d{1,3}){3}(:\d+)?|[^\s@]+@[^\s@]+\.\w+)$/.test(text)),
    hasDigits: texts.some((text) => /\d/.test(text)),
  }
}

function endingsOf(keys: readonly string[]): string[] {
  const words = keys
    .flatMap((key) => key.split(/[^\p{L}\p{N}]+|(?<=[\p{Ll}\p{N}])(?=\p{Lu})/u))
    .filter((word) => word !== '')
  return words.slice(0, -1).map((_, from) => bare(words.slice(from).join('')))
}

function isObject(value: unknown): boolean {
  if (typeof value === 'string' && value.trimStart().startsWith('{')) {
    try {
      return isObject(JSON.parse(value))
    } catch {
      return false
    }
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
