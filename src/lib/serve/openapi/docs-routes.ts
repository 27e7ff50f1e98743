/**
 * GET /openapi.json, and GET /docs: the same as a page, by Swagger UI. Its files come from the package beside us, so it
 * works without the internet; a strict Content-Security-Policy says so to the browser. Nothing here needs a key: what can
 * be asked is no secret, and the page must load before somebody can type a key into it.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { FastifyReply } from 'fastify'
import * as z from 'zod'
import { EaError } from '../../core/errors.js'
import { pagePolicy } from '../page-routes.js'
import { defineRoute, json, type Route, textOf } from '../route.js'

/** What the page loads: the name, its type. */
const packaged: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'index.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
}

// The path is relative, for servers behind a proxy that serves them below a path of its own.
const page = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ea: API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="stylesheet" href="docs/index.css">
<link rel="icon" type="image/png" sizes="32x32" href="docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`

// A validator would be asked over the internet: none.
const start = `SwaggerUIBundle({
  dom_id: '#swagger-ui',
  url: new URL('openapi.json', document.baseURI).href,
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
})
`

/** Swagger UI draws its icons from `data:` URLs and sets styles from its script, which needs no allowance. */
const contentSecurityPolicy = pagePolicy("'self' data:")

/** A day; the files change with the release only, and an ETag is not worth its code. */
const cacheSeconds = 86_400

const documentSchema = z.looseObject({ openapi: z.string().regex(/^3\.1\./), info: z.unknown(), paths: z.unknown() })

const cheap = { method: 'GET', isCheap: true } as const

/**
 * The routes of the documentation.
 *
 * @param document makes what they show
 */
export function docsRoutes(document: () => object): Route[] {
  let text: string | undefined
  const files = new Map<string, Promise<Buffer>>()
  return [
    defineRoute({
      ...cheap,
      path: '/openapi.json',
      operationId: 'getOpenApi',
      tag: 'server',
      summary: 'This document',
      answers: { 200: json('OpenAPI 3.1.', documentSchema) },
      errors: ['rate_limited'],
      answer(_, __, ___, reply) {
        text ??= JSON.stringify(document())
        return reply.type('application/json; charset=utf-8').send(text)
      },
    }),
    defineRoute({
      ...cheap,
      path: '/docs',
      operationId: 'getDocs',
      tag: 'server',
      summary: 'This document as a page',
      answers: { 200: textOf('text/html', 'Swagger UI; it loads nothing from elsewhere.') },
      errors: ['rate_limited'],
      answer: (_, __, ___, reply) => send(reply, 'text/html; charset=utf-8', page),
    }),
    defineRoute({
      ...cheap,
      path: '/docs/{file}',
      params: z.object({ file: z.string() }),
      async answer(_, { params: { file } }, __, reply) {
        if (file === '') return reply.redirect('../docs')
        if (file === 'start.js') return send(reply, 'text/javascript; charset=utf-8', start)
        const type = Object.hasOwn(packaged, file) ? packaged[file] : undefined
        if (type === undefined) throw new EaError('not_found', 'The documentation has no such file.')
        if (!files.has(file)) files.set(file, readFile(join(folder(), file)))
        return send(reply.header('cache-control', `public, max-age=${cacheSeconds}`), type, await files.get(file)!)
      },
    }),
  ]
}

function send(reply: FastifyReply, type: string, body: string | Buffer): FastifyReply {
  return reply.header('content-security-policy', contentSecurityPolicy).type(type).send(body)
}

/** The files of Swagger UI, as the package has them. */
function folder(): string {
  return join(dirname(createRequire(import.meta.url).resolve('@fastify/swagger-ui')), 'static')
}
