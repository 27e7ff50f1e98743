/**
 * A database and what runs in it: pools, transactions and retries as brackets. What is open is closed when the bracket
 * ends. Nothing here sets anything for a session, so all of it works behind PgBouncer in transaction mode.
 */
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { EaError } from '../errors.js'
import { type TableNames, type Tables, tableNames } from './tables.js'

/** Something that runs statements: the pool (each on any connection) or one transaction. */
export interface Session {
  readonly schema: string
  /** Kysely over this session, for queries that are built. */
  readonly q: Kysely<Tables>
  /** Quoted table names, for SQL that is written as SQL: `sql\`… FROM ${s.t.events}\`.execute(s.q)`. */
  readonly t: TableNames
}

export interface Database extends Session {
  readonly pool: pg.Pool
}

/** One transaction on one connection; `client` is for COPY. */
export interface Transaction extends Session {
  readonly client: pg.PoolClient
}

export interface ConnectOptions {
  /** A PostgreSQL URL. */
  readonly url: string
  /** The schema that holds the tables. */
  readonly schema: string
  /** The most connections at once. */
  readonly maxConnections?: number
  /** Shown by the server in pg_stat_activity. */
  readonly applicationName?: string
}

// Counts stay numbers (they stay below 2^53), days stay the text they are.
const types = new pg.TypeOverrides()
types.setTypeParser(pg.types.builtins.INT8, (text) => Number(text))
types.setTypeParser(pg.types.builtins.DATE, (text) => text)

/**
 * Opens a pool, hands it to `use`, and closes it whatever happens.
 *
 * @example
 * await withPool({ url, schema: 'ea' }, (db) => db.q.selectFrom('days').selectAll().execute())
 */
export async function withPool<T>(options: ConnectOptions, use: (db: Database) => Promise<T>): Promise<T> {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.maxConnections ?? 4,
    types,
    ...(options.applicationName ? { application_name: options.applicationName } : {}),
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    // The driver reads instants in ISO only, whatever the role or the database prefers. PostgreSQL reports this setting
    // to its clients, so PgBouncer keeps it for each of them, in transaction mode too.
    onConnect: (client) => client.query('SET DateStyle TO ISO'),
  })
  return withOpenPool(pool, options.schema, use)
}

/**
 * A second pool on the same database, for work that must not wait for the connections of the first.
 *
 * @param maxConnections the most connections at once
 */
export async function withSiblingPool<T>(
  db: Database,
  maxConnections: number,
  use: (db: Database) => Promise<T>,
): Promise<T> {
  return withOpenPool(new pg.Pool({ ...db.pool.options, max: maxConnections }), db.schema, use)
}

async function withOpenPool<T>(pool: pg.Pool, schema: string, use: (db: Database) => Promise<T>): Promise<T> {
  // An idle connection that breaks is replaced by the pool; the query that needs one reports its own error.
  pool.on('error', () => {})
  // The same goes for one that breaks while a single statement has it: nobody else listens to it then.
  pool.on('connect', (client) => client.on('error', () => {}))
  try {
    return await use({
      schema,
      pool,
      q: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }).withSchema(schema),
      t: tableNames(schema),
    })
  } finally {
    await pool.end()
  }
}

/** How a transaction sees others, and whether it may write. */
export interface TransactionOptions {
  readonly isolation?: 'read committed' | 'repeatable read'
  readonly readOnly?: boolean
}

/**
 * Runs `body` in one transaction on one connection: commits what it returns, rolls back what it throws.
 * A connection on which even the rollback fails is thrown away.
 */
export async function withTransaction<T>(
  db: Database,
  body: (tx: Transaction) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  const client = await db.pool.connect()
  let broken: Error | undefined
  const onError = (error: Error) => {
    broken = error
  }
  client.on('error', onError)
  try {
    await client.query(
      `BEGIN ISOLATION LEVEL ${options.isolation ?? 'read committed'} ${options.readOnly ? 'READ ONLY' : 'READ WRITE'}`,
    )
    const result = await body({ schema: db.schema, client, q: kyselyOn(client, db.schema), t: db.t })
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch((rollbackError: Error) => {
      broken = rollbackError
    })
    throw error
  } finally {
    client.off('error', onError)
    client.release(broken)
  }
}

/** Kysely over one connection that somebody else brackets. */
function kyselyOn(client: pg.PoolClient, schema: string): Kysely<Tables> {
  const borrowed = { query: client.query.bind(client), release: () => {} }
  const pool = { connect: async () => borrowed, end: async () => {} }
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: pool as unknown as pg.Pool }) }).withSchema(schema)
}

/** The SQLSTATE of an error of the server, or undefined: `23505`. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined
}

/** Whether trying again can help: deadlocks, serialization failures, lost connections, a server that restarts. */
export function isTransient(error: unknown): boolean {
  const state = sqlState(error)
  if (state !== undefined)
    return ['40P01', '40001', '57P01', '57P02', '57P03'].includes(state) || state.startsWith('08')
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  if (code !== undefined && ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'ENOENT'].includes(code)) return true
  return (
    error instanceof Error &&
    /Connection terminated|connection timeout|timeout exceeded when trying to connect/i.test(error.message)
  )
}

/** An error of the connection as an error for a person; anything else comes back as it is. */
export function asDatabaseError(error: unknown): unknown {
  if (error instanceof EaError) return error
  const state = sqlState(error)
  if (
    isTransient(error) ||
    state?.startsWith('28') ||
    state === '3D000' ||
    (error as NodeJS.ErrnoException)?.code === 'ENOTFOUND'
  ) {
    return new EaError('database_unreachable', `The database cannot be reached: ${(error as Error).message}`, {
      cause: error,
    })
  }
  return error
}
