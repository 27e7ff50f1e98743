/**
 * Temp tables of one transaction and the settings under which they are filled. They end with it: nothing here outlives a
 * transaction, so all of it works behind PgBouncer in transaction mode.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Transaction } from '../../db/connect.js'

/**
 * Fills a new temp table, which ends with the transaction, and gives the number of its rows. CREATE TABLE AS may read
 * in parallel; INSERT … SELECT never does.
 */
export async function createTableAs(tx: Transaction, name: string, select: RawBuilder<unknown>): Promise<number> {
  const statement = sql`CREATE TEMP TABLE ${sql.id(name)} ON COMMIT DROP AS ${select}`.compile(tx.q)
  const { rowCount } = await tx.client.query(statement.sql, [...statement.parameters])
  return rowCount ?? 0
}

/**
 * The same for a query that groups events, without sorting them. A batch that has just been loaded has no statistics: the
 * planner would expect few rows and sort a million, which is more than twice as slow as hashing. A hash that does not fit
 * costs up to twice as much again, so it may take what the server allows for maintenance (`hash_mem_multiplier` doubles
 * `work_mem` for it): one import at a time does this, as one index at a time is built.
 */
export async function createTableHashed(tx: Transaction, name: string, select: RawBuilder<unknown>): Promise<number> {
  await sql`
    SELECT set_config('enable_sort', 'off', true),
           set_config('work_mem', greatest(pg_size_bytes(${bulkWorkMem}),
             pg_size_bytes(current_setting('maintenance_work_mem')) / 2) / 1024 || 'kB', true)`.execute(tx.q)
  const rowCount = await createTableAs(tx, name, select)
  await setLocal(tx, { enable_sort: 'on', work_mem: bulkWorkMem })
  return rowCount
}

export async function dropTempTables(tx: Transaction, names: readonly string[]): Promise<void> {
  await sql`DROP TABLE IF EXISTS ${sql.join(names.map((name) => tempTable(name)))}`.execute(tx.q)
}

/** A temp table by its name, as written after FROM. */
export function tempTable(name: string): RawBuilder<unknown> {
  return sql.id('pg_temp', name)
}

const bulkWorkMem = '128MB'

/** Settings for the rest of this transaction: room to sort and hash, small samples, no compilation of queries. */
export async function tuneForBulk(tx: Transaction): Promise<void> {
  await setLocal(tx, { work_mem: bulkWorkMem, jit: 'off', default_statistics_target: '10' })
}

async function setLocal(tx: Transaction, settings: Readonly<Record<string, string>>): Promise<void> {
  const calls = Object.entries(settings).map(([name, value]) => sql`set_config(${name}, ${value}, true)`)
  await sql`SELECT ${sql.join(calls)}`.execute(tx.q)
}
