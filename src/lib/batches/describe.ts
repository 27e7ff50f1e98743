/** One batch with all that is known of it: for `ea batches show`, and for what an undo would do. */

import type { RejectCode } from '../core/event.js'
import type { Database, Session } from '../db/connect.js'
import { type Batch, getBatch, mergedChunks, type Overlaps, overlapsOf } from './batches.js'
import { isExpired, type LeaseHolder, readHolder } from './lease.js'
import { countRejectCodes } from './rejects.js'
import type { StaleBatch } from './undo.js'

export interface BatchDetail extends Overlaps {
  readonly batch: Batch
  /** Chunks that are merged; 0 when its events were removed. */
  readonly chunks: number
  /** Records of those chunks: how far a batch is that is still loading. */
  readonly mergedRecords: number
  /** Of a batch that is loading: who holds the lease of the schema now; null when its import was interrupted. */
  readonly holder: LeaseHolder | null
  /** Why records were rejected, of those that are kept; the most frequent first. */
  readonly reasons: readonly { readonly code: RejectCode; readonly count: number }[]
}

/**
 * All about one batch.
 *
 * @throws EaError `batch_not_found`
 * @example
 * const { batch, leansOn } = await describeBatch(db, 7)
 */
export async function describeBatch(db: Database, id: number): Promise<BatchDetail> {
  const batch = await getBatch(db, id)
  const merged = await mergedChunks(db, id)
  const holder = batch.status === 'loading' ? await readHolder(db) : undefined
  return {
    batch,
    ...(await overlapsOf(db, id)),
    chunks: merged.length,
    mergedRecords: merged.reduce((sum, chunk) => sum + chunk.read, 0),
    holder: holder && !isExpired(holder) ? holder : null,
    reasons: [...(await countRejectCodes(db, id))].map(([code, count]) => ({ code, count })),
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
  const { leanedOnBy } = await overlapsOf(db, id)
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
