/**
 * How a batch that was loading ends: completed (its events count, all at once) or failed (they are removed).
 *
 *   lease ─ createBatch: loading ─ chunks ─ completeBatch: completed ─ undo: undone, or failBatch: failed
 */
import { sql } from 'kysely'
import { EaError } from '../core/errors.js'
import type { Reject } from '../core/event.js'
import { failpoint } from '../core/failpoint.js'
import { type Database, isTransient, type Transaction, withTransaction } from '../db/connect.js'
import { bumpDataVersion, lockVisibilityPatiently } from '../db/data-version.js'
import { addDelta } from '../rollups/add.js'
import { prepareDelta } from '../rollups/delta.js'
import type { Batch } from './batch.js'
import { getBatch } from './batches.js'
import { dropDifferences, keepFirstDifferences } from './differences.js'
import { batchAfterLoss } from './interruption.js'
import { holdLease, type Lease } from './lease.js'
import { decideAsDuplicates, storePending } from './pending.js'
import { keepFirstRejects, keepRejects } from './rejects.js'

/** What is known of a content only when all of it was read. */
export interface LoadSummary {
  readonly sha256: Buffer
  /** How many chunks the content has: all of them must be merged. */
  readonly chunks: number
  /** Bytes of the decompressed content. */
  readonly bytes: number
  /** Wall time of the import so far. */
  readonly seconds: number
}

/**
 * Makes a batch visible: checks that it adds up, records whose events its duplicates are, refreshes the rollups and
 * sets its status, in one transaction.
 *
 * @throws EaError `accounting_mismatch` when its counts do not add up (a bug); `lease_lost`
 */
export async function completeBatch(db: Database, lease: Lease, batchId: number, loaded: LoadSummary): Promise<Batch> {
  let completed: Batch | undefined
  try {
    await withTransaction(db, async (tx) => {
      await holdLease(tx, lease)
      await completeIn(tx, batchId, loaded)
      completed = await getBatch(tx, batchId)
    })
  } catch (error) {
    // A connection that was lost while it committed does not tell what became of it; the batch does.
    if (completed === undefined || !isTransient(error)) throw error
    if ((await batchAfterLoss(db, batchId))?.status !== 'completed') throw error
  }
  failpoint('complete.committed')
  return completed!
}

/** The same inside a transaction that also loaded the batch (`--atomic`). */
export async function completeIn(tx: Transaction, batchId: number, loaded: LoadSummary): Promise<void> {
  const delta = await prepareDelta(tx, batchId)
  failpoint('complete.prepared')
  const counts = await addUp(tx, batchId)
  check(batchId, counts, delta.events, loaded.chunks)
  await sql`
    INSERT INTO ${tx.t.import_overlaps} (batch_id, owner_id, duplicates)
    SELECT ${batchId}, owner.key::bigint, sum(owner.value::bigint)
      FROM ${tx.t.import_chunks} c, jsonb_each_text(c.owners) AS owner
     WHERE c.batch_id = ${batchId} GROUP BY owner.key`.execute(tx.q)
  if (counts.differing > 0) await keepFirstDifferences(tx, batchId)
  await lockVisibilityPatiently(tx)
  failpoint('complete.locked')
  await addDelta(tx)
  await decideAsDuplicates(tx, batchId)
  failpoint('complete.rollups')
  await sql`
    UPDATE ${tx.t.import_batches}
       SET status = 'completed', sha256 = ${loaded.sha256}, bytes = ${loaded.bytes}, seconds = ${loaded.seconds},
           read = ${counts.read}, inserted = ${counts.inserted}, duplicates = ${counts.duplicates},
           differing = ${counts.differing}, rejected = ${counts.rejected}, finished_at = clock_timestamp()
     WHERE id = ${batchId} AND status = 'loading'`.execute(tx.q)
  await bumpDataVersion(tx)
  failpoint('complete.status')
}

interface Counts {
  readonly chunks: number
  readonly read: number
  readonly inserted: number
  readonly duplicates: number
  readonly differing: number
  readonly rejected: number
  readonly keptRejects: number
}

