/**
 * A mapping as SQL: from a staged row (columns `c1 … cN`, or one JSON document in `c1`) to the five fields of an event
 * as they were given. The same for CSV and JSON after this file; nothing is judged here.
 */
import { type RawBuilder, sql } from 'kysely'
import { isName, mergedParts, namesIn } from '../mapping/expression.js'
import { keptColumns, takenKeys } from '../mapping/kept-sources.js'
import { type Mapping, ordinalRef } from '../mapping/mapping.js'
import { isWhole, pathWithin, type SourceExpression, type SourceRef } from '../mapping/source-ref.js'
import type { Chunk } from '../split/chunk.js'
import {
  anyAt,
  fieldReader,
  firstSet,
  isMade,
  memberReader,
  notNull,
  type Reader,
  textArray,
  valueAt,
} from './expression-sql.js'
import type { StagingLayout } from './staging-columns.js'

/** SQL expressions over a row `s` of staging. Of the type text, unless the layout says that a column is typed. */
export interface MappingSql {
  readonly eventId: RawBuilder<unknown>
  readonly occurredAt: RawBuilder<unknown>
  readonly userId: RawBuilder<unknown>
  readonly eventType: RawBuilder<unknown>
  /** The explicit properties: text of a CSV field (or jsonb where the layout says so), jsonb of a document; or null. */
  readonly properties: RawBuilder<unknown>
  /** Whether they are jsonb that was parsed here, from a CSV too. */
  readonly propertiesAreMade: boolean
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
  const reader = isDocument ? memberReader(mapping) : fieldReader(mapping)
  const first = (sources: readonly SourceExpression[]): RawBuilder<unknown> => firstSet(sources.map(reader.text))
  const rest = isDocument ? restOfDocument(mapping) : restOfFields(mapping, reader)
  return {
    eventId:
      mapping.idFrom === null ? first(mapping.fields.event_id) : derivedId(mapping.idFrom, layout, numbering, reader),
    occurredAt: first(mapping.fields.occurred_at),
    userId: first(mapping.fields.user_id),
    eventType: first(mapping.fields.event_type),
    ...propertiesOf(mapping, isDocument, reader, rest),
  }
}

/** The explicit properties and what is left over beside them. */
function propertiesOf(
  mapping: Mapping,
  isDocument: boolean,
  reader: Reader,
  rest: Rest,
): Rest & Pick<MappingSql, 'properties' | 'propertiesAreMade'> {
  const { properties } = mapping
  const parts = mergedParts(properties)
  if (parts) {
    const objects = parts.map((part) =>
      !isName(part) && part.kind === 'rest' ? (rest.rest ?? sql`NULL::jsonb`) : explicit(part, mapping, reader),
    )
    return { ...noRest, properties: merged(objects), propertiesAreMade: true }
  }
  if (properties.some(isMade) || isDroppedIn(mapping, properties)) {
    const all = properties.map((source) => notNull(explicit(source, mapping, reader)))
    return { ...rest, properties: sql`coalesce(${sql.join(all)})`, propertiesAreMade: true }
  }
  if (!isDocument) {
    return { ...rest, properties: firstSet(properties.map(reader.text)), propertiesAreMade: false }
  }
  return { ...rest, properties: firstMember(properties.filter(isName)), propertiesAreMade: false }
}

/** Objects of which the earlier wins; something else among them is what the properties are then refused for. */
function merged(objects: readonly RawBuilder<unknown>[]): RawBuilder<unknown> {
  if (objects.length === 0) return sql`'{}'::jsonb`
  const names = objects.map((_, index) => sql.ref(`p${index}`))
  const odd = names.map((name) => sql`jsonb_typeof(${name}) NOT IN ('object', 'null')`)
  const given = objects.map((object, index) => sql`${object} AS ${names[index]!}`)
  const all = names.toReversed().map((name) => sql`coalesce(nullif(${name}, 'null'), '{}')`)
  return sql`(SELECT CASE WHEN ${sql.join(odd, sql` OR `)} THEN '[]'::jsonb ELSE ${sql.join(all, sql` || `)} END
    FROM (SELECT ${sql.join(given)} OFFSET 0) parts)`
}

