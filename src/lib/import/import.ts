/** `ea import` as a function: several sources, one lease, one outcome. */
import { type Lease, type LeaseRequest, withLease } from '../batches/lease.js'
import { EaError } from '../core/errors.js'
import { isTimeZone } from '../core/time.js'
import type { Database } from '../db/connect.js'
import { requireNoInput } from '../os/same-file.js'
import { type DryRun, inDryRun } from './dry-run.js'
import { ImportFailure, isFaultOfFile, unreadOutcome } from './file-outcome.js'
import { withKernelFault } from './import-context.js'
import type { FileOutcome, ImportOptions, ImportOutcome } from './options.js'
import { importFile } from './pipeline.js'
import { SmallFiles } from './small-files.js'
import { keepingArchives } from './source/archive/archive.js'
import { fileOnDisk } from './source/archive/member-path.js'
import { findSources } from './source/find-sources.js'
import type { UnreadableSource } from './source/paths.js'

/**
 * Imports files, each exactly once: paths, globs, folders, archives, `-` for standard input.
 *
 * A file whose content is at fault (too many rejects, cut off, changed while it was read) is `failed` in the outcome, and
 * so is one of several that cannot be opened or is not recognised; the others are imported all the same. Anything else is
 * thrown, and what is merged so far is resumed by the next import of the same file.
 *
 * @param paths in the order in which they are imported
 * @throws EaError `file_not_found`, `import_busy`, `missing_column`, `not_recognised`, `interrupted`, …
 * @example
 * const { totals } = await importFiles(db, ['events.csv'], { maxRejects: { records: 10 } })
 */
export async function importFiles(
  db: Database,
  paths: readonly string[],
  options: ImportOptions = {},
): Promise<ImportOutcome> {
  return keepingArchives(() => importSources(db, paths, options))
}

async function importSources(db: Database, paths: readonly string[], options: ImportOptions): Promise<ImportOutcome> {
  const { sources, leftOut } = await findSources(paths)
  // There is nothing else to tell about.
  if (sources.length === 1) throwUnreadable(sources[0]!)
  if (options.rejectsFile !== undefined && sources.length !== 1) {
    throw new EaError('usage', `--rejects-file takes the rejects of one file, not of ${sources.length}.`)
  }
  await requireUsable(sources.filter(isPath), options)
  const { onEvent } = options
  const fileOptions = { ...options, isOneOfSeveral: sources.length > 1 }
  const lease = leaseFor(`import ${sources.length === 1 ? String(sources[0]) : `${sources.length} files`}`, options)
  const started = performance.now()
  for (const one of leftOut) onEvent?.({ type: 'left_out', ...one })
  const importOne = async (held: Lease, source: string | UnreadableSource, dryRun?: DryRun): Promise<FileOutcome> => {
    if (!isPath(source)) return unreadOutcome(source.path, source.error)
    try {
      return await importFile(db, held, source, fileOptions, dryRun)
    } catch (error) {
      if (error instanceof ImportFailure) return error.outcome
      if (sources.length > 1 && isFaultOfFile(error)) return unreadOutcome(source, error)
      throw error
    }
  }
  const importAll = async (held: Lease, dryRun?: DryRun): Promise<FileOutcome[]> => {
    const outcomes: FileOutcome[] = []
    const finish = async (ended: FileOutcome) => {
      // Of many files one says it.
      const isFirst = outcomes.every(({ status }) => status !== 'completed')
      const outcome = isFirst ? await withKernelFault(ended, options) : ended
      onEvent?.({ type: 'finished', outcome })
      outcomes.push(outcome)
    }
    const small = new SmallFiles(db, held, sources, fileOptions)
    try {
      while (outcomes.length < sources.length) {
        const at = outcomes.length
        for await (const outcome of small.importGroup(at)) await finish(outcome)
        if (outcomes.length === at) await finish(await importOne(held, sources[at]!, dryRun))
      }
      return outcomes
    } finally {
      await small.close()
    }
  }
  const files = await withLease(db, lease, (held) =>
    options.dryRun ? inDryRun(db, (dryRun) => importAll(held, dryRun)) : importAll(held),
  )
  return { files, leftOut, totals: totalsOf(files, Math.round(performance.now() - started) / 1000) }
}

/** Refuses options that no file could be imported with. */
export async function requireUsable(paths: readonly string[], { rejectsFile, timezone }: ImportOptions): Promise<void> {
  if (rejectsFile !== undefined) {
    await requireNoInput('--rejects-file', rejectsFile, await Promise.all(paths.map(fileOnDisk)))
  }
  if (timezone === undefined || isTimeZone(timezone)) return
  throw new EaError('usage', `--timezone: "${timezone}" is no time zone.`, {
    suggestions: ['Use a name of the IANA database: --timezone Europe/Kyiv'],
  })
}

/** How an import asks for the lease. */
export function leaseFor(doing: string, { onEvent, waitMs, signal }: ImportOptions): LeaseRequest {
  return { doing, waitMs: waitMs ?? 0, onWait: (holder) => onEvent?.({ type: 'waiting', holder }), signal }
}

const isPath = (source: string | UnreadableSource): source is string => typeof source === 'string'

function throwUnreadable(source: string | UnreadableSource): void {
  if (!isPath(source)) throw source.error
}

/** The sums over several files. */
export function totalsOf(files: readonly FileOutcome[], seconds: number): ImportOutcome['totals'] {
  const sum = (key: 'read' | 'inserted' | 'duplicates' | 'differing' | 'rejected' | 'bytes') =>
    files.reduce((total, file) => total + file[key], 0)
  return {
    files: files.length,
    read: sum('read'),
    inserted: sum('inserted'),
    duplicates: sum('duplicates'),
    differing: sum('differing'),
    rejected: sum('rejected'),
    bytes: sum('bytes'),
    seconds,
  }
}
