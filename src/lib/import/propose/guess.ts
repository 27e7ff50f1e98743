/**
 * A mapping for records that no preset knows, from their names and their values: a column is an id only if its values are, a
 * time only if they are times, and none is taken twice. Of JSON, keys are looked at three levels deep, in texts that hold JSON, too.
 */
import type { Constant, Expression, SourceName } from '../../load/mapping/expression.js'
import type { FieldMap, IdFrom } from '../../load/mapping/map-parser.js'
import type { HeadRecord } from '../detect/head.js'
import { isOfSomebody, names, sharedIds, somebody, words } from './known-names.js'
import { describePath, type PathFacts, pathsIn } from './path-facts.js'

export interface Guess {
  readonly map: FieldMap
  readonly idFrom?: IdFrom
}

/**
 * @param columns the names of a CSV; null for JSON
 * @param fileName for a type, when no column has one
 * @returns null when no time or no user is found
 */
export function guessMapping(
  records: readonly HeadRecord[],
  columns: readonly string[] | null,
  fileName: string,
): Guess | null {
  const facts = pathsIn(records, columns).map((path) => describePath(records, path, columns !== null))
  const home = homeOf(facts, columns !== null)
  const free = facts.filter((one) => one.set > 0)
  const take = (one: PathFacts | undefined) => {
    if (one) free.splice(free.indexOf(one), 1)
    return one
  }
  const time = timeOf(free, columns !== null, home)
  if (time === undefined) return null
  for (const one of time.of) take(one)
  const isId = (one: PathFacts) =>
    one.uuids && one.distinct === records.length && !isOfSomebody.test(one.endings[0] ?? one.last)
  const id = take(best(free, names.id, isId, home) ?? free.find((one) => !one.isNamed && isId(one)))
  const type = take(typeOf(free, home))
  const user = usersOf(free, records.length, home)
  if (user.length === 0) return null
  for (const one of user) take(one)
  const other = id
    ? undefined
    : best(free, names.id, (one) => one.distinct === records.length && records.length > 1 && one.isScalar, home)
  const used = [...time.of, ...(id ? [id] : []), ...(type ? [type] : []), ...user]
  const map: FieldMap = {
    ...(id && { event_id: [id.source] }),
    occurred_at: [time.source],
    user_id: user.map((one) => one.source),
    event_type:
      type && type.set === records.length
        ? [type.source]
        : [
            ...(type ? [type.source] : []),
            constantFor(columns ?? facts.flatMap((one) => (one.parent === home ? [one.last] : [])), fileName),
          ],
    ...propertiesFrom(facts, used, columns !== null, home),
  }
  if (id) return { map: withoutDefaults(map) }
  return { map: withoutDefaults(map), idFrom: { sources: idSources(records, other, type, time), ordinal: false } }
}

/** An id that may come again is one together with what happened and when; of a row that was changed, all of the change is. */
function idSources(
  records: readonly HeadRecord[],
  id: PathFacts | undefined,
  type: PathFacts | undefined,
  time: Time,
): IdFrom['sources'] {
  const areChanges = records.every((record) =>
    ['before', 'after', 'op'].every((key) => key in (objectIn(record) ?? {})),
  )
  if (id === undefined || areChanges) return '*'
  return sharedIds.includes(id.bare) ? [id.source, ...(type ? [type.source] : []), time.source] : [id.source]
}

/** The record, or what its envelope holds. */
const objectIn = (record: HeadRecord) => ('payload' in record ? (record.payload as HeadRecord | null) : record)

/** Words that come again; of a type and a name beside it the one that says more. */
function typeOf(free: readonly PathFacts[], home: string): PathFacts | undefined {
  const isType = (one: PathFacts) => one.isType && (one.isNamed ? !isNumbered(one) : !one.hasDigits)
  const named = best(free, names.type, isType, home)
  if (named === undefined) return free.find((one) => !one.isNamed && isType(one))
  if (named.distinct > 1 && named.bare !== 'eventtype') return named
  const saysMore = (one: PathFacts) => isType(one) && one.set === named.set && one.distinct > named.distinct
  return best(free, words('eventname event action'), saysMore, named.parent) ?? named
}

/** Another one in each record: the number of an order, not what happened. */
const isNumbered = ({ distinct, set, hasDigits, bare }: PathFacts) =>
  set > 2 && distinct === set && hasDigits && !['eventtype', 'eventname', 'event'].includes(bare)

/** A field that comes from the column of its own name needs no flag. */
function withoutDefaults(map: FieldMap): FieldMap {
  const isDefault = (field: string, sources: readonly Expression<SourceName>[]) =>
    sources.length === 1 && (sources[0] as SourceName).path?.length === 1 && (sources[0] as SourceName).name === field
  return Object.fromEntries(Object.entries(map).filter(([field, sources]) => !isDefault(field, sources)))
}

interface Time {
  readonly source: Expression<SourceName>
  readonly of: readonly PathFacts[]
}

/** The column of times; or a date and a clock in two columns. */
function timeOf(free: readonly PathFacts[], isCsv: boolean, home: string): Time | undefined {
  const all = free.filter((one) => one.times > 0)
  const fullest = Math.max(0, ...all.map((one) => one.set))
  const fitting = all.filter((one) => 2 * one.set >= fullest)
  const named =
    best(fitting, names.time, (one) => !one.areDays, home) ??
    fitting.find((one) => !one.areDays && !one.areNumbers) ??
    fitting.find((one) => !one.areDays && /time|date|stamp/.test(one.bare))
  const day = best(fitting, names.time, (one) => one.areDays, home) ?? fitting.find((one) => one.areDays)
  const clock = free.find((one) => one.areClocks)
  if (day && clock && (named === undefined || isCsv)) {
    const blank: Constant = { kind: 'constant', text: ' ' }
    return { source: { kind: 'join', parts: [day.source, blank, clock.source] }, of: [day, clock] }
  }
  const one = named ?? day
  return one && { source: one.source, of: [one] }
}

