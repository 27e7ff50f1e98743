/**
 * GET /openapi.json, and GET /docs: the same as a page, by Swagger UI. Its files come from the package beside us, so it
 * works without the internet; a strict Content-Security-Policy says so to the browser. Nothing here needs a key: what can
 * be asked is no secret, and the page must load before somebody can type a key into it.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { FastifyContextConfig, FastifyInstance, FastifyReply } from 'fastify'
import { EaError } from '../../core/errors.js'
import { openApiDocument } from './openapi.js'

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
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** A day; the files change with the release only, and an ETag is not worth its code. */
const cacheSeconds = 86_400

// It costs nothing to answer, so too much other work is no reason to refuse.
const config = { pressureHandler: () => {} } as FastifyContextConfig

/**
 * The routes of the documentation.
 *
 * @example
 * docsRoutes(app)
 */
export function docsRoutes(app: FastifyInstance): void {
  const document = JSON.stringify(openApiDocument())
  app.get('/openapi.json', { config }, (_, reply) => reply.type('application/json; charset=utf-8').send(document))

  const send = (reply: FastifyReply, type: string, body: string | Buffer) =>
    reply.header('content-security-policy', contentSecurityPolicy).type(type).send(body)
  app.get('/docs', { config }, (_, reply) => send(reply, 'text/html; charset=utf-8', page))

  const files = new Map<string, Promise<Buffer>>()
  // A part of the page, and nothing that anybody should know of.
  const hidden = { config, schema: { hide: true } as object }
  app.get<{ Params: { file: string } }>('/docs/:file', hidden, async ({ params: { file } }, reply) => {
    if (file === '') return reply.redirect('../docs')
    if (file === 'start.js') return send(reply, 'text/javascript; charset=utf-8', start)
    const type = Object.hasOwn(packaged, file) ? packaged[file] : undefined
    if (type === undefined) throw new EaError('not_found', 'The documentation has no such file.')
    if (!files.has(file)) files.set(file, readFile(join(folder(), file)))
    return send(reply.header('cache-control', `public, max-age=${cacheSeconds}`), type, await files.get(file)!)
  })
}

/** The files of Swagger UI, as the package has them. */
function folder(): string {
  return join(dirname(createRequire(import.meta.url).resolve('@fastify/swagger-ui')), 'static')
}
