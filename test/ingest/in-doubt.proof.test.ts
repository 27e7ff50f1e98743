/** A commit whose answer was lost: what happened is told, and what a crash took back is never taken for committed. */
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { httpBatches } from '../../src/lib/batches/http-batch.js'
import { type Database, withPool, withTransaction } from '../../src/lib/db/connect.js'
import { bumpDataVersion } from '../../src/lib/db/data-version.js'
import { commitGroup } from '../../src/lib/ingest/commit.js'
import { hasCommitted } from '../../src/lib/ingest/in-doubt.js'
import { expectSound } from '../support/import/import-state.js'
import { freshDatabase, withFreshDatabase } from '../support/postgres/database.js'
import { withLossyProxy } from '../support/postgres/lossy-proxy.js'
import { eventOf, requestOf } from './ingesting.js'

const timezone = 'UTC'

/** What a commit of now leaves: a batch that was grown by it, and its transaction. */
async function someCommit(db: Database) {
  return withTransaction(db, async (tx) => {
    const [batchId] = await httpBatches(tx, [{ sender: 'test', receivedAt: new Date() }])
    const { rows } = await sql<{ us: string }>`
      UPDATE ${tx.t.import_batches} SET finished_at = clock_timestamp() WHERE id = ${batchId}
      RETURNING (extract(epoch FROM finished_at) * 1000000)::bigint::text AS us`.execute(tx.q)
    return { xid: await bumpDataVersion(tx), mark: { batchId: batchId!, grownAtUs: rows[0]!.us } }
  })
}

test('a lost answer to a commit: the request is answered as it was stored, and stored once', async () => {
  const { url, drop } = await freshDatabase()
  try {
    await withLossyProxy(
      url,
      (commits) => commits === 1,
      (proxied) =>
        withPool({ url: proxied, schema: 'ea' }, async (db) => {
          const settled = await commitGroup(db, [await requestOf([eventOf(1), eventOf(2), eventOf(1)])], { timezone })
          expect(settled).toMatchObject([{ kind: 'stored', answer: { inserted: 2, duplicates: 1 } }])
          const { rows } = await sql`SELECT read, inserted, duplicates FROM ${db.t.import_batches}`.execute(db.q)
          expect(rows).toEqual([{ read: 3, inserted: 2, duplicates: 1 }])
          await expectSound(db)
        }),
    )
  } finally {
    await drop()
  }
})

test('what a crash took back, and whose number another transaction has got since, has not committed', async () => {
  await withFreshDatabase(async (db) => {
    const other = await someCommit(db)
    expect(await hasCommitted(db, other)).toBe(true)
    const lost = { batchId: other.mark.batchId, grownAtUs: String(BigInt(other.mark.grownAtUs) - 1n) }
    expect(await hasCommitted(db, { ...other, mark: lost })).toBe(false)
  })
})

test('a number that no transaction has got yet after a crash is no error', async () => {
  await withFreshDatabase(async (db) => {
    const { mark, xid } = await someCommit(db)
    const lost = { batchId: mark.batchId, grownAtUs: String(BigInt(mark.grownAtUs) - 1n) }
    expect(await hasCommitted(db, { xid: String(BigInt(xid) + 1_000_000n), mark: lost })).toBe(false)
  })
})

test('a transaction that is still under way is waited for', async () => {
  await withFreshDatabase(async (db) => {
    let asked: Promise<boolean> | undefined
    await withTransaction(db, async (tx) => {
      const [batchId] = await httpBatches(tx, [{ sender: 'test', receivedAt: new Date() }])
      const { rows } = await sql<{ us: string }>`
        UPDATE ${tx.t.import_batches} SET finished_at = clock_timestamp() WHERE id = ${batchId}
        RETURNING (extract(epoch FROM finished_at) * 1000000)::bigint::text AS us`.execute(tx.q)
      const trace = { xid: await bumpDataVersion(tx), mark: { batchId: batchId!, grownAtUs: rows[0]!.us } }
      asked = hasCommitted(db, trace)
      await new Promise((resolve) => setTimeout(resolve, 200))
    })
    expect(await asked).toBe(true)
  })
})
