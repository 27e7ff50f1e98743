/**
 * For what watches over the server: whether it lives (GET /health), whether it can do its work now (GET /ready), what it has
 * counted (GET /metrics).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import * as z from 'zod'
import { EaError } from '../../core/errors.js'
import { packageVersion } from '../../core/package.js'
import type { Database } from '../../db/connect.js'
import { asDatabaseError } from '../../db/database-error.js'
import { requireMigrated } from '../../db/migrate.js'
import type { Stopping } from '../http/shutdown.js'
import { defineRoute, json, perServer, textOf } from '../route.js'

/** How long the database may take for the smallest question before the server calls itself not ready. */
const answerWithinMs = 1000

/** What those who watch ask, often: they must get an answer when no other request does. */
const probe = {
  method: 'GET',
  isCheap: true,
  config: { isProbe: true, rateLimit: false },
} as const

const healthRoute = defineRoute({
  ...probe,
  path: '/health',
  operationId: 'getHealth',
  tag: 'server',
  summary: 'Whether the server lives',
  answers: { 200: json('It does.', z.object({ status: z.literal('ok'), version: z.string() })) },
  errors: ['server_busy'],
  answer({ stopping }, _, __, reply) {
    refuseWhileStopping(stopping)
    return reply.header('cache-control', 'no-store').send({ status: 'ok', version: packageVersion() })
  },
})

const readyRoute = defineRoute({
  ...probe,
  path: '/ready',
  operationId: 'getReady',
  tag: 'server',
  summary: 'Whether the server can answer questions now',
  description: 'Asks the database. Events are taken in also while it is away.',
  answers: { 200: json('It can.', z.object({ status: z.literal('ready') })) },
  errors: ['database_unreachable', 'database_refused', 'database_not_migrated', 'server_busy'],
  async answer(context, _, __, reply) {
    refuseWhileStopping(context.stopping)
    await readinessOf(context)()
    return reply.header('cache-control', 'no-store').send({ status: 'ready' })
  },
})

const readinessOf = perServer(({ db }) => readiness(db))

function refuseWhileStopping({ isStopping }: Stopping): void {
  if (isStopping) throw new EaError('server_busy', 'The server is about to stop.')
}

/** It names stats and routes, so it asks for a key. */
const metricsRoute = defineRoute({
  method: 'GET',
  path: '/metrics',
  scope: 'read',
  isOpen: ({ publicMetrics }) => publicMetrics,
  isCheap: true,
  config: { isProbe: true },
  operationId: 'getMetrics',
  tag: 'server',
  summary: 'What the server has counted, for Prometheus',
  description: 'Asks for no key when the server runs with --public-metrics.',
  answers: { 200: textOf('text/plain', 'The metrics.') },
  async answer({ metrics }, _, __, reply) {
    const text = await metrics.text()
    return reply.header('cache-control', 'no-store').type(metrics.contentType).send(text)
  },
})

/** Asks the database; throws what it lacks. Many who ask at once share one question. */
function readiness(db: Database): () => Promise<void> {
  let isMigrated = false
  let asked: Promise<void> | undefined
  const ask = async () => {
    if (isMigrated) await sql`SELECT 1`.execute(db.q)
    else await requireMigrated(db)
    isMigrated = true
  }
  return async () => {
    asked ??= ask().finally(() => {
      asked = undefined
    })
    const clock = new AbortController()
    const late = sleep(answerWithinMs, undefined, { signal: clock.signal, ref: false }).then(() => {
      throw new EaError('database_unreachable', `The database did not answer within ${answerWithinMs} ms.`)
    })
    try {
      await Promise.race([asked, late])
    } catch (error) {
      throw asDatabaseError(error)
    } finally {
      clock.abort()
      late.catch(() => {})
    }
  }
}

export const healthRoutes = [healthRoute, readyRoute, metricsRoute]
