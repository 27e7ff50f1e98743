/** What the two routes that take events in have in common for those who read the OpenAPI document. */
import * as z from 'zod'
import { limits } from '../../core/event.js'
import { storedAnswer } from '../../ingest/body/request.js'
import type { Answer } from '../route.js'

export const eventTypeSchema = z.string().min(1).max(limits.eventTypeMaxChars)

/** An event as a request brings it; what is wrong with one is told by a reject code. */
export const eventSchema = z
  .looseObject({
    event_id: z.uuid().describe('An event is stored once: the first one with an id wins.'),
    occurred_at: z
      .union([
        z.string().describe('ISO 8601; without an offset in the time zone of the server.'),
        z.number().describe('Epoch time: 10, 13 or 16 digits of seconds, milliseconds or microseconds.'),
      ])
      .describe(`From ${limits.minYear} to ${limits.futureMaxHours} hours ahead of the clock of the server.`),
    user_id: z.string().min(1).max(limits.userIdMaxChars),
    event_type: eventTypeSchema,
    properties: z
      .looseObject({})
      .optional()
      .describe(
        `At most ${limits.propertiesMaxBytes} bytes, ${limits.jsonMaxDepth} levels deep. Numbers keep their digits.`,
      ),
  })
  .meta({ id: 'Event', description: 'One event. Further keys become properties.' })

export const exampleEvent = {
  event_id: '0f0d9a4e-3c43-4d3e-9a37-4d4b7a1c2f10',
  occurred_at: '2025-01-31T10:15:00Z',
  user_id: 'u42',
  event_type: 'purchase',
  properties: { country: 'PL', amount: 19.9 },
}

export const exampleReject = { index: 1, code: 'missing_user_id', message: 'The user_id is absent or empty.' }

const replayed = {
  description: 'That it is the answer of an earlier request with the same Idempotency-Key.',
  schema: z.literal('true'),
}

/** An answer of POST /events to events that the database has seen. */
export function storedAnswerOf(description: string, example: object): Answer {
  return {
    description,
    headers: { 'Idempotent-Replayed': replayed },
    content: { 'application/json': { schema: storedAnswer, example } },
  }
}

export function storedNone(description: string): Answer {
  const rejected = [{ ...exampleReject, index: 0 }]
  return storedAnswerOf(description, { received: 1, inserted: 0, duplicates: 0, rejected })
}
