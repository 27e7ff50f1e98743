/** One batch with all that is known of it: for `ea batches show`, and for what an undo would do. */
import type { Database, Session } from '../db/connect.js'
import type { Batch, BatchDetail } from './batch.js'
import { getBatch, mergedChunks, overlapsOf } from './batches.js'
import { isExpired, readHolder } from './lease.js'
import { countRejectCodes } from './rejects.js'
import type { StaleBatch } from './undo.js'

/**
 * All about one batch.
 *
 * @throws EaError `batch_not_found`
 * @example
 * const { status, leans_on } = await describeBatch(db, 7)
 */
export async function describeBatch(db: Database, id: number): Promise<BatchDetail> {
  const batch = await getBatch(db, id)
  const merged = await mergedChunks(db, id)
  const holder = batch.status === 'loading' ? await readHolder(db) : undefined
  return {
    ...batch,
    chunks: merged.length,
    merged_records: merged.reduce((sum, chunk) => sum + chunk.read, 0),
    holder:
      holder === undefined || isExpired(holder)
        ? null
        : { doing: holder.doing, pid: holder.pid, since: holder.acquiredAt.toISOString() },
    reasons: [...(await countRejectCodes(db, id))].map(([code, count]) => ({ code, count })),
    ...(await overlapsOf(db, id)),
  }
}

/** What an undo would do. */
export interface UndoPreview {
  readonly batch: Batch
  /** How many events it would remove. */
  readonly removed: number
  /** The completed batches that it would make stale. */
  readonly stale: readonly StaleBatch[]
}

/**
 * What `undoBatch` would do, without doing it.
 *
 * @throws EaError `batch_not_found`
 */
export async function previewUndo(db: Session, id: number): Promise<UndoPreview> {
  const batch = await getBatch(db, id)
  if (batch.status !== 'completed') return { batch, removed: 0, stale: [] }
  const { leaned_on_by: leanedOnBy } = await overlapsOf(db, id)
  const leaning = await Promise.all(
    leanedOnBy.map(async ({ id: other, duplicates }) => ({ ...(await getBatch(db, other)), duplicates })),
  )
  return {
    batch,
    removed: batch.inserted,
    stale: leaning
      .filter(({ status }) => status === 'completed')
      .map(({ id: other, file, reading, rejected, duplicates }) => ({
        id: other,
        file,
        reading,
        rejected,
        duplicates,
      })),
  }
}
