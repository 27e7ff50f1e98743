/**
 * Pools and transactions: each function opens what its callback needs and closes it when the callback ends. Nothing is set
 * for a whole session but the date style, so all of it works behind PgBouncer in transaction mode.
 */
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { type ServerAddress, serverAddresses } from './address/server-address.js'
import { type TableNames, type Tables, tableNames } from './tables.js'
import { openingOf, openingOfReading, type TransactionOptions } from './transaction-settings.js'

/** Something that runs statements: the pool (each on any connection) or one transaction. */
export interface Session {
  readonly schema: string
  /** Kysely over this session, for queries that are built. */
  readonly q: Kysely<Tables>
  /** Quoted table names, for SQL that is written as SQL: `sql\`… FROM ${s.t.events}\`.execute(s.q)`. */
  readonly t: TableNames
  /** Where the column store of this database is on this machine, when one is kept (`columns/`). */
  readonly columnsFolder?: string | undefined
}

/** A pool of connections. Read with its `q`; write inside `withTransaction`. */
export interface Database extends Session {
  readonly pool: pg.Pool
  /** What `pool` connects to, for another pool on the same database. */
  readonly address: ServerAddress
  /** The backends in which a transaction of this pool runs now: their pids, and when (performance.now()) it began. */
  readonly running: Map<number, number>
  /** How long a transaction may wait for a lock; as long as it must when absent. */
  readonly lockTimeoutMs?: number | undefined
  /** Reports a problem that does not stop the work. */
  readonly warn: (text: string) => void
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
  /** How long a transaction may wait for a lock; as long as it must when absent. */
  readonly lockTimeoutMs?: number | undefined
  /** Gets problems that do not stop the work; by default they are not reported. */
  readonly warn?: ((text: string) => void) | undefined
  /** See `Session`. */
  readonly columnsFolder?: string | undefined
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
  const { schema, lockTimeoutMs, maxConnections = 4, warn = () => {}, columnsFolder } = options
  const own = options.applicationName ? { application_name: options.applicationName } : {}
  const addresses = serverAddresses(options.url).map((address) => ({ types, ...own, keepAlive: true, ...address }))
  const { pool, address } = await reachable(addresses, maxConnections)
  return withOpenPool(pool, { address, schema, lockTimeoutMs, warn, columnsFolder }, use)
}

/**
 * A second pool on the same database, for work that must not wait for the connections of the first.
 *
 * @param maxConnections the most connections at once
 * @param limits other than those of the first one
 */
export async function withSiblingPool<T>(
  db: Database,
  maxConnections: number,
  use: (db: Database) => Promise<T>,
  limits: Pick<pg.PoolConfig, 'connectionTimeoutMillis' | 'query_timeout'> = {},
): Promise<T> {
  return withOpenPool(newPool({ ...db.address, ...limits }, maxConnections), db, use)
}

/** A pool on the first address that answers; a single address is tried by the first statement. */
async function reachable(
  addresses: readonly ServerAddress[],
  max: number,
): Promise<{ pool: pg.Pool; address: ServerAddress }> {
  let failure: unknown
  for (const address of addresses) {
    const pool = newPool(address, max)
    try {
      if (addresses.length > 1) (await pool.connect()).release()
      return { pool, address }
    } catch (error) {
      await pool.end()
      // The error of the first address says more, unless it was only that there is no TLS.
      if (failure === undefined || hasNoTls(failure)) failure = error
      if (!isAboutTls(error)) break
    }
  }
  throw failure
}

/** Whether the same server may answer with TLS where it does not without, or the other way round. */
function isAboutTls(error: unknown): boolean {
  const { code = '', message = '' } = (error ?? {}) as NodeJS.ErrnoException
  return code === '28000' || hasNoTls(error) || /^ERR_(SSL|TLS)|^EPROTO$/.test(code) || /\bTLS\b/.test(message)
}

function hasNoTls(error: unknown): boolean {
  return error instanceof Error && /does not support SSL connections|establishing an SSL connection/.test(error.message)
}

