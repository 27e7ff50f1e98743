/** Questions over HTTP without the rest of the server: the routes of stats and batches on a socket of their own. */
import type { AddressInfo } from 'node:net'
import fastify from 'fastify'
import { type Database, withPool } from '../../../src/lib/db/connect.js'
import { type AnswersOptions, openAnswerService } from '../../../src/lib/serve/answers/answer-service.js'
import { type ServeOptions, serveDefaults } from '../../../src/lib/serve/http/options.js'
import { problemOf, problemType } from '../../../src/lib/serve/problem-details.js'
import { registerRoute, type ServeContext } from '../../../src/lib/serve/route.js'
import { batchRoutes } from '../../../src/lib/serve/routes/batch-routes.js'
import { statsRoutes } from '../../../src/lib/serve/routes/stats-routes.js'
import { freshDatabase } from '../../support/postgres/database.js'

export interface Answering {
  /** `http://127.0.0.1:40123`. */
  readonly url: string
  readonly db: Database
  readonly databaseUrl: string
  /** What was counted so far: the stat, and whether it was computed. */
  readonly asked: readonly (readonly [stat: string, cache: 'hit' | 'miss'])[]
  /** Asks; `path` begins with a slash. */
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Response>
  /** The body of an answer with status 200 as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: the shape of the JSON is what the tests are about
  readonly json: (path: string) => Promise<any>
}

export interface AnsweringOptions extends Partial<AnswersOptions> {
  readonly databaseUrl?: string
  readonly maxConnections?: number
}

/** Runs `use` beside such a server, on a fresh database unless one is named. */
export async function withAnswering<T>(
  { databaseUrl, maxConnections = 8, ...answers }: AnsweringOptions,
  use: (answering: Answering) => Promise<T>,
): Promise<T> {
  const { url: dbUrl, drop } =
    databaseUrl === undefined ? await freshDatabase() : { url: databaseUrl, drop: async () => {} }
  try {
    return await withPool({ url: dbUrl, schema: 'ea', maxConnections }, (db) => serve(db, dbUrl, answers, use))
  } finally {
    await drop()
  }
}

async function serve<T>(
  db: Database,
  databaseUrl: string,
  answers: Partial<AnswersOptions>,
  use: (answering: Answering) => Promise<T>,
): Promise<T> {
  const asked: [string, 'hit' | 'miss'][] = []
  const app = fastify({ forceCloseConnections: true })
  app.setErrorHandler((error, _, reply) => {
    const { status, body } = problemOf(error)
    void reply.code(status).type(problemType).send(JSON.stringify(body))
  })
  // These routes look at nothing else of what the server shares.
  const context = {
    db,
    options: { ...serveDefaults, spoolDir: '' } satisfies ServeOptions,
    answerQuestion: openAnswerService(db, { queryTimeoutMs: serveDefaults.queryTimeoutMs, ...answers }),
    metrics: { countEvents: () => {}, observeStat: (stat: string, cache: 'hit' | 'miss') => asked.push([stat, cache]) },
  } as unknown as ServeContext
  for (const route of [...statsRoutes, ...batchRoutes]) registerRoute(app, route, context)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  const get = (path: string, headers: Record<string, string> = {}) => fetch(`${url}${path}`, { headers })
  const json = async (path: string) => {
    const answer = await get(path)
    const text = await answer.text()
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text}`)
    return JSON.parse(text)
  }
  try {
    return await use({ url, db, databaseUrl, asked, get, json })
  } finally {
    await app.close()
  }
}
