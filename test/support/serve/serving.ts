/** The real server on a fresh database, for one test: on loopback, on a port of its own, with a spool of its own. */
import { rm } from 'node:fs/promises'
import { type Database, withPool } from '../../../src/lib/db/connect.js'
import { type ServeOptions, serveDefaults } from '../../../src/lib/serve/http/options.js'
import { type ServerOptions, withServer } from '../../../src/lib/serve/server.js'
import { freshDatabase } from '../postgres/database.js'
import { temporaryFolder } from '../postgres/server.js'

export interface Serving {
  /** Of the server: `http://127.0.0.1:40123`. */
  readonly url: string
  /** The server's own database; what a test asks here, it asks beside the server. */
  readonly db: Database
  readonly databaseUrl: string
  readonly options: ServeOptions
}

export interface ServingOptions extends ServerOptions {
  /** Done with the database before the server starts: keys, events. */
  readonly before?: (db: Database) => Promise<unknown>
  /** An existing database instead of a fresh one; it is not dropped. */
  readonly databaseUrl?: string
}

/**
 * Starts a server, hands it to `use`, and stops it whatever happens. Nothing is logged unless `logTo` is given.
 *
 * @example
 * await withServing({ rateLimit: 2 }, async ({ url }) => expect((await fetch(`${url}/health`)).status).toBe(200))
 */
export async function withServing<T>(
  given: Partial<ServeOptions>,
  use: (serving: Serving) => Promise<T>,
  { before, databaseUrl, ...serverOptions }: ServingOptions = {},
): Promise<T> {
  const { url: dbUrl, drop } =
    databaseUrl === undefined ? await freshDatabase() : { url: databaseUrl, drop: async () => {} }
  const spoolDir = given.spoolDir ?? (await temporaryFolder())
  const options: ServeOptions = { ...serveDefaults, port: 0, logLevel: 'info', ...given, spoolDir }
  try {
    return await withPool({ url: dbUrl, schema: 'ea', maxConnections: 8 }, async (db) => {
      await before?.(db)
      return withServer(db, options, ({ url }) => use({ url, db, databaseUrl: dbUrl, options }), {
        // Nobody sends to a server whose test is over.
        drain: { lingerMs: 1, limitMs: 10_000 },
        // A machine that stands still for a moment must not make it refuse what a test asks.
        maxLoopDelayMs: 3_600_000,
        ...serverOptions,
      })
    })
  } finally {
    await drop()
    if (given.spoolDir === undefined) await rm(spoolDir, { recursive: true, force: true })
  }
}
