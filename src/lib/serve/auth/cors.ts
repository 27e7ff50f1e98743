/**
 * Which websites may send events from their pages: those that are configured, to the routes that take events in, and to
 * no other. Pages of other sites are refused, also those whose browsers would not ask first.
 */
import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import { type Origins, originsOf, refuseForeignPages } from './origins.js'

const paths = new Set(['/events', '/collect'])

/** Browsers may remember the answer to their question for so long. */
const maxAgeSeconds = 600

/** Lets pages of these origins, and of no others, call what is registered in this scope. */
export async function allowOrigins(scope: FastifyInstance, patterns: readonly string[]): Promise<void> {
  const origins = originsOf(patterns)
  if (patterns.length > 0) await answerBrowsers(scope, origins)
  scope.addHook('onRequest', async (request) => {
    // The browser's question does nothing, and is answered by what it lacks.
    if (request.method !== 'OPTIONS') refuseForeignPages(request, origins)
  })
}

async function answerBrowsers(scope: FastifyInstance, { isAny, isListed }: Origins): Promise<void> {
  const allowed = {
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
    delegator: (request, done) => {
      const { origin } = request.headers
      // The plugin's route for OPTIONS fits every path of the server.
      const isHere = paths.has(request.url.split('?', 1)[0]!)
      // A beacon brings credentials, whether it has any or not: its browser wants to hear that they may come.
      if (isHere && origin !== undefined && isListed(origin)) done(null, { ...allowed, origin, credentials: true })
      else done(null, isHere && isAny ? { ...allowed, origin: '*' } : { origin: false })
    },
  })
  scope.addHook('onRequest', async (_, reply) => {
    // Of what helmet says the only word that would keep a page from reading its answer.
    reply.header('cross-origin-resource-policy', 'cross-origin')
  })
}
