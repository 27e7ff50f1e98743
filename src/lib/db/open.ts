/**
 * The database of a command, as one bracket: the external one when a URL is configured (it must be migrated), else the
 * embedded server, which is started, migrated and stopped as needed. Errors of the connection leave here as errors for
 * a person.
 */
import type { Config } from '../config.js'
import { EaError } from '../errors.js'
import { asDatabaseError, type Database, isTransient, sqlState, withPool } from './connect.js'
import { migrate, requireMigrated } from './migrate.js'

export interface OpenOptions {
  /** The most connections at once; default 4. */
  readonly maxConnections?: number
  /** Whether the schema must be complete; default true. `ea db migrate` says false. */
  readonly migrated?: boolean
  /** Shown by the server in pg_stat_activity. */
  readonly applicationName?: string
}

/**
 * Opens the configured database, hands it to `use`, and closes it whatever happens.
 *
 * @throws EaError `database_unreachable`, `database_too_old`, `database_not_migrated`, `disk_full` and, for the
 * embedded server, those of `withEmbeddedServer`
 * @example
 * await withDatabase(parseConfig(), (db) => ask(db, question))
 */
export async function withDatabase<T>(
  config: Config,
  use: (db: Database) => Promise<T>,
  options: OpenOptions = {},
): Promise<T> {
  const { databaseUrl } = config
  if (databaseUrl !== undefined) return withReadyPool(config, databaseUrl, requireMigrated, use, options)
  const { withEmbeddedServer } = await import('./embedded/server.js')
  let used = false
  const once = (db: Database) => {
    used = true
    return use(db)
  }
  for (let attempt = 1; ; attempt++) {
    try {
      return await withEmbeddedServer(config.dataDir, (url) => withReadyPool(config, url, migrate, once, options))
    } catch (error) {
      // Somebody stopped the server between finding it and asking it: find or start it again.
      const lost = error instanceof EaError && error.code === 'database_unreachable' && isTransient(error.cause)
      if (used || !lost || attempt >= 5) throw error
    }
  }
}

/** A pool on `url` whose schema `prepare` found or made complete. */
async function withReadyPool<T>(
  config: Config,
  url: string,
  prepare: (db: Database) => Promise<unknown>,
  use: (db: Database) => Promise<T>,
  options: OpenOptions,
): Promise<T> {
  const { maxConnections, applicationName = 'ea' } = options
  const pool = { url, schema: config.schema, applicationName, ...(maxConnections ? { maxConnections } : {}) }
  return withPool(pool, async (db) => {
    if (options.migrated !== false) {
      await prepare(db).catch((error) => {
        throw asDiskFull(asDatabaseError(error))
      })
    }
    try {
      return await use(db)
    } catch (error) {
      throw isOfConnection(error) ? asDiskFull(asDatabaseError(error)) : error
    }
  })
}

/** Whether an error came from the connection or the server: a missing file of the caller looks alike by its code. */
function isOfConnection(error: unknown): boolean {
  if (sqlState(error) !== undefined) return true
  const { syscall, message } = error as NodeJS.ErrnoException
  return syscall === 'connect' || /Connection terminated|connection timeout/i.test(message ?? '')
}

function asDiskFull(error: unknown): unknown {
  if (sqlState(error) !== '53100') return error
  return new EaError('disk_full', `The server has no space left: ${(error as Error).message}`, { cause: error })
}
