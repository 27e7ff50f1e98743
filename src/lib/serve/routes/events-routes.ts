/** POST /events: any number of events, stored or safe when the answer comes. */
import { createHash, randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import * as z from 'zod'
import { EaError } from '../../core/errors.js'
import { inTurns, type Steps, slicesOf } from '../../core/in-turns.js'
import { type BodyType, readEvents } from '../../ingest/body/body.js'
import { type IngestRequest, queuedAnswer } from '../../ingest/body/request.js'
import { mediaType, readChunk } from '../http/request-body.js'
import { defineRoute } from '../route.js'
import { eventSchema, exampleEvent, exampleReject, storedAnswerOf, storedNone } from './event-schemas.js'

/**
 * What is read. A type must be given: a page of another site can send a body without one, or as text/plain, without the
 * browser asking here first, and an open server on a developer's machine would take it.
 */
const bodyTypes: Readonly<Record<string, BodyType>> = {
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
}

const idempotencyKey = z
  .string()
  .regex(/^[ -~]{1,255}$/)
  .describe(
    'A text that the sender makes up for this body. Sent again with the same body, within a day, it gets the first answer again; with another body it is refused.',
  )

const envelope = z
  .looseObject({ events: z.array(eventSchema) })
  .describe(
    'Further keys are shared by the events: user_id, event_type and occurred_at where an event has none, everything else as properties.',
  )

const exampleStored = { received: 2, inserted: 1, duplicates: 1, rejected: [] }
const examplePartly = { received: 2, inserted: 1, duplicates: 0, rejected: [exampleReject] }

export const eventsRoute = defineRoute({
  method: 'POST',
  path: '/events',
  scope: 'write',
  subject: 'POST /events',
  query: z.object({
    mode: z.enum(['partial', 'atomic']).default('partial').describe('atomic: store all events of the request or none.'),
  }),
  body: {
    types: Object.keys(bodyTypes),
    content: {
      'application/json': {
        schema: z.union([z.array(eventSchema), envelope, eventSchema]),
        example: [exampleEvent],
      },
      'application/x-ndjson': {
        schema: z.string().describe('One event as a JSON object on each line.'),
        example: `${JSON.stringify(exampleEvent)}\n`,
      },
    },
  },
  operationId: 'sendEvents',
  tag: 'events',
  summary: 'Store events',
  description:
    'Any number of events up to the byte limit of the server. They are checked like those of a file, with the same codes, and the answer comes when they are committed. While the database is away they are kept on disk and stored later (202).',
  headers: z.object({ 'Idempotency-Key': idempotencyKey.optional() }),
  answers: {
    200: storedAnswerOf('All events are stored: they are new, or were there before.', exampleStored),
    202: {
      description: 'The events are safe on disk, and will be stored when the database is back.',
      content: {
        'application/json': { schema: queuedAnswer, example: { status: 'queued', received: 1, rejected: [] } },
      },
    },
    207: storedAnswerOf('Some events are stored, the others rejected.', examplePartly),
    422: storedNone('No event is stored; each was rejected, or one was with `mode=atomic`.'),
  },
  asksDatabase: true,
  errors: ['spool_full', 'idempotency_key_reused'],
  async answer({ intake }, { query: { mode } }, request, reply) {
    const receivedAt = new Date()
    const key = keyOf(request)
    const { chunk, bytes, bodySha256 } = await readChunk(request, (body) =>
      readBody(body, bodyTypes[mediaType(request)!]!, key !== undefined),
    )
    const ingest: IngestRequest = {
      id: randomUUID(),
      kind: 'events',
      sender: request.principal!.sender,
      receivedAt,
      chunk,
      bytes,
      atomic: mode === 'atomic',
      ...(key === undefined ? {} : { idempotency: { key, bodySha256: bodySha256! } }),
    }
    const answer = await intake.accept(ingest)
    if (answer.replayed) reply.header('idempotent-replayed', 'true')
    return reply.code(answer.status).type('application/json; charset=utf-8').send(answer.body)
  },
})

async function readBody(bytes: Buffer, type: BodyType, hasKey: boolean) {
  const bodySha256 = hasKey ? await inTurns(sha256Of(bytes)) : undefined
  return { chunk: await readEvents(bytes, type), bodySha256 }
}

function* sha256Of(bytes: Buffer): Steps<Buffer> {
  const hash = createHash('sha256')
  for (const part of slicesOf(bytes)) {
    if (part.byteOffset > bytes.byteOffset) yield
    hash.update(part)
  }
  return hash.digest()
}

/** The header that names a body so that sending it again does not store it again. */
function keyOf({ headers }: FastifyRequest): string | undefined {
  const key = idempotencyKey.optional().safeParse(headers['idempotency-key'])
  if (key.success) return key.data
  throw new EaError('usage', 'The Idempotency-Key must have 1 to 255 printable ASCII characters.')
}
