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

/**
 * The keys of a cell as they are written: nothing is the missing one, `""` the empty text, and so are all JSON strings texts;
 * two have a comma between them, where quotes protect a comma in the first.
 *
 * @returns undefined for one key where there are two
 */
export function keysOfCell(text: string, count: number): (string | null)[] | undefined {
  if (count === 1) return [keyValue(text)]
  const pair = /^("(?:[^"\\]|\\.)*"|[^,]*),(.*)$/s.exec(text)
  return pair === null ? undefined : [keyValue(pair[1]!), keyValue(pair[2]!)]
}

function keyValue(text: string): string | null {
  if (text === '') return null
  if (!text.startsWith('"')) return text
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'string' ? parsed : text
  } catch {
    return text
  }
}
