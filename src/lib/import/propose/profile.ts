/**
 * What is in the first records of a source, before and after the mapping: of each column or key its kind, how many records have
 * it and its values; of the events that the records become their users, types and times. `ea inspect` shows it; no import does this.
 */
import type { SourceName } from '../../load/mapping/expression.js'
import { formatSource } from '../../load/mapping/map-parser.js'
import { looksLikeTime } from '../../load/mapping/time-format.js'
import type { HeadRecord } from '../detect/head.js'
import { parseObject } from '../detect/json-head.js'
import type { InspectedRecord } from '../validate-head.js'
import { isSet, pathsIn, valuesOf } from './path-facts.js'

/** What the set values are; `mixed` when they are of several kinds, `empty` when there is none. A number of a CSV is a text of digits. */
type FieldKind = 'text' | 'uuid' | 'time' | 'number' | 'boolean' | 'object' | 'array' | 'mixed' | 'empty'

/** One column or key of the records as they are in the source. */
export interface FieldProfile {
  /** As `--map` writes it. */
  readonly field: string
  readonly kind: FieldKind
  /** How many records have a value, and their share of all. An empty text and null are none. */
  readonly records: number
  readonly share: number
  /** How many different values there are; at most `valuesMax`, and then whether there are more. */
  readonly values: number
  readonly hasMoreValues: boolean
  /** The least and the greatest number, as they are written; null for other kinds. */
  readonly min: string | null
  readonly max: string | null
  /** The first and the last time, as they are written; null for other kinds, and where the form does not tell their order. */
  readonly first: string | null
  readonly last: string | null
  /** The first different values; long ones are cut. */
  readonly examples: readonly string[]
}

/** What is in the source. */
export interface HeadProfile {
  /** How many of the first records were looked at. */
  readonly records: number
  readonly fields: readonly FieldProfile[]
}

/** What the records become. */
export interface EventsProfile {
  /** How many of the first records were looked at. */
  readonly records: number
  readonly events: number
  readonly rejected: number
  /** How many events have the id of an earlier one. */
  readonly repeatedIds: number
  readonly users: number
  readonly eventTypes: number
  /** The most frequent types. */
  readonly topEventTypes: readonly { readonly eventType: string; readonly events: number }[]
  /** The times of the first and the last event, in UTC. */
  readonly first: string | null
  readonly last: string | null
}

export const profiledRecordsMax = 1_000
const valuesMax = 100
const examplesMax = 3
const exampleLength = 40
const topTypesMax = 5

/**
 * @param columns the names of a CSV; null for JSON
 * @param nulls texts that stand for no value
 */
export function profileHead(
  records: readonly HeadRecord[],
  columns: readonly string[] | null,
  nulls: readonly string[] = [],
): HeadProfile {
  const paths = pathsIn(records, columns)
  const isCsv = columns !== null
  const fields = paths.flatMap((path) => {
    const set = valuesOf(records, path, isCsv).filter((value) => isSet(value) && !nulls.includes(String(value)))
    const kind = kindOfAll(set, isCsv)
    // The keys inside of an object say more.
    if (kind === 'object' && isOpened(path, paths)) return []
    return [{ field: formatSource(path), kind, ...profileOf(set, kind, records.length) }]
  })
  return { records: records.length, fields }
}

/** Whether the keys inside of an object are shown by themselves. */
const isOpened = ({ path }: SourceName, all: readonly SourceName[]) =>
  all.some((one) => one.path.length > path.length && path.every((key, at) => one.path[at] === key))

function profileOf(set: readonly unknown[], kind: FieldKind, records: number): Omit<FieldProfile, 'field' | 'kind'> {
  const distinct = new Set<string>()
  for (const value of set) {
    distinct.add(textOf(value))
    if (distinct.size > valuesMax) break
  }
  const ordered = kind === 'number' || kind === 'time' ? extremes(set.map(textOf), orderOf[kind]) : undefined
  const [least, greatest] = ordered ?? [null, null]
  return {
    records: set.length,
    share: records === 0 ? 0 : set.length / records,
    values: Math.min(distinct.size, valuesMax),
    hasMoreValues: distinct.size > valuesMax,
    min: kind === 'number' ? least : null,
    max: kind === 'number' ? greatest : null,
    first: kind === 'time' ? least : null,
    last: kind === 'time' ? greatest : null,
    examples: [...distinct].slice(0, examplesMax).map(cut),
  }
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))

