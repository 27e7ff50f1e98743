/**
 * A real PostgreSQL for tests: the server of `test/support/server.ts`, one migrated template database in it, and for
 * each caller a clone of its own. Set EA_TEST_DATABASE_URL to use another server (it needs CREATEDB).
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { type Database, withPool } from '../../src/lib/db/connect.js'

/** The URL of a fresh, migrated database, and what drops it. */
export async function freshDatabase(): Promise<{ url: string; drop: () => Promise<void> }> {
  const serverUrl = inject('serverUrl')
  const template = inject('templateDatabase')
  const name = `ea_test_${randomBytes(6).toString('hex')}`
  await admin(serverUrl, `CREATE DATABASE ${name} TEMPLATE ${template}`)
  return {
    url: databaseUrl(serverUrl, name),
    drop: () => admin(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  }
}

/** Runs `use` on a fresh, migrated database of its own. */
export async function withFreshDatabase<T>(
  use: (db: Database, url: string) => Promise<T>,
  options: { maxConnections?: number } = {},
): Promise<T> {
  const { url, drop } = await freshDatabase()
  try {
    return await withPool({ url, schema: 'ea', ...options }, (db) => use(db, url))
  } finally {
    await drop()
  }
}

/** One statement as administrator, on a connection of its own. */
export async function admin(serverUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  try {
    // Two clones at once of one template refuse each other: try again.
    for (let attempt = 0; ; attempt++) {
      try {
        await client.query(statement)
        return
      } catch (error) {
        const busy = error instanceof pg.DatabaseError && error.code === '55006'
        if (!busy || attempt > 200) throw error
        await new Promise((resolve) => setTimeout(resolve, 25))
      }
    }
  } finally {
    await client.end()
  }
}

/** The same server, another database. */
export function databaseUrl(serverUrl: string, database: string): string {
  return serverUrl.replace(/^(postgres(?:ql)?:\/\/[^/]*\/)[^?]*/, `$1${database}`)
}
