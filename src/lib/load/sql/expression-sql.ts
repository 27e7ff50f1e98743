/**
 * Expressions of a mapping as SQL over a staged row `s`: as the text of a field, and as jsonb for properties. Plain names are
 * read as cheaply as can be; whatever must be parsed on the way asks first whether it can be, so no record ends a statement.
 */
import { type RawBuilder, sql } from 'kysely'
import { type Expression, isName, type Pairs } from '../mapping/expression.js'
import type { Mapping } from '../mapping/mapping.js'
import type { SourceExpression, SourceRef } from '../mapping/source-ref.js'
import { pairsSql, zippedSql } from './pairs-sql.js'

/** How the sources of a mapping are read from a row. */
export interface Reader {
  /** The text of a field; null when it is not set or not a text. */
  readonly text: (source: SourceExpression) => RawBuilder<unknown>
  /** Anything as jsonb: a text that holds JSON is what it holds. */
  readonly json: (source: SourceExpression) => RawBuilder<unknown>
}

/** Reads the columns of a CSV. */
export function fieldReader({ nulls }: Pick<Mapping, 'nulls'>): Reader {
  const whole = (source: SourceRef): RawBuilder<unknown> => {
    const column = sql`s.${sql.ref(`c${source.index! + 1}`)}`
    return nulls === undefined ? column : sql`CASE WHEN ${column} <> ALL (${textArray(nulls)}) THEN ${column} END`
  }
  return readerOf({
    text: (source) => (source.path ? within(whole(source), source.path, scalarAt) : whole(source)),
    json: (source) => (source.path ? within(whole(source), source.path, valueAt) : parsed(whole(source))),
  })
}

/** Reads the members of a JSON document, `s.c1` unless another one is given. */
export function memberReader({ nulls }: Pick<Mapping, 'nulls'>, document: RawBuilder<unknown> = sql`s.c1`): Reader {
  const pathOf = (source: SourceRef) => source.path ?? [source.name]
  const text = (source: SourceRef) => scalarAt(document, pathOf(source))
  return readerOf({
    text: (source) =>
      nulls === undefined
        ? text(source)
        : sql`(SELECT t FROM (SELECT ${text(source)} AS t OFFSET 0) given WHERE t <> ALL (${textArray(nulls)}))`,
    json: (source) => opened(valueAt(document, pathOf(source))),
  })
}

function readerOf(name: {
  readonly text: (source: SourceRef) => RawBuilder<unknown>
  readonly json: (source: SourceRef) => RawBuilder<unknown>
}): Reader {
  const json = (source: SourceExpression): RawBuilder<unknown> => {
    if (isName(source)) return name.json(source)
    if (source.kind === 'pairs') return pairsOf(source, name.json)
    if (source.kind === 'first') return sql`coalesce(${sql.join(source.of.map((one) => notNull(json(one))))})`
    throw new Error(`no JSON is made of ${source.kind}`)
  }
  const text = (source: SourceExpression): RawBuilder<unknown> => {
    if (isName(source)) return name.text(source)
    switch (source.kind) {
      case 'constant':
        return sql`${sql.lit(source.text)}::text`
      case 'pairs':
        return scalarAt(sql`(${json({ ...source, path: [] })})`, source.path ?? [])
      case 'word':
        return sql`nullif(split_part(${name.text(source.of)}, ' ', ${sql.lit(source.number)}), '')`
      case 'join':
        return sql`(${sql.join(source.parts.map(set), sql` || `)})`
      case 'first':
        return firstSet(source.of.map(text))
      default:
        throw new Error(`no text is made of ${source.kind}`)
    }
  }
  // A blank between date and time is a text like any other.
  const set = (source: SourceExpression): RawBuilder<unknown> =>
    isConstant(source) ? text(source) : sql`nullif(${text(source)}, '')`
  return { text, json }
}

const isConstant = (source: SourceExpression) => !isName(source) && source.kind === 'constant'

