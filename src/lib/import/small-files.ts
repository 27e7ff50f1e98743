/**
 * Many small files. Each is a batch of its own, but those that follow one another are loaded in one transaction and become
 * visible in one step: the commits and the refresh of the rollups are most of what a file of a few records costs.
 *
 *   read whole ─ known already? ─ begin its batch ─ stage ─ merge ─┐
 *       ▲                  (a savepoint for each)                  ├─ complete all of them ─ commit
 *       └───────────────── the next file, meanwhile ───────────────┘
 *
 * A kill leaves nothing of a group that was under way, and the next import loads its files again. Whatever this does not do
 * (larger files, what an interrupted import left, a file that cannot be read, errors of the database) is left to `importFile`,
 * one file at a time.
 */
import { stat } from 'node:fs/promises'
import { createBatch, findCompleted, interruptedBatches } from '../batches/batches.js'
import { completeIn, failIn, type LoadSummary } from '../batches/complete.js'
import { batchAfterLoss } from '../batches/interruption.js'
import { holdLease, type Lease } from '../batches/lease.js'
import { EaError } from '../core/errors.js'
import { failpoint } from '../core/failpoint.js'
import { type Database, isTransient, type Transaction, withTransaction } from '../db/connect.js'
import type { Escalation, LoadContext } from '../load/load-chunk.js'
import type { Chunk } from '../load/split/chunk.js'
import { mergeWithin } from './atomic.js'
import {
  alreadyImported,
  endsBatch,
  failureOf,
  ImportFailure,
  outcomeOf,
  readInAll,
  requireGood,
  warnIfNothing,
} from './file-outcome.js'
import {
  chunksOf,
  type FileOptions,
  type ImportContext,
  newBatchOf,
  newImportContext,
  plainReaderOf,
  requireNamedKeys,
  secondsSince,
  tellProgress,
  timed,
  validationContext,
  warn,
  warnOfRecords,
} from './import-context.js'
import { type FileOutcome, type ImportEvent, importDefaults, type Phase, withReadingDefaults } from './options.js'
import { decideReading, type Reading, readingRecord, sourceOptions } from './reading/parse-options.js'
import { stdinPath, type UnreadableSource } from './source/paths.js'
import { type Source, withSource } from './source/source.js'
import { namelessUsers } from './user-warnings.js'

/** A group ends when it has so many files, takes so long, or has so many bytes: progress stays visible, and a kill costs little. */
const groupMaxFiles = 200
const groupMaxMs = 1_000
/** A compressed file of at most this part of a chunk is expected to be one. */
const compressedPart = 1 / 16

/** A file that was read whole: it is one chunk, or has no records. */
interface SmallFile {
  readonly run: ImportContext
  readonly source: Source
  readonly reading: Reading
  readonly chunk: Chunk | undefined
  /** How long it took to read it. */
  readonly readMs: number
  /** What was told while it was read: it is passed on when the file has its turn. */
  readonly told: readonly ImportEvent[]
}

/** A file of a group whose transaction is not committed yet. */
interface Loaded {
  readonly file: SmallFile
  /** The failure of its content, or what will be true of it. */
  readonly ended: FileOutcome | ImportFailure
  /** What completes its batch; not of a file that failed or is known already. */
  readonly load?: LoadSummary
}

export class SmallFiles {
  readonly #db: Database
  readonly #lease: Lease
  readonly #sources: readonly (string | UnreadableSource)[]
  readonly #options: FileOptions
  /** The file that is read ahead: of its place in the sources. */
  #ahead: { readonly at: number; readonly file: Promise<SmallFile | undefined> } | undefined
  /** Sources before this place are imported one at a time, because a group of them failed. */
  #singlyBefore = 0
  /** What the last file was like; the next one probably is, too. */
  #last: Escalation = { mode: 'optimistic', expects: 'new' }

  constructor(db: Database, lease: Lease, sources: readonly (string | UnreadableSource)[], options: FileOptions) {
    this.#db = db
    this.#lease = lease
    this.#sources = sources
    this.#options = options
  }

