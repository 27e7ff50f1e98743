/**
 * `--atomic`: one file in one transaction on one connection. Slower, and nothing is left when it is killed; the only
 * trace of a file that fails is its batch with its rejects.
 */

import { createBatch } from '../batches/batches.js'
import { completeIn } from '../batches/complete.js'
import { holdLease } from '../batches/lease.js'
import { type Transaction, withTransaction } from '../db/connect.js'
import { withSavepoint } from '../db/savepoint.js'
import { type ChunkOutcome, type LoadContext, mergeChunk, withEscalation } from '../load/load-chunk.js'
import type { Chunk } from '../load/split/chunk.js'
import { dropStaging } from '../load/stage.js'
import { dayZone } from '../rollups/day-zone.js'
import {
  alreadyImported,
  endsBatch,
  failImport,
  knownStream,
  outcomeOf,
  readInAll,
  requireGood,
} from './file-outcome.js'
import {
  beginBatch,
  chunksOf,
  type ImportContext,
  inTurn,
  newBatchOf,
  plainReaderOf,
  timed,
  validationContext,
  warnOfRecords,
} from './import-context.js'
import type { FileOutcome } from './options.js'
import { type Reading, readingRecord } from './reading/parse-options.js'
import type { FileIdentity, Source } from './source/source.js'

export async function loadAtomically(
  run: ImportContext,
  source: Source,
  reading: Reading,
  identity?: FileIdentity,
): Promise<FileOutcome> {
  const newBatch = newBatchOf(run, source, reading, identity)
  try {
    const batchId = await timed(run, 'loading', () =>
      withTransaction(run.db, async (tx) => {
        await holdLease(tx, run.lease)
        const batch = await createBatch(tx, newBatch)
        const context: LoadContext = {
          db: run.db,
          lease: run.lease,
          batchId: batch.id,
          ...validationContext(reading, batch.created_at),
        }
        let chunks = 0
        const plain = await plainReaderOf(run, reading, context, () => dayZone(tx, context.rules.latest))
        for await (const chunk of chunksOf(run, source, reading, newBatch.chunkBytes, plain)) {
          await inTurn(run, async (write) => {
            const outcome = await mergeWithin(tx, context, chunk)
            run.counts.add(outcome, outcome.rejects)
            await write(outcome.rejects)
          })
          chunk.release()
          chunks += 1
        }
        requireGood(run, source, reading, identity)
        const known = await knownStream(tx, run, source)
        if (known) throw new KnownAlready(alreadyImported(run, known, readingRecord(reading, source), source))
        await completeIn(tx, [
          { id: batch.id, sha256: source.sha256(), chunks, days: plain?.countedDays(), ...readInAll(run, source) },
        ])
        return batch.id
      }),
    )
    warnOfRecords(run)
    return outcomeOf(run, source, batchId, 'completed', source.sha256())
  } catch (error) {
    if (error instanceof KnownAlready) return error.outcome
    if (!endsBatch(error)) throw error
    const { id } = await beginBatch(run, newBatch)
    return failImport(run, source, id, error, identity)
  }
}

/** Rolls the transaction back because its content is stored already. */
class KnownAlready extends Error {
  readonly outcome: FileOutcome

  constructor(outcome: FileOutcome) {
    super('already imported')
    this.outcome = outcome
  }
}

/**
 * Merges a chunk inside a transaction that has others, too; a data error takes only its part back.
 *
 * @param accept is told the outcome; when it throws, the chunk is taken back
 */
export async function mergeWithin(
  tx: Transaction,
  context: LoadContext,
  chunk: Chunk,
  accept: (outcome: ChunkOutcome) => void = () => {},
): Promise<ChunkOutcome> {
  const outcome = await withEscalation(context, (approach) =>
    withSavepoint(tx, async () => {
      const merged = await mergeChunk(tx, context, chunk, approach)
      accept(merged)
      return merged
    }),
  )
  await dropStaging(tx)
  return outcome
}
