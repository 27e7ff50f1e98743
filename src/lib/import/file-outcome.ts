/** How the import of one file ends: what is told of it, and whether its content or something else is at fault. */
import type { Batch } from '../batches/batch.js'
import { findCompleted } from '../batches/batches.js'
import { type Failure, failBatch } from '../batches/complete.js'
import { EaError, type ErrorCode } from '../core/errors.js'
import { rejectCodes } from '../core/event.js'
import type { Session } from '../db/connect.js'
import { shellQuoted } from '../load/mapping/map-parser.js'
import { type ImportContext, secondsSince, warn } from './import-context.js'
import type { FileOutcome, ImportStatus } from './options.js'
import type { Reading } from './reading/parse-options.js'
import { changingFlags, readingDifferences } from './reading/stored-reading.js'
import { reasonOfAll, reasonOfAllText, rejectAdvice } from './reject-advice.js'
import { nameForPeople } from './source/paths.js'
import type { FileIdentity, Source } from './source/source.js'

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
  'archive_encrypted',
  'archive_unsafe',
  'duckdb_missing',
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

/** Says that a source had nothing to import: someone who expected events must not take that for success. */
export function warnIfNothing(run: ImportContext, outcome: FileOutcome, isEmpty: boolean): FileOutcome {
  const isDone = outcome.status === 'completed' || outcome.status === 'dry_run'
  if (isDone && outcome.read === 0) {
    warn(run, `Nothing was read: ${nameForPeople(run.path)} ${isEmpty ? 'is empty' : 'has no records'}.`)
  }
  return outcome
}

const nothing = { read: 0, inserted: 0, duplicates: 0, differing: 0, rejected: 0, bytes: 0, seconds: 0 }

/** A file of which nothing was read. */
export function unreadOutcome(file: string, error: EaError): FileOutcome {
  return {
    id: null,
    file,
    sha256: null,
    status: 'failed',
    ...nothing,
    phases: {},
    reasons: [],
    firstRejects: [],
    warnings: [],
    error: { code: error.code, message: error.message, suggestions: error.suggestions },
  }
}

/** A file that failed, with the counts of the attempt: other files of the same command are still imported. */
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

/** What a batch that ends is told of all that was read. */
export function readInAll(run: ImportContext, source: Source) {
  return { bytes: source.contentBytes(), seconds: secondsSince(run.startedMs) }
}

/** What a batch keeps whose content is at fault. */
export function failureOf(run: ImportContext, source: Source, error: EaError, sha256: Buffer | null): Failure {
  const { counts, firstRejects } = run.counts
  return { code: error.code, sha256, ...counts, rejects: firstRejects, ...readInAll(run, source) }
}

/**
 * Ends a batch whose content is at fault; anything else that went wrong leaves it to be resumed.
 *
 * @throws ImportFailure
 */
export async function failImport(
  run: ImportContext,
  source: Source,
  batchId: number,
  error: EaError,
  identity: FileIdentity | undefined,
): Promise<never> {
  const sha256 = identity?.sha256 ?? null
  await failBatch(run.db, run.lease, batchId, failureOf(run, source, error, sha256))
  throw new ImportFailure(error, outcomeOf(run, source, batchId, 'failed', sha256))
}

/** The batch that a stream turns out to be, when all of it was read; a file is known before. */
export async function knownStream(db: Session, run: ImportContext, source: Source): Promise<Batch | undefined> {
  return source.kind === 'stdin' && !run.options.force ? findCompleted(db, source.sha256()) : undefined
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
    ...nothing,
    bytes,
    seconds: secondsSince(run.startedMs),
    phases: run.phases,
    reasons: [],
    firstRejects: [],
    warnings: run.warnings,
  }
}
