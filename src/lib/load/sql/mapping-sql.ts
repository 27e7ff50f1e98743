/**
 * A mapping as SQL: from a staged row (columns `c1 … cN`, or one JSON document in `c1`) to the five fields of an event
 * as they were given. The same for CSV and JSON behind this file; nothing is judged here.
 */
import { type RawBuilder, sql } from 'kysely'
import { keptColumns, takenKeys } from '../mapping/kept-sources.js'
import { type Mapping, ordinalRef, type SourceRef } from '../mapping/mapping.js'
import type { Chunk } from '../split/chunk.js'
import type { StagingLayout } from './staging-columns.js'

/** SQL expressions over a row `s` of staging. Of the type text, unless the layout says that a column is typed. */
export interface MappingSql {
  readonly eventId: RawBuilder<unknown>
  readonly occurredAt: RawBuilder<unknown>
  readonly userId: RawBuilder<unknown>
  readonly eventType: RawBuilder<unknown>
  /** The explicit properties: text of a CSV field (or jsonb where the layout says so), jsonb of a document; or null. */
  readonly properties: RawBuilder<unknown>
  /** The rest as jsonb: what is not mapped; null when nothing can be left over. */
  readonly rest: RawBuilder<unknown> | null
  /** The keys that the rest can have: text[]; null when any. */
  readonly restNames: RawBuilder<unknown> | null
  /** Bytes of what the rest is made of. */
  readonly restBytes: RawBuilder<unknown> | null
}

/** The numbers of a chunk's records in their source; a `Chunk` knows them. */
export type RecordNumbering = Pick<Chunk, 'firstRecord' | 'goodBeforeReject'>

/** Of a source that is one chunk without rejects. */
export const wholeSource: RecordNumbering = { firstRecord: 1, goodBeforeReject: [] }

/**
 * @param numbering for `--id-from '#'`: the number of a record, which counts those before it that the splitter rejected
 * @example
 * mappingSql(mapping, layout, wholeSource).userId // coalesce(nullif(s.c3, ''), nullif(s.c7, ''))
 */
export function mappingSql(mapping: Mapping, layout: StagingLayout, numbering: RecordNumbering): MappingSql {
  const isDocument = layout.kind === 'document'
  const read = isDocument ? (source: SourceRef) => scalarMember(source) : field
  const first = (sources: readonly SourceRef[]): RawBuilder<unknown> => firstSet(sources.map(read))
  return {
    eventId: mapping.idFrom === null ? first(mapping.fields.event_id) : derivedId(mapping.idFrom, layout, numbering),
    occurredAt: first(mapping.fields.occurred_at),
    userId: first(mapping.fields.user_id),
    eventType: first(mapping.fields.event_type),
    properties: isDocument ? firstMember(mapping.properties) : firstSet(mapping.properties.map(field)),
    ...(isDocument ? restOfDocument(mapping) : restOfFields(mapping)),
  }
}

function field(source: SourceRef): RawBuilder<string | null> {
  return sql`s.${sql.ref(`c${source.index! + 1}`)}`
}

/** A member that is a text or a number; anything else counts as absent. */
function scalarMember(source: SourceRef, document: RawBuilder<unknown> = sql`s.c1`): RawBuilder<string | null> {
  const path = pathLiteral(source)
  return sql`CASE WHEN jsonb_typeof(${document} #> ${path}) IN ('string', 'number') THEN ${document} #>> ${path} END`
}

