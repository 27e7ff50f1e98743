/**
 * Is a staged record an event? One SELECT over staging that gives each record its typed fields and, when it is none,
 * the code of the first rule that it breaks (in the order event_id, occurred_at, user_id, event_type, properties).
 *
 * It comes in two speeds with equal answers. The fast one lets casts fail, in COPY or here: a uuid, an instant or JSON
 * that PostgreSQL does not take ends the whole statement with a data error. The strict one asks `pg_input_is_valid`
 * before every cast and names each bad record. A chunk is judged fast first, and strictly when that failed.
 * That both agree is a property test in test/load/validation.db.test.ts.
 */
import { type RawBuilder, sql } from 'kysely'
import { limits } from '../../core/event.js'
import { isName, mergedParts } from '../mapping/expression.js'
import { type Mapping, ordinalRef } from '../mapping/mapping.js'
import type { TimeFormat } from '../mapping/time-format.js'
import { documentBytes, type MappingSql, mappingSql, type RecordNumbering, wholeSource } from './mapping-sql.js'
import { type StagingLayout, typeOf } from './staging-columns.js'
import { instantSql } from './time-sql.js'
import { mistypedSql, typedSql } from './types-sql.js'

/** All that decides what a record means, beside its bytes. */
export interface ValidationRules {
  readonly mapping: Mapping
  readonly timeFormat: TimeFormat
  /** Events may not lie after this instant. */
  readonly latest: Date
}

export interface ValidationOptions {
  readonly layout: StagingLayout
  /** What turns the place of a good record in its chunk into its number in the source. */
  readonly numbering: RecordNumbering
  /** Records (by `n`) that PostgreSQL refuses: they are not looked at. */
  readonly refused: readonly number[]
  /** Only records from the first to the last of these `n`, when one that PostgreSQL refuses is searched. */
  readonly between?: readonly [number, number]
  /** Whether `n` is wanted: the place of a record in its chunk, from 1. Without it `n` only orders. */
  readonly numbered: boolean
  /** Whether what is remarkable only raises `remarksFlag`; the columns `shadowed` and `mistyped` then say nothing. */
  readonly flagsRemarks?: boolean
}

/**
 * The SELECT: `n, event_id uuid, occurred_at timestamptz, user_id, event_type, properties jsonb, code, shadowed text[], mistyped text[]`.
 *
 * ```sql
 * SELECT n, event_id, occurred_at, user_id, event_type, properties, CASE … END AS code, … AS shadowed, … AS mistyped
 *   FROM (
 *     SELECT g.*, … AS event_id, … AS occurred_at, … AS properties
 *       FROM (
 *         SELECT s.n, … AS given_id, … AS given_at, … AS user_id, … AS event_type, … AS given_properties
 *           FROM … s) g
 *     OFFSET 0) typed
 * ```
 *
 * @param staging the quoted name of the staging table
 * @param rules what decides what a record means
 */
export function validationSql(
  staging: RawBuilder<unknown>,
  rules: ValidationRules,
  options: ValidationOptions,
): RawBuilder<unknown> {
  const { layout } = options
  const given = mappingSql(rules.mapping, layout, options.numbering)
  // OFFSET 0 keeps each step a step: folded into one, every cast would run once for each place that reads it.
  return sql`
    SELECT n, event_id, occurred_at, user_id, event_type, properties, ${codeSql(rules, layout)} AS code,
           ${canShadow(rules, layout) ? shadowedSql(given, rules, options) : none} AS shadowed,
           ${rules.mapping.types ? mistyped(rules.mapping, options) : none} AS mistyped
      FROM ${withTypes(
        rules.mapping,
        sql`(
        SELECT g.*, ${castUuid(rules, layout)} AS event_id, ${castInstant(rules, layout)} AS occurred_at,
               ${propertiesSql(given, rules, layout)} AS ${untyped(rules.mapping)}
          FROM (
            SELECT s.n, ${given.eventId} AS given_id, ${given.occurredAt} AS given_at, ${given.userId} AS user_id,
                   ${given.eventType} AS event_type, ${given.properties} AS given_properties
                   ${given.restBytes ? sql`, ${given.restBytes} AS rest_bytes` : sql``}
                   ${given.rest ? sql`, ${given.rest} AS rest` : sql``}
                   ${layout.kind === 'document' ? sql`, s.document, s.c1` : sql``}
              FROM ${rows(staging, rules, options)} s
            ${needsStep(rules, layout) ? sql`OFFSET 0` : sql``}
          ) g
        OFFSET 0
      )`,
      )} typed`
}

