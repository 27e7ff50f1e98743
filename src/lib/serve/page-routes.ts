/**
 * GET /, the page of the server, and the files it loads. They are read once, at the start, and hold no data: everybody may
 * have them, and the page asks the other routes for its numbers, with a key where one is needed.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { EaError } from '../core/errors.js'
import { chartVariables } from '../present/svg/colors.js'
import { hasAlready } from './http/negotiate.js'

/** Beside this file, and as deep as the chunks that the build makes. */
const folder = fileURLToPath(new URL('../serve/page/files/', import.meta.url))

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
}

/** Stricter than what the server says of everything else: the page needs no more than this. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

// It costs nothing to answer, so too much other work is no reason to refuse.
const config = { pressureHandler: () => {} } as FastifyContextConfig

interface PageFile {
  readonly type: string
  /** With its quotes. */
  readonly etag: string
  readonly body: Buffer
}

/**
 * The routes of the page.
 *
 * @example
 * pageRoutes(app)
 */
export function pageRoutes(app: FastifyInstance): void {
  const files = readFiles()
  const send = (request: FastifyRequest, reply: FastifyReply, { type, etag, body }: PageFile) => {
    // Asked for again each time, and sent again only after an update: page and modules are always of one release.
    reply.headers({ 'cache-control': 'no-cache', 'content-security-policy': contentSecurityPolicy, etag })
    return hasAlready(request, etag) ? reply.code(304).send() : reply.type(type).send(body)
  }
  app.get('/', { config }, (request, reply) => send(request, reply, files.get('index.html')!))
  // A part of the page, and nothing that anybody should know of.
  const hidden = { config, schema: { hide: true } as object }
  app.get<{ Params: { file: string } }>('/page/:file', hidden, async (request, reply) => {
    const file = files.get(request.params.file)
    if (file === undefined) throw new EaError('not_found', 'The page does not have this file.')
    return send(request, reply, file)
  })
}

function readFiles(): ReadonlyMap<string, PageFile> {
  const bodies = readdirSync(folder).map((name) => [name, readFileSync(`${folder}${name}`)] as const)
  const all = [...bodies, ['charts.css', Buffer.from(chartSheet())] as const]
  return new Map(
    all.flatMap(([name, body]) => {
      const type = types[extname(name)]
      if (type === undefined) return []
      return [[name, { type, etag: `"${createHash('sha256').update(body).digest('base64url')}"`, body }]]
    }),
  )
}

/** The colours of charts in both themes; which one there is, page.css says. */
function chartSheet(): string {
  const [light, dark] = [chartVariables('light'), chartVariables('dark')]
  const declared = Object.keys(light).map((name) => `${name}: light-dark(${light[name]}, ${dark[name]});`)
  return `:root { ${declared.join(' ')} }\n`
}
