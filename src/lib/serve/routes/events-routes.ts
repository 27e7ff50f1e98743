/** POST /events: any number of events, stored or safe when the answer comes. */
import { createHash, randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { EaError } from '../../core/errors.js'
import { inTurns, type Steps, slicesOf } from '../../core/in-turns.js'
import { type BodyType, readEvents } from '../../ingest/body/body.js'
import type { IngestRequest } from '../../ingest/body/request.js'
import type { Routes } from '../http/context.js'
import { readQuery } from '../http/query-values.js'
import { mediaType, readChunk, takeBodies } from '../http/request-body.js'

/**
 * What the routes read. A type must be given: a page of another site can send a body without one, or as text/plain,
 * without the browser asking here first, and an open server on a developer's machine would take it.
 */
const bodyTypes: Readonly<Record<string, BodyType>> = {
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
}

const modes = ['partial', 'atomic'] as const

export const eventsRoutes: Routes = (app, { bodies, intake, options }) => {
  app.register(async (scope) => {
    takeBodies(scope, (type) => type !== null && Object.hasOwn(bodyTypes, type), options.bodyLimitBytes, bodies)
    scope.post('/events', { config: { scope: 'write' } }, async (request, reply) => {
      const receivedAt = new Date()
      const atomic = isAtomic(request)
      const key = idempotencyKey(request)
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
        atomic,
        ...(key === undefined ? {} : { idempotency: { key, bodySha256: bodySha256! } }),
      }
      const answer = await intake.accept(ingest)
      if (answer.replayed) reply.header('idempotent-replayed', 'true')
      return reply.code(answer.status).type('application/json; charset=utf-8').send(answer.body)
    })
  })
}

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

function isAtomic(request: FastifyRequest): boolean {
  const mode = readQuery(request.query, [{ name: 'mode' }], 'POST /events').get('mode')?.[0] ?? 'partial'
  if (!(modes as readonly string[]).includes(mode)) {
    throw new EaError('usage', `mode must be ${modes.join(' or ')}, not ${JSON.stringify(mode)}.`)
  }
  return mode === 'atomic'
}

/** The header, which names a body so that sending it again does not store it again. */
function idempotencyKey({ headers }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key !== 'string' || !/^[\x20-\x7e]{1,255}$/.test(key)) {
    throw new EaError('usage', 'The Idempotency-Key must have 1 to 255 printable ASCII characters.')
  }
  return key
}
