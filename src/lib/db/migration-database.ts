/**
 * What Kysely's Migrator works on: one transaction, which brings its own lock, and a view of the database that ends at our
 * schema. Kysely itself would look at every table of every schema, and fail when somebody drops one meanwhile.
 */
import {
  type DatabaseIntrospector,
  type DialectAdapter,
  Kysely,
  PostgresAdapter,
  PostgresDialect,
  type SchemaMetadata,
  sql,
  type TableMetadata,
} from 'kysely'
import type pg from 'pg'
import type { Transaction } from './connect.js'

/** Kysely over a transaction that holds the lock of migrations. */
export function migrationDatabase(tx: Transaction): Kysely<unknown> {
  const connection = { query: tx.client.query.bind(tx.client), release: () => {} }
  const pool = { connect: async () => connection, end: async () => {} } as unknown as pg.Pool
  return new Kysely({ dialect: new MigrationDialect(tx, { pool }) })
}

class MigrationDialect extends PostgresDialect {
  readonly #tx: Transaction

  constructor(tx: Transaction, config: { pool: pg.Pool }) {
    super(config)
    this.#tx = tx
  }

  override createAdapter(): DialectAdapter {
    return new LockedAdapter()
  }

  override createIntrospector(): DatabaseIntrospector {
    return introspectorOf(this.#tx)
  }
}

/** The transaction holds the lock before the Migrator begins, and gives it up when it ends. */
class LockedAdapter extends PostgresAdapter {
  override async acquireMigrationLock(): Promise<void> {}
  override async releaseMigrationLock(): Promise<void> {}
}

/** Sees one schema, and of its tables the two of the Migrator. */
function introspectorOf(tx: Transaction): DatabaseIntrospector {
  const getTables = async (): Promise<TableMetadata[]> => {
    const { rows } = await sql<{ name: string }>`
      SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = ${tx.schema} AND c.relname IN ('kysely_migration', 'kysely_migration_lock')`.execute(tx.q)
    return rows.map(({ name }) => ({ name, schema: tx.schema, isView: false, columns: [] }))
  }
  return {
    getTables,
    async getSchemas(): Promise<SchemaMetadata[]> {
      const { rows } = await sql<{ name: string }>`
        SELECT nspname AS name FROM pg_namespace WHERE nspname = ${tx.schema}`.execute(tx.q)
      return rows
    },
    getMetadata: async () => ({ tables: await getTables() }),
  }
}
