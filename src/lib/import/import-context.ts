/** What the ways of loading one file share: the state of a run, its chunks, its progress, its warnings. */
import { availableParallelism } from 'node:os'
import type { Batch } from '../batches/batch.js'
import { createBatch, type NewBatch } from '../batches/batches.js'
import { holdLease, type Lease } from '../batches/lease.js'
import { EaError } from '../core/errors.js'
import { limits } from '../core/event.js'
import { type Database, withTransaction } from '../db/connect.js'
import { directPlanOf } from '../load/direct/plan.js'
import { clockTexts, ImportCounts, mistypedText, shadowedText } from '../load/import-counts.js'
import type { ValidationContext } from '../load/load-chunk.js'
import type { Chunk, PlainReader } from '../load/split/chunk.js'
import { copyOptions } from '../load/split/copy.js'
import { split } from '../load/split/split.js'
import type { DayZone } from '../rollups/counted-days.js'
import { type FileOutcome, type ImportOptions, importDefaults, type Phase } from './options.js'
import { type Reading, readingRecord } from './reading/parse-options.js'
import type { RejectsFile, WriteRejects } from './rejects-file.js'
import type { FileIdentity, Source } from './source/source.js'
import { namelessUsers } from './user-warnings.js'

/** One import of one file. */
export interface ImportContext {
  readonly db: Database
  readonly lease: Lease
  readonly path: string
  readonly options: FileOptions
  readonly counts: ImportCounts
  readonly startedMs: number
  readonly phases: Partial<Record<Phase, number>>
  readonly warnings: string[]
  /** Where all rejects go, when somebody asked for them. */
  rejectsFile?: RejectsFile
}

/** How one file is imported. */
export interface FileOptions extends ImportOptions {
  /** Whether the same import has other files, too: what is proposed must then name this one. */
  readonly isOneOfSeveral?: boolean
}

export function newImportContext(db: Database, lease: Lease, path: string, options: FileOptions): ImportContext {
  const counts = new ImportCounts(options.maxRejects ?? importDefaults.maxRejects)
  return { db, lease, path, options, counts, startedMs: performance.now(), phases: {}, warnings: [] }
}

/**
 * Chunks that are merged at once: one more than there are processors, so that none idles while a commit waits for the
 * disk; at most four, as each holds a chunk in memory.
 */
export function jobsOf(run: Pick<ImportContext, 'options'>): number {
  return run.options.jobs ?? Math.max(2, Math.min(4, availableParallelism() + 1))
}

/**
 * A chunk of records that are shorter than this on average has fewer bytes. No event is shorter than half of it; lines of
 * rubbish are, and what is held for each of them would be many times their length.
 */
const recordMeanBytes = 96

/** The batch that a file will be. */
export function newBatchOf(
  run: ImportContext,
  source: Source,
  reading: Reading,
  identity: FileIdentity | undefined,
): NewBatch {
  return {
    source: source.kind,
    file: run.path,
    sha256: identity?.sha256 ?? null,
    reading: readingRecord(reading, source),
    chunkBytes: run.options.chunkBytes ?? importDefaults.chunkBytes,
  }
}

export function beginBatch(run: ImportContext, batch: NewBatch): Promise<Batch> {
  return withTransaction(run.db, async (tx) => {
    await holdLease(tx, run.lease)
    return createBatch(tx, batch)
  })
}

/** About how long the stream of a source is, when it can be told. */
function expectedBytes({ head, headIsAll, compression, places, progress }: Source): number | undefined {
  if (headIsAll) return head.length
  return compression === 'none' && !places ? (progress().totalBytes ?? undefined) : undefined
}

/**
 * What reads plain chunks of a source, for an import that stores them; undefined when all must be staged.
 *
 * @param days the zone in which it counts users and days; without it, it does not
 */
export async function plainReaderOf(
  { options }: ImportContext,
  { maxRecordBytes }: Reading,
  { shape, rules, timezone }: ValidationContext,
  days?: () => Promise<DayZone | undefined>,
): Promise<PlainReader | undefined> {
  if (options.load === 'staged') return undefined
  const plan = directPlanOf(shape, rules, timezone, maxRecordBytes)
  if (plan === undefined) return undefined
  const { directReader } = await import('../load/direct/direct-reader.js')
  return directReader(plan, await days?.())
}

/** Says of a file that its plain records were staged like all others, because the kernel does not work. */
export async function withKernelFault(outcome: FileOutcome, { load, onEvent }: ImportOptions): Promise<FileOutcome> {
  if (load === 'staged' || outcome.status !== 'completed') return outcome
  const { kernelFault } = await import('../load/direct/kernel.js')
  const message = kernelFault()
  if (message === undefined) return outcome
  onEvent?.({ type: 'warning', file: outcome.file, message })
  return { ...outcome, warnings: [...outcome.warnings, message] }
}

