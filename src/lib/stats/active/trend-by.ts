/** What the numbers of an answer are told apart by: a field of the events, and its value as text. */
import { type RawBuilder, sql } from 'kysely'
import type { Field } from '../filter/filter.js'
import { parseField } from '../filter/filter-parser.js'
import { fieldSql } from '../filter/filter-sql.js'

export interface By {
  readonly text: string
  readonly field: Field
}

/** Reads `event_type`, `user_id` or `properties.country`. */
export function parseBy(text: string): By {
  return { text, field: parseField(text) }
}

/** The value of the field as text, null where the property is not set; equal and ordered by its bytes. */
export function keySql({ field }: By): RawBuilder<unknown> {
  return field.kind === 'property' ? sql`${fieldSql(field)} COLLATE "C"` : fieldSql(field)
}
