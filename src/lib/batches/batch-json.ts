/** Batches as rows and as JSON: what `ea batches list` and `show` print and what HTTP answers is made here. */

import type { Column, Result } from '../core/result.js'
import type { Session } from '../db/connect.js'
import type { BatchStatus } from '../db/tables.js'
import { type Batch, listBatches } from './batches.js'
import type { BatchDetail } from './describe.js'

export const batchStatuses = ['loading', 'completed', 'failed', 'undone'] as const satisfies BatchStatus[]

const listColumns: readonly Column[] = [
  { name: 'id', kind: 'text' },
  { name: 'created_at', kind: 'instant' },
  { name: 'status', kind: 'text' },
  { name: 'stale', kind: 'flag' },
  { name: 'read', kind: 'count', unit: 'records' },
  { name: 'inserted', kind: 'count', unit: 'events' },
  { name: 'duplicates', kind: 'count', unit: 'records' },
  { name: 'rejected', kind: 'count', unit: 'records' },
  { name: 'bytes', kind: 'bytes' },
  { name: 'seconds', kind: 'seconds' },
  { name: 'file', kind: 'text' },
]

/** How many batches are listed when nobody says. */
export const defaultBatches = 50

/**
 * The newest batches as a Result; the rows hold more than a table shows. `meta.more` says whether there are others.
 *
 * @param page.limit at most so many
 * @example
 * const { data, meta } = await batchesPage(db, { status: 'completed', limit: 50 })
 */
export async function batchesPage(
  db: Session,
  { status, limit }: { status?: BatchStatus | undefined; limit: number },
): Promise<Result> {
  const batches = await listBatches(db, { status, limit: limit + 1 })
  return {
    metric: 'batches',
    columns: listColumns,
    data: batches.slice(0, limit).map((batch) => batchJson(batch)),
    meta: { status: status ?? null, limit, more: batches.length > limit },
  }
}

/** A row of the list. */
export type BatchJson = ReturnType<typeof batchJson>

/** A batch with the names of the JSON, without how it was read. */
function batchJson(batch: Batch) {
  return {
    id: batch.id,
    source: batch.source,
    file: batch.file,
    sha256: batch.sha256,
    status: batch.status,
    stale: batch.stale,
    read: batch.read,
    inserted: batch.inserted,
    duplicates: batch.duplicates,
    differing: batch.differing,
    rejected: batch.rejected,
    bytes: batch.bytes,
    seconds: batch.seconds,
    created_at: batch.createdAt.toISOString(),
    finished_at: batch.finishedAt?.toISOString() ?? null,
    failure: batch.failure,
  }
}

/** All about a batch with the names of the JSON. */
export function detailJson(detail: BatchDetail): Record<string, unknown> {
  const { batch, chunks, mergedRecords, holder, reasons, leansOn, leanedOnBy } = detail
  return {
    ...batchJson(batch),
    reading: batch.reading,
    chunk_bytes: batch.chunkBytes,
    chunks,
    merged_records: mergedRecords,
    holder: holder && { doing: holder.doing, pid: holder.pid, since: holder.acquiredAt.toISOString() },
    reasons,
    leans_on: leansOn,
    leaned_on_by: leanedOnBy,
  }
}
