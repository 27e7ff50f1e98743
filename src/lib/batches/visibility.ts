/**
 * What makes a change of what is visible one step for every reader: the lock that orders such changes, and the
 * version that tells them apart. Only completing, undoing, commits over HTTP and rebuilding come here.
 */
import { sql } from 'kysely'
import { sqlState, type Transaction } from '../db/connect.js'

/**
 * Takes the lock of the schema until the transaction ends. Statements that decide come after it, in READ COMMITTED,
 * so that they see what the holder before it committed.
 */
export async function lockVisibility(tx: Transaction): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended('event-analytics visibility ' || ${tx.schema}::text, 0))`.execute(
    tx.q,
  )
}

/** Below PostgreSQL's deadlock_timeout of 1 s. */
const patienceMs = 800

/**
 * The same for a transaction that has removed or stored events before: a commit over HTTP may have the lock and wait for
 * one of their ids. Whoever waited on would be the one whom PostgreSQL ends; this one lets go before that and asks again, and
 * the commit, which waits not much longer, goes away.
 */
export async function lockVisibilityPatiently(tx: Transaction): Promise<void> {
  const { rows } = await sql<{ before: string }>`SELECT current_setting('lock_timeout') AS before`.execute(tx.q)
  const setLimit = (value: string) => sql`SELECT set_config('lock_timeout', ${value}, true)`.execute(tx.q)
  for (;;) {
    await tx.client.query('SAVEPOINT waiting')
    try {
      await setLimit(`${patienceMs}ms`)
      await lockVisibility(tx)
      await setLimit(rows[0]!.before)
      await tx.client.query('RELEASE SAVEPOINT waiting')
      return
    } catch (error) {
      if (sqlState(error) !== '55P03') throw error
      await tx.client.query('ROLLBACK TO SAVEPOINT waiting')
    }
  }
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
