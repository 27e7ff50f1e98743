/**
 * Applies the numbered files of `migrations/` in their order, each once, by Kysely's Migrator; says whether a
 * database has them all. The Migrator's own lock lets two callers at once do it once.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Migration, type MigrationProvider, Migrator, sql } from 'kysely'
import { EaError } from '../errors.js'
import { packageFolder } from '../package.js'
import type { Database, Session } from './connect.js'

const minServerVersion = 160000

const migrationsFolder = () => join(packageFolder(), 'migrations')

/** The names of the migrations without `.sql`, in order. */
async function migrationNames(): Promise<string[]> {
  const files = await readdir(migrationsFolder())
  return files
    .filter((name) => name.endsWith('.sql'))
    .map((name) => name.slice(0, -4))
    .sort()
}

function sqlFiles(schema: string): MigrationProvider {
  const quoted = `"${schema.replaceAll('"', '""')}"`
  return {
    async getMigrations() {
      const migrations: Record<string, Migration> = {}
      for (const name of await migrationNames()) {
        const text = (await readFile(join(migrationsFolder(), `${name}.sql`), 'utf8')).replaceAll(':schema', quoted)
        migrations[name] = { up: async (db) => void (await sql.raw(text).execute(db)) }
      }
      return migrations
    },
  }
}

/** What a database has and lacks. */
export interface SchemaState {
  /** `server_version_num`, as 180004 for 18.4. */
  readonly serverVersion: number
  /** Of the database: `UTF8`. */
  readonly encoding: string
  readonly applied: readonly string[]
  readonly pending: readonly string[]
}

/** Reads what is applied, in one statement; never creates anything. */
export async function schemaState(db: Session): Promise<SchemaState> {
  const head = await sql<{ version: number; encoding: string; migrated: boolean }>`
    SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
           to_regclass(format('%I.kysely_migration', ${db.schema}::text)) IS NOT NULL AS migrated`.execute(db.q)
  const { version, encoding, migrated } = head.rows[0]!
  const applied = migrated
    ? (
        await sql<{
          name: string
        }>`SELECT name FROM ${sql.id(db.schema, 'kysely_migration')} ORDER BY name COLLATE "C"`.execute(db.q)
      ).rows.map((row) => row.name)
    : []
  const pending = (await migrationNames()).filter((name) => !applied.includes(name))
  return { serverVersion: version, encoding, applied, pending }
}

/**
 * Throws when the server is older than 16, the database is not UTF-8, or the schema lacks a migration.
 *
 * @throws EaError `database_too_old`, `database_refused`, `database_not_migrated`
 */
export async function requireMigrated(db: Session): Promise<void> {
  const state = await schemaState(db)
  requireServer(state)
  if (state.pending.length > 0) {
    throw new EaError('database_not_migrated', `The schema "${db.schema}" lacks ${state.pending.join(', ')}.`)
  }
}

function requireServer(state: SchemaState): void {
  if (state.serverVersion < minServerVersion) {
    const major = Math.floor(state.serverVersion / 10000)
    throw new EaError('database_too_old', `The server is PostgreSQL ${major}; ea needs 16 or newer.`)
  }
  if (state.encoding !== 'UTF8') {
    throw new EaError('database_refused', `The encoding of the database is ${state.encoding}; ea needs UTF8.`, {
      suggestions: ["Make another database: CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'"],
    })
  }
}

/**
 * Creates the schema and applies what is pending. Doing it twice is doing it once.
 *
 * @param options.reportingTz the zone of the rollups' days, for a schema that is new; default UTC
 * @returns the names that were applied now
 * @example
 * await migrate(db) // ['0001_events']
 */
export async function migrate(db: Database, options: { reportingTz?: string } = {}): Promise<string[]> {
  const before = await schemaState(db)
  requireServer(before)
  if (before.pending.length === 0) return []
  const migrator = new Migrator({ db: db.q, provider: sqlFiles(db.schema), migrationTableSchema: db.schema })
  const { error, results } = await migrator.migrateToLatest()
  if (error) throw error
  const applied = (results ?? []).filter((result) => result.status === 'Success').map((result) => result.migrationName)
  if (options.reportingTz !== undefined && before.applied.length === 0 && applied.length > 0) {
    await db.q.updateTable('settings').set({ reporting_tz: options.reportingTz }).execute()
  }
  return applied
}
