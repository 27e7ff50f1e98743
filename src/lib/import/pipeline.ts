/**
 * The way of one file, from its bytes to visible events. Read this first:
 *
 *   source ─ hash ─ known already? ─ reading ─ split ─ chunks in flight: stage ─ merge ─ all merged? ─ complete
 *
 * A kill can only come between two transactions; the next import finds the batch `loading` and the chunks that are merged,
 * and goes on from there.
 */

import type { Batch } from '../batches/batch.js'
import { findCompleted, interruptedBatches, mergedChunks } from '../batches/batches.js'
import { completeBatch, discardBatch, type LoadSummary } from '../batches/complete.js'
import { tellingWhatIsLeft } from '../batches/interruption.js'
import type { Lease } from '../batches/lease.js'
import { countRejectCodes, failedBatchKeepsRejects, listRejects, rejectsBetween } from '../batches/rejects.js'
import { EaError } from '../core/errors.js'
import { failpoint } from '../core/failpoint.js'
import { type Database, withTransaction } from '../db/connect.js'
import { noRejects } from '../load/chunk-rejects.js'
import { type LoadContext, loadChunk, validateOnly } from '../load/load-chunk.js'
import { writeWhole } from '../os/atomic-file.js'
import { dayZone } from '../rollups/day-zone.js'
import { loadAtomically } from './atomic.js'
import { type DryRun, dryRun } from './dry-run.js'
import {
  alreadyImported,
  endsBatch,
  failImport,
  ImportFailure,
  knownStream,
  outcomeOf,
  readInAll,
  requireGood,
  sameAsBefore,
  warnIfNothing,
} from './file-outcome.js'
import {
  beginBatch,
  chunksOf,
  eachInFlight,
  type FileOptions,
  type ImportContext,
  inTurn,
  jobsOf,
  newBatchOf,
  newImportContext,
  plainReaderOf,
  requireNamedKeys,
  tellProgress,
  timed,
  validationContext,
  warnOfRecords,
  warnOfUsers,
} from './import-context.js'
import { type FileOutcome, type ImportOptions, withReadingDefaults } from './options.js'
import { decideReading, type Reading, readingRecord, sourceOptions } from './reading/parse-options.js'
import { isSameReading } from './reading/stored-reading.js'
import { RejectsFile } from './rejects-file.js'
import { type FileIdentity, hashFile, type Source, withSource } from './source/source.js'

/**
 * Imports one file or `-`. The caller holds the lease.
 *
 * @param dry only says what it would do, after what others before it would do
 * @param hash of the file, from somebody who has read it
 * @throws ImportFailure when the content is at fault: rejects over their budget, a file that changed or cannot be read
 * @throws EaError before anything was begun (of the source, its header), `accounting_mismatch`, `lease_lost`, `interrupted`
 */
export async function importFile(
  db: Database,
  lease: Lease,
  path: string,
  options: FileOptions,
  dry?: DryRun,
  hash?: FileIdentity,
): Promise<FileOutcome> {
  const run = newImportContext(db, lease, path, options)
  const importSource = async (source: Source): Promise<FileOutcome> => {
    const identity = hash ?? (source.kind === 'file' ? await hashed(run, source) : undefined)
    if (identity && !options.force) {
      const known = await findCompleted(db, identity.sha256)
      if (known) return alreadyImported(run, known, readingIfAny(source, options), source)
      const before = dry?.contents.get(identity.sha256.toString('hex'))
      if (before !== undefined) return sameAsBefore(run, identity, before)
    }
    const reading = readingOf(source, options)
    requireNamedKeys(run, reading)
    const warned = (outcome: FileOutcome) => warnIfNothing(run, outcome, reading.dialect.empty)
    const outcome = await withRejectsFile(run, reading, async () => {
      if (dry) return dryRun(run, source, reading, dry, identity)
      if (!options.atomic) return load(run, source, reading, identity)
      await discardInterrupted(run)
      return loadAtomically(run, source, reading, identity)
    })
    if (outcome.status === 'completed') await warnOfUsers(run, outcome)
    return warned(outcome)
  }
  return withSource(path, sourceOptions(options), (source) =>
    importSource(source).catch(async (error: unknown) => {
      // Only a file that cannot be read as it is needs one.
      const { withProposal } = await import('./propose/with-proposal.js')
      throw await withProposal(db, source, path, options, error)
    }),
  )
}

function readingOf(source: Source, options: ImportOptions): Reading {
  return decideReading(source, withReadingDefaults(options))
}

/** How a source that is not read again would be read, as it would be stored; null when it could not be. */
function readingIfAny(source: Source, options: ImportOptions): Record<string, unknown> | null {
  try {
    return readingRecord(readingOf(source, options), source)
  } catch (error) {
    if (error instanceof EaError) return null
    throw error
  }
}

/** Has `--rejects-file` written on the way; it takes its place when the batch has ended, well or not. */
async function withRejectsFile(
  run: ImportContext,
  reading: Reading,
  body: () => Promise<FileOutcome>,
): Promise<FileOutcome> {
  const file = run.options.rejectsFile
  if (file === undefined) return body()
  let ended: FileOutcome | ImportFailure | undefined
  await writeWhole(file, async (path) => {
    run.rejectsFile = await RejectsFile.begin(file, path, reading)
    try {
      ended = await body().catch((error: unknown) => {
        if (error instanceof ImportFailure) return error
        throw error
      })
      if (!(ended instanceof ImportFailure) && ended.status === 'already_imported') throw new NothingWasRead()
      await run.rejectsFile.end()
    } finally {
      await run.rejectsFile.close()
    }
  }).catch((error: unknown) => {
    if (!(error instanceof NothingWasRead)) throw error
  })
  if (ended instanceof ImportFailure) throw ended
  return ended!
}

