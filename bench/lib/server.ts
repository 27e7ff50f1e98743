/**
 * One PostgreSQL for a whole benchmark, durability on, and a fresh database for each run: DATABASE_URL when it is set
 * (the role needs CREATEDB), else the embedded one in bench/.data (EA_BENCH_DIR), kept running meanwhile.
 */
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { ea } from './program.js'

/** Logs and databases that are kept between runs; ends with a slash. */
export const dataFolder = process.env.EA_BENCH_DIR
  ? `${resolve(process.env.EA_BENCH_DIR)}/`
  : fileURLToPath(new URL('../.data/', import.meta.url))

export interface Server {
  readonly url: string
  /** For the report: version and the settings that decide most. */
  readonly description: string
}

/** Starts or finds the server, hands it to `use`, and stops what was started. */
export async function withServer(use: (server: Server) => Promise<void>): Promise<void> {
  const given = process.env.DATABASE_URL
  if (given) {
    await use({ url: given, description: await describe(given) })
    return
  }
  const folder = process.env.EA_DATA_DIR ?? `${dataFolder}postgres`
  await ea(['db', 'start', '--data-dir', folder])
  try {
    const url = (await ea(['db', 'url', '--data-dir', folder])).stdout.trim()
    await use({ url, description: await describe(url) })
  } finally {
    await ea(['db', 'stop', '--data-dir', folder])
  }
}

/** A database of its own, dropped at the end whatever happens. @returns what `use` returns */
export async function withDatabase<T>(server: Server, use: (url: string) => Promise<T>): Promise<T> {
  const name = `ea_bench_${randomBytes(6).toString('hex')}`
  await query(server.url, `CREATE DATABASE ${name} TEMPLATE template0`)
  try {
    // What came before must not be paid for by what comes next.
    await query(server.url, 'CHECKPOINT')
    return await use(urlOf(server, name))
  } finally {
    await query(server.url, `DROP DATABASE ${name} WITH (FORCE)`)
  }
}

/**
 * A database that stays for the next run; `fill` makes it once, what was cut off half-way is made again. Migrations that
 * came since are applied.
 *
 * @returns its URL
 */
export async function keptDatabase(
  server: Server,
  name: string,
  fill: (url: string) => Promise<void>,
): Promise<string> {
  const known = await query(server.url, `SELECT 1 FROM pg_database WHERE datname = '${name}'`)
  if (known.length === 0) {
    const unfinished = `${name}_loading`
    await query(server.url, `DROP DATABASE IF EXISTS ${unfinished} WITH (FORCE)`)
    await query(server.url, `CREATE DATABASE ${unfinished} TEMPLATE template0`)
    await fill(urlOf(server, unfinished))
    await query(server.url, `ALTER DATABASE ${unfinished} RENAME TO ${name}`)
  } else {
    await ea(['db', 'migrate'], { DATABASE_URL: urlOf(server, name) })
  }
  return urlOf(server, name)
}

/** Takes a kept database away, also one that is half filled. */
export async function dropDatabase(server: Server, name: string): Promise<void> {
  for (const database of [name, `${name}_loading`]) {
    await query(server.url, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`)
  }
}

function urlOf(server: Server, database: string): string {
  return server.url.replace(/^(postgres(?:ql)?:\/\/[^/]*\/)[^?]*/, `$1${database}`)
}

/** The rows of one statement, on a connection of its own. */
export async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}

async function describe(url: string): Promise<string> {
  const rows = await query(
    url,
    `SELECT name, current_setting(name) AS value FROM pg_settings
      WHERE name IN ('server_version', 'fsync', 'synchronous_commit', 'shared_buffers', 'max_wal_size', 'wal_level')
      ORDER BY name DESC`,
  )
  return rows.map(({ name, value }) => `${name} ${value}`).join(', ')
}
