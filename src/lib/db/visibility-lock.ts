/** The one lock of a schema, under which what is visible changes, and its tables. */
import { sql } from 'kysely'
import type { Transaction } from './connect.js'

/**
 * Takes the lock of the schema until the transaction ends. Statements that decide come after it, in READ COMMITTED,
 * so that they see what the holder before it committed.
 */
export async function lockVisibility(tx: Transaction): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended('event-analytics visibility ' || ${tx.schema}::text, 0))`.execute(
    tx.q,
  )
}