/** Leaves what was there before in the place of the rejects file. */
class NothingWasRead extends Error {}

async function hashed(run: ImportContext, source: Source): Promise<FileIdentity> {
  const totalBytes = source.progress().totalBytes
  return timed(run, 'hashing', () =>
    hashFile(run.path, (readBytes) => tellProgress(run, 'hashing', { readBytes, totalBytes })),
  )
}

/** Chunk by chunk, several in flight, resumable. */
async function load(
  run: ImportContext,
  source: Source,
  reading: Reading,
  identity?: FileIdentity,
): Promise<FileOutcome> {
  const begun = await beginOrResume(run, source, reading, identity)
  return tellingWhatIsLeft(run.db, run.lease, begun.batch, 'import', () =>
    loadBatch(run, source, reading, begun, identity),
  )
}

/** Loads what is not merged yet of a batch, and ends it. */
async function loadBatch(
  run: ImportContext,
  source: Source,
  reading: Reading,
  { batch, merged }: Begun,
  identity?: FileIdentity,
): Promise<FileOutcome> {
  const context: LoadContext = {
    db: run.db,
    lease: run.lease,
    batchId: batch.id,
    ...validationContext(reading, batch.created_at),
    onRetry: (chunk, error) => run.options.onEvent?.({ type: 'retrying', chunk, reason: (error as Error).message }),
  }
  let chunks = 0
  const days = () => withTransaction(run.db, (tx) => dayZone(tx, context.rules.latest))
  const plain = await plainReaderOf(run, reading, context, days)
  try {
    await timed(run, 'loading', () =>
      eachInFlight(chunksOf(run, source, reading, batch.chunk_bytes, plain), jobsOf(run), async (chunk) => {
        chunks = Math.max(chunks, chunk.index + 1)
        await inTurn(run, async (write) => {
          const outcome = merged.has(chunk.index)
            ? undefined
            : await (run.counts.isOverForGood ? validateOnly(context, chunk) : loadChunk(context, chunk))
          if (outcome) run.counts.add(outcome, outcome.rejects)
          // Those of a chunk that was merged before are only in the database.
          const isHere = outcome?.rejects.length === outcome?.rejected
          await write(
            outcome && isHere ? outcome.rejects : rejectsBetween(run.db, batch.id, chunk.firstRecord, chunk.records),
          )
        })
        chunk.release()
        failpoint('chunk.done')
      }),
    )
    requireGood(run, source, reading, identity)
  } catch (error) {
    // An error of the content ends the batch; anything else leaves it to be resumed.
    if (!endsBatch(error)) throw error
    return failImport(run, source, batch.id, error, identity)
  }
  return finish(run, source, batch, { chunks, days: plain?.countedDays() })
}

/** All is merged: complete the batch, unless a stream turns out to be known already. */
async function finish(
  run: ImportContext,
  source: Source,
  batch: Batch,
  loaded: Pick<LoadSummary, 'chunks' | 'days'>,
): Promise<FileOutcome> {
  const sha256 = source.sha256()
  const known = await knownStream(run.db, run, source)
  if (known) {
    await discardBatch(run.db, run.lease, batch.id)
    return alreadyImported(run, known, batch.reading, source)
  }
  tellProgress(run, 'completing', source.progress())
  const { read, inserted, duplicates, differing, rejected } = await timed(run, 'completing', () =>
    completeBatch(run.db, run.lease, { id: batch.id, sha256, ...loaded, ...readInAll(run, source) }),
  )
  // The row of the batch has the last word: `run.counts` does not know which events a chunk gave up to an earlier one.
  warnOfRecords(run)
  return { ...outcomeOf(run, source, batch.id, 'completed', sha256), read, inserted, duplicates, differing, rejected }
}

/** A batch, and which of its chunks are merged. */
interface Begun {
  readonly batch: Batch
  readonly merged: ReadonlySet<number>
}

/** The interrupted batch of this very content and reading, or a new one; anything else that was left is undone. */
async function beginOrResume(
  run: ImportContext,
  source: Source,
  reading: Reading,
  identity: FileIdentity | undefined,
): Promise<Begun> {
  const record = readingRecord(reading, source)
  const mine = (await interruptedBatches(run.db)).find(
    (batch) =>
      identity !== undefined &&
      batch.sha256 === identity.sha256.toString('hex') &&
      isSameReading(batch.reading, record),
  )
  await discardInterrupted(run, mine?.id)
  if (mine) return { batch: mine, merged: await resume(run, mine) }
  const batch = await beginBatch(run, newBatchOf(run, source, reading, identity))
  failpoint('batch.created')
  return { batch, merged: new Set() }
}

async function resume(run: ImportContext, batch: Batch): Promise<ReadonlySet<number>> {
  const merged = await mergedChunks(run.db, batch.id)
  for (const chunk of merged) run.counts.add(chunk, noRejects)
  const { read } = run.counts.counts
  run.counts.addEarlier(
    await countRejectCodes(run.db, batch.id),
    await listRejects(run.db, batch.id, { limit: failedBatchKeepsRejects }),
  )
  run.options.onEvent?.({ type: 'resuming', batch, chunks: merged.length, read })
  return new Set(merged.map((chunk) => chunk.chunk))
}

/** Undoes what interrupted imports left, except the batch to resume. */
async function discardInterrupted(run: ImportContext, except?: number): Promise<void> {
  for (const batch of await interruptedBatches(run.db)) {
    if (batch.id === except) continue
    await discardBatch(run.db, run.lease, batch.id)
    run.options.onEvent?.({ type: 'discarded', batch })
  }
}
