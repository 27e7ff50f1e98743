/**
 * Applies the numbered files of `migrations/` in their order, each once, by Kysely's Migrator; says whether a
 * database has them all, and whether it has more than this release knows. One transaction under a lock lets two callers at
 * once do it once.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Migration, type MigrationProvider, Migrator, sql } from 'kysely'
import { EaError } from '../core/errors.js'
import { packageFolder } from '../core/package.js'
import { type Database, type Session, withTransaction } from './connect.js'
import { migrationDatabase } from './migration-database.js'
import { lockVisibility } from './visibility-lock.js'

const minServerVersion = 160000

const migrationsFolder = () => join(packageFolder(), 'migrations')

let namesRead: Promise<string[]> | undefined

/** The names of the migrations without `.sql`, in order. */
async function migrationNames(): Promise<string[]> {
  namesRead ??= readdir(migrationsFolder()).then((files) =>
    files
      .filter((name) => name.endsWith('.sql'))
      .map((name) => name.slice(0, -4))
      .sort(),
  )
  return namesRead
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
  /** Applied by a newer release: this one does not know them. */
  readonly unknown: readonly string[]
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
  const known = await migrationNames()
  const pending = known.filter((name) => !applied.includes(name))
  const unknown = applied.filter((name) => !known.includes(name))
  return { serverVersion: version, encoding, applied, pending, unknown }
}

/** Whether a server is one that `ea` can use. */
export function isTooOld(state: Pick<SchemaState, 'serverVersion'>): boolean {
  return state.serverVersion < minServerVersion
}

/**
 * Throws when a newer release has migrated the schema: what it added would not be kept up to date by this one.
 *
 * @param applied the names of the migrations that the schema has
 * @throws EaError `database_newer`
 */
export async function requireKnown(schema: string, applied: readonly string[]): Promise<void> {
  const known = await migrationNames()
  const unknown = applied.filter((name) => !known.includes(name))
  if (unknown.length > 0) throw new EaError('database_newer', newerText(schema, unknown), { details: { unknown } })
}

/** That a newer release was here. */
export function newerText(schema: string, unknown: readonly string[]): string {
  return `A newer release of ea has migrated the schema "${schema}": this one does not know ${unknown.join(', ')}.`
}

/**
 * Throws when the server is older than 16, the database is not UTF-8, or the schema lacks a migration.
 *
 * @throws EaError `database_too_old`, `database_refused`, `database_not_migrated`
 */
export async function requireMigrated(db: Session): Promise<void> {
  const state = await schemaState(db)
  requireServer(state)
  if (state.pending.length > 0) throw await notMigrated(db, state)
}

/** Why a schema cannot be used: it lacks migrations, or it is not there; then the schemas that are. */
export async function notMigrated(db: Session, state: SchemaState): Promise<EaError> {
  if (state.applied.length > 0) {
    return new EaError('database_not_migrated', `The schema "${db.schema}" lacks ${state.pending.join(', ')}.`)
  }
  const others = await existingSchemas(db)
  const list = others.map((name) => `"${name}"`).join(', ')
  const found = others.length === 0 ? 'The database has no schema with events.' : `Schemas with events: ${list}.`
  return new EaError('database_not_migrated', `There is no schema "${db.schema}" with the tables of ea. ${found}`, {
    suggestions: [
      ...others
        .slice(0, 3)
        .map((name) => `Name the schema that you mean: --schema ${JSON.stringify(name)} or EA_SCHEMA.`),
      'Run `ea db migrate` to create it.',
    ],
    details: { schemas: others },
  })
}

/** The schemas of the database that have the tables, by name. */
export async function existingSchemas(db: Session): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT n.nspname AS name FROM pg_namespace n
     WHERE (SELECT count(*) FROM pg_class c
             WHERE c.relnamespace = n.oid AND c.relname IN ('kysely_migration', 'import_batches', 'events')) = 3
     ORDER BY n.nspname COLLATE "C"`.execute(db.q)
  return rows.map(({ name }) => name)
}

/** @throws EaError `database_too_old`, `database_refused` */
export function requireServer(state: SchemaState): void {
  if (isTooOld(state)) {
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
 * @throws EaError `database_newer`, and those of `requireServer`
 * @example
 * await migrate(db) // ['0001_events']
 */
export async function migrate(db: Database, options: { reportingTz?: string } = {}): Promise<string[]> {
  const before = await schemaState(db)
  requireServer(before)
  await requireKnown(db.schema, before.applied)
  if (before.pending.length === 0) return []
  return withTransaction(db, async (tx) => {
    await sql`SELECT pg_advisory_xact_lock(${migrationLock}::bigint)`.execute(tx.q)
    // Nothing that is visible changes while tables do.
    await lockVisibility(tx)
    const migrator = new Migrator({
      db: migrationDatabase(tx),
      provider: sqlFiles(db.schema),
      migrationTableSchema: db.schema,
      disableTransactions: true,
    })
    const { error, results } = await migrator.migrateToLatest()
    if (error) throw error
    const applied = (results ?? [])
      .filter((result) => result.status === 'Success')
      .map((result) => result.migrationName)
    if (options.reportingTz !== undefined && before.applied.length === 0 && applied.length > 0) {
      await tx.q.updateTable('settings').set({ reporting_tz: options.reportingTz }).execute()
    }
    return applied
  })
}

/** The key that Kysely takes for a session: an older release that migrates at the same time waits, and is waited for. */
const migrationLock = '3853314791062309107'