async function addUp(tx: Transaction, batchId: number): Promise<Counts> {
  const { rows } = await sql<Counts>`
    SELECT count(*) AS chunks, coalesce(sum(read), 0)::bigint AS read, coalesce(sum(inserted), 0)::bigint AS inserted,
           coalesce(sum(duplicates), 0)::bigint AS duplicates,
           coalesce(sum(differing), 0)::bigint AS differing, coalesce(sum(rejected), 0)::bigint AS rejected,
           (SELECT count(*) FROM ${tx.t.rejected_records} WHERE batch_id = ${batchId}) AS "keptRejects"
      FROM ${tx.t.import_chunks} WHERE batch_id = ${batchId}`.execute(tx.q)
  return rows[0]!
}

function check(batchId: number, counts: Counts, storedEvents: number, chunks: number): void {
  const wrong = [
    counts.chunks !== chunks && `${counts.chunks} of ${chunks} chunks are merged`,
    counts.read !== counts.inserted + counts.duplicates + counts.rejected &&
      `read ${counts.read} is not inserted ${counts.inserted} + duplicates ${counts.duplicates} + rejected ${counts.rejected}`,
    counts.inserted !== storedEvents && `inserted ${counts.inserted}, but ${storedEvents} events are stored`,
    counts.rejected !== counts.keptRejects && `rejected ${counts.rejected}, but ${counts.keptRejects} rejects are kept`,
  ].filter((problem) => problem !== false)
  if (wrong.length > 0) {
    throw new EaError('accounting_mismatch', `Batch ${batchId} does not add up: ${wrong.join('; ')}.`)
  }
}

/** Why and with what counts a batch fails. */
export interface Failure {
  /** The code of the error. */
  readonly code: string
  readonly sha256: Buffer | null
  readonly read: number
  readonly rejected: number
  readonly bytes: number
  readonly seconds: number
  /** The first ones of the file; chunks have stored some of them, and others not, because nothing was merged any more. */
  readonly rejects: readonly Reject[]
}

/** Ends a batch without its events: removes them and keeps its row and its first rejects, so that people can see why. */
export async function failBatch(db: Database, lease: Lease, batchId: number, failure: Failure): Promise<Batch> {
  await withTransaction(db, async (tx) => {
    await holdLease(tx, lease)
    await removeLoading(tx, batchId)
    const records = failure.rejects.map(({ record }) => record)
    await sql`DELETE FROM ${tx.t.rejected_records} WHERE batch_id = ${batchId} AND record = ANY (${records})`.execute(
      tx.q,
    )
    await keepRejects(tx, batchId, failure.rejects)
    await keepFirstRejects(tx, batchId)
    await sql`
      UPDATE ${tx.t.import_batches}
         SET status = 'failed', failure = ${failure.code}, sha256 = coalesce(${failure.sha256}, sha256), read = ${failure.read},
             inserted = 0, duplicates = 0, rejected = ${failure.rejected}, bytes = ${failure.bytes},
             seconds = ${failure.seconds}, finished_at = clock_timestamp()
       WHERE id = ${batchId} AND status = 'loading'`.execute(tx.q)
  })
  return getBatch(db, batchId)
}

/** Removes what an interrupted or needless import left: its events never counted, its status becomes `undone`. */
export async function discardBatch(db: Database, lease: Lease, batchId: number): Promise<void> {
  await withTransaction(db, async (tx) => {
    await holdLease(tx, lease)
    await removeLoading(tx, batchId)
    await sql`DELETE FROM ${tx.t.rejected_records} WHERE batch_id = ${batchId}`.execute(tx.q)
    await sql`
      UPDATE ${tx.t.import_batches} SET status = 'undone', finished_at = clock_timestamp()
       WHERE id = ${batchId} AND status = 'loading'`.execute(tx.q)
  })
}

async function removeLoading(tx: Transaction, batchId: number): Promise<void> {
  failpoint('discard.started')
  await sql`DELETE FROM ${tx.t.events} WHERE batch_id = ${batchId}`.execute(tx.q)
  await sql`DELETE FROM ${tx.t.import_chunks} WHERE batch_id = ${batchId}`.execute(tx.q)
  await dropDifferences(tx, batchId)
  failpoint('discard.removed')
  // Its events never counted, but those that came over HTTP meanwhile and had to wait for it do from now on.
  await lockVisibilityPatiently(tx)
  await storePending(tx, batchId)
}
