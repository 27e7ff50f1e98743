/**
 * The words of the OpenAPI document: JSON Schemas (2020-12) of values, and of the objects that more than one route knows.
 * An object of ours names all its keys and allows no others, so a key that nobody has described fails a test.
 */
import { catalogue } from '../../core/errors.js'
import { limits, rejectCodes } from '../../core/event.js'
import { listedRejects } from '../../ingest/body/request.js'
import { scopes } from '../../keys/scopes.js'

export type Schema = Readonly<Record<string, unknown>>

/** An object with these keys and no others; all are there, apart from the optional ones. */
export function object(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: 'object', properties, required, additionalProperties: false }
}

export function array(items: Schema): Schema {
  return { type: 'array', items }
}

/** The same, or null; for schemas of a plain type. */
function nullable(schema: Schema): Schema {
  return { ...schema, type: [schema.type, 'null'] }
}

/** A schema of `components/schemas`. */
export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

export const text: Schema = { type: 'string' }
export const flag: Schema = { type: 'boolean' }
export const count: Schema = { type: 'integer', minimum: 0 }
export const instant: Schema = { type: 'string', format: 'date-time' }
const seconds: Schema = { type: 'number', minimum: 0 }
const sha256: Schema = { type: 'string', pattern: '^[0-9a-f]{64}$' }

/** An event as a request brings it; what is wrong with one is told by a reject code. */
const event: Schema = {
  type: 'object',
  description: 'One event. Further keys become properties.',
  properties: {
    event_id: {
      type: 'string',
      format: 'uuid',
      description: 'An event is stored once: the first one with an id wins.',
    },
    occurred_at: {
      anyOf: [
        { type: 'string', description: 'ISO 8601; without an offset in the time zone of the server.' },
        { type: 'number', description: 'Epoch time: 10, 13 or 16 digits of seconds, milliseconds or microseconds.' },
      ],
      description: `From ${limits.minYear} to ${limits.futureMaxHours} hours ahead of the clock of the server.`,
    },
    user_id: { type: 'string', minLength: 1, maxLength: limits.userIdMaxChars },
    event_type: { type: 'string', minLength: 1, maxLength: limits.eventTypeMaxChars },
    properties: {
      type: 'object',
      description: `At most ${limits.propertiesMaxBytes} bytes, ${limits.jsonMaxDepth} levels deep. Numbers keep their digits.`,
    },
  },
  required: ['event_id', 'occurred_at', 'user_id', 'event_type'],
}

const rejectCode: Schema = {
  type: 'string',
  enum: Object.keys(rejectCodes),
  description: Object.entries(rejectCodes)
    .map(([code, meaning]) => `- \`${code}\`: ${meaning}`)
    .join('\n'),
}

const rejectedRecord = object({
  index: { ...count, description: 'Its place in the request, from 0.' },
  code: ref('RejectCode'),
  message: text,
})

const rejectedTotal: Schema = {
  type: 'integer',
  minimum: listedRejects + 1,
  description: 'How many records were rejected, where `rejected` names the first of them only; else absent.',
}

const storedAnswer = object(
  {
    received: { ...count, description: 'Records in the request: inserted + duplicates + pending + rejected.' },
    inserted: count,
    duplicates: { ...count, description: 'Events whose id was stored before, or came earlier in the same request.' },
    differing: {
      type: 'integer',
      minimum: 1,
      description:
        'How many of the duplicates have other content than the event that is stored. Absent when there are none.',
    },
    pending: {
      type: 'integer',
      minimum: 1,
      description:
        'Events whose id belongs to an import that still loads. They are kept safe, and stored or counted as duplicates when it ends. Absent when there are none.',
    },
    rejected: { ...array(ref('RejectedRecord')), maxItems: listedRejects },
    rejected_total: rejectedTotal,
    warnings: { ...array(text), description: 'What may not be as it was meant. Absent when there is nothing.' },
  },
  ['differing', 'pending', 'rejected_total', 'warnings'],
)