const none = sql`NULL::text[]`

/** What the properties are called before types are applied. */
const untyped = ({ types }: Mapping) => sql.ref(types ? 'untyped' : 'properties')

/** Properties with their types beside those without. */
function withTypes(mapping: Mapping, cast: RawBuilder<unknown>): RawBuilder<unknown> {
  if (!mapping.types) return cast
  return sql`(SELECT *, ${typedSql(untyped(mapping), mapping)} AS properties FROM ${cast} untyped OFFSET 0)`
}

/** The types that values do not have; null when there are none. */
function mistyped(mapping: Mapping, { flagsRemarks = false }: ValidationOptions): RawBuilder<unknown> {
  const found = mistypedSql(untyped(mapping), mapping)
  return flagsRemarks ? sql`CASE WHEN ${found} <> '{}' THEN ${raisedFlag} END` : sql`nullif(${found}, '{}')`
}

/** The times of staged records as they are given, and as instants: `given_at, occurred_at`. Those that are typed already have no text. */
export function occurredAtSql(
  staging: RawBuilder<unknown>,
  rules: ValidationRules,
  options: ValidationOptions,
): RawBuilder<unknown> {
  const given = mappingSql(rules.mapping, options.layout, options.numbering).occurredAt
  return sql`
    SELECT given_at, ${castInstant(rules, options.layout)} AS occurred_at
      FROM (SELECT ${given} AS given_at FROM ${rows(staging, rules, options)} s OFFSET 0) g OFFSET 0`
}

/** At most so many keys are named that properties hide. */
export const remarksMax = 20

/** Whether a record can have a key both at its top (or as a column) and in its explicit properties. */
function canShadow({ mapping }: ValidationRules, layout: StagingLayout): boolean {
  return (
    mapping.properties.length > 0 &&
    mergedParts(mapping.properties) === undefined &&
    mappingSql(mapping, layout, wholeSource).rest !== null
  )
}

/** A setting that lasts as long as its transaction: `1` when an event had a key that properties hide, or a value of another type. */
export const remarksFlag = 'ea.remarks'

// Nobody reads the column then, but PostgreSQL computes it all the same: it leaves out no call that has an effect.
const raisedFlag = sql`set_config(${sql.lit(remarksFlag)}, '1', true)`

/** The keys of the rest that the properties have with another value, where theirs is kept; null when there are none. */
function shadowedSql(given: MappingSql, rules: ValidationRules, options: ValidationOptions): RawBuilder<unknown> {
  const { layout, flagsRemarks = false } = options
  const properties = untyped(rules.mapping)
  const isTyped = layout.kind === 'fields' && propertiesAreTyped(rules, layout)
  // The columns of a CSV are known, so most records need no more than a look for their names.
  const mayHide =
    isTyped && given.restNames
      ? sql`given_properties ?| ${given.restNames}`
      : sql`given_properties IS NOT NULL AND rest <> '{}'`
  const found = flagsRemarks
    ? raisedFlag
    : sql`ARRAY(SELECT key FROM jsonb_each(rest) WHERE ${properties} -> key <> value)`
  return sql`CASE WHEN ${mayHide} AND jsonb_typeof(${properties}) = 'object'
    THEN CASE WHEN (${properties} || rest) <> ${properties} THEN ${found} END END`
}

/** Whether a given value is expensive to compute and read more than once. */
function needsStep(rules: ValidationRules, layout: StagingLayout): boolean {
  const { mapping } = rules
  const fallbacks = [...Object.values(mapping.fields), mapping.properties].some((sources) => sources.length > 1)
  return (
    layout.kind === 'document' ||
    fallbacks ||
    !Object.values(mapping.fields).flat().every(isName) ||
    mapping.nulls !== undefined ||
    mapping.idFrom !== null ||
    mapping.unmapped === 'rest' ||
    mapping.unmapped.length > 0
  )
}

