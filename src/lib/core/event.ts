/**
 * What an event is: its fields, their limits, and why a record is not one. The words here are those of the
 * command line, of the JSON and of HTTP.
 */

/** The fields of an event, in the order in which they are validated. */
export const eventFields = ['event_id', 'occurred_at', 'user_id', 'event_type', 'properties'] as const
export type EventField = (typeof eventFields)[number]

/** The formats in which events are written. */
export const eventFormats = ['csv', 'ndjson'] as const
export type EventFormat = (typeof eventFormats)[number]

export const limits = {
  userIdMaxChars: 255,
  eventTypeMaxChars: 100,
  propertiesMaxBytes: 1024 * 1024,
  jsonMaxDepth: 100,
  recordMaxBytes: 16 * 1024 * 1024,
  /** An event may lie this far after the creation of its batch: clocks differ. */
  futureMaxHours: 24,
  minYear: 1970,
} as const

/**
 * Why a record is rejected. First what the splitter sees (structure), then what the merge sees (fields, in the order
 * of validation: the first that applies is the record's).
 */
export const rejectCodes = {
  record_too_long: 'The record is longer than --max-record-bytes.',
  invalid_utf8: 'The record is not valid UTF-8.',
  nul_byte: 'The record holds a NUL byte.',
  unclosed_quote: 'A quoted field is never closed.',
  text_after_quote: 'There is text between a closing quote and the next delimiter.',
  unquoted_cr: 'A carriage return stands in a field without quotes, and the lines of the file end otherwise.',
  field_count: 'The record has more or fewer fields than the header.',
  not_an_object: 'The record is not a JSON object.',
  invalid_json:
    'The record is not valid JSON, or PostgreSQL cannot store it (\\u0000, half a surrogate pair, 1e200000).',
  json_too_deep: `JSON is nested more than ${limits.jsonMaxDepth} levels deep.`,
  missing_event_id: 'The event_id is absent or empty.',
  invalid_event_id: 'The event_id is not a UUID, or it is the nil or max UUID.',
  missing_occurred_at: 'The occurred_at is absent or empty.',
  invalid_occurred_at: 'The occurred_at is neither ISO 8601 nor 10, 13 or 16 digits of epoch time.',
  occurred_at_out_of_range: 'The occurred_at is before 1970 or more than 24 h after the import began.',
  missing_user_id: 'The user_id is absent or empty.',
  invalid_user_id: `The user_id is longer than ${limits.userIdMaxChars} characters or holds a control character.`,
  missing_event_type: 'The event_type is absent or empty.',
  invalid_event_type: `The event_type is longer than ${limits.eventTypeMaxChars} characters or holds a control character.`,
  properties_too_large: 'The properties are larger than 1 MB.',
  invalid_properties:
    'The properties are not valid JSON, or PostgreSQL cannot store them (\\u0000, half a surrogate pair, 1e200000).',
  properties_not_an_object: 'The properties are JSON, but not an object.',
  record_refused: 'PostgreSQL refused the record; the detail is its SQLSTATE.',
} as const
export type RejectCode = keyof typeof rejectCodes

/** A record that is not an event, with its address and its untouched bytes. */
export interface Reject {
  /** Counts from 1; the header is not a record. */
  readonly record: number
  /** The line it begins on; counts from 1, the header's line too. */
  readonly line: number
  /** Of its first byte in the decoded content. */
  readonly byteOffset: number
  readonly code: RejectCode
  readonly detail?: string | undefined
  readonly raw: Buffer
}
