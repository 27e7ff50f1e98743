/**
 * What a question names against what the events hold: a mistyped event type or property gives an empty answer, and then
 * a warning says so and names the nearest word. Where all names exist it costs a few pages of reading.
 */
import { type RawBuilder, sql } from 'kysely'
import { nearest } from '../../core/nearest.js'
import type { Session } from '../../db/connect.js'
import { isOfProperty, type OnDemandRollup } from '../../rollups/sql/on-demand.js'
import type { Condition, Field, Selector } from './filter.js'
import { fieldText } from './filter-parser.js'
import { isNumber, isNumericComparison, propertyJson } from './filter-sql.js'
import { isSamePath } from './rollup-match.js'

/** What a question names. */
export interface NamesInQuestion {
  readonly segments: readonly Condition[]
  readonly selectors: readonly Selector[]
  /** Fields that stand in no condition: what a trend is told apart by. */
  readonly fields?: readonly Field[]
  /** What is kept of properties: what a rollup has need not be searched in the events. */
  readonly rollups?: readonly OnDemandRollup[]
}

/** How much of `events` is looked at before all of it. */
const samplePages = 200
/** Among how many event types or keys the nearest one is searched, the most frequent first. */
const knownMax = 1000
/** A word that is longer is near to nothing: comparing costs the product of the lengths. */
const wordMaxChars = 60
/** In how many events of the sample keys are searched, and how large their properties may be. */
const searchedMax = 2000
const searchedMaxBytes = 8192
/** For how many unknown names of a kind the nearest one is searched; a suggestion is a courtesy, not an answer. */
const suggestedMax = 5

/**
 * Warnings for event types and properties that no visible event has, and for comparisons with what is no number.
 *
 * @param visible a condition on `events` that leaves out events that do not count yet; undefined when all count
 * @example
 * await unknownNameWarnings(tx, { segments: [], selectors: [parseSelector('purchse')] }, undefined)
 * // ['No event has the event_type "purchse"; did you mean "purchase"?']
 */
export async function unknownNameWarnings(
  s: Session,
  asked: NamesInQuestion,
  visible: RawBuilder<unknown> | undefined,
): Promise<string[]> {
  const conditions = [...asked.segments, ...asked.selectors.flatMap((selector) => selector.conditions)]
  const types = [...asked.selectors.map((selector) => selector.eventType), ...conditions.flatMap(typesOf)]
  const fields = [...conditions.map((condition) => condition.field), ...(asked.fields ?? [])]
  const paths = new Map(
    fields.flatMap((field) => (field.kind === 'property' ? [[fieldText(field), field.path] as const] : [])),
  )
  return [
    ...(await typeWarnings(s, [...new Set(types)])),
    ...(await propertyWarnings(s, await notInRollups(s, [...paths.values()], asked.rollups ?? []), visible)),
    ...new Set(conditions.flatMap(numberWarnings)),
  ]
}

/** The event types that a condition names as a whole. */
function typesOf({ field, operator, values }: Condition): readonly string[] {
  return field.kind === 'event_type' && (operator === '=' || operator === '!=') ? values : []
}

function numberWarnings(condition: Condition): string[] {
  const value = condition.values[0]
  if (!isNumericComparison(condition) || value === undefined || isNumber(value)) return []
  return [`No event matches ${condition.text}: ${JSON.stringify(value)} is not a number such as 12 or -0.5.`]
}

async function typeWarnings({ q, t }: Session, types: readonly string[]): Promise<string[]> {
  if (types.length === 0) return []
  const { rows: missing } = await sql<{ type: string }>`
    SELECT type FROM unnest(${types}::text[]) WITH ORDINALITY AS asked(type, n)
    WHERE NOT EXISTS (SELECT FROM ${t.event_type_days} WHERE event_type = asked.type)
    ORDER BY n`.execute(q)
  if (missing.length === 0) return []
  const { rows: known } = await sql<{ type: string }>`
    SELECT event_type AS type FROM ${t.event_type_days}
    GROUP BY event_type ORDER BY sum(events) DESC, event_type COLLATE "C" LIMIT ${knownMax}`.execute(q)
  const names = known.map(({ type }) => type)
  return missing.map(({ type }, index) => {
    const near = index < suggestedMax ? nearestOf(type, names) : undefined
    return warning(`the event_type ${JSON.stringify(type)}`, near && JSON.stringify(near))
  })
}

/** Those of the paths of which no rollup tells that an event has them. */
async function notInRollups(
  { q, t }: Session,
  paths: readonly (readonly string[])[],
  rollups: readonly OnDemandRollup[],
): Promise<readonly (readonly string[])[]> {
  const kept = rollups.filter(isOfProperty).filter((rollup) => paths.some((path) => isSamePath(path, rollup.path)))
  if (kept.length === 0) return paths
  const { rows } = await sql<{ id: number }>`
    SELECT id FROM unnest(${kept.map(({ id }) => id)}::smallint[]) AS id
    WHERE EXISTS (SELECT FROM ${t.property_days} WHERE rollup = id)`.execute(q)
  const found = kept.filter((rollup) => rows.some(({ id }) => id === rollup.id))
  return paths.filter((path) => !found.some((rollup) => isSamePath(path, rollup.path)))
}

