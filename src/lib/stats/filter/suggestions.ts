/**
 * What the events hold, as texts that can be asked with as they are: offered where somebody types a filter, a step or a
 * property. Whatever the names are made of (blanks, quotes, dots, any script), each text is written so that it is read back
 * as the same name.
 */
import { sql } from 'kysely'
import type { Session } from '../../db/connect.js'
import { fieldText, stepText, valueText } from './filter-parser.js'
import { pathsIn, sampleOf } from './unknown-names.js'

export interface Suggestions {
  readonly segments: readonly string[]
  readonly steps: readonly string[]
  /** What a trend can be told apart by. */
  readonly fields: readonly string[]
}

const mostTypes = 500
const mostProperties = 500
/** How deep properties are looked for: `properties.utm.source` has two levels. */
const deepest = 3
const longestName = 200

/**
 * Reads the most frequent names of the data: all event types, and the properties of a sample.
 *
 * @example
 * (await readSuggestions(s)).segments // ['event_type:purchase', 'event_type:"sign up"', 'properties.country:*']
 */
export async function readSuggestions(s: Session): Promise<Suggestions> {
  const types = (await typesOf(s)).filter(canBeTyped)
  const properties = (await propertiesOf(s)).map((path) => fieldText({ kind: 'property', path })).filter(canBeTyped)
  return {
    segments: [...types.map((type) => `event_type:${valueText(type)}`), ...properties.map((field) => `${field}:*`)],
    steps: types.map(stepText),
    fields: ['event_type', ...properties, 'user_id'],
  }
}

/** A field of one line cannot hold line breaks, and nobody picks what does not fit on the screen. */
function canBeTyped(text: string): boolean {
  return text.length <= longestName && !/[\p{Cc}\u2028\u2029]/u.test(text)
}

async function typesOf({ q, t }: Session): Promise<string[]> {
  const { rows } = await sql<{ type: string }>`
    SELECT event_type AS type FROM ${t.event_type_days}
    GROUP BY event_type ORDER BY sum(events) DESC, event_type COLLATE "C" LIMIT ${mostTypes}`.execute(q)
  return rows.map(({ type }) => type)
}

async function propertiesOf(s: Session): Promise<string[][]> {
  const sample = await sampleOf(s)
  const visible = sql`batch_id NOT IN (SELECT id FROM ${s.t.import_batches} WHERE status = 'loading')`
  const found: string[][] = []
  for (let depth = 1; depth <= deepest && found.length < mostProperties; depth++) {
    const paths = await pathsIn(s, sample, depth, visible)
    if (paths.length === 0) break
    found.push(...paths)
  }
  return found.slice(0, mostProperties)
}
