/** The rules of an event, said a second time and plainly, for tests to hold judge.ts against. */
import { limits, type RejectCode } from '../../src/lib/core/event.js'
import { instantOf } from './time-model.js'

/** A record as given: `event_id, occurred_at, user_id, event_type, properties`; null is absent. */
export type GivenRecord = readonly [string | null, string | null, string | null, string | null, string | null]

/** The code of the first rule that a record breaks, or null when it is an event. */
export function codeOf([id, at, user, type, properties]: GivenRecord, latest: Date): RejectCode | null {
  if (!id) return 'missing_event_id'
  if (!isUuid(id) || /^(0{32}|f{32})$/i.test(id.replaceAll(/[-{}]/g, ''))) return 'invalid_event_id'
  if (!at) return 'missing_occurred_at'
  const micros = instantOf(at, { kind: 'auto' })
  if (micros === null) return 'invalid_occurred_at'
  if (micros < 0n || micros > BigInt(latest.getTime()) * 1000n) return 'occurred_at_out_of_range'
  if (!user) return 'missing_user_id'
  if ([...user].length > limits.userIdMaxChars || hasControl(user)) return 'invalid_user_id'
  if (!type) return 'missing_event_type'
  if ([...type].length > limits.eventTypeMaxChars || hasControl(type)) return 'invalid_event_type'
  return properties === null ? null : propertiesCode(properties)
}

/** Groups of four digits with or without a hyphen between them, in braces or not, in any case. */
export function isUuid(text: string): boolean {
  const inner = text.startsWith('{') && text.endsWith('}') ? text.slice(1, -1) : text
  return /^([0-9a-f]{4}-?){7}[0-9a-f]{4}$/i.test(inner)
}

function hasControl(text: string): boolean {
  return [...text].some((character) => {
    const point = character.codePointAt(0)!
    return point < 0x20 || (point >= 0x7f && point <= 0x9f)
  })
}

function propertiesCode(text: string): RejectCode | null {
  if (Buffer.byteLength(text) > limits.propertiesMaxBytes) return 'properties_too_large'
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return 'invalid_properties'
  }
  if (!isStorable(value)) return 'invalid_properties'
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? null : 'properties_not_an_object'
}

/** JSON.parse takes half surrogate pairs and NUL, and makes Infinity of what numeric cannot hold. */
function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return !value.includes('\0') && !/\p{Surrogate}/u.test(value)
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([key, inner]) => isStorable(key) && isStorable(inner))
}
