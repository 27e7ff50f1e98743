/** `ea import` as a function: several sources, one lease, one outcome. */
import { type LeaseRequest, withLease } from '../batches/lease.js'
import type { Database } from '../db/connect.js'
import { EaError } from '../errors.js'
import { requireNoInput } from '../same-file.js'
import { isTimeZone } from '../time.js'
import type { FileOutcome, ImportOptions, ImportOutcome } from './options.js'
import { expandPaths } from './paths.js'
import { importFile } from './pipeline.js'
import { ImportFailure } from './run.js'

/**
 * Imports files, each exactly once: paths, globs, folders, `-` for standard input.
 *
 * A file whose content is at fault (too many rejects, cut off, changed while it was read) is `failed` in the outcome,
 * and the others are imported all the same. Anything else is thrown, and what is merged so far is resumed by the next
 * import of the same file.
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
  const sources = await expandPaths(paths)
  if (options.rejectsFile !== undefined && sources.length !== 1) {
    throw new EaError('usage', `--rejects-file takes the rejects of one file, not of ${sources.length}.`)
  }
  if (options.rejectsFile !== undefined) await requireNoInput('--rejects-file', options.rejectsFile, sources)
  if (options.timezone !== undefined && !isTimeZone(options.timezone)) {
    throw new EaError('usage', `--timezone: "${options.timezone}" is no time zone.`, {
      suggestions: ['Use a name of the IANA database: --timezone Europe/Kyiv'],
    })
  }
  const { onEvent, waitMs, signal } = options
  const lease: LeaseRequest = {
    doing: `import ${sources.length === 1 ? sources[0] : `${sources.length} files`}`,
    waitMs: waitMs ?? 0,
    onWait: (holder) => onEvent?.({ type: 'waiting', holder }),
    signal,
  }
  const started = performance.now()
  const files = await withLease(db, lease, async (held) => {
    const outcomes: FileOutcome[] = []
    for (const path of sources) {
      const outcome = await importFile(db, held, path, options).catch((error: unknown) => {
        if (error instanceof ImportFailure) return error.outcome
        throw error
      })
      onEvent?.({ type: 'finished', outcome })
      outcomes.push(outcome)
    }
    return outcomes
  })
  return { files, totals: totalsOf(files, Math.round(performance.now() - started) / 1000) }
}

/** The sums over several files. */
export function totalsOf(files: readonly FileOutcome[], seconds: number): ImportOutcome['totals'] {
  const sum = (key: 'read' | 'inserted' | 'duplicates' | 'rejected' | 'bytes') =>
    files.reduce((total, file) => total + file[key], 0)
  return {
    files: files.length,
    read: sum('read'),
    inserted: sum('inserted'),
    duplicates: sum('duplicates'),
    rejected: sum('rejected'),
    bytes: sum('bytes'),
    seconds,
  }
}