/** The user, and who stands in for them where they are not known. */
function usersOf(free: readonly PathFacts[], records: number, home: string): PathFacts[] {
  // Where there are pages, the host is the site.
  const hasPages = free.some(({ bare }) => ['path', 'pathname', 'page', 'url', 'pageurl'].includes(bare))
  const isUser = (one: PathFacts) =>
    one.isScalar && one.times === 0 && one.longest <= 255 && !(hasPages && ['host', 'hostname'].includes(one.bare))
  const chosen: PathFacts[] = []
  const known = new Set<number>()
  while (known.size < records && chosen.length < 3) {
    const left = free.filter((one) => !chosen.includes(one) && one.setIn.some((record) => !known.has(record)))
    const next = best(left, names.user, isUser, home) ?? (chosen.length === 0 ? unnamedUser(left) : undefined)
    if (!next) break
    chosen.push(next)
    for (const record of next.setIn) known.add(record)
  }
  return chosen
}

/** Without a name: what looks like an id and is not the type. */
function unnamedUser(free: readonly PathFacts[]): PathFacts | undefined {
  const texts = free.filter((one) => one.isScalar && one.times === 0 && one.longest <= 64 && !one.isNamed)
  return texts.find((one) => one.areAddresses) ?? texts.find((one) => one.looksLikeId) ?? texts[0]
}

/**
 * By where it is, then by rank of the name, a name that only ends like one after those that are one; of equal ones the one
 * that is less deep, then the fuller one.
 */
function best(
  free: readonly PathFacts[],
  ranked: readonly string[],
  fits: (one: PathFacts) => boolean,
  home: string,
): PathFacts | undefined {
  const rank = (one: PathFacts) => {
    // What is in an object is named by both: user.id.
    const whole = ranked.indexOf(one.endings[0] ?? '')
    const exact = whole < 0 ? ranked.indexOf(one.bare) : whole
    const ending = exact < 0 ? ranked.findIndex((name) => one.endings.includes(name)) : -1
    return ending < 0 ? exact : ranked.length + ending
  }
  const isClose = ({ parent, source }: PathFacts) =>
    parent === home || (ranked === names.user && isInside(parent, home) && somebody.test(source.path.at(-2) ?? ''))
  const away = (one: PathFacts) => Number(!isClose(one))
  return free
    .filter((one) => rank(one) >= 0 && fits(one))
    .sort(
      (a, b) => away(a) - away(b) || rank(a) - rank(b) || a.source.path.length - b.source.path.length || b.set - a.set,
    )[0]
}

/** Whether an object is directly inside of another one. */
const isInside = (parent: string, home: string) => parent.split('\0').slice(0, -1).join('\0') === home

/** The object that holds most of an event, where an envelope is around it; of equal ones the outer one. */
function homeOf(facts: readonly PathFacts[], isCsv: boolean): string {
  const roles = (parent: string) => {
    const own = facts.filter((one) => one.parent === parent && one.set > 0)
    const has = (ranked: readonly string[], fits: (one: PathFacts) => boolean) =>
      own.some((one) => ranked.includes(one.bare) && fits(one))
    const found = [
      has(names.time, (one) => one.times > 0),
      has(names.id, (one) => one.isScalar),
      has(names.user, (one) => one.isScalar && one.times === 0),
      has(names.type, (one) => one.isType),
    ]
    return found.filter(Boolean).length
  }
  if (isCsv && !facts.some((one) => one.source.path.length > 1)) return ''
  const parents = [...new Set(facts.map((one) => one.parent))].sort(
    (a, b) => a.split('\0').length - b.split('\0').length,
  )
  return parents.reduce((most, parent) => (roles(parent) > roles(most) ? parent : most), '')
}

/** An object of properties that holds none of the fields. */
function propertiesFrom(
  facts: readonly PathFacts[],
  used: readonly PathFacts[],
  isCsv: boolean,
  home: string,
): FieldMap {
  const holdsField = ({ source: { path } }: PathFacts) =>
    used.some(({ source }) => path.every((key, at) => source.path[at] === key))
  const found = best(facts, names.properties, (one) => one.areObjects && !holdsField(one), home)
  if (!found || (found.source.path.length === 1 && ['properties', 'properties_json'].includes(found.source.name)))
    return {}
  return isCsv && found.source.path.length > 1 ? {} : { properties: [found.source] }
}

/** A type for a file in which every record is of the same. */
function constantFor(names: readonly string[], fileName: string): Constant {
  if (names.some((name) => /total|amount|price|revenue|order|invoice|quantity/i.test(name))) {
    return { kind: 'constant', text: 'purchase' }
  }
  const stem = (/[^/\\]*$/.exec(fileName)?.[0] ?? '')
    .replace(/\..*$/, '')
    .replace(/[^A-Za-z]+/g, ' ')
    .trim()
  return {
    kind: 'constant',
    text: stem.length > 2 ? stem.toLowerCase().replace(/ies$/, 'y').replace(/s$/, '') : 'event',
  }
}
