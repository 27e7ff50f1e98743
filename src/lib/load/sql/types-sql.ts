/**
 * `--types` as SQL: texts of properties that become numbers, booleans or JSON. It works on the properties as a whole, so it does
 * not matter whether a value came from a column, a key or an expression. What cannot be converted stays what it is, and is named.
 */
import { type RawBuilder, sql } from 'kysely'
import { allNames } from '../mapping/expression.js'
import type { Mapping } from '../mapping/mapping.js'
import { pathWithin, sourceName, type TypedSource } from '../mapping/source-ref.js'
import { formatTypes, type ValueType } from '../mapping/value-types.js'
import { parsed, textArray } from './expression-sql.js'

/** A member of the properties and its type. */
interface TypedMember {
  readonly path: readonly string[]
  readonly type: ValueType
  /** As it is written in `--types`. */
  readonly label: string
}

/** The members that types are for, outer ones first. */
function typedMembers({ types = [], properties }: Mapping): TypedMember[] {
  return types.flatMap(({ source, type }) => {
    const inner = allNames<TypedSource['source']>(properties)
      .map((outer) => pathWithin(outer, source) ?? [])
      .filter((path) => path.length > 0)
    const name = sourceName(source)
    const label = formatTypes([{ name, type }])
    return (inner.length > 0 ? inner : [name.path]).map((path) => ({ path, type, label }))
  })
}

/** Properties with the types of a mapping; they are computed once. */
export function typedSql(properties: RawBuilder<unknown>, mapping: Mapping): RawBuilder<unknown> {
  return convertedAll(properties, typedMembers(mapping))
}

function convertedAll(properties: RawBuilder<unknown>, members: readonly TypedMember[]): RawBuilder<unknown> {
  return members.reduce(
    (before, { path, type }) => sql`(
      SELECT coalesce(jsonb_set(p, ${textArray(path)}, ${converted(sql`v`, type)}, false), p)
        FROM (SELECT p, p #> ${textArray(path)} AS v FROM (SELECT ${before} AS p OFFSET 0) given OFFSET 0) member)`,
    properties,
  )
}

/**
 * The types that values do not have, as they are written in `--types`: text[].
 *
 * @param properties before their types were applied
 */
export function mistypedSql(properties: RawBuilder<unknown>, mapping: Mapping): RawBuilder<string[]> {
  const members = typedMembers(mapping)
  const labels = members.map((member, at) => {
    const outer = members.slice(0, at).filter(({ path }) => isPrefix(path, member.path))
    const value = sql`(${convertedAll(properties, outer)} #> ${textArray(member.path)})`
    return sql`CASE WHEN ${isOther(value, member.type)} THEN ${sql.lit(member.label)}::text END`
  })
  return sql`array_remove(ARRAY[${sql.join(labels)}], NULL)`
}

const isPrefix = (outer: readonly string[], path: readonly string[]) =>
  outer.length < path.length && outer.every((key, at) => path[at] === key)

/** Whether a member is there, says something, and neither is of a type nor becomes it. */
function isOther(value: RawBuilder<unknown>, type: ValueType): RawBuilder<boolean> {
  const isMember = type === 'json' ? sql`jsonb_typeof(v) <> 'string'` : sql`jsonb_typeof(v) = ${sql.lit(type)}`
  return sql`(SELECT v NOT IN ('null', '""') AND NOT ${isMember} AND ${converted(sql`v`, type)} IS NULL FROM (SELECT ${value} AS v OFFSET 0) member)`
}

/** A number as JSON has it, without blanks around it. */
const number = sql.lit('^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?$')

/** A member of another type as this one; null when it is not one. */
function converted(value: RawBuilder<unknown>, type: ValueType): RawBuilder<unknown> {
  const text = sql`(${value} #>> '{}')`
  switch (type) {
    case 'number':
      return sql`CASE WHEN jsonb_typeof(${value}) = 'string' AND ${text} ~ ${number} THEN ${parsed(text)} END`
    case 'boolean':
      return sql`CASE WHEN jsonb_typeof(${value}) IN ('string', 'number') THEN
        CASE WHEN lower(${text}) IN ('true', 't', '1') THEN 'true'::jsonb WHEN lower(${text}) IN ('false', 'f', '0') THEN 'false'::jsonb END END`
    case 'json':
      return sql`CASE WHEN jsonb_typeof(${value}) = 'string' THEN ${parsed(text)} END`
  }
}