/** The driver's client. A login that fails on this side also closes the connection: the server would wait for a minute. */
class Client extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config)
    const { connection } = this as unknown as { connection: pg.Connection }
    connection.once('error', () => connection.stream.destroy())
  }
}

function newPool(address: ServerAddress, max: number): pg.Pool {
  const pool = new pg.Pool({
    ...address,
    max,
    Client,
    // The driver reads instants in ISO only, whatever the role or the database prefers. PostgreSQL reports this setting
    // to its clients, so PgBouncer keeps it for each of them, in transaction mode too.
    onConnect: (client) => client.query('SET DateStyle TO ISO'),
  } as pg.PoolConfig)
  // An idle connection that breaks is replaced by the pool; the query that needs one reports its own error.
  pool.on('error', () => {})
  // The same goes for a connection that breaks during a single statement: without a listener its error ends the process.
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

async function withOpenPool<T>(
  pool: pg.Pool,
  of: Pick<Database, 'address' | 'schema' | 'lockTimeoutMs' | 'warn' | 'columnsFolder'>,
  use: (db: Database) => Promise<T>,
): Promise<T> {
  const { address, schema, lockTimeoutMs, warn, columnsFolder } = of
  const running = new Map<number, number>()
  try {
    return await use({
      schema,
      pool,
      address,
      running,
      lockTimeoutMs,
      warn,
      columnsFolder,
      q: kyselyOver({ connect: () => readingConnection(pool, running, lockTimeoutMs) }, schema),
      t: tableNames(schema),
    })
  } finally {
    await pool.end()
  }
}

/** What Kysely asks of a connection. */
type Connection = Pick<pg.PoolClient, 'query' | 'release'>

/** A connection of the pool on which each statement is a transaction of its own. */
async function readingConnection(
  pool: pg.Pool,
  running: Map<number, number>,
  lockTimeoutMs: number | undefined,
): Promise<Connection> {
  const client = await pool.connect()
  let broken: Error | undefined
  const onError = (error: Error) => {
    broken = error
  }
  client.on('error', onError)
  const query = async (text: string, values: unknown[]) => {
    let pid: number | undefined
    try {
      pid = backendOf(await client.query(openingOfReading(lockTimeoutMs)))
      if (pid !== undefined) running.set(pid, performance.now())
      const result = await client.query(text, values)
      await client.query('COMMIT')
      return result
    } catch (error) {
      await client.query('ROLLBACK').catch(onError)
      throw error
    } finally {
      if (pid !== undefined) running.delete(pid)
    }
  }
  const release = () => {
    client.off('error', onError)
    client.release(broken)
  }
  return { query: query as pg.PoolClient['query'], release }
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
  let pid: number | undefined
  const onError = (error: Error) => {
    broken = error
  }
  client.on('error', onError)
  try {
    pid = backendOf(await client.query(openingOf({ lockTimeoutMs: db.lockTimeoutMs, ...options })))
    if (pid !== undefined) db.running.set(pid, performance.now())
    const q = kyselyOver({ connect: async () => ({ query: client.query.bind(client), release: () => {} }) }, db.schema)
    const result = await body({ schema: db.schema, client, q, t: db.t, columnsFolder: db.columnsFolder })
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch(onError)
    throw error
  } finally {
    if (pid !== undefined) db.running.delete(pid)
    client.off('error', onError)
    client.release(broken)
  }
}

/** The pid with which the opening of a transaction answers; the one of the connection may be PgBouncer's own. */
function backendOf(opened: unknown): number | undefined {
  const results = [opened].flat() as readonly pg.QueryResult<{ pid?: number }>[]
  return results.at(-1)?.rows[0]?.pid
}

/** Kysely over connections that the caller opens and closes. */
function kyselyOver(connections: { connect(): Promise<Connection> }, schema: string): Kysely<Tables> {
  const pool = { ...connections, end: async () => {} }
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
    return ['40P01', '40001', '25P03', '57P01', '57P02', '57P03', '57P05'].includes(state) || state.startsWith('08')
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  if (code !== undefined && ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'ENOENT'].includes(code)) return true
  return (
    error instanceof Error &&
    /Connection terminated|connection timeout|timeout exceeded when trying to connect/i.test(error.message)
  )
}
