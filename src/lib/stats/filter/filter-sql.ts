/**
 * Conditions as SQL over the rows of `events`. Every expression is true or false and never NULL, so it may stand under
 * NOT; it stands in parentheses; and whatever a person wrote is a bound parameter.
 *
 * What a property is compared by is its text form, as `->>` gives it: the number 10.0 is `10.0` and not `10`. JSON null
 * counts as not set. A number in a path counts the elements of an array: `properties.items.0.name`.
 */
import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { propertyText } from '../../rollups/sql/property-values.js'
import type { Condition, Field, Operator, Selector } from './filter.js'
import { isComparison } from './filter-parser.js'

/** The columns of an event where they have other names than in `events`; none of them is ever NULL. */
export interface EventColumns {
  readonly userId?: RawBuilder<unknown>
  readonly eventType?: RawBuilder<unknown>
  readonly properties?: RawBuilder<unknown>
}

/**
 * Whether a condition holds for an event.
 *
 * @example
 * conditionSql(parseSegment('properties.country:UA')[0]!) // (properties ->> $1 = $2) IS TRUE
 */
export function conditionSql({ field, operator, values }: Condition, columns: EventColumns = {}): RawBuilder<SqlBool> {
  const text = fieldSql(field, columns)
  switch (operator) {
    case '=':
      return decided(field, isOneOf(text, values))
    case '!=':
      return field.kind === 'property'
        ? sql`((${isOneOf(text, values)}) IS NOT TRUE)`
        : sql`(NOT (${isOneOf(text, values)}))`
    case '~':
      // No LIKE: in a text of people's own, % and _ are no wildcards.
      return decided(
        field,
        sql.join(
          values.map((value) => sql`strpos(${text}, ${value}::text) > 0`),
          sql` OR `,
        ),
      )
    case 'is set':
      return field.kind === 'property' ? sql`(${text} IS NOT NULL)` : sql`(true)`
    default:
      return comparison(field, operator, values[0]!, columns)
  }
}

/** Whether an event is of the selector's type and all of its conditions hold. */
export function selectorSql({ eventType, conditions }: Selector, columns: EventColumns = {}): RawBuilder<SqlBool> {
  const type: Condition = { field: { kind: 'event_type' }, operator: '=', values: [eventType], text: eventType }
  return allOf([type, ...conditions], columns)
}

/** Whether all conditions hold; `(true)` for none. */
export function allOf(conditions: readonly Condition[], columns: EventColumns = {}): RawBuilder<SqlBool> {
  if (conditions.length === 0) return sql`(true)`
  return sql`(${sql.join(
    conditions.map((condition) => conditionSql(condition, columns)),
    sql` AND `,
  )})`
}

/** The text form of a field; NULL for a property that is not set. */
export function fieldSql(field: Field, columns: EventColumns = {}): RawBuilder<string | null> {
  switch (field.kind) {
    case 'event_type':
      return sql`${columns.eventType ?? sql`event_type`}`
    case 'user_id':
      return sql`${columns.userId ?? sql`user_id`}`
    case 'property':
      return propertyText(columns.properties ?? sql`properties`, field.path)
  }
}

/** The JSON of a property, JSON null included; NULL where the event has no such key. */
export function propertyJson(path: readonly string[], columns: EventColumns = {}): RawBuilder<unknown> {
  const properties = columns.properties ?? sql`properties`
  return path.length === 1 ? sql`(${properties} -> ${path[0]}::text)` : sql`(${properties} #> ${path}::text[])`
}

/** Whether a condition compares numbers; then both sides must be numbers for it to hold. */
export function isNumericComparison({ operator }: Condition): boolean {
  return isComparison(operator)
}

/** The longest text that counts as a number: PostgreSQL's own limits for `numeric` lie far behind it. */
const numberMaxBytes = 1000

/** Whether a text is a number for comparisons: `-12.50`; neither `1e3` nor `+1`, `.5`, `NaN` or ` 1`. */
export function isNumber(text: string): boolean {
  return text.length <= numberMaxBytes && /^-?[0-9]+(?:[.][0-9]+)?$/.test(text)
}

/** The number of a field as numeric: a JSON number, or a text that counts as one; NULL for what is none. */
export function numberSql(field: Field, columns: EventColumns = {}): RawBuilder<unknown> {
  const text = fieldSql(field, columns)
  const ofText = sql`CASE WHEN ${isNumberSql(text)} THEN ${text}::numeric END`
  if (field.kind !== 'property') return sql`(${ofText})`
  const json = propertyJson(field.path, columns)
  return sql`(CASE jsonb_typeof(${json}) WHEN 'number' THEN ${json}::numeric WHEN 'string' THEN ${ofText} END)`
}

/** Whether the field of a condition is set in an event, but not to a number. */
export function notNumberSql({ field }: Pick<Condition, 'field'>, columns: EventColumns = {}): RawBuilder<SqlBool> {
  const text = fieldSql(field, columns)
  if (field.kind !== 'property') return sql`(NOT ${isNumberSql(text)})`
  return sql`(CASE jsonb_typeof(${propertyJson(field.path, columns)})
      WHEN 'string' THEN NOT ${isNumberSql(text)}
      WHEN 'boolean' THEN true WHEN 'array' THEN true WHEN 'object' THEN true
      ELSE false END)`
}

function isOneOf(text: RawBuilder<unknown>, values: readonly string[]): RawBuilder<unknown> {
  return values.length === 1 ? sql`${text} = ${values[0]}::text` : sql`${text} = ANY(${values}::text[])`
}

/** Properties may be missing; the other fields are never NULL, and a bare comparison is what the planner knows best. */
function decided(field: Field, holds: RawBuilder<unknown>): RawBuilder<SqlBool> {
  return field.kind === 'property' ? sql`((${holds}) IS TRUE)` : sql`(${holds})`
}

const signs = { '>': sql`>`, '>=': sql`>=`, '<': sql`<`, '<=': sql`<=` } as const

function comparison(field: Field, operator: Operator, value: string, columns: EventColumns): RawBuilder<SqlBool> {
  if (!isNumber(value)) return sql`(false)`
  const holds = sql`${signs[operator as keyof typeof signs]} ${value}::numeric`
  const text = fieldSql(field, columns)
  // A cast is only written after the WHEN that makes it safe: CASE is the one thing that keeps this order.
  const asText = sql`CASE WHEN ${isNumberSql(text)} THEN ${text}::numeric ${holds} ELSE false END`
  if (field.kind !== 'property') return sql`(${asText})`
  const json = propertyJson(field.path, columns)
  return sql`(CASE jsonb_typeof(${json})
      WHEN 'number' THEN ${json}::numeric ${holds}
      WHEN 'string' THEN ${asText}
      ELSE false END)`
}

/** `isNumber` in SQL. */
export function isNumberSql(text: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(octet_length(${text}) <= ${sql.lit(numberMaxBytes)} AND ${text} ~ '^-?[0-9]+([.][0-9]+)?$')`
}