  /**
   * Imports the small files that begin at a place in the sources.
   *
   * @returns their outcomes, in the order of the sources; none when the file at this place is to be imported by itself
   * @throws EaError `lease_lost`
   */
  async *importGroup(from: number): AsyncGenerator<FileOutcome> {
    const { atomic, dryRun } = this.#options
    if (atomic || dryRun || this.#sources.length === 1 || from < this.#singlyBefore) return
    if ((await this.#fileAt(from)) === undefined) return
    const group: Loaded[] = []
    try {
      await withTransaction(this.#db, (tx) => this.#loadGroup(tx, from, group))
    } catch (error) {
      if (error instanceof EaError && error.code === 'lease_lost') throw error
      if (!(await this.#isCommitted(group, error))) {
        // The file that failed is the one after those that are loaded, or none of them.
        this.#singlyBefore = from + group.length + 1
        return
      }
    }
    if (group.length > 0) failpoint('group.committed')
    yield* this.#outcomes(group)
  }

  /** Waits until nothing is read any more. */
  async close(): Promise<void> {
    await this.#ahead?.file
  }

  /** Loads file after file into one transaction, and completes them. */
  async #loadGroup(tx: Transaction, from: number, group: Loaded[]): Promise<void> {
    await holdLease(tx, this.#lease)
    // What is left of another import is resumed or undone first.
    if ((await interruptedBatches(tx)).length > 0) return
    const startedMs = performance.now()
    const contents = new Set<string>()
    let bytes = 0
    for (let at = from; group.length < groupMaxFiles && performance.now() - startedMs < groupMaxMs; at++) {
      const file = await this.#fileAt(at)
      if (file === undefined || this.#options.signal?.aborted || this.#lease.lost.aborted) break
      // A content is known when the batch that has it is complete.
      const content = file.source.sha256().toString('hex')
      if (contents.has(content) && !this.#options.force) break
      contents.add(content)
      bytes += file.source.contentBytes()
      if (bytes > chunkBytesOf(this.#options) && group.length > 0) break
      this.#readAhead(at + 1)
      group.push(await this.#load(tx, file))
      failpoint('group.loaded')
    }
    await this.#complete(tx, group)
    failpoint('group.before-commit')
  }

  async #complete(tx: Transaction, group: readonly Loaded[]): Promise<void> {
    const complete = group.filter(({ load }) => load !== undefined)
    if (complete.length === 0) return
    this.#tellProgress(complete.at(-1)!.file, 'completing')
    const startedMs = performance.now()
    await completeIn(
      tx,
      complete.map(({ load }) => load!),
    )
    const seconds = Math.round((1000 * secondsSince(startedMs)) / complete.length) / 1000
    for (const { file } of complete) file.run.phases.completing = seconds
  }

  /** Whether a group is stored although its connection was lost while it committed. */
  async #isCommitted(group: readonly Loaded[], error: unknown): Promise<boolean> {
    const last = group.findLast(({ load }) => load !== undefined)?.load
    if (last === undefined || !isTransient(error)) return false
    return (await batchAfterLoss(this.#db, last.id))?.status === 'completed'
  }

  async #load(tx: Transaction, file: SmallFile): Promise<Loaded> {
    const { source, reading, chunk } = file
    // It was read while the file before it was loaded, and waited for its turn.
    const run = { ...file.run, startedMs: performance.now() - file.readMs }
    const sha256 = source.sha256()
    const known = run.options.force ? undefined : await findCompleted(tx, sha256)
    if (known) return { file, ended: alreadyImported(run, known, readingRecord(reading, source), source) }
    this.#tellProgress(file, 'loading')
    const identity = { sha256, contentBytes: source.contentBytes(), state: source.opened! }
    const batch = await createBatch(tx, newBatchOf(run, source, reading, identity))
    try {
      await timed(run, 'loading', async () => {
        if (chunk === undefined) return
        const context: LoadContext = {
          db: this.#db,
          lease: this.#lease,
          batchId: batch.id,
          ...validationContext(reading, batch.created_at),
          ...this.#last,
        }
        await mergeWithin(tx, context, chunk, (outcome) => {
          run.counts.add(outcome, outcome.rejects)
          requireGood(run, source, reading, identity)
        })
        this.#last = { mode: context.mode, expects: context.expects }
      })
    } catch (error) {
      if (!endsBatch(error)) throw error
      await failIn(tx, batch.id, failureOf(run, source, error, sha256))
      return { file, ended: new ImportFailure(error, outcomeOf(run, source, batch.id, 'failed', sha256)) }
    } finally {
      chunk?.release()
    }
    warnOfRecords(run)
    const load = { id: batch.id, sha256, chunks: chunk === undefined ? 0 : 1, ...readInAll(run, source) }
    return { file, load, ended: outcomeOf(run, source, batch.id, 'completed', sha256) }
  }

  #tellProgress({ run, source, chunk }: SmallFile, phase: Phase): void {
    tellProgress({ ...run, options: this.#options }, phase, source.progress(), chunk?.records ?? 0)
  }

  /** What became of each file of a group, after all that there is to tell of it. */
  async *#outcomes(group: readonly Loaded[]): AsyncGenerator<FileOutcome> {
    const nameless = await namelessUsers(
      this.#db,
      group.flatMap(({ load }) => load?.id ?? []),
    )
    for (const { file, ended } of group) {
      const { run, reading, told } = file
      const outcome = await withAdvice(this.#db, file, ended)
      for (const message of nameless.get(outcome.id ?? 0) ?? []) warn(run, message)
      warnIfNothing(run, outcome, reading.dialect.empty)
      for (const event of told) this.#options.onEvent?.(event)
      yield outcome
    }
  }

  #fileAt(at: number): Promise<SmallFile | undefined> {
    this.#readAhead(at)
    return this.#ahead!.file
  }

  #readAhead(at: number): void {
    if (this.#ahead?.at === at) return
    const source = this.#sources[at]
    const file =
      typeof source === 'string'
        ? readSmall(this.#db, this.#lease, source, this.#options).catch(() => undefined)
        : Promise.resolve(undefined)
    this.#ahead = { at, file }
  }
}

/** The outcome; that of a file whose mapping is wrong has the command that works. */
async function withAdvice(db: Database, { run, source }: SmallFile, ended: Loaded['ended']): Promise<FileOutcome> {
  if (!(ended instanceof ImportFailure)) return ended
  const { withProposal } = await import('./propose/with-proposal.js')
  return ((await withProposal(db, source, run.path, run.options, ended)) as ImportFailure).outcome
}

const dayMs = 86_400_000

const chunkBytesOf = ({ chunkBytes }: FileOptions) => chunkBytes ?? importDefaults.chunkBytes

/** Reads a file that is one chunk, also one inside of an archive; undefined when it is larger, or streams once. */
async function readSmall(
  db: Database,
  lease: Lease,
  path: string,
  options: FileOptions,
): Promise<SmallFile | undefined> {
  const startedMs = performance.now()
  // Only to leave it closed: a pipe can be opened once, and a large file would be opened for nothing.
  const onDisk = await stat(path).catch(() => undefined)
  const most = chunkBytesOf(options)
  if (path === stdinPath || (onDisk && !(onDisk.isFile() && onDisk.size <= most))) return undefined
  const told: ImportEvent[] = []
  const onEvent = (event: ImportEvent) => {
    if (event.type !== 'progress') told.push(event)
  }
  const run = newImportContext(db, lease, path, { ...options, onEvent })
  return withSource(path, sourceOptions(options), async (source) => {
    const { totalBytes } = source.progress()
    const isSmall = totalBytes !== null && totalBytes <= most * (source.compression === 'none' ? 1 : compressedPart)
    if (!isSmall) return undefined
    const reading = decideReading(source, withReadingDefaults(options))
    requireNamedKeys(run, reading)
    // Its batch begins later, and by another clock: records of the next day are left to staging.
    const plain = await plainReaderOf(run, reading, validationContext(reading, new Date(Date.now() - dayMs)))
    let only: Chunk | undefined
    for await (const chunk of chunksOf(run, source, reading, most, plain)) {
      if (only) return undefined
      only = chunk
    }
    return { run, source, reading, chunk: only, readMs: performance.now() - startedMs, told }
  })
}
