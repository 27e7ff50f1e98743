/**
 * GET /, the page of the server, and the files it loads. They are read once, when the first is asked for, and hold no
 * data: everybody may have them, and the page asks the other routes for its numbers, with a key where one is needed.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import { EaError } from '../core/errors.js'
import { chartVariables } from '../present/svg/colors.js'
import { readSuggestions, type Suggestions } from '../stats/filter/suggestions.js'
import { inReading } from '../stats/query/run-stat.js'
import { momentReader, shared } from './answers/cached-version.js'
import { hasAlready } from './http/negotiate.js'
import { defineRoute, perServer, textOf } from './route.js'

/** Beside this file, and as deep as the chunks that the build makes. */
const folder = fileURLToPath(new URL('../serve/page/files/', import.meta.url))

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
}

/**
 * Stricter than what the server says of everything else: a page needs no more than this.
 *
 * @param images where they come from
 */
export function pagePolicy(images = "'self'"): string {
  const own = ['script-src', 'style-src', 'connect-src'].map((what) => `${what} 'self'`)
  const none = ['base-uri', 'form-action', 'frame-ancestors'].map((what) => `${what} 'none'`)
  return ["default-src 'none'", ...own, `img-src ${images}`, ...none].join('; ')
}
const contentSecurityPolicy = pagePolicy()

interface PageFile {
  readonly type: string
  /** With its quotes. */
  readonly etag: string
  readonly body: Buffer
}

const pageFileRoutes = [
  defineRoute({
    method: 'GET',
    path: '/',
    isCheap: true,
    operationId: 'getPage',
    tag: 'server',
    summary: 'The answers as a page, for people',
    description: 'The page itself holds no data: it asks the other paths, with a key where one is needed.',
    answers: { 200: textOf('text/html', 'The page; it loads nothing from elsewhere.') },
    errors: ['rate_limited'],
    answer: (_, __, request, reply) => send(request, reply, files().get('index.html')!),
  }),
  defineRoute({
    method: 'GET',
    path: '/page/{file}',
    isCheap: true,
    params: z.object({ file: z.string() }),
    answer(_, { params }, request, reply) {
      const file = files().get(params.file)
      if (file === undefined) throw new EaError('not_found', 'The page does not have this file.')
      return send(request, reply, file)
    },
  }),
]

function send(request: FastifyRequest, reply: FastifyReply, { type, etag, body }: PageFile): FastifyReply {
  // Asked for again each time, and sent again only after an update: page and modules are always of one release.
  reply.headers({ 'cache-control': 'no-cache', 'content-security-policy': contentSecurityPolicy, etag })
  return hasAlready(request, etag) ? reply.code(304).send() : reply.type(type).send(body)
}

let known: ReadonlyMap<string, PageFile> | undefined
const files = () => {
  known ??= readFiles()
  return known
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

/** Suggestions are read once for each version of the data. */
const suggestionsOf = perServer(({ db, options }) => {
  const readMoment = momentReader(db)
  let known: { readonly version: number; readonly suggestions: Suggestions } | undefined
  return shared(async () => {
    const { version } = await readMoment()
    if (known?.version === version) return known.suggestions
    const suggestions = await inReading(db, { timeoutMs: options.queryTimeoutMs }, readSuggestions)
    known = { version, suggestions }
    return suggestions
  })
})

/** What the page offers where a filter, a step or a property is typed: names of the data, so it needs the scope `read`. */
const suggestionRoute = defineRoute({
  method: 'GET',
  path: '/page/suggestions',
  scope: 'read',
  async answer(context, _, __, reply) {
    return reply.header('cache-control', 'no-store').send(await suggestionsOf(context)())
  },
})

export const pageRoutes = [...pageFileRoutes, suggestionRoute]
