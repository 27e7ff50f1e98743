/** `ea import`: files into events, each exactly once. */
import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../lib/cli/base-command.js'
import { followColumns } from '../lib/cli/columns/follow-columns.js'
import { readingFlags } from '../lib/cli/import/import-flags.js'
import { requireWritable } from '../lib/cli/import/import-output.js'
import { ImportReport } from '../lib/cli/import/import-report.js'
import { readingOptionsWith } from '../lib/cli/import/preset-options.js'
import { lockTimeoutFlag } from '../lib/cli/lock-flags.js'
import {
  formatBytes,
  formatRejectBudget,
  parseBytes,
  parseCount,
  parseDurationMs,
  parseRejectBudget,
} from '../lib/cli/quantity-flags.js'
import { EaError } from '../lib/core/errors.js'
import { importAgain } from '../lib/import/again.js'
import { importFiles } from '../lib/import/import.js'
import { jobsOf } from '../lib/import/import-context.js'
import { type ImportOptions, importDefaults } from '../lib/import/options.js'

export default class Import extends BaseCommand<typeof Import> {
  static override summary = 'Import event files, each exactly once'
  static override description = [
    'Reads CSV, TSV, NDJSON, a JSON array or Parquet; all but Parquet also compressed (gzip, zstd, brotli) or in a ZIP or tar archive, each of whose files is imported on its own. The format is detected; `ea inspect` shows how. A file is imported completely or not at all. The same content is never imported twice, and each event_id is stored once. To resume an import that was killed, run the same command again.',
    'Exit codes: 0 done (also: already imported), 3 too many rejects, 4 a file cannot be read or lacks a column, 75 another import is running.',
  ].join('\n\n')
  static override examples = [
    '<%= config.bin %> import events.csv',
    "<%= config.bin %> import 'logs/*.ndjson.gz' history/",
    '<%= config.bin %> import export.ndjson.gz --preset mixpanel',
    'zcat events.csv.gz | <%= config.bin %> import -',
    '<%= config.bin %> import export.csv --map event_id=uuid,occurred_at=ts --timezone Europe/Kyiv',
    '<%= config.bin %> import --again 7 --timezone Europe/Kyiv',
    '<%= config.bin %> import events.csv --max-rejects 0.5% --rejects-file rejects.csv',
  ]
  static override args = {
    file: Args.string({
      description: 'Paths, patterns, folders and archives (all files with a known ending), or - for standard input.',
      multiple: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    'max-rejects': Flags.string({
      description: 'Number or share of records that may be rejected before the whole file is refused.',
      helpValue: 'N|P%',
      default: formatRejectBudget(importDefaults.maxRejects),
    }),
    'rejects-file': Flags.string({
      description:
        'Write the header and the rejected records, unchanged, to this file, to fix and import them. For one file.',
      helpValue: 'FILE',
    }),
    again: Flags.string({
      description:
        'Undo this batch and import its file, read as it was unless other flags are given. A file that is named is taken instead of that of the batch; it must have the same content (not with --force). All is checked before anything is undone; when it was interrupted, run the same command again.',
      helpValue: 'BATCH',
    }),
    force: Flags.boolean({ description: 'Import a file even if its content is already imported.' }),
    wait: Flags.string({
      description: 'How long to wait for another import, for example 30s or 5m (default: do not wait, exit 75).',
      helpValue: 'DURATION',
    }),
    ...lockTimeoutFlag,
    'dry-run': Flags.boolean({ description: 'Show what an import would do; store nothing.' }),
    atomic: Flags.boolean({
      description: 'Use one transaction on one connection: slower, leaves nothing behind, cannot be resumed.',
    }),
    jobs: Flags.string({
      description: 'Number of chunks merged at the same time (default: by the number of processors).',
      helpValue: 'N',
    }),
    load: Flags.option({
      options: ['auto', 'staged'] as const,
      description:
        'auto: chunks of plain records with new ids go straight into the events; staged: all go through staging. The result is the same.',
      default: 'auto',
    })(),
    'chunk-bytes': Flags.string({
      description: 'The size of a chunk (kB, MB: powers of 1024); memory grows with it.',
      helpValue: 'SIZE',
      default: formatBytes(importDefaults.chunkBytes),
    }),
    ...readingFlags,
  }

  async run(): Promise<void> {
    const options = await this.options()
    const files = this.args.file ?? []
    const again = this.again(files)
    if (options.rejectsFile !== undefined) await requireWritable('--rejects-file', options.rejectsFile)
    const report = new ImportReport(files, {
      quiet: this.flags.quiet,
      json: this.flags.json,
      atomic: this.flags.atomic,
      dryRun: this.flags['dry-run'],
      argv: this.argv,
      say: (line) => this.say(line),
      print: (text) => this.print(text),
    })
    // A read that waits for more input would never see the signal.
    if (files.includes('-')) this.signal.addEventListener('abort', () => process.stdin.destroy())
    await report.show((onEvent) =>
      this.withDatabase(
        async (db) => {
          const all = { ...options, onEvent, signal: this.signal }
          const outcome = await (again === undefined ? importFiles(db, files, all) : importAgain(db, again, files, all))
          if (!options.dryRun) await followColumns(db, this.signal, (text) => this.caution(text))
          return outcome
        },
        { access: 'create', maxConnections: jobsOf({ options }) + 2 },
      ),
    )
  }

  /** The batch to import again; without one there must be files. */
  private again(files: readonly string[]): number | undefined {
    const { again } = this.flags
    if (again !== undefined) return parseCount('--again', again, { min: 1, max: Number.MAX_SAFE_INTEGER })
    if (files.length > 0) return undefined
    throw new EaError('usage', 'No file was named.', {
      suggestions: ['Name files, folders or patterns, or - for standard input: `ea import events.csv`.'],
    })
  }

  private async options(): Promise<ImportOptions> {
    const { flags } = this
    this.refuseContradictions()
    const options = {
      ...(await readingOptionsWith(flags, (flag) => this.isGiven(flag))),
      force: flags.force,
      dryRun: flags['dry-run'],
      atomic: flags.atomic,
      load: flags.load,
      rejectsFile: flags['rejects-file'],
      maxRejects: parseRejectBudget(flags['max-rejects']),
      chunkBytes: parseBytes('--chunk-bytes', flags['chunk-bytes'], { min: 1024, max: 64 * 1024 * 1024 }),
      ...(flags.jobs === undefined ? {} : { jobs: parseCount('--jobs', flags.jobs, { min: 1, max: 64 }) }),
      ...(flags.wait === undefined ? {} : { waitMs: parseDurationMs('--wait', flags.wait) }),
    }
    if (flags.again === undefined) return options
    // A batch that is imported again has its own instead of the defaults.
    const { timezone, timeFormat, maxRecordBytes, maxRejects, ...rest } = options
    return {
      ...rest,
      ...((this.isGiven('timezone') || flags.preset) && { timezone }),
      ...((this.isGiven('time-format') || flags.preset) && { timeFormat }),
      ...(this.isGiven('max-record-bytes') && { maxRecordBytes }),
      ...(this.isGiven('max-rejects') && { maxRejects }),
    }
  }

  /** Flags of which one would be passed over in silence. */
  private refuseContradictions(): void {
    const { atomic, jobs, 'dry-run': dryRun, 'rejects-file': rejectsFile } = this.flags
    const problem =
      atomic && jobs !== undefined && jobs !== '1'
        ? '--atomic is one transaction on one connection, so --jobs has no meaning.'
        : dryRun && atomic
          ? '--dry-run stores nothing, so --atomic has no meaning.'
          : dryRun && rejectsFile !== undefined
            ? '--dry-run writes nothing, so there is no --rejects-file.'
            : undefined
    if (problem) throw new EaError('usage', problem, { suggestions: ['Leave one of the two away.'] })
  }
}
