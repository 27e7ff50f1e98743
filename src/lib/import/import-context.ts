/** What the ways of loading one file share: the state of a run, its chunks, its progress, its outcome. */
import { availableParallelism } from 'node:os'
import type { Batch } from '../batches/batch.js'
import type { Lease } from '../batches/lease.js'
import { EaError, type ErrorCode } from '../core/errors.js'
import { limits, rejectCodes } from '../core/event.js'
import type { Database } from '../db/connect.js'
import { ImportCounts, shadowedText } from '../load/import-counts.js'
import type { ValidationContext } from '../load/load-chunk.js'
import { shellQuoted } from '../load/mapping/mapping.js'
import type { Chunk } from '../load/split/chunk.js'
import { copyOptions } from '../load/split/copy.js'
import { split } from '../load/split/split.js'
import { type FileOutcome, type ImportOptions, type ImportStatus, importDefaults, type Phase } from './options.js'
import type { Reading } from './parse-options.js'
import { reasonOfAll, reasonOfAllText, rejectAdvice } from './reject-advice.js'
import type { RejectsFile, WriteRejects } from './rejects-file.js'
import { nameForPeople } from './source/paths.js'
import type { FileIdentity, Source } from './source/source.js'
import { changingFlags, readingDifferences } from './stored-reading.js'
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

/** The chunks of a source, with progress and an open ear for interruption. */
export async function* chunksOf(
  run: ImportContext,
  source: Source,
  reading: Reading,
  chunkBytes: number,
): AsyncGenerator<Chunk> {
  const chunks = split(source.stream(), {
    chunkBytes,
    maxRecordBytes: reading.maxRecordBytes,
    shape: reading.shape,
    headerBytes: reading.dialect.headerBytes,
    headerLines: reading.dialect.headerLines,
    baseOffset: source.baseOffset,
    places: source.places,
    poolSize: jobsOf(run) + 2,
    chunkRecords: Math.max(1_000, Math.floor(chunkBytes / recordMeanBytes)),
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

/** What judging a chunk needs, the same for loading, dry runs and `ea inspect`. */
export function judging(reading: Reading, createdAt: string | Date): ValidationContext {
  const { mapping, timeFormat, timezone, shape } = reading
  const latest = new Date(new Date(createdAt).getTime() + limits.futureMaxHours * 3_600_000)
  return {
    rules: { mapping, timeFormat, latest },
    shape,
    timezone,
    copyOptions: copyOptions(shape),
    mode: 'optimistic',
    expectDuplicates: false,
  }
}

/**
 * When all is read: the content must be what was hashed before, and its rejects within their budget.
 *
 * @throws EaError `file_changed`, `rejects_over_budget`
 */
export function requireGood(
  run: ImportContext,
  source: Source,
  reading: Reading,
  identity: FileIdentity | undefined,
): void {
  if (identity && !identity.sha256.equals(source.sha256())) {
    throw new EaError('file_changed', `${run.path} changed while it was read.`)
  }
  if (run.counts.isOver) throw overBudget(run, reading)
}

/** Lines of the message that name single records. */
const namedRejects = 20

function overBudget({ path, counts, options }: ImportContext, { dialect: { format } }: Reading): EaError {
  const { read, rejected } = counts.counts
  const reasons = counts.reasons.map(({ code, count }) => `  ${count} × ${code}: ${rejectCodes[code]}`)
  const first = counts.firstRejects
    .slice(0, namedRejects)
    .map(
      (reject) =>
        `  line ${reject.line}: ${reject.code}${reject.detail ? ` (${reject.detail})` : ''}: ${excerpt(reject.raw)}`,
    )
  const more = rejected > first.length ? [`  … and ${rejected - first.length} more`] : []
  const all = reasonOfAll(read, counts.reasons)
  return new EaError(
    'rejects_over_budget',
    [`${path}: ${rejected} of ${read} records are rejected (allowed: ${counts.budgetText}); nothing is imported.`]
      .concat(all ? [reasonOfAllText(read, all)] : [], 'Reasons:', reasons, 'First rejects:', first, more)
      .join('\n'),
    {
      suggestions: rejectAdvice(
        read,
        rejected,
        counts.reasons,
        options.rejectsFile ?? `rejects.${format === 'json-array' ? 'json' : format}`,
        options.isOneOfSeveral ? path : undefined,
      ),
      details: {
        read,
        rejected,
        reasons: counts.reasons,
        rejects: counts.firstRejects
          .slice(0, 100)
          .map(({ record, line, code, raw }) => ({ record, line, code, text: excerpt(raw) })),
      },
    },
  )
}

const excerptBytes = 80

/** The beginning of a record as one printable line. */
function excerpt(raw: Buffer): string {
  const text = raw
    .subarray(0, excerptBytes)
    .toString('utf8')
    .replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '·')
  return raw.length > excerptBytes ? `${text}…` : text
}

const endingCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'rejects_over_budget',
  'file_changed',
  'file_corrupt',
  'file_not_readable',
  'encoding_error',
  'header_invalid',
])

/** Whether the content is at fault, so that the batch cannot be resumed. */
export function endsBatch(error: unknown): error is EaError {
  return error instanceof EaError && endingCodes.has(error.code)
}

const unreadCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'file_not_found',
  'file_not_readable',
  'file_corrupt',
  'compression_unsupported',
  'encoding_error',
  'not_recognised',
  'header_invalid',
  'missing_column',
])

/** Whether an error before anything was begun is that of one file, so that others can be imported all the same. */
export function isFaultOfFile(error: unknown): error is EaError {
  return error instanceof EaError && unreadCodes.has(error.code)
}

/** Says that a source had nothing to import: to somebody who expected events that is no success. */
export function warnIfNothing(run: ImportContext, outcome: FileOutcome, isEmpty: boolean): FileOutcome {
  const isDone = outcome.status === 'completed' || outcome.status === 'dry_run'
  if (isDone && outcome.read === 0) {
    warn(run, `Nothing was read: ${nameForPeople(run.path)} ${isEmpty ? 'is empty' : 'has no records'}.`)
  }
  return outcome
}

/** A file of which nothing was read. */
export function unreadOutcome(file: string, error: EaError): FileOutcome {
  return {
    id: null,
    file,
    sha256: null,
    status: 'failed',
    read: 0,
    inserted: 0,
    duplicates: 0,
    differing: 0,
    rejected: 0,
    bytes: 0,
    seconds: 0,
    phases: {},
    reasons: [],
    firstRejects: [],
    warnings: [],
    error: { code: error.code, message: error.message, suggestions: error.suggestions },
  }
}

/** A file that failed, with the books of the attempt: other files of the same command are still imported. */
export class ImportFailure extends Error {
  readonly error: EaError
  readonly outcome: FileOutcome

  constructor(error: EaError, outcome: Omit<FileOutcome, 'error'>) {
    super(error.message, { cause: error })
    this.error = error
    this.outcome = {
      ...outcome,
      error: { code: error.code, message: error.message, suggestions: error.suggestions },
    }
  }
}

export function outcomeOf(
  run: ImportContext,
  source: Source,
  id: number | null,
  status: ImportStatus,
  sha256: Buffer | null,
): FileOutcome {
  const { counts } = run.counts
  return {
    id,
    file: run.path,
    sha256: sha256?.toString('hex') ?? null,
    status,
    ...(status === 'failed' ? { ...counts, inserted: 0, duplicates: 0, differing: 0 } : counts),
    bytes: source.contentBytes(),
    seconds: secondsSince(run.startedMs),
    phases: run.phases,
    reasons: run.counts.reasons,
    firstRejects: run.counts.firstRejects
      .slice(0, namedRejects)
      .map(({ record, line, code, raw }) => ({ record, line, code, text: excerpt(raw) })),
    warnings: run.warnings,
    ...(run.rejectsFile && { rejectsFile: run.rejectsFile.summary }),
  }
}

/**
 * @param reading how the content would be read now, as it would be stored; another one than that of the batch is a warning,
 *   because its events are not what this import would have made of it
 */
export function alreadyImported(
  run: ImportContext,
  known: Batch,
  reading: Record<string, unknown> | null,
  { kind }: Pick<Source, 'kind'>,
): FileOutcome {
  const differences = reading === null ? [] : readingDifferences(known.reading, reading)
  if (differences.length > 0) {
    const what = `This content is imported as batch ${known.id}, which was read another way: ${differences.join('; ')}.`
    const file = run.path === known.file ? '' : ` ${shellQuoted(run.path)}`
    const how =
      kind === 'file'
        ? `\`ea import --again ${known.id}${file}${changingFlags(known.reading, reading!)}\``
        : `\`ea batches undo ${known.id}\`, then this command again`
    warn(run, `${what} To import it as it is read now: ${how}.`)
  }
  return {
    ...skipped(run, known.sha256, known.bytes),
    id: known.id,
    ...(known.finished_at && { importedAt: new Date(known.finished_at) }),
  }
}

/** In a dry run: a file before it has this content. */
export function sameAsBefore(run: ImportContext, { sha256, contentBytes }: FileIdentity, before: string): FileOutcome {
  return { ...skipped(run, sha256.toString('hex'), contentBytes), sameAs: before }
}

function skipped(run: ImportContext, sha256: string | null, bytes: number): FileOutcome {
  return {
    id: null,
    file: run.path,
    sha256,
    status: 'already_imported',
    read: 0,
    inserted: 0,
    duplicates: 0,
    differing: 0,
    rejected: 0,
    bytes,
    seconds: secondsSince(run.startedMs),
    phases: run.phases,
    reasons: [],
    firstRejects: [],
    warnings: run.warnings,
  }
}

/** Says what may not be as it was meant, at once and in the outcome. */
function warn(run: ImportContext, message: string): void {
  run.warnings.push(message)
  run.options.onEvent?.({ type: 'warning', file: run.path, message })
}

/** Says of which keys only the value in the properties was kept. */
export function warnOfShadowed(run: ImportContext): void {
  const { shadowed } = run.counts
  if (shadowed.length > 0) warn(run, shadowedText(shadowed))
}

/** Says which users of a batch are called like nothing. */
export async function warnOfUsers(run: ImportContext, { id }: Pick<FileOutcome, 'id'>): Promise<void> {
  if (id !== null) for (const message of await namelessUsers(run.db, id)) warn(run, message)
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
