/**
 * Undo: removes a completed batch's events and what the rollups hold of them, as one step for every reader, and marks
 * the batches that leaned on it.
 */
import { sql } from 'kysely'
import { EaError } from '../core/errors.js'
import { failpoint } from '../core/failpoint.js'
import { type Database, isTransient, withTransaction } from '../db/connect.js'
import { bumpDataVersion } from '../db/data-version.js'
import { lockVisibility } from '../db/visibility-lock.js'
import { prepareDelta } from '../rollups/delta.js'
import { removeDelta } from '../rollups/remove.js'
import type { Batch } from './batch.js'
import { getBatch, interruptedBatches } from './batches.js'
import { discardBatch } from './complete.js'
import { batchAfterLoss, tellingWhatIsLeft } from './interruption.js'
import { holdLease, type Lease, type LeaseRequest, withLease } from './lease.js'

/** A batch that counted events as its duplicates that are gone now, and how its file is imported again. */
export interface StaleBatch extends Pick<Batch, 'id' | 'file' | 'reading' | 'rejected'> {
  readonly duplicates: number
}

export interface UndoResult {
  readonly batch: Batch
  /** How many events were removed. */
  readonly removed: number
  /** Batches that counted some of these events as their duplicates: import their files again. */
  readonly stale: readonly StaleBatch[]
  /** Batches that an interrupted import had left, discarded first because they may lean on this one. */
  readonly discarded: readonly Batch[]
}

/**
 * Undoes a batch. Takes the lease, so that it never runs beside an import.
 *
 * @throws EaError `batch_not_found`, `batch_not_undoable` (it is not completed), `import_busy`
 * @example
 * const { removed, stale } = await undoBatch(db, 7)
 */
export async function undoBatch(
  db: Database,
  batchId: number,
  request: Omit<LeaseRequest, 'doing'> = {},
): Promise<UndoResult> {
  return withLease(db, { ...request, doing: `undo batch ${batchId}` }, (lease) => undoUnderLease(db, lease, batchId))
}

/** The same for a caller that holds the lease. */
export async function undoUnderLease(db: Database, lease: Lease, batchId: number): Promise<UndoResult> {
  const before = await getBatch(db, batchId)
  if (before.status !== 'completed' && before.status !== 'loading') {
    throw new EaError('batch_not_undoable', `Batch ${batchId} is ${before.status}: it has no events to remove.`)
  }
  const discarded = await interruptedBatches(db)
  for (const batch of discarded) await discardBatch(db, lease, batch.id)
  if (before.status === 'loading') return { batch: await getBatch(db, batchId), removed: 0, stale: [], discarded: [] }

  const { batch, stale } = await tellingWhatIsLeft(db, lease, before, 'undo', () => removeCompleted(db, lease, before))
  return { batch, removed: batch.inserted, stale, discarded }
}

/** Removes a completed batch in one transaction. */
async function removeCompleted(
  db: Database,
  lease: Lease,
  before: Batch,
): Promise<Pick<UndoResult, 'batch' | 'stale'>> {
  const batchId = before.id
  let undone: Pick<UndoResult, 'batch' | 'stale'> | undefined
  try {
    await withTransaction(db, async (tx) => {
      await holdLease(tx, lease)
      // The batch of this hour's events over HTTP still grows, and only under the lock it does not.
      const isGrowing = before.source === 'http'
      if (isGrowing) await lockVisibility(tx)
      const { inserted } = isGrowing ? await getBatch(tx, batchId) : before
      const delta = await prepareDelta(tx, [batchId])
      if (delta.events !== inserted) {
        throw new EaError(
          'accounting_mismatch',
          `Batch ${batchId} inserted ${inserted} events, but ${delta.events} are stored.`,
        )
      }
      failpoint('undo.prepared')
      if (!isGrowing) await lockVisibility(tx)
      await removeDelta(tx)
      failpoint('undo.rollups')
      await sql`DELETE FROM ${tx.t.events} WHERE batch_id = ${batchId}`.execute(tx.q)
      await sql`
        UPDATE ${tx.t.import_batches} SET status = 'undone', finished_at = clock_timestamp() WHERE id = ${batchId}`.execute(
        tx.q,
      )
      const { rows } = await sql<UndoResult['stale'][number]>`
        UPDATE ${tx.t.import_batches} b SET stale = true
          FROM ${tx.t.import_overlaps} o
         WHERE o.owner_id = ${batchId} AND b.id = o.batch_id AND b.status = 'completed'
        RETURNING b.id, b.file, b.reading, b.rejected, o.duplicates`.execute(tx.q)
      await bumpDataVersion(tx)
      failpoint('undo.before-commit')
      undone = { batch: await getBatch(tx, batchId), stale: rows }
    })
  } catch (error) {
    // A connection that was lost while it committed does not tell what became of it; the batch does.
    if (undone === undefined || !isTransient(error)) throw error
    if ((await batchAfterLoss(db, batchId))?.status !== 'undone') throw error
  }
  return undone!
}
