/** The paths that take events in: POST /events and POST /collect. */
import type { ErrorCode } from '../../core/errors.js'
import { limits } from '../../core/event.js'
import { databaseTrouble, guarded, problems } from './problems.js'
import { array, instant, object, ref, type Schema, text } from './schemas.js'

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
    'A text that the sender makes up for this body. Sent again with the same body, within a day, it gets the first answer again; with another body it is refused.',
  schema: { type: 'string', pattern: '^[ -~]{1,255}$' },
}

const mode: Schema = {
  name: 'mode',
  in: 'query',
  required: false,
  description: 'atomic: store all events of the request or none.',
  schema: { type: 'string', enum: ['partial', 'atomic'], default: 'partial' },
}

const key: Schema = {
  name: 'key',
  in: 'query',
  required: false,
  description:
    'The API key, where no header can be set: `navigator.sendBeacon`. Use one that has only the scope write.',
  schema: text,
}

const replayed: Schema = {
  'Idempotent-Replayed': {
    description: 'That it is the answer of an earlier request with the same Idempotency-Key.',
    schema: { const: 'true' },
  },
}

const refused = [
  'usage',
  'malformed_body',
  'request_timeout',
  'body_too_large',
  'unsupported_media_type',
  'origin_refused',
  'spool_full',
  'internal_error',
  ...databaseTrouble,
  ...guarded,
] as const

function answer(description: string, schema: string, example: object): Schema {
  return { description, headers: replayed, content: { 'application/json': { schema: ref(schema), example } } }
}

const exampleEvent = {
  event_id: '0f0d9a4e-3c43-4d3e-9a37-4d4b7a1c2f10',
  occurred_at: '2025-01-31T10:15:00Z',
  user_id: 'u42',
  event_type: 'purchase',
  properties: { country: 'PL', amount: 19.9 },
}

const exampleReject = { index: 1, code: 'missing_user_id', message: 'The user_id is absent or empty.' }

const storedNone = answer('No event is stored; each was rejected, or one was with `mode=atomic`.', 'StoredAnswer', {
  received: 1,
  inserted: 0,
  duplicates: 0,
  rejected: [{ ...exampleReject, index: 0 }],
})

/** A response with a body of its own beside the problem of the same status. */
function withProblem(own: Schema, status: '422', ...codes: readonly ErrorCode[]): Schema {
  const problem = problems(...codes)[status] as { description: string; content: object }
  return {
    ...own,
    description: `${own.description}\n\n${problem.description}`,
    content: { ...(own.content as object), ...problem.content },
  }
}

const lines: Schema = { ...text, description: 'One event as a JSON object on each line.' }

const eventsOperation: Schema = {
  operationId: 'sendEvents',
  tags: ['events'],
  summary: 'Store events',
  description:
    'Any number of events up to the byte limit of the server. They are checked like those of a file, with the same codes, and the answer comes when they are committed. While the database is away they are kept on disk and stored later (202).',
  parameters: [mode, idempotencyKey, encoding],
  requestBody: {
    required: true,
    content: {
      'application/json': {
        schema: {
          anyOf: [
            array(ref('Event')),
            {
              type: 'object',
              properties: { events: array(ref('Event')) },
              required: ['events'],
              description:
                'Further keys are shared by the events: user_id, event_type and occurred_at where an event has none, everything else as properties.',
            },
            ref('Event'),
          ],
        },
        example: [exampleEvent],
      },
      'application/x-ndjson': { schema: lines, example: `${JSON.stringify(exampleEvent)}\n` },
    },
  },
  responses: {
    200: answer('All events are stored: they are new, or were there before.', 'StoredAnswer', {
      received: 2,
      inserted: 1,
      duplicates: 1,
      rejected: [],
    }),
    202: {
      ...answer('The events are safe on disk, and will be stored when the database is back.', 'QueuedAnswer', {
        status: 'queued',
        received: 1,
        rejected: [],
      }),
      headers: {},
    },
    207: answer('Some events are stored, the others rejected.', 'StoredAnswer', {
      received: 2,
      inserted: 1,
      duplicates: 0,
      rejected: [exampleReject],
    }),
    ...problems(...refused),
    422: withProblem(storedNone, '422', 'idempotency_key_reused'),
  },
}

const collectOperation: Schema = {
  operationId: 'collect',
  tags: ['events'],
  summary: 'Store what a browser sends',
  description:
    'One event, several in an array, or several in `events` with what they share beside them. Ids and times that are not given are given by the server. Pages of other sites are refused unless their origins are listed (--cors-origin).',
  parameters: [key, encoding],
  requestBody: {
    required: true,
    content: {
      'application/json': {
        schema: {
          anyOf: [ref('CollectedEvent'), array(ref('CollectedEvent')), ref('CollectedEvents')],
        },
        example: { eventType: 'page_view', visitorId: 'v7', eventData: { path: '/pricing' } },
      },
      'text/plain': { schema: { ...text, description: 'The same JSON, as `navigator.sendBeacon` sends a text.' } },
    },
  },
  responses: {
    204: { description: 'The events are stored, or safe on disk; some may have been rejected.' },
    ...problems(...refused),
    422: { ...storedNone, description: 'No event is stored: each was rejected.', headers: {} },
  },
}

export const eventsPaths: Readonly<Record<string, Schema>> = {
  '/events': { post: eventsOperation },
  '/collect': { post: collectOperation },
}

const scalar: Schema = { anyOf: [{ type: 'string' }, { type: 'number' }] }
const shared = {
  sessionId: { ...scalar, description: 'Stands for the user where there is no visitorId.' },
  visitorId: { ...scalar, description: 'Becomes the user_id.' },
  siteId: scalar,
  timestamp: {
    anyOf: [instant, { type: 'number' }],
    description: 'Becomes occurred_at; without it the time of arrival.',
  },
} as const satisfies Record<string, Schema>

/** The schemas of `components/schemas` of what browsers send. */
export const collectSchemas: Readonly<Record<string, Schema>> = {
  CollectedEvent: {
    type: 'object',
    description: 'Further keys become properties.',
    properties: {
      eventType: { type: 'string', minLength: 1, maxLength: limits.eventTypeMaxChars },
      eventData: { type: 'object', description: 'Becomes the properties.' },
      eventId: { type: 'string', format: 'uuid', description: 'For what may be sent twice.' },
      ...shared,
    },
    required: ['eventType'],
  },
  CollectedEvents: {
    ...object({ events: array(ref('CollectedEvent')), ...shared }, Object.keys(shared)),
    additionalProperties: true,
  },
}