function pairsOf(
  { keys, values, path = [] }: Pairs<SourceRef>,
  json: (source: SourceRef) => RawBuilder<unknown>,
): RawBuilder<unknown> {
  const all = values === undefined ? pairsSql(json(keys)) : zippedSql(json(keys), json(values))
  return path.length === 0 ? all : valueAt(all, path)
}

/** The first that is set: with fallbacks an empty text counts as not set, since no field may be empty. */
export function firstSet(sources: readonly RawBuilder<unknown>[]): RawBuilder<unknown> {
  if (sources.length === 0) return sql`NULL::text`
  if (sources.length === 1) return sources[0]!
  return sql`coalesce(${sql.join(sources.map((source) => sql`nullif(${source}, '')`))})`
}

/** jsonb that is there and not null. */
export const notNull = (json: RawBuilder<unknown>) => sql`nullif(${json}, 'null'::jsonb)`

/** A member that is a text or a number; anything else counts as absent. */
function scalarAt(document: RawBuilder<unknown>, path: readonly string[]): RawBuilder<unknown> {
  const at = textArray(path)
  const inText = stepsIntoText(document, path, scalarAt)
  return sql`CASE WHEN jsonb_typeof(${document} #> ${at}) IN ('string', 'number') THEN ${document} #>> ${at}${inText ? sql` ELSE ${inText}` : sql``} END`
}

/** A member as jsonb. */
export function valueAt(document: RawBuilder<unknown>, path: readonly string[]): RawBuilder<unknown> {
  const inText = stepsIntoText(document, path, valueAt)
  const direct = sql`(${document} #> ${textArray(path)})`
  return inText ? sql`coalesce(${direct}, ${inText})` : direct
}

/** The member of any kind as text, and the text of what a text holds. */
export function anyAt(document: RawBuilder<unknown>, path: readonly string[]): RawBuilder<unknown> {
  const inText = stepsIntoText(document, path, anyAt)
  const direct = sql`(${document} #>> ${textArray(path)})`
  return inText ? sql`coalesce(${direct}, ${inText})` : direct
}

type Step = (document: RawBuilder<unknown>, path: readonly string[]) => RawBuilder<unknown>

/** A path goes on inside of a text that holds JSON: only asked where the plain path has found nothing. */
function stepsIntoText(
  document: RawBuilder<unknown>,
  path: readonly string[],
  step: Step,
): RawBuilder<unknown> | undefined {
  if (path.length < 2) return undefined
  const branches = path.slice(1).map((_, index) => {
    const outer = textArray(path.slice(0, index + 1))
    return sql`WHEN jsonb_typeof(${document} #> ${outer}) = 'string' THEN ${within(sql`(${document} #>> ${outer})`, path.slice(index + 1), step)}`
  })
  return sql`CASE ${sql.join(branches, sql` `)} END`
}

/** What a text that holds JSON has at a path. It is parsed once. */
function within(text: RawBuilder<unknown>, path: readonly string[], step: Step): RawBuilder<unknown> {
  return sql`(SELECT ${step(sql`held.d`, path)} FROM (SELECT ${parsed(text)} AS d OFFSET 0) held)`
}

/** A text as jsonb; null when it is not JSON. */
export function parsed(text: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`CASE WHEN pg_input_is_valid(${text}, 'jsonb') THEN (${text})::jsonb END`
}

/** jsonb, and of a text that holds JSON what it holds. */
function opened(json: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(SELECT CASE jsonb_typeof(j) WHEN 'string' THEN coalesce(${parsed(sql`(j #>> '{}')`)}, j) ELSE j END FROM (SELECT ${json} AS j OFFSET 0) given)`
}

/** Texts as an array of SQL. */
export function textArray(texts: readonly string[]): RawBuilder<string[]> {
  const items = texts.map((text) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`)
  return sql`${sql.lit(`{${items.join(',')}}`)}::text[]`
}

/** Whether properties are made of more than names: then what is stored is measured, not what was given. */
export const isMade = (source: Expression<SourceRef>) =>
  !isName(source) || (source.index !== null && source.path !== undefined)