/** The staged records that are looked at, with `n`, and for documents `c1` as jsonb beside its text. */
function rows(staging: RawBuilder<unknown>, rules: ValidationRules, options: ValidationOptions): RawBuilder<unknown> {
  const { layout, refused, between } = options
  const needsOrdinal =
    rules.mapping.idFrom !== null && rules.mapping.idFrom !== '*' && rules.mapping.idFrom.includes(ordinalRef)
  const isNumbered = options.numbered || needsOrdinal || refused.length > 0 || between !== undefined
  // COPY wrote the rows in file order into a table of this transaction, so their place tells their number.
  const all = isNumbered
    ? sql`(SELECT (row_number() OVER ())::int AS n, * FROM ${staging})`
    : sql`(SELECT ctid AS n, * FROM ${staging})`
  const filters = [
    ...(refused.length > 0 ? [sql`n <> ALL (${refused}::int[])`] : []),
    ...(between ? [sql`n BETWEEN ${between[0]} AND ${between[1]}`] : []),
  ]
  const kept =
    filters.length === 0 ? all : sql`(SELECT * FROM ${all} numbered WHERE ${sql.join(filters, sql` AND `)} OFFSET 0)`
  if (layout.kind === 'fields') return kept
  if (layout.types.get(0) === 'jsonb') return sql`(SELECT n, NULL::text AS document, c1 FROM ${kept} kept)`
  return sql`(SELECT n, c1 AS document, ${castIf(layout.strict, sql`c1`, 'jsonb')} AS c1 FROM ${kept} kept OFFSET 0)`
}

function castIf(strict: boolean, text: RawBuilder<unknown>, type: 'uuid' | 'jsonb'): RawBuilder<unknown> {
  const cast = sql`(${text})::${sql.raw(type)}`
  return strict ? sql`CASE WHEN pg_input_is_valid(${text}, ${sql.lit(type)}) THEN ${cast} END` : cast
}

function idIsTyped({ mapping }: ValidationRules, layout: StagingLayout): boolean {
  return mapping.idFrom === null && layout.kind === 'fields' && typeOf(layout, mapping.fields.event_id[0]) === 'uuid'
}

function atIsTyped({ mapping }: ValidationRules, layout: StagingLayout): boolean {
  return layout.kind === 'fields' && typeOf(layout, mapping.fields.occurred_at[0]) === 'timestamptz'
}

function propertiesAreTyped({ mapping }: ValidationRules, layout: StagingLayout): boolean {
  return layout.kind === 'fields' && typeOf(layout, mapping.properties[0]) === 'jsonb'
}

function castUuid(rules: ValidationRules, layout: StagingLayout): RawBuilder<unknown> {
  return idIsTyped(rules, layout) ? sql`g.given_id` : castIf(layout.strict, sql`g.given_id`, 'uuid')
}

function castInstant(rules: ValidationRules, layout: StagingLayout): RawBuilder<unknown> {
  return atIsTyped(rules, layout) ? sql`g.given_at` : instantSql(sql`g.given_at`, rules.timeFormat, layout.strict)
}

/**
 * The properties: the explicit ones win over what is left over. Null when they cannot be stored. In JSON they may be
 * an object or a text that holds one.
 */
function propertiesSql(given: MappingSql, rules: ValidationRules, layout: StagingLayout): RawBuilder<unknown> {
  const text = sql`g.given_properties`
  if (mergedParts(rules.mapping.properties)) return text
  // Joining with an empty object is not free: most documents have nothing left over.
  const both = (properties: RawBuilder<unknown>) =>
    sql`CASE WHEN jsonb_typeof(${properties}) = 'object' AND g.rest <> '{}' THEN g.rest || ${properties} ELSE ${properties} END`
  const isTyped = propertiesAreTyped(rules, layout)
  let explicit = isTyped || given.propertiesAreMade ? text : castIf(layout.strict, text, 'jsonb')
  if (layout.kind === 'document' && !given.propertiesAreMade) {
    const inner = castIf(layout.strict, sql`(g.given_properties #>> '{}')`, 'jsonb')
    explicit = sql`CASE jsonb_typeof(g.given_properties) WHEN 'string' THEN ${inner} ELSE g.given_properties END`
  }
  if (given.rest === null) return sql`CASE WHEN g.given_properties IS NULL THEN '{}'::jsonb ELSE ${explicit} END`
  // A cast runs once, in a subquery of its own; a column that COPY has cast already needs none.
  const merged = isTyped ? both(text) : sql`(SELECT ${both(sql`p`)} FROM (SELECT ${explicit} AS p OFFSET 0) explicit)`
  return sql`(CASE WHEN g.given_properties IS NULL THEN g.rest ELSE ${merged} END)`
}

/** The nil and the max UUID (RFC 9562) stand for no id: as ids they would make one event of all that have them. */
const noIds = sql.lit('{00000000-0000-0000-0000-000000000000,ffffffff-ffff-ffff-ffff-ffffffffffff}')

