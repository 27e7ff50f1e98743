/** Whether the process lives (GET /health) and whether it can do its work now (GET /ready): for what watches over it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { EaError } from '../../core/errors.js'
import { packageVersion } from '../../core/package.js'
import type { Database } from '../../db/connect.js'
import { asDatabaseError } from '../../db/database-error.js'
import { requireMigrated } from '../../db/migrate.js'
import type { Stopping } from '../http/shutdown.js'

/** How long the database may take for the smallest question before the server calls itself not ready. */
const answerWithinMs = 1000

// Those who watch ask often, and must get an answer when nobody else does.
const config = { isProbe: true, rateLimit: false, pressureHandler: () => {} } as const

export function healthRoutes(app: FastifyInstance, { db, stopping }: { db: Database; stopping: Stopping }): void {
  const isReady = readiness(db)
  const version = packageVersion()
  app.get('/health', { config }, (_, reply) => {
    if (stopping.isStopping) throw new EaError('server_busy', 'The server is about to stop.')
    return reply.header('cache-control', 'no-store').send({ status: 'ok', version })
  })
  app.get('/ready', { config }, async (_, reply) => {
    if (stopping.isStopping) throw new EaError('server_busy', 'The server is about to stop.')
    await isReady()
    return reply.header('cache-control', 'no-store').send({ status: 'ready' })
  })
}

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
