/**
 * Which optional rollups a schema keeps: those of a property (`property_user_days`, `property_days`) and those of an event
 * type (`user_times`). They are not kept unless somebody asks for them, because each costs every import a part of its time.
 */
import { sql } from 'kysely'
import type { Session } from '../../db/connect.js'

/** What one of them is about. */
export type OnDemandSubject =
  /** `properties.a.b` is `['a', 'b']`. */
  | { readonly kind: 'property'; readonly path: readonly string[] }
  | { readonly kind: 'event_type'; readonly eventType: string }

export type PropertyRollup = Extract<OnDemandSubject, { kind: 'property' }> & { readonly id: number }
export type EventTypeRollup = Extract<OnDemandSubject, { kind: 'event_type' }> & { readonly id: number }
export type OnDemandRollup = PropertyRollup | EventTypeRollup

/** Values with more characters are not kept: their key would not fit the index. A question for such a one reads `events`. */
export const maxValueCharacters = 255

interface Row {
  readonly id: number
  readonly path: string[] | null
  readonly event_type: string | null
}

/**
 * The optional rollups that are kept now, in the order in which they were added.
 *
 * @example
 * await readOnDemandRollups(db) // [{ id: 1, kind: 'property', path: ['country'] }]
 */
export async function readOnDemandRollups({ q, t }: Session): Promise<OnDemandRollup[]> {
  const { rows } = await sql<Row>`SELECT id, path, event_type FROM ${t.optional_rollups} ORDER BY id`.execute(q)
  return rows.map(onDemandRollup)
}

/** A row of `optional_rollups`. */
export function onDemandRollup({ id, path, event_type }: Row): OnDemandRollup {
  return path !== null ? { id, kind: 'property', path } : { id, kind: 'event_type', eventType: event_type! }
}

export function isOfProperty(rollup: OnDemandRollup): rollup is PropertyRollup {
  return rollup.kind === 'property'
}

export function isOfEventType(rollup: OnDemandRollup): rollup is EventTypeRollup {
  return rollup.kind === 'event_type'
}
