/** `GET /stats` and `GET /stats/<stat>`: the questions of the command line over HTTP. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { EaError } from '../../core/errors.js'
import { nearest } from '../../core/nearest.js'
import { listStats, stats } from '../../stats/catalog.js'
import type { Stat } from '../../stats/query/stat.js'
import { type AnswerQuestion, type AnswersOptions, openAnswerService } from '../answers/answer-service.js'
import { questionReader } from '../answers/stat-query.js'
import { senderOf } from '../auth/limit-key.js'
import type { Metrics, Routes } from '../http/context.js'
import {
  type AnswerFormat,
  chooseFormat,
  describeAnswer,
  drawnFormats,
  hasAlready,
  renderWire,
  wireFormats,
} from '../http/negotiate.js'
import { readQuery } from '../http/query-values.js'

/** The routes of questions. */
export const statsRoutes: Routes = statsRoutesWith({})

/** The routes of questions, with what only tests say: another clock, less room for answers. */
export function statsRoutesWith(given: Partial<AnswersOptions>): Routes {
  return (app, { db, metrics, options }) => {
    const answerQuestion = openAnswerService(db, { queryTimeoutMs: options.queryTimeoutMs, ...given })
    const config = { scope: 'read' } as const
    app.get('/stats', { config }, answerList)
    for (const stat of stats) app.get(`/stats/${stat.name}`, { config }, statHandler(stat, answerQuestion, metrics))
    // What is no stat gets a better answer than what is nowhere; it is no route that anybody should know of.
    app.get<{ Params: { stat: string } }>('/stats/:stat', { config, schema: { hide: true } as object }, (request) => {
      throw unknownStat(request.params.stat)
    })
  }
}

async function answerList(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const format = readQuery(request.query, [{ name: 'format' }], 'The list of stats').get('format')?.[0]
  const chosen = chooseFormat(format, request.headers.accept)
  return describeAnswer(reply, chosen).send(await renderWire(listStats(), chosen))
}

/** Queries that are remembered as read, and the longest that is. */
const queriesRemembered = 500
const longestRemembered = 2000

function statHandler(stat: Stat, answerQuestion: AnswerQuestion, metrics: Metrics) {
  const readQuestion = questionReader(stat)
  const remembered = new Map<string, ReturnType<typeof readQuestion>>()
  /** Dashboards ask the same again and again: a query is read once. */
  const questionOf = (request: FastifyRequest) => {
    const { url = '' } = request.raw
    const known = remembered.get(url)
    if (known !== undefined) return known
    const question = readQuestion(request.query)
    if (url.length > longestRemembered) return question
    if (remembered.size >= queriesRemembered) remembered.clear()
    remembered.set(url, question)
    return question
  }
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const began = performance.now()
    const question = questionOf(request)
    const isDrawn = stat.chart !== undefined && question.cell === undefined
    const offered: readonly AnswerFormat[] = isDrawn ? drawnFormats : wireFormats
    const format = chooseFormat(question.format, request.headers.accept, offered)
    const { etag, body, cache, nextCursor } = await answerQuestion(question, format, {
      sender: () => senderOf(request),
      signal: () => whenGone(reply),
    })
    metrics.observeStat(stat.name, cache, (performance.now() - began) / 1000)
    describeAnswer(reply, format).header('etag', etag)
    if (nextCursor !== undefined) reply.header('link', `<${nextPage(request, nextCursor)}>; rel="next"`)
    return hasAlready(request, etag) ? reply.code(304).removeHeader('content-type').send() : reply.send(body)
  }
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
  if (raw.destroyed) controller.abort(clientGone())
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort(clientGone())
  })
  return controller.signal
}

function clientGone(): EaError {
  return new EaError('interrupted', 'The client disconnected before it got its answer.')
}

function unknownStat(name: string): EaError {
  const names = stats.map((stat) => stat.name)
  const near = nearest(name, names)
  return new EaError('not_found', `There is no stat ${JSON.stringify(name)}.`, {
    suggestions: [near === undefined ? `There are ${names.join(', ')}: see /stats.` : `Did you mean /stats/${near}?`],
  })
}
