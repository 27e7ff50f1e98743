/**
 * What makes a change of what is visible one step for every reader: the lock that orders such changes, and the
 * version that tells them apart. Only completing, undoing, commits over HTTP and rebuilding come here.
 */
import { sql } from 'kysely'
import { sqlState, type Transaction } from './connect.js'
import { requireKnown } from './migrate.js'
import { lockVisibility } from './visibility-lock.js'

/** Below PostgreSQL's deadlock_timeout of 1 s. */
const patienceMs = 800

/**
 * The same for a transaction that has removed or stored events before: a commit over HTTP may have the lock and wait for
 * one of their ids. Whoever waited on would be the one whom PostgreSQL ends; this one lets go before that and asks again, and
 * the commit, which waits not much longer, goes away.
 */
export async function lockVisibilityPatiently(tx: Transaction): Promise<void> {
  const { rows } = await sql<{ before: string; limitMs: number }>`
    SELECT current_setting('lock_timeout') AS before,
           (extract(epoch FROM current_setting('lock_timeout')::interval) * 1000)::int AS "limitMs"`.execute(tx.q)
  const { before, limitMs } = rows[0]!
  const setLimit = (value: string) => sql`SELECT set_config('lock_timeout', ${value}, true)`.execute(tx.q)
  const beganMs = performance.now()
  for (;;) {
    const leftMs = limitMs === 0 ? patienceMs : limitMs - (performance.now() - beganMs)
    await tx.client.query('SAVEPOINT waiting')
    try {
      await setLimit(`${Math.ceil(Math.max(1, Math.min(patienceMs, leftMs)))}ms`)
      await lockVisibility(tx)
      await setLimit(before)
      await tx.client.query('RELEASE SAVEPOINT waiting')
      return
    } catch (error) {
      if (sqlState(error) !== '55P03' || (limitMs > 0 && leftMs <= patienceMs)) throw error
      await tx.client.query('ROLLBACK TO SAVEPOINT waiting')
    }
  }
}

/**
 * Says that what is visible has changed: answers that were given for an older version may be out of date. The last
 * moment to see that a newer release has migrated the schema while this process ran.
 *
 * @returns the transaction, by which the server can be asked later whether it has committed
 * @throws EaError `database_newer`
 */
export async function bumpDataVersion(tx: Transaction): Promise<string> {
  const { rows } = await sql<{ xid: string; applied: string[] }>`
    UPDATE ${tx.t.settings} SET data_version = data_version + 1
    RETURNING pg_current_xact_id()::text AS xid,
              (SELECT array_agg(name::text) FROM ${sql.id(tx.schema, 'kysely_migration')}) AS applied`.execute(tx.q)
  const { xid, applied } = rows[0]!
  await requireKnown(tx.schema, applied)
  return xid
}
