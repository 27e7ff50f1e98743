/**
 * A mapping as SQL: from a staged row (`c1 … cN` text, or one JSON document) to the five fields of an event as they
 * were given. The same for CSV and JSON behind this file; nothing is judged here.
 */
import { type RawBuilder, sql } from 'kysely'
import { type Mapping, ordinalRef, type SourceRef } from './mapping.js'

/** SQL expressions over a row of staging (`s`), each of the type text unless it says otherwise. */
export interface GivenSql {
  readonly eventId: RawBuilder<string | null>
  readonly occurredAt: RawBuilder<string | null>
  readonly userId: RawBuilder<string | null>
  readonly eventType: RawBuilder<string | null>
  /** The explicit properties as text, or null. */
  readonly properties: RawBuilder<string | null>
  /** The rest as jsonb: what is not mapped; null when nothing is left over. */
  readonly rest: RawBuilder<unknown> | null
  /** Bytes of what the rest is made of. */
  readonly restBytes: RawBuilder<number> | null
}

/** How staged rows look: CSV fields, or one JSON document each. */
export type Staged = 'fields' | 'document'

/**
 * @param goodBefore good records in all chunks before: with `n` the ordinal of a record, for `--id-from '#'`
 * @example
 * givenSql(mapping, 'fields', 0).userId // coalesce(nullif(s.c3, ''), nullif(s.c7, ''))
 */
export function givenSql(mapping: Mapping, staged: Staged, goodBefore: number): GivenSql {
  const read = staged === 'fields' ? field : scalarMember
  const first = (sources: readonly SourceRef[]): RawBuilder<string | null> => firstSet(sources.map(read))
  return {
    eventId:
      mapping.idFrom === null ? first(mapping.fields.event_id) : derivedId(mapping.idFrom, read, staged, goodBefore),
    occurredAt: first(mapping.fields.occurred_at),
    userId: first(mapping.fields.user_id),
    eventType: first(mapping.fields.event_type),
    properties: firstSet(mapping.properties.map(staged === 'fields' ? field : memberText)),
    ...rest(mapping, staged),
  }
}

function field(source: SourceRef): RawBuilder<string | null> {
  return sql`s.${sql.ref(`c${source.index! + 1}`)}`
}

/** A member of the document, JSON as text: what properties are read from. */
function memberText(source: SourceRef): RawBuilder<string | null> {
  return sql`(s.doc #>> ${pathLiteral(source)})`
}

/** A member that is a text or a number; anything else counts as absent. */
function scalarMember(source: SourceRef): RawBuilder<string | null> {
  return sql`CASE WHEN jsonb_typeof(s.doc #> ${pathLiteral(source)}) IN ('string', 'number') THEN s.doc #>> ${pathLiteral(source)} END`
}

function pathLiteral(source: SourceRef): RawBuilder<string[]> {
  return sql`${sql.lit(`{${(source.path ?? [source.name]).map(quoteArrayItem).join(',')}}`)}::text[]`
}

function quoteArrayItem(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

/** The first that is set: with fallbacks an empty text counts as not set, since no field may be empty. */
function firstSet(sources: readonly RawBuilder<string | null>[]): RawBuilder<string | null> {
  if (sources.length === 0) return sql`NULL::text`
  if (sources.length === 1) return sources[0]!
  return sql`coalesce(${sql.join(sources.map((source) => sql`nullif(${source}, '')`))})`
}

/**
 * A stable uuid from the content of some columns: the first 16 bytes of the SHA-256 of their values, each with its
 * length before it so that ('ab', 'c') and ('a', 'bc') differ, marked as version 8 (RFC 9562).
 */
function derivedId(
  idFrom: readonly SourceRef[] | '*',
  read: (source: SourceRef) => RawBuilder<string | null>,
  staged: Staged,
  goodBefore: number,
): RawBuilder<string> {
  const values =
    idFrom === '*'
      ? [staged === 'fields' ? sql`(to_jsonb(s) - 'n')::text` : sql`s.doc::text`]
      : idFrom.map((source) => (source === ordinalRef ? sql`(${sql.lit(goodBefore)} + s.n)::text` : read(source)))
  const parts = values.map((value) => sql`coalesce(octet_length(${value}) || ':' || ${value}, '-')`)
  const digest = sql`encode(sha256(convert_to(${sql.join(parts, sql` || `)}, 'UTF8')), 'hex')`
  return sql`overlay(overlay(substr(${digest}, 1, 32) placing '8' from 13) placing '8' from 17)`
}

function rest(mapping: Mapping, staged: Staged): Pick<GivenSql, 'rest' | 'restBytes'> {
  if (staged === 'document') {
    const used = [...Object.values(mapping.fields).flat(), ...mapping.properties]
      .filter((source) => (source.path?.length ?? 1) === 1)
      .map((source) => source.name)
    return {
      rest: sql`CASE WHEN jsonb_typeof(s.doc) = 'object' THEN s.doc - ${sql.lit(`{${[...new Set(used)].map(quoteArrayItem).join(',')}}`)}::text[] END`,
      restBytes: sql`0`,
    }
  }
  const columns = mapping.unmapped === 'rest' ? [] : mapping.unmapped
  if (columns.length === 0) return { rest: null, restBytes: null }
  const names = columns.map((column) => sql.lit(column.name))
  return {
    rest: sql`jsonb_strip_nulls(jsonb_object(ARRAY[${sql.join(names)}], ARRAY[${sql.join(columns.map(field))}]))`,
    restBytes: sql.join(
      columns.map((column) => sql`coalesce(octet_length(${field(column)}), 0)`),
      sql` + `,
    ),
  }
}