/** The first member that is there and not null, as jsonb. */
function firstMember(sources: readonly SourceRef[]): RawBuilder<unknown> {
  if (sources.length === 0) return sql`NULL::jsonb`
  return sql`coalesce(${sql.join(sources.map((source) => sql`nullif(s.c1 #> ${pathLiteral(source)}, 'null'::jsonb)`))})`
}

function pathLiteral(source: SourceRef): RawBuilder<string[]> {
  return arrayLiteral(source.path ?? [source.name])
}

function arrayLiteral(texts: readonly string[]): RawBuilder<string[]> {
  const items = texts.map((text) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`)
  return sql`${sql.lit(`{${items.join(',')}}`)}::text[]`
}

/** The first that is set: with fallbacks an empty text counts as not set, since no field may be empty. */
function firstSet(sources: readonly RawBuilder<unknown>[]): RawBuilder<unknown> {
  if (sources.length === 0) return sql`NULL::text`
  if (sources.length === 1) return sources[0]!
  return sql`coalesce(${sql.join(sources.map((source) => sql`nullif(${source}, '')`))})`
}

/**
 * A stable uuid from the content of some columns: the first 16 bytes of the SHA-256 of their values, each with its
 * length in front of it so that ('ab', 'c') and ('a', 'bc') differ, marked as version 8 (RFC 9562). Null when none of
 * them is set: all records without a value would have one id.
 */
function derivedId(
  idFrom: readonly SourceRef[] | '*',
  layout: StagingLayout,
  numbering: RecordNumbering,
): RawBuilder<string | null> {
  const isDocument = layout.kind === 'document'
  const all = isDocument
    ? [sql`s.c1::text`]
    : Array.from({ length: layout.columns }, (_, index) => field({ name: '', index }))
  const one = (source: SourceRef): RawBuilder<unknown> => {
    if (source === ordinalRef) return recordNumber(numbering)
    return isDocument ? sql`(s.c1 #>> ${pathLiteral(source)})` : field(source)
  }
  const values = idFrom === '*' ? all : idFrom.map(one)
  const parts = values.map((value) => sql`coalesce(octet_length(${value}) || ':' || ${value}, '-')`)
  const digest = sql`encode(sha256(convert_to(${sql.join(parts, sql` || `)}, 'UTF8')), 'hex')`
  const id = sql<string>`overlay(overlay(substr(${digest}, 1, 32) placing '8' from 13) placing '8' from 17)`
  if (idFrom === '*') return id
  const set = idFrom.filter((source) => source !== ordinalRef).map((source) => isSet(one(source), isDocument))
  return sql`CASE WHEN ${sql.join(set, sql` OR `)} THEN ${id} END`
}

/** Whether a value is there and says something: blanks do not, nor does an empty object or array of JSON. */
function isSet(value: RawBuilder<unknown>, isDocument: boolean): RawBuilder<boolean> {
  const empty = isDocument ? sql`('', '{}', '[]')` : sql`('')`
  return sql`btrim(${value}, ${blanks}) NOT IN ${empty}`
}

const blanks = sql.lit(' \t\n\r\f\v\u00a0')

function recordNumber({ firstRecord, goodBeforeReject }: RecordNumbering): RawBuilder<string> {
  const before = sql.lit(firstRecord - 1)
  if (goodBeforeReject.length === 0) return sql`(${before} + s.n)::text`
  return sql`(${before} + s.n + width_bucket(s.n - 1, ${goodBeforeReject}::int[]))::text`
}

type Rest = Pick<MappingSql, 'rest' | 'restNames' | 'restBytes'>

function restOfDocument(mapping: Mapping): Rest {
  return {
    rest: sql`CASE WHEN jsonb_typeof(s.c1) = 'object' THEN s.c1 - ${takenIn(mapping, sql`s.c1`)} END`,
    restNames: null,
    restBytes: null,
  }
}

/** The keys of a document that are not left over. */
function takenIn(mapping: Mapping, document: RawBuilder<unknown>): RawBuilder<string[]> {
  return takenKeys(mapping, document, {
    scalar: (source) => scalarMember(source, document),
    member: (source) => sql`(${document} #> ${pathLiteral(source)})`,
    array: arrayLiteral,
  })
}

/**
 * Bytes of what the properties of a document are made of, as given: jsonb writes them with other white space and may
 * write numbers at length. It parses the document once more, so it is only to be asked of a long one.
 *
 * @param document the text of a JSON object that jsonb takes
 * @param parsed the same as jsonb
 */
export function documentBytes(
  mapping: Mapping,
  document: RawBuilder<unknown>,
  parsed: RawBuilder<unknown>,
): RawBuilder<number> {
  const explicit = mapping.properties.map((source) => sql`((${document})::json #>> ${pathLiteral(source)})`)
  const given = explicit.length === 0 ? sql`0` : sql`coalesce(octet_length(coalesce(${sql.join(explicit)})), 0)`
  return sql`(${given} + (SELECT coalesce(sum(octet_length(member.value)), 0)
    FROM json_each_text((${document})::json) member WHERE member.key <> ALL (${takenIn(mapping, parsed)})))`
}

function restOfFields(mapping: Mapping): Rest {
  const unmapped = mapping.unmapped === 'rest' ? [] : mapping.unmapped
  const columns = [
    ...unmapped.map((column) => ({ name: column.name, value: field(column) })),
    ...keptColumns(mapping, field),
  ]
  if (columns.length === 0) return { rest: null, restNames: null, restBytes: null }
  const names = columns.map(({ name }) => sql.lit(name))
  const values = columns.map(({ value }) => value)
  return {
    rest: sql`jsonb_strip_nulls(jsonb_object(ARRAY[${sql.join(names)}], ARRAY[${sql.join(values)}]))`,
    restNames: sql`ARRAY[${sql.join(names)}]`,
    restBytes: sql.join(
      values.map((value) => sql`coalesce(octet_length(${value}), 0)`),
      sql` + `,
    ),
  }
}
