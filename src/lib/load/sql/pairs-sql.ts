/**
 * `pairs(…)`: lists of keys and values as plain objects, and values that say their type as plain values. GA4 writes
 * `{"key": "price", "value": {"int_value": "5"}}`, OTLP `{"key": …, "value": {"intValue": "5"}}`, DynamoDB
 * `{"price": {"N": "5"}}`; all of them are `{"price": 5}`.
 */
import { type RawBuilder, sql } from 'kysely'

/** How deep lists and objects of typed values are opened inside each other. */
const maxDepth = 2

/** An array of pairs, or an object of typed values, as an object; null when it is neither. */
export function pairsSql(json: RawBuilder<unknown>): RawBuilder<unknown> {
  return objectOf(json, maxDepth)
}

/** Two arrays side by side as an object; null when one of them is not an array. */
export function zippedSql(keys: RawBuilder<unknown>, values: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(SELECT CASE WHEN jsonb_typeof(k) = 'array' AND jsonb_typeof(v) = 'array' THEN (
      SELECT coalesce(jsonb_object_agg(key #>> '{}', ${plainValue(sql`coalesce(v -> (at - 1)::int, 'null')`, maxDepth)}), '{}')
        FROM jsonb_array_elements(k) WITH ORDINALITY keys (key, at) WHERE key <> 'null') END
    FROM (SELECT ${keys} AS k, ${values} AS v OFFSET 0) given)`
}

function objectOf(json: RawBuilder<unknown>, depth: number): RawBuilder<unknown> {
  return sql`(SELECT CASE jsonb_typeof(list)
      WHEN 'array' THEN (
        SELECT coalesce(jsonb_object_agg(coalesce(pair ->> 'key', pair ->> 'k', pair ->> 'name'),
                 ${plainValue(sql`coalesce(pair -> 'value', pair -> 'v', 'null')`, depth)}), '{}')
          FROM jsonb_array_elements(list) pairs (pair)
         WHERE coalesce(pair ->> 'key', pair ->> 'k', pair ->> 'name') IS NOT NULL)
      WHEN 'object' THEN (
        SELECT coalesce(jsonb_object_agg(key, ${plainValue(sql`value`, depth)}), '{}') FROM jsonb_each(list) members)
      END
    FROM (SELECT ${json} AS list OFFSET 0) given)`
}

/** Names of members that hold a number, whatever it is written as. */
const numberNames = '^(int|long|double|float|number|decimal|short|byte)(eger|[0-9]+)?(_?value)?$|^n$|^[$]number'

/** A value: one that is an object with a single member that is set is that member. */
function plainValue(value: RawBuilder<unknown>, depth: number): RawBuilder<unknown> {
  // Null members are those of the other types.
  return sql`(SELECT CASE WHEN jsonb_typeof(typed) <> 'object' OR typed = '{}' THEN typed ${commonMembers} ELSE (
      SELECT CASE count(*) WHEN 0 THEN 'null' WHEN 1 THEN (array_agg(${memberOf(depth)}))[1] ELSE typed END
        FROM jsonb_each(typed) member (name, held) WHERE held <> 'null') END
    FROM (SELECT ${value} AS typed OFFSET 0) given)`
}

/** What nearly all values are, without going through members and their names: the same as of the general way. */
const commonMembers = sql.join(
  [
    ...['string_value', 'stringValue'].map((name) => {
      const key = sql.lit(name)
      return sql`WHEN typed - ${key}::text = '{}' THEN typed -> ${key}`
    }),
    ...['int_value', 'intValue'].map((name) => {
      const key = sql.lit(name)
      return sql`WHEN typed - ${key}::text = '{}' AND typed ->> ${key} ~ '^-?[0-9]{1,18}$' THEN to_jsonb((typed ->> ${key})::numeric)`
    }),
  ],
  sql` `,
)

function memberOf(depth: number): RawBuilder<unknown> {
  const number = sql`WHEN name ~* ${sql.lit(numberNames)} AND jsonb_typeof(held) = 'string' AND (held #>> '{}') ~ '^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,2})?$'
    THEN to_jsonb((held #>> '{}')::numeric)
    WHEN lower(name) = 'null' THEN 'null'`
  if (depth === 0) return sql`CASE ${number} ELSE held END`
  const list = (values: RawBuilder<unknown>) =>
    sql`(SELECT coalesce(jsonb_agg(${plainValue(sql`element`, depth - 1)}), '[]') FROM jsonb_array_elements(${values}) elements (element))`
  return sql`CASE ${number}
    WHEN name ~* '^(array|list)_?value$' AND jsonb_typeof(held -> 'values') = 'array' THEN ${list(sql`held -> 'values'`)}
    WHEN name = 'L' AND jsonb_typeof(held) = 'array' THEN ${list(sql`held`)}
    WHEN name ~* '^(kvlist|map)_?value$' AND jsonb_typeof(coalesce(held -> 'values', held -> 'fields')) IN ('array', 'object')
      THEN ${objectOf(sql`coalesce(held -> 'values', held -> 'fields')`, depth - 1)}
    WHEN name = 'M' AND jsonb_typeof(held) = 'object' THEN ${objectOf(sql`held`, depth - 1)}
    ELSE held END`
}
