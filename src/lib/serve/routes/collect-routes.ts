/** POST /collect: what browsers send while a page is open or when it closes; they cannot do much with an answer. */
import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { readCollected } from '../../ingest/body/collect.js'
import { readChunk } from '../http/request-body.js'
import { defineRoute } from '../route.js'
import { eventTypeSchema, storedNone } from './event-schemas.js'

/** The source of events whose sender nobody asked for. */
const openSender = 'collect'

const scalar = z.union([z.string(), z.number()])
const shared = {
  sessionId: scalar.optional().describe('Stands for the user where there is no visitorId.'),
  visitorId: scalar.optional().describe('Becomes the user_id.'),
  siteId: scalar.optional(),
  timestamp: z
    .union([z.iso.datetime({ offset: true }), z.number()])
    .optional()
    .describe('Becomes occurred_at; without it the time of arrival.'),
}

const collectedEvent = z
  .looseObject({
    eventType: eventTypeSchema,
    eventData: z.looseObject({}).optional().describe('Becomes the properties.'),
    eventId: z.uuid().optional().describe('For what may be sent twice.'),
    ...shared,
  })
  .meta({ id: 'CollectedEvent', description: 'Further keys become properties.' })
const collectedEvents = z.looseObject({ events: z.array(collectedEvent), ...shared }).meta({ id: 'CollectedEvents' })

const storesNone = storedNone('No event is stored: each was rejected.')

export const collectRoute = defineRoute({
  method: 'POST',
  path: '/collect',
  scope: 'write',
  config: { allowQueryKey: true },
  subject: 'POST /collect',
  query: z.object({
    key: z
      .string()
      .optional()
      .describe(
        'The API key, where no header can be set: `navigator.sendBeacon`. Use one that has only the scope write.',
      ),
  }),
  body: {
    // `navigator.sendBeacon` sends a text as text/plain, and a Blob without a type as nothing.
    types: ['application/json', 'text/plain', null],
    content: {
      'application/json': {
        schema: z.union([collectedEvent, z.array(collectedEvent), collectedEvents]),
        example: { eventType: 'page_view', visitorId: 'v7', eventData: { path: '/pricing' } },
      },
      'text/plain': { schema: z.string().describe('The same JSON, as `navigator.sendBeacon` sends a text.') },
    },
  },
  operationId: 'collect',
  tag: 'events',
  summary: 'Store what a browser sends',
  description:
    'One event, several in an array, or several in `events` with what they share beside them. Ids and times that are not given are given by the server. Pages of other sites are refused unless their origins are listed (--cors-origin).',
  answers: {
    204: { description: 'The events are stored, or safe on disk; some may have been rejected.' },
    422: { description: storesNone.description, content: storesNone.content! },
  },
  asksDatabase: true,
  errors: ['spool_full'],
  async answer({ access, intake, options }, _, request, reply) {
    const receivedAt = new Date()
    const clientAddress = options.storeClientAddress ? request.ip : undefined
    const { chunk, bytes } = await readChunk(request, async (body) => ({
      chunk: await readCollected(body, { at: receivedAt, clientAddress }),
    }))
    const answer = await intake.accept({
      id: randomUUID(),
      kind: 'collect',
      sender: access.isRequired ? request.principal!.sender : openSender,
      receivedAt,
      chunk,
      bytes,
      atomic: false,
    })
    // Whoever writes the page's script wants to know why nothing of it was stored; a few rejects are in the batch.
    if (answer.status === 422) return reply.code(422).type('application/json; charset=utf-8').send(answer.body)
    return reply.code(204).send()
  },
})