const queuedAnswer = object(
  {
    status: { const: 'queued' },
    received: count,
    rejected: {
      ...array(ref('RejectedRecord')),
      maxItems: listedRejects,
      description:
        'Records that are no records at all; what else is wrong is known only when the database has seen them.',
    },
    rejected_total: rejectedTotal,
  },
  ['rejected_total'],
)

const batch = {
  id: { type: 'integer', minimum: 1 },
  source: { type: 'string', enum: ['file', 'stdin', 'http'] },
  file: { ...text, description: 'The path as it was given, `-` for stdin, `http:SENDER` for events over HTTP.' },
  sha256: { ...nullable(sha256), description: 'Of the decompressed content; null for events over HTTP.' },
  status: { type: 'string', enum: ['loading', 'completed', 'failed', 'undone'] },
  stale: { ...flag, description: 'An undo took events away that it had as duplicates: import its file again.' },
  read: count,
  inserted: count,
  duplicates: count,
  differing: { ...count, description: 'How many of the duplicates have other content than the event that is stored.' },
  rejected: count,
  bytes: count,
  seconds,
  created_at: instant,
  finished_at: nullable(instant),
  failure: {
    type: ['string', 'null'],
    enum: [...Object.keys(catalogue), null],
    description: 'The code of the error that failed it.',
  },
} as const satisfies Record<string, Schema>

const overlap = object({ id: { type: 'integer', minimum: 1 }, duplicates: count })

const batchDetail = object({
  ...batch,
  reading: {
    type: 'object',
    description: 'How its records were read: format, columns, time zone and the like; empty for events over HTTP.',
  },
  chunk_bytes: count,
  chunks: count,
  merged_records: count,
  holder: {
    anyOf: [object({ doing: text, pid: { type: 'integer', minimum: 1 }, since: instant }), { type: 'null' }],
    description: 'Who loads it now; null when nobody does.',
  },
  reasons: array(object({ code: ref('RejectCode'), count: { type: 'integer', minimum: 1 } })),
  leans_on: array(overlap),
  leaned_on_by: array(overlap),
})

const reject = object({
  record: { type: 'integer', minimum: 1 },
  line: { type: 'integer', minimum: 1 },
  byte_offset: count,
  code: ref('RejectCode'),
  detail: nullable(text),
  text: { ...text, description: 'The unchanged record; invalid UTF-8 in it is replaced by U+FFFD.' },
})

/** Any error (RFC 9457). The codes that an answer can have stand beside it, route by route. */
const problem = object(
  {
    type: { const: 'about:blank' },
    title: { ...text, description: 'The words of the status.' },
    status: { type: 'integer', minimum: 400, maximum: 599 },
    detail: { ...text, description: 'What happened, for people.' },
    code: ref('ErrorCode'),
    suggestions: { ...array(text), description: 'What to do next, most likely first.' },
    instance: { ...text, description: 'The id of the request, as in X-Request-Id and in the log of the server.' },
    problems: { ...array(text), description: 'Each thing that is wrong with the request, where there may be several.' },
    scope: { type: 'string', enum: scopes, description: 'The scope that the key lacks.' },
    reason: {
      type: 'string',
      pattern: '^(missing|ambiguous|scheme|(key|token)_[a-z_]+)$',
      description: 'What is wrong with the key or token.',
    },
    byte_offset: { ...count, description: 'Where in the body something else was expected.' },
    expected: { ...text, description: 'What was expected there.' },
    max_records: { ...count, description: 'How many records a body may hold.' },
    retry_after_seconds: { type: 'number', minimum: 0, description: 'As in Retry-After.' },
  },
  ['instance', 'problems', 'scope', 'reason', 'byte_offset', 'expected', 'max_records', 'retry_after_seconds'],
)

const errorCode: Schema = { type: 'string', enum: Object.keys(catalogue) }

/** `components/schemas`, apart from those that the stats bring. */
export const sharedSchemas: Readonly<Record<string, Schema>> = {
  Event: event,
  RejectCode: rejectCode,
  RejectedRecord: rejectedRecord,
  StoredAnswer: storedAnswer,
  QueuedAnswer: queuedAnswer,
  Batch: object(batch),
  BatchDetail: batchDetail,
  Reject: reject,
  ErrorCode: errorCode,
  Problem: problem,
}
