/**
 * A mapping for records that no preset knows, from their names and their values: a column is an id only if its values are, a
 * time only if they are times, and none is taken twice. Of JSON, keys are looked at three levels deep, in texts that hold JSON, too.
 */
import type { Constant, Expression, SourceName } from '../../load/mapping/expression.js'
import type { FieldMap, IdFrom } from '../../load/mapping/map-parser.js'
import type { HeadRecord } from '../detect/head.js'
import { describePath, type PathFacts, pathsIn } from './path-facts.js'

export interface Guess {
  readonly map: FieldMap
  readonly idFrom?: IdFrom
}

const words = (...texts: readonly string[]) => texts.flatMap((text) => text.split(' '))

/** What people call it, the likeliest first; compared without case and punctuation. */
const names = {
  id: words('eventid eventuuid uuid insertid messageid guid requestid id rowid logid traceid key'),
  time: words(
    'occurredat eventtime timestamp eventtimestamp ts eventdate timeiso8601 datetime time createdat',
    'created at when date day startedat start loggedat timemicros timeunixnano invoicedate orderdate',
  ),
  user: words(
    'userid useruuid user uid distinctid customerid customer visitorid memberid profileid personid',
    'playerid identity accountid clientid subject who username login actor email author account client',
    'anonymousid deviceid visitorhash adid idfa gaid fullvisitorid visitor cookieid sessionid cip',
    'remoteaddr clientip ip host',
  ),
  type: words(
    'eventtype eventname event name type action activity what kind verb operation eventaction',
    'requestmethod csmethod method uri status category page url level',
  ),
  properties: words('properties props eventproperties attributes params parameters eventdata data details meta'),
}

/** Names of ids that belong to a user or a session, not to an event. */
const isOfSomebody =
  /user|session|visit|device|person|account|customer|client|parent|website|org|team|project|cookie|page/i

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
  const isType = (one: PathFacts) => one.isType && (one.isNamed || !one.hasDigits)
  const type = take(best(free, names.type, isType, home) ?? free.find((one) => !one.isNamed && isType(one)))
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
        : [...(type ? [type.source] : []), constantFor(columns ?? [], fileName)],
    ...propertiesFrom(facts, used, columns !== null, home),
  }
  if (id) return { map: withoutDefaults(map) }
  const idFrom: IdFrom = other ? { sources: [other.source], ordinal: false } : { sources: '*', ordinal: false }
  return { map: withoutDefaults(map), idFrom }
}

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
    best(fitting, names.time, (one) => !one.areDays, home) ?? fitting.find((one) => !one.areDays && !one.areNumbers)
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
  const isUser = (one: PathFacts) => one.isScalar && one.times === 0 && one.longest <= 255
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
    const exact = ranked.indexOf(one.bare)
    const ending = exact < 0 ? ranked.findIndex((name) => one.endings.includes(name)) : -1
    return ending < 0 ? exact : ranked.length + ending
  }
  const away = (one: PathFacts) => Number(one.parent !== home)
  return free
    .filter((one) => rank(one) >= 0 && fits(one))
    .sort(
      (a, b) => away(a) - away(b) || rank(a) - rank(b) || a.source.path.length - b.source.path.length || b.set - a.set,
    )[0]
}

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
function constantFor(columns: readonly string[], fileName: string): Constant {
  if (columns.some((column) => /total|amount|price|revenue|order|invoice|quantity/i.test(column))) {
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
