/**
 * Which websites may send events from their pages: those that are configured, to the routes that take events in, and to
 * no other. Without configured origins browsers are told nothing, and keep pages of other sites out.
 */
import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'

const paths = new Set(['/events', '/collect'])

/** Browsers may remember the answer to their question for so long. */
const maxAgeSeconds = 600

/** Lets pages of these origins call what is registered in this scope. */
export async function allowOrigins(scope: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return
  const allowed = {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['POST'],
    allowedHeaders: [
      'content-type',
      'content-encoding',
      'authorization',
      'x-api-key',
      'idempotency-key',
      'x-request-id',
    ],
    exposedHeaders: ['x-request-id', 'retry-after', 'idempotent-replayed'],
    maxAge: maxAgeSeconds,
  }
  await scope.register(cors, {
    // The plugin's route for OPTIONS fits every path of the server.
    delegator: (request, done) => done(null, paths.has(request.url.split('?', 1)[0]!) ? allowed : { origin: false }),
  })
  scope.addHook('onRequest', async (_, reply) => {
    // Of what helmet says the only word that would keep a page from reading its answer.
    reply.header('cross-origin-resource-policy', 'cross-origin')
  })
}
