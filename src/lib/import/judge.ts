/**
 * Is a staged record an event? One SELECT over staging that gives each record its typed fields and, when it is none,
 * the code of the first rule that it breaks (DESIGN order: event_id, occurred_at, user_id, event_type, properties).
 *
 * It comes in two speeds with equal answers. The fast one lets casts fail: a uuid, an instant or JSON that PostgreSQL
 * does not take ends the whole statement with a data error. The strict one asks `pg_input_is_valid` before every cast
 * and names each bad record. A chunk is judged fast first, and strictly when that failed.
 * That both agree is a property test in test/import/judge.test.ts.
 */
import { type RawBuilder, sql } from 'kysely'
import { limits } from '../event.js'
import { type GivenSql, givenSql, type Staged } from './given.js'
import type { Mapping } from './mapping.js'
import type { TimeFormat } from './time-format.js'
import { instantSql } from './times.js'

/** All that decides what a record means, beside its bytes. */
export interface JudgeRules {
  readonly staged: Staged
  readonly mapping: Mapping
  readonly timeFormat: TimeFormat
  /** Events may not lie behind this instant. */
  readonly latest: Date
}

export interface JudgeOptions {
  readonly strict: boolean
  /** Good records in all chunks before this one. */
  readonly goodBefore: number
  /** Records (by `n`) that PostgreSQL refuses: they are not looked at. */
  readonly refused: readonly number[]
  /** Only records from the first to the last of these `n`, when one that PostgreSQL refuses is searched. */
  readonly between?: readonly [number, number]
}

/**
 * The SELECT: `n, event_id uuid, occurred_at timestamptz, user_id, event_type, properties jsonb, code`.
 *
 * @param staging the quoted name of the staging table
 * @param rules what decides what a record means
 */
export function judgeSql(staging: RawBuilder<unknown>, rules: JudgeRules, options: JudgeOptions): RawBuilder<unknown> {
  const given = givenSql(rules.mapping, rules.staged, options.goodBefore)
  const { strict } = options
  const looked = lookedAt(staging, options)
  // OFFSET 0 keeps each step a step: folded into one, every cast would run once for each place that reads it.
  return sql`
    SELECT n, event_id, occurred_at, user_id, event_type, properties, ${codeSql(rules, strict)} AS code
      FROM (
        SELECT g.*, ${castIf(strict, sql`g.given_id`, 'uuid')} AS event_id,
               ${instantSql(sql`g.given_at`, rules.timeFormat, strict)} AS occurred_at,
               ${propertiesSql(given, strict)} AS properties
          FROM (
            SELECT s.n, ${given.eventId} AS given_id, ${given.occurredAt} AS given_at, ${given.userId} AS user_id,
                   ${given.eventType} AS event_type, ${given.properties} AS given_properties,
                   ${given.restBytes ?? sql`0`} AS rest_bytes, ${given.rest ?? sql`NULL::jsonb`} AS rest
                   ${rules.staged === 'document' ? sql`, s.doc` : sql``}
              FROM ${rules.staged === 'document' ? documents(looked, strict) : looked} s
            OFFSET 0
          ) g
        OFFSET 0
      ) typed`
}

/** The staged records that are looked at at all. */
function lookedAt(staging: RawBuilder<unknown>, { refused, between }: JudgeOptions): RawBuilder<unknown> {
  const filters = [
    ...(refused.length > 0 ? [sql`n <> ALL (${refused}::int[])`] : []),
    ...(between ? [sql`n BETWEEN ${between[0]} AND ${between[1]}`] : []),
  ]
  return filters.length === 0
    ? staging
    : sql`(SELECT * FROM ${staging} WHERE ${sql.join(filters, sql` AND `)} OFFSET 0)`
}

/** Staged JSON documents, each parsed once; null when it is not an object that PostgreSQL can store. */
function documents(looked: RawBuilder<unknown>, strict: boolean): RawBuilder<unknown> {
  return sql`(SELECT n, ${castIf(strict, sql`c1`, 'jsonb')} AS doc FROM ${looked} looked OFFSET 0)`
}

function castIf(strict: boolean, text: RawBuilder<unknown>, type: 'uuid' | 'jsonb'): RawBuilder<unknown> {
  const cast = sql`(${text})::${sql.raw(type)}`
  return strict ? sql`CASE WHEN pg_input_is_valid(${text}, ${sql.lit(type)}) THEN ${cast} END` : cast
}

/**
 * The properties: the explicit ones win over what is left over. Null when they cannot be stored. In JSON they may be
 * an object or a text that holds one.
 */
function propertiesSql(given: GivenSql, strict: boolean): RawBuilder<unknown> {
  const explicit = sql`CASE WHEN g.given_properties IS NULL THEN '{}'::jsonb ELSE ${castIf(strict, sql`g.given_properties`, 'jsonb')} END`
  if (given.rest === null) return explicit
  const merged = sql`(CASE WHEN g.given_properties IS NULL THEN g.rest
    ELSE (SELECT CASE jsonb_typeof(p) WHEN 'object' THEN g.rest || p ELSE p END FROM (SELECT ${castIf(strict, sql`g.given_properties`, 'jsonb')} AS p OFFSET 0) explicit) END)`
  return merged
}

const control = sql.lit('[\\x01-\\x1f\\x7f-\\x9f]')

function codeSql(rules: JudgeRules, strict: boolean): RawBuilder<string | null> {
  const documentRules =
    rules.staged === 'document'
      ? sql`WHEN doc IS NULL THEN 'invalid_json' WHEN jsonb_typeof(doc) <> 'object' THEN 'not_an_object'`
      : sql``
  const idRules =
    rules.mapping.idFrom === null
      ? sql`WHEN given_id IS NULL OR given_id = '' THEN 'missing_event_id' ${strict ? sql`WHEN event_id IS NULL THEN 'invalid_event_id'` : sql``}`
      : sql``
  return sql`CASE
    ${documentRules}
    ${idRules}
    WHEN given_at IS NULL OR given_at = '' THEN 'missing_occurred_at'
    WHEN occurred_at IS NULL THEN 'invalid_occurred_at'
    WHEN occurred_at < '1970-01-01T00:00:00Z'::timestamptz OR occurred_at > ${rules.latest}::timestamptz THEN 'occurred_at_out_of_range'
    WHEN user_id IS NULL OR user_id = '' THEN 'missing_user_id'
    WHEN length(user_id) > ${sql.lit(limits.userIdMaxChars)} OR user_id ~ ${control} THEN 'invalid_user_id'
    WHEN event_type IS NULL OR event_type = '' THEN 'missing_event_type'
    WHEN length(event_type) > ${sql.lit(limits.eventTypeMaxChars)} OR event_type ~ ${control} THEN 'invalid_event_type'
    WHEN coalesce(octet_length(given_properties), 0) + rest_bytes > ${sql.lit(limits.propertiesMaxBytes)} THEN 'properties_too_large'
    WHEN properties IS NULL THEN 'invalid_properties'
    WHEN jsonb_typeof(properties) <> 'object' THEN 'properties_not_an_object'
  END`
}
