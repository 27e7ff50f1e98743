/**
 * `ea import --again`: a batch is undone and its file imported, read as the batch was read unless options say otherwise.
 *
 *   hash ─ the content of the batch? ─ all of it judged ─ undo ─ import
 *
 * Whatever can be refused is refused before anything is undone. Between the two, nothing of the batch counts; a later
 * call finds it undone, and the import begins, goes on or is found done as that of any file.
 */
import { stat } from 'node:fs/promises'
import type { Batch } from '../batches/batch.js'
import { findCompleted, getBatch, overlapsOf } from '../batches/batches.js'
import { previewUndo } from '../batches/describe.js'
import { type Lease, withLease } from '../batches/lease.js'
import { undoUnderLease } from '../batches/undo.js'
import { EaError } from '../core/errors.js'
import { failpoint } from '../core/failpoint.js'
import type { Database } from '../db/connect.js'
import { asFileError } from '../os/file-error.js'
import { inDryRun } from './dry-run.js'
import { ImportFailure } from './file-outcome.js'
import { leaseFor, requireUsable, totalsOf } from './import.js'
import { withKernelFault } from './import-context.js'
import {
  type FileOutcome,
  type ImportEvent,
  type ImportOptions,
  type ImportOutcome,
  importDefaults,
} from './options.js'
import { importFile } from './pipeline.js'
import { changedOptions, storedOptions } from './reading/stored-reading.js'
import { keepingArchives } from './source/archive/archive.js'
import { firstFile } from './source/archive/archive-files.js'
import { fileOnDisk } from './source/archive/member-path.js'
import { nameForPeople, stdinPath } from './source/paths.js'
import { type FileIdentity, hashFile } from './source/source.js'

/**
 * Undoes a batch and imports its file again, under one lease. A batch that is undone, failed or was interrupted is only
 * imported.
 *
 * @param paths at most one file; that of the batch when there is none
 * @param options what is left out of how to read is as the batch was read; `force` takes a file of other content, too
 * @throws EaError `batch_not_found`, `file_not_found`, `no_input_files` (the batch came from a stream), `usage` (over HTTP),
 *   `file_changed` (another content), and those of `importFiles`
 * @example
 * const { undone, files } = await importAgain(db, 7, [], { timezone: 'Europe/Kyiv' })
 */
export async function importAgain(
  db: Database,
  batchId: number,
  paths: readonly string[],
  options: ImportOptions = {},
): Promise<ImportOutcome> {
  return keepingArchives(async () => again(db, batchId, await fileFor(await getBatch(db, batchId), paths), options))
}

async function again(db: Database, batchId: number, path: string, options: ImportOptions): Promise<ImportOutcome> {
  await requireUsable([path], options)
  const started = performance.now()
  return withLease(db, leaseFor(`import batch ${batchId} again`, options), async (lease) => {
    const batch = await getBatch(db, batchId)
    const { undone, outcome: ended } = await doOver(
      db,
      lease,
      batch,
      path,
      {
        ...changedOptions(storedOptions(batch.reading), options),
        // A file of which so many were rejected is not refused for them now.
        maxRejects:
          options.maxRejects ?? (batch.status === 'failed' ? importDefaults.maxRejects : { records: batch.rejected }),
        force: false,
      },
      options.force ?? false,
    )
    const outcome = await withKernelFault(ended, options)
    options.onEvent?.({ type: 'finished', outcome })
    const seconds = Math.round(performance.now() - started) / 1000
    return { files: [outcome], leftOut: [], totals: totalsOf([outcome], seconds), undone }
  })
}

type DoneOver = { readonly undone: NonNullable<ImportOutcome['undone']> | null; readonly outcome: FileOutcome }

async function doOver(
  db: Database,
  lease: Lease,
  batch: Batch,
  path: string,
  options: ImportOptions,
  takesOther: boolean,
): Promise<DoneOver> {
  const identity = await hashFile(path, (readBytes) =>
    options.onEvent?.({ type: 'progress', file: path, phase: 'hashing', readBytes, totalBytes: null, records: 0 }),
  )
  if (!takesOther) requireContent(batch, path, identity)
  if (batch.status !== 'completed') {
    const run = () => importFile(db, lease, path, options, undefined, identity)
    const dryRun = () => inDryRun(db, (dry) => importFile(db, lease, path, options, dry, identity))
    return { undone: null, outcome: await (options.dryRun ? dryRun() : run()).catch(outcomeOfFailure) }
  }

  await requireOnly(db, batch, identity)
  const judged = await judge(db, lease, batch, path, options, identity)
  if (options.dryRun) {
    const undone = await previewUndo(db, batch.id)
    options.onEvent?.({ type: 'undone', undone, dryRun: true })
    return { undone, outcome: judged }
  }
  if (judged.error) {
    const message = `${judged.error.message}\nBatch ${batch.id} is as it was: nothing is undone.`
    return { undone: null, outcome: { ...judged, status: 'failed', error: { ...judged.error, message } } }
  }
  const undone = await undoUnderLease(db, lease, batch.id)
  failpoint('again.undone')
  options.onEvent?.({ type: 'undone', undone, dryRun: false })
  const outcome = await importFile(db, lease, path, options, undefined, identity).catch(outcomeOfFailure)
  return { undone, outcome }
}