/** The chunks of a source, with progress and an open ear for interruption. */
export async function* chunksOf(
  run: ImportContext,
  source: Source,
  reading: Reading,
  chunkBytes: number,
  plain?: PlainReader,
): AsyncGenerator<Chunk> {
  const chunks = split(source.stream(), {
    chunkBytes,
    maxRecordBytes: reading.maxRecordBytes,
    shape: reading.shape,
    headerBytes: reading.dialect.headerBytes,
    headerLines: reading.dialect.headerLines,
    baseOffset: source.baseOffset,
    places: source.places,
    expectedBytes: expectedBytes(source),
    poolSize: jobsOf(run) + 2,
    chunkRecords: Math.max(1_000, Math.floor(chunkBytes / recordMeanBytes)),
    plain,
  })
  let records = 0
  for await (const chunk of chunks) {
    if (run.lease.lost.aborted) throw run.lease.lost.reason
    if (run.options.signal?.aborted) {
      throw new EaError('interrupted', 'The import was interrupted; what is merged is kept.')
    }
    records += chunk.records
    tellProgress(run, run.options.dryRun ? 'checking' : 'loading', source.progress(), records)
    yield chunk
  }
}

/**
 * Takes items from `source` and hands each to `work`, at most `limit` at a time. The first error ends it: nothing new
 * is begun, what runs is waited for, and the error is thrown.
 *
 * @example
 * await eachInFlight(chunks, 2, (chunk) => loadChunk(context, chunk))
 */
export async function eachInFlight<T>(
  source: AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>()
  let failure: { error: unknown } | undefined
  try {
    for await (const item of source) {
      while (running.size >= limit && failure === undefined) await Promise.race(running)
      if (failure !== undefined) break
      const task: Promise<void> = work(item)
        .catch((error: unknown) => {
          failure ??= { error }
        })
        .finally(() => running.delete(task))
      running.add(task)
    }
  } finally {
    await Promise.all(running)
  }
  if (failure !== undefined) throw failure.error
}

/** What judging a chunk needs, the same for loading, dry runs and `ea inspect`. */
export function validationContext(reading: Reading, createdAt: string | Date): ValidationContext {
  const { mapping, timeFormat, timezone, shape } = reading
  const latest = new Date(new Date(createdAt).getTime() + limits.futureMaxHours * 3_600_000)
  return {
    rules: { mapping, timeFormat, latest },
    shape,
    timezone,
    copyOptions: copyOptions(shape),
    mode: 'optimistic',
    expects: 'new',
  }
}

/** Says what may not be as it was meant, at once and in the outcome. */
export function warn(run: ImportContext, message: string): void {
  run.warnings.push(message)
  run.options.onEvent?.({ type: 'warning', file: run.path, message })
}

/** Says of which keys only the value in the properties was kept, which values are not of their type, and which local times do not say which instant they are. */
export function warnOfRecords(run: ImportContext): void {
  const { shadowed, mistyped, clocks } = run.counts
  if (shadowed.length > 0) warn(run, shadowedText(shadowed))
  if (mistyped.length > 0) warn(run, mistypedText(mistyped))
  for (const text of clockTexts(clocks, run.options.timezone ?? importDefaults.timezone)) warn(run, text)
}

/** Says which users of a batch are called like nothing. */
export async function warnOfUsers(run: ImportContext, { id }: Pick<FileOutcome, 'id'>): Promise<void> {
  if (id === null) return
  for (const message of (await namelessUsers(run.db, [id])).get(id) ?? []) warn(run, message)
}

/**
 * Says which keys that flags name are in none of the first records.
 *
 * @throws EaError `missing_column` when that leaves those records without an id, and more of them than may be rejected
 */
export function requireNamedKeys(run: ImportContext, { namedKeys: { warnings, idIsMissing } }: Reading): void {
  const budget = run.options.maxRejects ?? importDefaults.maxRejects
  const isAllowed = idIsMissing && ('records' in budget ? budget.records >= idIsMissing.records : budget.percent > 0)
  if (idIsMissing && !isAllowed) throw idIsMissing.error
  for (const warning of warnings) warn(run, warning)
}

/** Gives the next chunk its turn in the rejects file, if there is one. */
export function inTurn(run: ImportContext, work: (write: WriteRejects) => Promise<void>): Promise<void> {
  return run.rejectsFile ? run.rejectsFile.inTurn(work) : work(async () => {})
}

/** Runs a phase and books its wall time. */
export async function timed<T>(run: ImportContext, phase: Phase, body: () => Promise<T>): Promise<T> {
  const started = performance.now()
  try {
    return await body()
  } finally {
    run.phases[phase] = (run.phases[phase] ?? 0) + secondsSince(started)
  }
}

export function tellProgress(
  run: ImportContext,
  phase: Phase,
  bytes: { readonly readBytes: number; readonly totalBytes: number | null },
  records = run.counts.counts.read,
): void {
  run.options.onEvent?.({ type: 'progress', file: run.path, phase, ...bytes, records })
}

/** Seconds since a reading of performance.now(), to the millisecond. */
export function secondsSince(startedMs: number): number {
  return Math.round(performance.now() - startedMs) / 1000
}