/** An id that is derived is a UUID, unless there is nothing to derive it from; one source that is a UUID stays it. */
const derivedIdRules = ({ idFrom }: Mapping) => {
  const isKept = idFrom !== null && idFrom !== '*' && idFrom.length === 1
  return sql`WHEN given_id IS NULL THEN 'missing_event_id'${isKept ? sql` WHEN event_id = ANY (${noIds}) THEN 'invalid_event_id'` : sql``}`
}

const control = sql.lit('[\\x01-\\x1f\\x7f-\\x9f]')

/**
 * ```sql
 * CASE …
 *   WHEN given_id IS NULL … THEN 'missing_event_id' …
 *   WHEN given_at IS NULL … THEN 'missing_occurred_at'
 *   WHEN occurred_at IS NULL THEN 'invalid_occurred_at' …
 *   WHEN jsonb_typeof(properties) <> 'object' THEN 'properties_not_an_object'
 * END
 * ```
 */
function codeSql(rules: ValidationRules, layout: StagingLayout): RawBuilder<string | null> {
  const isDocument = layout.kind === 'document'
  const documentRules = sql`WHEN c1 IS NULL THEN 'invalid_json' WHEN jsonb_typeof(c1) <> 'object' THEN 'not_an_object'`
  const missing = (name: string, isTyped: boolean) =>
    isTyped ? sql`${sql.ref(name)} IS NULL` : sql`${sql.ref(name)} IS NULL OR ${sql.ref(name)} = ''`
  const idRules = sql`WHEN ${missing('given_id', idIsTyped(rules, layout))} THEN 'missing_event_id'
    ${layout.strict ? sql`WHEN event_id IS NULL THEN 'invalid_event_id'` : sql``}
    WHEN event_id = ANY (${noIds}) THEN 'invalid_event_id'`
  return sql`CASE
    ${isDocument ? documentRules : sql``}
    ${rules.mapping.idFrom === null ? idRules : derivedIdRules(rules.mapping)}
    WHEN ${missing('given_at', atIsTyped(rules, layout))} THEN 'missing_occurred_at'
    WHEN occurred_at IS NULL THEN 'invalid_occurred_at'
    WHEN occurred_at < '1970-01-01T00:00:00Z'::timestamptz OR occurred_at > ${rules.latest}::timestamptz THEN 'occurred_at_out_of_range'
    WHEN user_id IS NULL OR user_id = '' THEN 'missing_user_id'
    WHEN ${isBadText('user_id', limits.userIdMaxChars, layout)} THEN 'invalid_user_id'
    WHEN event_type IS NULL OR event_type = '' THEN 'missing_event_type'
    WHEN ${isBadText('event_type', limits.eventTypeMaxChars, layout)} THEN 'invalid_event_type'
    ${layout.strict ? sql`WHEN ${isTooLarge(isDocument, rules, layout)} THEN 'properties_too_large'` : sql``}
    ${layout.strict ? sql`WHEN properties IS NULL THEN 'invalid_properties'` : sql``}
    WHEN jsonb_typeof(properties) <> 'object' THEN 'properties_not_an_object'
  END`
}

/** Counting bytes is cheaper than counting characters, and nearly always enough. */
function isBadText(name: string, maxChars: number, layout: StagingLayout): RawBuilder<boolean> {
  const text = sql.ref(name)
  const tooLong = sql<boolean>`octet_length(${text}) > ${sql.lit(maxChars)} AND length(${text}) > ${sql.lit(maxChars)}`
  return layout.plainTexts ? sql`${tooLong}` : sql`${tooLong} OR ${text} ~ ${control}`
}

/** Only asked of a chunk that has records longer than the limit. */
function isTooLarge(isDocument: boolean, rules: ValidationRules, layout: StagingLayout): RawBuilder<boolean> {
  const most = sql.lit(limits.propertiesMaxBytes)
  const { restBytes, propertiesAreMade } = mappingSql(rules.mapping, layout, wholeSource)
  if (propertiesAreMade) return sql`octet_length(${untyped(rules.mapping)}::text) > ${most}`
  if (isDocument) {
    return sql`octet_length(document) > ${most} AND ${documentBytes(rules.mapping, sql`document`, sql`c1`)} > ${most}`
  }
  return sql`coalesce(octet_length(given_properties), 0)${restBytes ? sql` + rest_bytes` : sql``} > ${most}`
}
