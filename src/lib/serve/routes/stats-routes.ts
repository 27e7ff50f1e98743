/** `GET /stats` and `GET /stats/<stat>`: the questions of the command line over HTTP. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import { EaError } from '../../core/errors.js'
import { nearest } from '../../core/nearest.js'
import { listStats, stats } from '../../stats/catalog.js'
import { snake } from '../../stats/query/params.js'
import type { Stat } from '../../stats/query/stat.js'
import { formatsOf, queryOf, questionOf } from '../answers/stat-query.js'
import { senderOf } from '../auth/limit-key.js'
import { chooseFormat, describeAnswer, hasAlready, renderWire, wireFormats } from '../http/negotiate.js'
import { formatField, spelt } from '../http/query-values.js'
import { answerSchemaOf, exampleAnswer, exampleParams } from '../openapi/stat-schemas.js'
import { defineRoute, inForms, type Route, rowsOf } from '../route.js'

const listed = z.object({
  name: z.enum(stats.map((stat) => stat.name)),
  summary: z.string(),
  example: z.string(),
  description: z.string(),
  params: z.string().describe('Their names, with commas between them.'),
  columns: z.string().describe('The columns of a row, each with its kind: `date: date, unique_users: count`.'),
})
const listMeta = z.object({ warnings: z.array(z.string()) })

const listRoute = defineRoute({
  method: 'GET',
  path: '/stats',
  scope: 'read',
  subject: 'The list of stats',
  query: z.object({ format: formatField(wireFormats) }),
  operationId: 'listStats',
  tag: 'stats',
  summary: 'List the stats and what each one answers',
  answers: { 200: inForms('The stats.', wireFormats, rowsOf('stats', listed, listMeta)) },
  async answer(_, { query }, request, reply) {
    const format = chooseFormat(query.format, request.headers.accept)
    return describeAnswer(reply, format).send(await renderWire(listStats(), format))
  },
})

/** A name that is not a stat gets a better answer than an unknown path; the route is not documented. */
const unknownStatRoute = defineRoute({
  method: 'GET',
  path: '/stats/{stat}',
  scope: 'read',
  params: z.object({ stat: z.string() }),
  answer(_, { params }) {
    const names = stats.map((stat) => stat.name)
    const near = nearest(params.stat, names)
    const next = near === undefined ? `There are ${names.join(', ')}: see /stats.` : `Did you mean /stats/${near}?`
    throw new EaError('not_found', `There is no stat ${JSON.stringify(params.stat)}.`, { suggestions: [next] })
  },
})

const etag = { ETag: { description: 'Changes when the answer does.', schema: z.string() } }
const knownEtag = z
  .string()
  .optional()
  .describe('The ETag of an answer that is there already: 304 when it is still the same.')

function statRoute(stat: Stat): Route {
  const formats = formatsOf(stat)
  return defineRoute({
    method: 'GET',
    path: `/stats/${stat.name}`,
    scope: 'read',
    subject: stat.name,
    query: queryOf(stat),
    operationId: `stats_${snake(stat.name).replaceAll('-', '_')}`,
    tag: 'stats',
    summary: stat.summary,
    description: spelt(stat.description),
    examples: exampleParams(stat),
    headers: z.object({ 'If-None-Match': knownEtag }),
    answers: {
      200: { ...inForms('The answer.', formats, answerSchemaOf(stat), exampleAnswer(stat)), headers: etag },
      304: { description: 'The answer is still the one of this ETag.', headers: etag },
    },
    asksDatabase: true,
    errors: ['answer_too_large'],
    async answer({ answerQuestion, metrics }, asked, request, reply) {
      const began = performance.now()
      const question = questionOf(stat, asked)
      const offered = question.cell === undefined ? formats : wireFormats
      const format = chooseFormat(asked.query.format as string, request.headers.accept, offered)
      const { etag, body, cache, nextCursor } = await answerQuestion(question, format, {
        sender: () => senderOf(request),
        signal: () => whenGone(reply),
      })
      metrics.observeStat(stat.name, cache, (performance.now() - began) / 1000)
      describeAnswer(reply, format).header('etag', etag)
      if (nextCursor !== undefined) reply.header('link', `<${nextPage(request, nextCursor)}>; rel="next"`)
      return hasAlready(request, etag) ? reply.code(304).removeHeader('content-type').send() : reply.send(body)
    },
  })
}

/** The address of the page after this one. */
function nextPage({ raw: { url = '' } }: FastifyRequest, cursor: string): string {
  const [path, query] = url.split(/\?(.*)/s)
  const params = new URLSearchParams(query)
  params.set('cursor', cursor)
  return `${path}?${params}`
}

/** Aborts when the client leaves before it has its answer. */
function whenGone({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  const leave = () => controller.abort(new EaError('interrupted', 'The client disconnected before it got its answer.'))
  if (raw.destroyed) leave()
  raw.once('close', () => {
    if (!raw.writableFinished) leave()
  })
  return controller.signal
}

/** The routes of questions. */
export const statsRoutes = [listRoute, ...stats.map(statRoute), unknownStatRoute]
