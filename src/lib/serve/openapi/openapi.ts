/**
 * The OpenAPI 3.1 document of the server, made from the same objects that answer: the stats and their zod schemas, the
 * catalogue of errors, the reject codes. Pure: it asks no database.
 */

import { packageVersion } from '../../core/package.js'
import { batchesPaths } from './batches.js'
import { collectSchemas, eventsPaths } from './events.js'
import { sharedSchemas } from './schemas.js'
import { serverPaths } from './server.js'
import { schemasOfStats, statsPaths } from './stats.js'

/**
 * The document of GET /openapi.json.
 *
 * @example
 * Object.keys(openApiDocument().paths) // ['/stats', '/stats/dau', …]
 */
export function openApiDocument() {
  return {
    openapi: '3.1.1',
    info: {
      title: 'ea',
      version: packageVersion(),
      summary: 'Exact answers about events, and events in.',
      description:
        'Answers are the same as those of `ea stats NAME --json`. Errors are application/problem+json with a code. Keys are made with `ea keys create`; a server on the loopback address without keys asks for none.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: [
      { name: 'stats', description: 'Questions about the events. Need the scope read.' },
      { name: 'batches', description: 'What was imported. Need the scope read.' },
      { name: 'events', description: 'Events in. Need the scope write.' },
      { name: 'server', description: 'The server itself.' },
    ],
    security: [{ apiKey: [] }, { bearer: [] }],
    paths: { ...statsPaths, ...batchesPaths, ...eventsPaths, ...serverPaths },
    components: {
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'A key of `ea keys create`.' },
        bearer: { type: 'http', scheme: 'bearer', description: 'The same key, or a JWT.' },
      },
      schemas: { ...sharedSchemas, ...collectSchemas, ...schemasOfStats },
    },
  }
}
