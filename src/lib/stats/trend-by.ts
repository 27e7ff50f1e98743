/** What a trend is told apart by: a field of the events, in the grammar of segments, and its value as text. */
import { type RawBuilder, sql } from 'kysely'
import { parseSegment } from './segment-grammar.js'
import type { Field } from './selector.js'

export interface By {
  readonly text: string
  readonly field: Field
}

/** Reads `event_type`, `user_id` or `properties.country`. */
export function parseBy(text: string): By {
  return { text, field: parseSegment(`${text}:*`)[0]!.field }
}

/** The value of the field as text; null where the property is missing. */
export function keySql({ field }: By): RawBuilder<unknown> {
  if (field.kind === 'property') return sql`(properties #>> ${[...field.path]}::text[]) COLLATE "C"`
  return field.kind === 'event_type' ? sql`event_type` : sql`user_id`
}
