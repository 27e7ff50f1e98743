/** The paths that tell of the server itself: its health, what it counted, its documentation. */
import { guarded, problems } from './problems.js'
import { object, type Schema, text } from './schemas.js'

/** Open to all, whatever else asks for a key. */
const open = { security: [{}] } as const

export const serverPaths: Readonly<Record<string, Schema>> = {
  '/': {
    get: {
      operationId: 'getPage',
      tags: ['server'],
      summary: 'The answers as a page, for people',
      description: 'The page itself holds no data: it asks the other paths, with a key where one is needed.',
      ...open,
      responses: {
        200: {
          description: 'The page; it loads nothing from elsewhere.',
          content: { 'text/html': { schema: text } },
        },
        ...problems('rate_limited'),
      },
    },
  },
  '/health': {
    get: {
      operationId: 'getHealth',
      tags: ['server'],
      summary: 'Whether the server lives',
      ...open,
      responses: {
        200: {
          description: 'It does.',
          content: { 'application/json': { schema: object({ status: { const: 'ok' }, version: text }) } },
        },
        ...problems('server_busy'),
      },
    },
  },
  '/ready': {
    get: {
      operationId: 'getReady',
      tags: ['server'],
      summary: 'Whether the server can answer questions now',
      description: 'Asks the database. Events are taken in also while it is away.',
      ...open,
      responses: {
        200: {
          description: 'It can.',
          content: { 'application/json': { schema: object({ status: { const: 'ready' } }) } },
        },
        ...problems('database_unreachable', 'database_refused', 'database_not_migrated', 'server_busy'),
      },
    },
  },
  '/metrics': {
    get: {
      operationId: 'getMetrics',
      tags: ['server'],
      summary: 'What the server has counted, for Prometheus',
      description: 'Asks for no key when the server runs with --public-metrics.',
      responses: {
        200: { description: 'The metrics.', content: { 'text/plain': { schema: text } } },
        ...problems(...guarded),
      },
    },
  },
  '/openapi.json': {
    get: {
      operationId: 'getOpenApi',
      tags: ['server'],
      summary: 'This document',
      ...open,
      responses: {
        200: {
          description: 'OpenAPI 3.1.',
          content: {
            'application/json': {
              schema: {
                type: 'object',
                properties: { openapi: { type: 'string', pattern: '^3\\.1\\.' } },
                required: ['openapi', 'info', 'paths'],
              },
            },
          },
        },
        ...problems('rate_limited'),
      },
    },
  },
  '/docs': {
    get: {
      operationId: 'getDocs',
      tags: ['server'],
      summary: 'This document as a page',
      ...open,
      responses: {
        200: {
          description: 'Swagger UI; it loads nothing from elsewhere.',
          content: { 'text/html': { schema: text } },
        },
        ...problems('rate_limited'),
      },
    },
  },
}
