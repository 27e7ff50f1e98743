/**
 * What makes a change of what is visible one step for every reader: the lock that orders such changes, and the
 * version that tells them apart. Only completing, undoing, commits over HTTP and rebuilding come here.
 */
import { sql } from 'kysely'
import type { Transaction } from '../db/connect.js'

/**
 * Takes the lock of the schema until the transaction ends. Statements that decide come after it, in READ COMMITTED,
 * so that they see what the holder before it committed.
 */
export async function lockVisibility(tx: Transaction): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended('event-analytics visibility ' || ${tx.schema}::text, 0))`.execute(
    tx.q,
  )
}

/**
 * Says that what is visible has changed: answers that were given for an older version may be out of date.
 *
 * @returns the transaction, by which the server can be asked later whether it has committed
 */
export async function bumpDataVersion(tx: Transaction): Promise<string> {
  const { rows } = await sql<{ xid: string }>`
    UPDATE ${tx.t.settings} SET data_version = data_version + 1 RETURNING pg_current_xact_id()::text AS xid`.execute(
    tx.q,
  )
  return rows[0]!.xid
}