/** One source of properties as jsonb, without what is to be dropped of it. A text that is not JSON stays a text. */
function explicit(source: SourceExpression, mapping: Mapping, reader: Reader): RawBuilder<unknown> {
  const json =
    isName(source) && source.index !== null
      ? sql`coalesce(${reader.json(source)}, to_jsonb(nullif(${reader.text(source)}, '')))`
      : orInput(source, reader)
  const paths = droppedPaths(mapping, source)
  if (paths.length === 0) return json
  return sql`(SELECT CASE jsonb_typeof(j) WHEN 'object' THEN j${sql.join(
    paths.map((path) => sql` #- ${textArray(path)}`),
    sql``,
  )} ELSE j END FROM (SELECT ${json} AS j OFFSET 0) given)`
}

/** Pairs of what is not a list are what they were made of, so that the record is refused for it. */
function orInput(source: SourceExpression, reader: Reader): RawBuilder<unknown> {
  const json = reader.json(source)
  if (isName(source) || source.kind !== 'pairs') return json
  return sql`coalesce(${json}, ${reader.json(source.keys)})`
}

/** Where paths to drop lie inside of a source of properties. */
function droppedPaths({ dropped = [] }: Mapping, source: SourceExpression): (readonly string[])[] {
  return namesIn<SourceRef>(source).flatMap((outer) =>
    dropped.map((inner) => pathWithin(outer, inner) ?? []).filter((path) => path.length > 0),
  )
}

const isDroppedIn = (mapping: Mapping, properties: Mapping['properties']) =>
  properties.some((source) => droppedPaths(mapping, source).length > 0)

/** The first member that is there and not null, as jsonb. */
function firstMember(sources: readonly SourceRef[]): RawBuilder<unknown> {
  if (sources.length === 0) return sql`NULL::jsonb`
  return sql`coalesce(${sql.join(sources.map((source) => sql`nullif(${memberAt(source)}, 'null'::jsonb)`))})`
}

const memberAt = (source: SourceRef) => {
  const path = source.path ?? [source.name]
  return path.length === 1 ? sql`s.c1 #> ${textArray(path)}` : valueAt(sql`s.c1`, path)
}

function pathLiteral(source: SourceRef): RawBuilder<string[]> {
  return textArray(source.path ?? [source.name])
}

/**
 * A stable uuid from the content of some columns: the first 16 bytes of the SHA-256 of their values, each with its
 * length in front of it so that ('ab', 'c') and ('a', 'bc') differ, marked as version 8 (RFC 9562). Null when none of
 * them is set: all records without a value would have one id. A single source that is a uuid is the id.
 */
function derivedId(
  idFrom: readonly SourceExpression[] | '*',
  layout: StagingLayout,
  numbering: RecordNumbering,
  reader: Reader,
): RawBuilder<unknown> {
  const isDocument = layout.kind === 'document'
  const all = isDocument
    ? [sql`s.c1::text`]
    : Array.from({ length: layout.columns }, (_, index) => reader.text({ name: '', index }))
  const one = (source: SourceExpression): RawBuilder<unknown> => {
    if (source === ordinalRef) return recordNumber(numbering)
    return isDocument && isName(source) ? anyAt(sql`s.c1`, source.path ?? [source.name]) : reader.text(source)
  }
  const values = idFrom === '*' ? all : idFrom.map(one)
  const parts = values.map((value) => sql`coalesce(octet_length(${value}) || ':' || ${value}, '-')`)
  const digest = sql`encode(sha256(convert_to(${sql.join(parts, sql` || `)}, 'UTF8')), 'hex')`
  const id = sql`overlay(overlay(substr(${digest}, 1, 32) placing '8' from 13) placing '8' from 17)`
  if (idFrom === '*') return id
  const set = idFrom
    .filter((source) => source !== ordinalRef && namesIn<SourceRef>(source).length > 0)
    .map((source) => isSet(one(source), isDocument))
  const derived = sql`CASE WHEN ${sql.join(set, sql` OR `)} THEN ${id} END`
  if (idFrom.length > 1) return derived
  return sql`CASE WHEN pg_input_is_valid(${values[0]!}, 'uuid') THEN ${values[0]!} ELSE ${derived} END`
}

