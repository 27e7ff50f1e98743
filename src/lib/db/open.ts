/**
 * The database of a command, as one bracket: the external one when a URL is configured (it must be migrated), else the
 * embedded server, which is started, migrated and stopped as needed. Errors of the connection leave here as errors for
 * a person.
 *
 *   configuration ─ address or embedded server ─ connect ─ migrate or check ─ Database ─ use ─ close
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Config, columnsFolderOf, defaultSchema } from '../core/config.js'
import { EaError } from '../core/errors.js'
import { type Database, isTransient, sqlState, withPool } from './connect.js'
import { asDatabaseError } from './database-error.js'
import { type OnBlocked, withLockWatch } from './lock-watch.js'
import {
  existingSchemas,
  migrate,
  newerText,
  notMigrated,
  requireKnown,
  requireServer,
  schemaState,
} from './migrate.js'

export interface OpenOptions {
  /** The most connections at once; default 4. */
  readonly maxConnections?: number
  /**
   * What is done with the schema: `none` needs the server only; `read` takes the schema as it is, also one of a newer
   * release; `write` changes what is in it; `create` also makes one that is not there, in the embedded database. Default
   * `create`.
   */
  readonly access?: 'none' | 'read' | 'write' | 'create'
  /** Whether the schema must be complete; default true. `ea db migrate` says false. */
  readonly migrated?: boolean
  /** Shown by the server in pg_stat_activity. */
  readonly applicationName?: string
  /** How long a transaction may wait for a lock; as long as it must when absent. */
  readonly lockTimeoutMs?: number | undefined
  /** Told what a person should know although the command goes on. */
  readonly onWarning?: (text: string) => void
  /** Told when a transaction has waited for five seconds for a lock that somebody else holds. */
  readonly onBlocked?: OnBlocked
}

/** How long a server that recovers from a crash is waited for. */
const recoveryMs = 120_000
const recoveryPollMs = 100

/**
 * Opens the configured database, hands it to `use`, and closes it whatever happens.
 *
 * @throws EaError `database_unreachable`, `database_refused`, `database_too_old`, `database_not_migrated`,
 * `database_newer`, `disk_full`, `lock_timeout` and, for the embedded server, those of `withEmbeddedServer`
 * @example
 * await withDatabase(parseConfig(), (db) => ask(db, question))
 */
export async function withDatabase<T>(
  config: Config,
  use: (db: Database) => Promise<T>,
  options: OpenOptions = {},
): Promise<T> {
  const { databaseUrl } = config
  if (databaseUrl !== undefined) return withReadyPool(config, databaseUrl, use, options)
  const { withEmbeddedServer } = await import('./embedded/server.js')
  let used = false
  const once = (db: Database) => {
    used = true
    return use(db)
  }
  const deadline = performance.now() + recoveryMs
  for (let attempt = 1; ; attempt++) {
    try {
      return await withEmbeddedServer(config.dataDir, (url) => withReadyPool(config, url, once, options))
    } catch (error) {
      if (used || !(error instanceof EaError) || error.code !== 'database_unreachable') throw error
      // One of its processes was killed: it ends the others, replays its log and is back.
      if (sqlState(error.cause) === '57P03' && performance.now() < deadline) await sleep(recoveryPollMs)
      // Somebody stopped the server between finding it and asking it: find or start it again.
      else if (!isTransient(error.cause) || attempt >= 5) throw error
    }
  }
}

/** A pool on `url` whose schema was found or made complete. */
async function withReadyPool<T>(
  config: Config,
  url: string,
  use: (db: Database) => Promise<T>,
  options: OpenOptions,
): Promise<T> {
  const { maxConnections, applicationName = 'ea', lockTimeoutMs, onBlocked, onWarning: warn } = options
  const { schema } = config
  const columnsFolder = columnsFolderOf(config)
  const pool = {
    url,
    schema,
    applicationName,
    lockTimeoutMs,
    warn,
    columnsFolder,
    ...(maxConnections ? { maxConnections } : {}),
  }
  let role: string | undefined
  const told = (error: unknown) => asDatabaseError(error, { schema, role })
  let used = false
  try {
    return await withPool(pool, async (db) => {
      role = db.address.user
      // Whatever keeps a connection from being made shows here, and not in what the caller does.
      ;(await db.pool.connect()).release()
      if (options.migrated !== false) await prepare(db, config, options)
      used = true
      return withLockWatch(db, onBlocked, use)
    })
  } catch (error) {
    throw !used || isOfConnection(error) ? told(error) : error
  }
}

/** Makes sure that the schema can be used for what is asked. */
async function prepare(db: Database, config: Config, { access = 'create', onWarning }: OpenOptions): Promise<void> {
  const state = await schemaState(db)
  requireServer(state)
  if (access === 'none') return
  if (access !== 'read') await requireKnown(db.schema, state.applied)
  else if (state.unknown.length > 0) {
    onWarning?.(`${newerText(db.schema, state.unknown)} Update ea here: what that release added is not in the answer.`)
  }
  if (state.pending.length === 0) return
  const isEmbedded = config.databaseUrl === undefined
  const exists = state.applied.length > 0
  const mayCreate = access === 'create' || (db.schema === defaultSchema && (await existingSchemas(db)).length === 0)
  if (!isEmbedded || !(exists || mayCreate)) throw await notMigrated(db, state)
  await migrate(db)
}

/** Whether an error came from the connection or the server: a missing file of the caller looks alike by its code. */
function isOfConnection(error: unknown): boolean {
  if (sqlState(error) !== undefined || error instanceof AggregateError) return true
  const { syscall = '', message = '' } = error as NodeJS.ErrnoException
  return (
    ['connect', 'getaddrinfo'].includes(syscall) ||
    /Connection terminated|connection timeout|exceeded when trying to connect/i.test(message)
  )
}
