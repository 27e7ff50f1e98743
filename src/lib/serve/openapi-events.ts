/** The paths that take events in: POST /events and POST /collect. */
import { guarded, problems } from './openapi-problems.js'
import { array, count, object, ref, type Schema, text } from './openapi-schemas.js'

const encoding: Schema = {
  name: 'Content-Encoding',
  in: 'header',
  required: false,
  description: 'The body may be compressed.',
  schema: { type: 'string', enum: ['gzip', 'identity'] },
}

const idempotencyKey: Schema = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'A text that the sender makes up for this body. Sent again with the same body, it gets the first answer again, and nothing is stored twice; with another body it is refused.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
}

const mode: Schema = {
  name: 'mode',
  in: 'query',
  required: false,
  description: 'atomic: store all events of the request or none.',
  schema: { type: 'string', enum: ['partial', 'atomic'], default: 'partial' },
}

const replayed: Schema = {
  'Idempotency-Replayed': {
    description: '`true` when it is the answer of an earlier request with the same Idempotency-Key.',
    schema: { const: 'true' },
  },
}

const refusedBodies = [
  'usage',
  'malformed_body',
  'request_timeout',
  'body_too_large',
  'unsupported_media_type',
] as const

function answer(description: string, schema: string): Schema {
  return { description, headers: replayed, content: { 'application/json': { schema: ref(schema) } } }
}

const lines: Schema = { ...text, description: 'One event as a JSON object on each line.' }

/** What a browser sends: one event, or several that share what stands beside them. */
export const collectSchemas: Readonly<Record<string, Schema>> = {}

export const eventsPaths: Readonly<Record<string, Schema>> = {
  '/events': {
    post: {
      operationId: 'sendEvents',
      tags: ['events'],
      summary: 'Store events',
      description:
        'Any number of events up to the byte limit. They are checked like those of a file, with the same codes, and the answer comes when they are committed. While the database is away they are kept in a spool on disk and stored later (202).',
      parameters: [mode, idempotencyKey, encoding],
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: { anyOf: [array(ref('Event')), object({ events: array(ref('Event')) })] },
          },
          'application/x-ndjson': { schema: lines },
        },
      },
      responses: {
        200: answer('All events are stored: they are new, or were before.', 'StoredAnswer'),
        202: answer('The events are safe on disk, and will be stored when the database is back.', 'QueuedAnswer'),
        207: answer('Some events are stored, the others rejected.', 'StoredAnswer'),
        ...problems(
          ...refusedBodies,
          'idempotency_key_reused',
          'server_busy',
          'spool_full',
          'internal_error',
          ...guarded,
        ),
      },
    },
  },
}
void count