async function propertyWarnings(
  s: Session,
  paths: readonly (readonly string[])[],
  visible: RawBuilder<unknown> | undefined,
): Promise<string[]> {
  if (paths.length === 0) return []
  const sample = await sampleOf(s)
  const unseen = await missingFrom(s, sample, paths, visible)
  // A sample that holds everything has decided already.
  const missing = sample.isAll ? unseen : await missingFrom(s, { rows: sql`${s.t.events}` }, unseen, visible)
  const warnings: string[] = []
  for (const [index, path] of missing.entries()) {
    const near = index < suggestedMax ? await nearestPath(s, sample, path, visible) : undefined
    warnings.push(warning(propertyText(path), near && propertyText(near)))
  }
  return warnings
}

export interface Sample {
  /** What stands in FROM. */
  readonly rows: RawBuilder<unknown>
  readonly isAll: boolean
}

export async function sampleOf({ q, t, schema }: Session): Promise<Sample> {
  // Not relpages of pg_class: it is 0 until the first vacuum after an import.
  const { rows } = await sql<{ pages: number }>`
    SELECT pg_relation_size(format('%I.events', ${schema}::text)::regclass) / current_setting('block_size')::int AS pages`.execute(
    q,
  )
  const pages = rows[0]!.pages
  if (pages <= samplePages) return { rows: sql`${t.events}`, isAll: true }
  const percent = (100 * samplePages) / pages
  return { rows: sql`${t.events} TABLESAMPLE SYSTEM (${percent}::real) REPEATABLE (1)`, isAll: false }
}

/** Those of the paths that no event has; it stops reading at the first event that has them. */
async function missingFrom(
  { q }: Session,
  { rows }: Pick<Sample, 'rows'>,
  paths: readonly (readonly string[])[],
  visible: RawBuilder<unknown> = sql`true`,
): Promise<(readonly string[])[]> {
  if (paths.length === 0) return []
  const tests = paths.map(
    (path) => sql`EXISTS (SELECT FROM ${rows} WHERE ${propertyJson(path)} IS NOT NULL AND ${visible})`,
  )
  const { rows: answers } = await sql<{ found: boolean[] }>`SELECT ARRAY[${sql.join(tests)}] AS found`.execute(q)
  return paths.filter((_, index) => !answers[0]!.found[index])
}

/** The nearest path of the same depth, key by key; before it a key with dots in it that reads the same. */
async function nearestPath(
  s: Session,
  sample: Sample,
  path: readonly string[],
  visible: RawBuilder<unknown> | undefined,
): Promise<readonly string[] | undefined> {
  const dotted = [path.join('.')]
  if (path.length > 1 && (await missingFrom(s, sample, [dotted], visible)).length === 0) return dotted
  const near: string[] = []
  for (const key of path) {
    const known = await keysBelow(s, sample, near, visible)
    const found = known.includes(key) ? key : nearestOf(key, known)
    if (found === undefined) return undefined
    near.push(found)
  }
  return isSamePath(near, path) ? undefined : near
}

/** The keys of the objects that some events of the sample have at a path, the most frequent first. */
async function keysBelow(
  { q }: Session,
  { rows }: Sample,
  path: readonly string[],
  visible: RawBuilder<unknown> = sql`true`,
): Promise<string[]> {
  const value = path.length === 0 ? sql`properties` : propertyJson(path)
  const { rows: found } = await sql<{ key: string }>`
    SELECT key
    FROM (
      SELECT ${value} AS value FROM ${rows}
      WHERE ${visible} AND pg_column_size(properties) <= ${searchedMaxBytes}::int LIMIT ${searchedMax}::int
    ) AS searched
    CROSS JOIN LATERAL jsonb_object_keys(CASE WHEN jsonb_typeof(value) = 'object' THEN value ELSE '{}' END) AS key
    GROUP BY key ORDER BY count(*) DESC, key COLLATE "C" LIMIT ${knownMax}::int`.execute(q)
  return found.map(({ key }) => key)
}

/** All paths of a depth that the events of the sample have, the most frequent first. */
export async function pathsIn(
  { q }: Session,
  { rows }: Sample,
  depth: number,
  visible: RawBuilder<unknown> = sql`true`,
): Promise<string[][]> {
  // One lateral join for each level rather than a recursion, which Citus cannot push down.
  const levels = Array.from({ length: depth }, (_, level) => {
    const value = level === 0 ? sql`properties` : sql.ref(`level${level - 1}.value`)
    const object = sql`CASE WHEN jsonb_typeof(${value}) = 'object' THEN ${value} ELSE '{}' END`
    return sql`jsonb_each(${object}) AS ${sql.id(`level${level}`)}`
  })
  const keys = levels.map((_, level) => sql.ref(`level${level}.key`))
  const { rows: found } = await sql<{ path: string[] }>`
    SELECT ARRAY[${sql.join(keys)}] AS path FROM ${sql.join([rows, ...levels])}
    WHERE ${visible} GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT ${knownMax}`.execute(q)
  return found.map(({ path }) => path)
}

/** `nearest`, asked only for words of nearly the same length: it compares letter by letter, and a word may be long. */
function nearestOf(word: string, known: readonly string[]): string | undefined {
  if (word.length > wordMaxChars) return undefined
  return nearest(
    word,
    known.filter((name) => Math.abs(name.length - word.length) <= Math.max(1, Math.max(name.length, word.length) / 3)),
  )
}

function propertyText(path: readonly string[]): string {
  return fieldText({ kind: 'property', path })
}

function warning(what: string, meant: string | undefined): string {
  return meant === undefined ? `No event has ${what}.` : `No event has ${what}; did you mean ${meant}?`
}