/** A surrogate pair is not cut in two. */
function cut(text: string): string {
  const chars = [...text.slice(0, 2 * exampleLength)]
  return chars.length <= exampleLength ? text : `${chars.slice(0, exampleLength - 1).join('')}…`
}

const uuid = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i

function kindOf(value: unknown, isCsv: boolean): Exclude<FieldKind, 'mixed' | 'empty'> {
  if (typeof value === 'object') return Array.isArray(value) ? 'array' : 'object'
  if (typeof value === 'boolean') return 'boolean'
  const text = String(value)
  if (looksLikeTime(text)) return 'time'
  if (typeof value === 'number') return 'number'
  if (uuid.test(text)) return 'uuid'
  if (parseObject(text)) return 'object'
  if (!isCsv) return 'text'
  if (/^-?\d+([.]\d+)?([eE][+-]?\d+)?$/.test(text)) return 'number'
  return /^(true|false)$/i.test(text) ? 'boolean' : 'text'
}

/** Texts of several forms are texts, also when a few of them look like times; numbers that look like times stand by others. */
function kindOfAll(set: readonly unknown[], isCsv: boolean): FieldKind {
  const all = [...new Set(set)].map((value) => kindOf(value, isCsv))
  const kinds = [...new Set(all)]
  if (kinds.length < 2) return kinds[0] ?? 'empty'
  if (kinds.every((kind) => kind === 'number' || kind === 'time')) return 'number'
  const forms: FieldKind[] = ['text', 'uuid', 'number', 'boolean']
  const odd = all.filter((kind) => kind === 'time').length
  const areForms = kinds.every((kind) => forms.includes(kind) || (kind === 'time' && 10 * odd < all.length))
  return areForms && set.every((value) => typeof value === 'string') ? 'text' : 'mixed'
}

const orderOf = { number: Number, time: timeOrder } as const

/** A number that grows with the time; not a number where the form leaves it open, as day and month do. */
function timeOrder(text: string): number {
  if (/^\d{10}(\d{3}|\d{6}|\d{9})?([.]\d+)?$/.test(text)) {
    const [digits] = text.split('.')
    return Number(text) / 10 ** (digits!.length - 10)
  }
  const parts = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?(?: ?(UTC|Z|[+-]\d\d(?::?\d\d)?))?$/.exec(
    text,
  )
  if (!parts) return Number.NaN
  const [, day, clock = '00:00', zone = 'Z'] = parts
  const offset = /^([+-]\d\d):?(\d\d)?$/.exec(zone)
  return Date.parse(`${day}T${clock}${offset ? `${offset[1]}:${offset[2] ?? '00'}` : 'Z'}`) / 1000
}

/** The texts with the least and the greatest number; none unless all have one. */
function extremes(texts: readonly string[], order: (text: string) => number): readonly [string, string] | undefined {
  const all = texts.map((text) => ({ text, at: order(text) }))
  if (all.some(({ at }) => Number.isNaN(at))) return undefined
  const least = all.reduce((one, other) => (other.at < one.at ? other : one))
  const greatest = all.reduce((one, other) => (other.at > one.at ? other : one))
  return [least.text, greatest.text]
}

/** @param records as an import judges them */
export function profileEvents(records: readonly InspectedRecord[]): EventsProfile {
  const events = records.filter(({ code }) => code === null)
  const types = new Map<string, number>()
  for (const { eventType } of events) types.set(eventType!, (types.get(eventType!) ?? 0) + 1)
  const times = events.map(({ occurredAt }) => occurredAt!).sort()
  return {
    records: records.length,
    events: events.length,
    rejected: records.length - events.length,
    repeatedIds: events.length - new Set(events.map(({ eventId }) => eventId)).size,
    users: new Set(events.map(({ userId }) => userId)).size,
    eventTypes: types.size,
    topEventTypes: [...types]
      .map(([eventType, count]) => ({ eventType, events: count }))
      .sort((a, b) => b.events - a.events || (a.eventType < b.eventType ? -1 : 1))
      .slice(0, topTypesMax),
    first: times[0] ?? null,
    last: times.at(-1) ?? null,
  }
}