/** What an import would do once the batch is undone. */
function judge(
  db: Database,
  lease: Lease,
  batch: Batch,
  path: string,
  options: ImportOptions,
  identity: FileIdentity,
): Promise<FileOutcome> {
  // What the import will say itself is not said before.
  const onEvent = (event: ImportEvent) => {
    if (options.dryRun || event.type === 'progress') options.onEvent?.(event)
  }
  const dryOptions = { ...options, dryRun: true, force: true, onEvent }
  return inDryRun(db, (dry) => importFile(db, lease, path, dryOptions, dry, identity), batch.id).catch(outcomeOfFailure)
}

function outcomeOfFailure(error: unknown): FileOutcome {
  if (error instanceof ImportFailure) return error.outcome
  throw error
}

/** The file to import: it is read several times. */
async function fileFor({ id, source, file }: Batch, paths: readonly string[]): Promise<string> {
  if (source === 'http') {
    throw new EaError('usage', `Batch ${id} holds events that came over HTTP: it has no file to import again.`, {
      suggestions: [`To remove its events: \`ea batches undo ${id}\`.`],
    })
  }
  if (paths.length > 1) {
    throw new EaError('usage', `--again takes one file, not ${paths.length}: that of batch ${id}.`)
  }
  const [named] = paths
  if (named === undefined && source === 'stdin') {
    throw new EaError('no_input_files', `Batch ${id} came from a stream, which cannot be read again.`, {
      suggestions: [`Name a file with its content: \`ea import --again ${id} FILE\`.`],
    })
  }
  const { path, files } = await firstFile(named ?? file)
  if (files > 1) {
    throw new EaError('usage', `--again takes one file, and ${named ?? file} has ${files}.`, {
      suggestions: [`Name the one with the content of batch ${id}: \`ea import --again ${id} ${path}\`.`],
    })
  }
  const there =
    path === stdinPath
      ? null
      : await stat(await fileOnDisk(path))
          .catch(asFileError(path))
          .catch(suggestingName(id, named))
  if (there?.isFile()) return path
  throw new EaError(
    'usage',
    `--again reads its file more than once, and ${nameForPeople(path)} is not a regular file.`,
    {
      suggestions: [`Name a file: \`ea import --again ${id} FILE\`.`],
    },
  )
}

/** That of a batch may have been named in another folder. */
const suggestingName = (id: number, named: string | undefined) => (error: unknown) => {
  if (named !== undefined || !(error instanceof EaError) || error.code !== 'file_not_found') throw error
  throw new EaError(error.code, error.message, {
    suggestions: [`If the file of batch ${id} is somewhere else, name it: \`ea import --again ${id} FILE\`.`],
    cause: error,
  })
}

/**
 * Makes sure that the content of the batch is not replaced by that of another file by mistake: a log of the same name may be
 * that of another day. What failed may have been fixed.
 */
function requireContent({ id, status, file, sha256 }: Batch, path: string, identity: FileIdentity): void {
  const now = identity.sha256.toString('hex')
  if (sha256 === null || status === 'failed' || sha256 === now) return
  const whose = path === file ? `${path} has` : `${path} does not have the content of ${file}: it has`
  throw new EaError(
    'file_changed',
    `${whose} another content than batch ${id} (SHA-256 ${now.slice(0, 12)}…, then ${sha256.slice(0, 12)}…); nothing is changed.`,
    {
      suggestions: [
        `Name the file with the content of the batch: \`ea import --again ${id} FILE\`.`,
        `To replace the events of batch ${id} by those of this file: add --force.`,
      ],
      details: { batch: id, sha256: now, batch_sha256: sha256 },
    },
  )
}

/** Undoing a batch is of no use when the content is also that of another one, which an import would find. */
async function requireOnly(db: Database, { id }: Batch, { sha256 }: FileIdentity): Promise<void> {
  const { leaned_on_by: leanedOnBy } = await overlapsOf(db, id)
  const leaning = new Set(leanedOnBy.map((other) => other.id))
  const other = await findCompleted(db, sha256, id)
  if (!other || leaning.has(other.id)) return
  throw new EaError('usage', `This content is also imported as batch ${other.id}; nothing is changed.`, {
    suggestions: [
      `Do that one over: \`ea import --again ${other.id}\`. Or undo it first: \`ea batches undo ${other.id}\`.`,
    ],
  })
}
