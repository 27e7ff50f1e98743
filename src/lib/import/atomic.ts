/**
 * `--atomic`: one file in one transaction on one connection. Slower, and nothing is left when it is killed; the only
 * trace of a file that fails is its batch with its rejects.
 */

import { createBatch, findCompleted, type NewBatch } from '../batches/batches.js'
import { completeIn, failBatch } from '../batches/complete.js'
import { holdLease } from '../batches/lease.js'
import { type Transaction, withTransaction } from '../db/connect.js'
import { type ChunkOutcome, type LoadContext, mergeChunk, withEscalation } from '../load/load-chunk.js'
import type { Chunk } from '../load/split/chunk.js'
import { dropStaging } from '../load/stage.js'
import {
  alreadyImported,
  chunksOf,
  endsBatch,
  type ImportContext,
  ImportFailure,
  inTurn,
  judging,
  outcomeOf,
  requireGood,
  secondsSince,
  timed,
  warnOfShadowed,
} from './import-context.js'
import { type FileOutcome, importDefaults } from './options.js'
import { type Reading, readingRecord } from './parse-options.js'
import type { FileIdentity, Source } from './source/source.js'

export async function loadAtomically(
  run: ImportContext,
  source: Source,
  reading: Reading,
  identity?: FileIdentity,
): Promise<FileOutcome> {
  const newBatch: NewBatch = {
    source: source.kind,
    file: run.path,
    sha256: identity?.sha256 ?? null,
    reading: readingRecord(reading, source),
    chunkBytes: run.options.chunkBytes ?? importDefaults.chunkBytes,
  }
  try {
    const batchId = await timed(run, 'loading', () =>
      withTransaction(run.db, async (tx) => {
        await holdLease(tx, run.lease)
        const batch = await createBatch(tx, newBatch)
        const context: LoadContext = {
          db: run.db,
          lease: run.lease,
          batchId: batch.id,
          ...judging(reading, batch.created_at),
        }
        let chunks = 0
        for await (const chunk of chunksOf(run, source, reading, newBatch.chunkBytes)) {
          await inTurn(run, async (write) => {
            const outcome = await mergeWithin(tx, context, chunk)
            run.counts.add(outcome, outcome.rejects)
            await write(outcome.rejects)
          })
          chunk.release()
          chunks += 1
        }
        requireGood(run, source, reading, identity)
        if (source.kind === 'stdin' && !run.options.force) {
          const known = await findCompleted(tx, source.sha256())
          if (known) throw new KnownAlready(alreadyImported(run, known, readingRecord(reading, source), source))
        }
        await completeIn(tx, batch.id, {
          sha256: source.sha256(),
          chunks,
          bytes: source.contentBytes(),
          seconds: secondsSince(run.startedMs),
        })
        return batch.id
      }),
    )
    warnOfShadowed(run)
    return outcomeOf(run, source, batchId, 'completed', source.sha256())
  } catch (error) {
    if (error instanceof KnownAlready) return error.outcome
    if (!endsBatch(error)) throw error
    const batch = await withTransaction(run.db, async (tx) => {
      await holdLease(tx, run.lease)
      return createBatch(tx, newBatch)
    })
    await failBatch(run.db, run.lease, batch.id, {
      code: error.code,
      sha256: identity?.sha256 ?? null,
      ...run.counts.counts,
      rejects: run.counts.firstRejects,
      bytes: source.contentBytes(),
      seconds: secondsSince(run.startedMs),
    })
    throw new ImportFailure(error, outcomeOf(run, source, batch.id, 'failed', identity?.sha256 ?? null))
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

/** Merges a chunk inside the one transaction; a data error takes only its savepoint back. */
async function mergeWithin(tx: Transaction, context: LoadContext, chunk: Chunk): Promise<ChunkOutcome> {
  const outcome = await withEscalation(context, async (approach) => {
    await tx.client.query('SAVEPOINT chunk')
    try {
      return await mergeChunk(tx, context, chunk, approach)
    } catch (error) {
      await tx.client.query('ROLLBACK TO SAVEPOINT chunk')
      throw error
    } finally {
      await tx.client.query('RELEASE SAVEPOINT chunk')
    }
  })
  await dropStaging(tx)
  return outcome
}