/** Whether a value is there and says something: blanks do not, nor does an empty object or array of JSON. */
function isSet(value: RawBuilder<unknown>, isDocument: boolean): RawBuilder<boolean> {
  const empty = isDocument ? sql`('', '{}', '[]')` : sql`('')`
  return sql`btrim(${value}, ${blanks}) NOT IN ${empty}`
}

const blanks = sql.lit(' \t\n\r\f\v\u00a0')

function recordNumber({ firstRecord, goodBeforeReject }: RecordNumbering): RawBuilder<unknown> {
  const before = sql.lit(firstRecord - 1)
  if (goodBeforeReject.length === 0) return sql`(${before} + s.n)::text`
  return sql`(${before} + s.n + width_bucket(s.n - 1, ${goodBeforeReject}::int[]))::text`
}

type Rest = Pick<MappingSql, 'rest' | 'restNames' | 'restBytes'>

const noRest: Rest = { rest: null, restNames: null, restBytes: null }

function restOfDocument(mapping: Mapping): Rest {
  const dropped = (mapping.dropped ?? []).map((source) =>
    isWhole(source) ? sql` - ${sql.lit(source.name)}::text` : sql` #- ${pathLiteral(source)}`,
  )
  const kept = sql`s.c1 - ${takenIn(mapping, sql`s.c1`)}`
  return {
    ...noRest,
    rest: sql`CASE WHEN jsonb_typeof(s.c1) = 'object' THEN ${dropped.length === 0 ? kept : sql`(${kept})${sql.join(dropped, sql``)}`} END`,
  }
}

/** The keys of a document that are not left over. */
function takenIn(mapping: Mapping, document: RawBuilder<unknown>): RawBuilder<string[]> {
  const reader = memberReader(mapping, document)
  return takenKeys(mapping, document, {
    scalar: reader.text,
    member: (source) => (isName(source) ? sql`(${document} #> ${pathLiteral(source)})` : reader.json(source)),
    array: textArray,
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
  const given = mapping.properties.filter(isName).map((source) => sql`((${document})::json #>> ${pathLiteral(source)})`)
  const explicitBytes = given.length === 0 ? sql`0` : sql`coalesce(octet_length(coalesce(${sql.join(given)})), 0)`
  return sql`(${explicitBytes} + (SELECT coalesce(sum(octet_length(member.value)), 0)
    FROM json_each_text((${document})::json) member WHERE member.key <> ALL (${takenIn(mapping, parsed)})))`
}

function restOfFields(mapping: Mapping, reader: Reader): Rest {
  const unmapped = mapping.unmapped === 'rest' ? [] : mapping.unmapped
  const columns = [
    ...unmapped.map((column) => ({ name: column.name, value: leftOver(column, mapping, reader) })),
    ...keptColumns(mapping, (source, { isOfProperties }) =>
      isOfProperties && isMade(source) ? sql`(${reader.json(source)})::text` : reader.text(source),
    ),
  ]
  if (columns.length === 0) return noRest
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

/** A column that becomes a property, without what is to be dropped of the JSON in it. */
function leftOver(column: SourceRef, mapping: Mapping, reader: Reader): RawBuilder<unknown> {
  const text = reader.text(column)
  if (droppedPaths(mapping, column).length === 0) return text
  return sql`coalesce(nullif((${explicit(column, mapping, reader)})::text, to_jsonb(${text})::text), ${text})`
}
