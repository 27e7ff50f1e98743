/** `ea inspect`: how a file would be read, and why. */
import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../lib/cli/base-command.js'
import { failureJson, showFailure } from '../lib/cli/failure.js'
import { readingFlags } from '../lib/cli/import/import-flags.js'
import { inspectionJson, inspectionText } from '../lib/cli/import/inspect-text.js'
import { readingOptionsWith } from '../lib/cli/import/preset-options.js'
import { parseCount } from '../lib/cli/quantity-flags.js'
import { stdoutOptions } from '../lib/cli/terminal.js'
import { inspectDefaults, inspectFile } from '../lib/import/inspect.js'

export default class Inspect extends BaseCommand<typeof Inspect> {
  static override summary = 'Show how a file would be read, and why, without importing it'
  static override description =
    'Shows the format, the columns and the fields they become, the time format, and the first records as the events that an import would store, or the reason it would reject them. Takes the same flags as `ea import`; writes nothing.'
  static override examples = [
    '<%= config.bin %> inspect events.csv',
    '<%= config.bin %> inspect export.csv --map event_id=uuid,occurred_at=ts --records 20',
  ]
  static override args = {
    file: Args.string({
      description: 'A path (of an archive: its first file is shown), or - for standard input.',
      required: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    records: Flags.string({
      description: 'How many of the first records to show.',
      helpValue: 'N',
      default: String(inspectDefaults.records),
    }),
    ...readingFlags,
  }

  async run(): Promise<void> {
    const options = {
      ...(await readingOptionsWith(this.flags, (flag) => this.isGiven(flag))),
      records: parseCount('--records', this.flags.records, { min: 0, max: 1000 }),
    }
    const found = await this.withDatabase((db) => inspectFile(db, this.args.file, options), { access: 'none' })
    const failure = found.error ? failureJson(found.error) : {}
    await this.present(
      { ...inspectionJson(found), ...failure },
      inspectionText(found, { ...stdoutOptions(this.argv), seeAll: '--json' }),
    )
    if (!found.error) return
    if (!this.flags.json) showFailure(found.error, this.argv)
    process.exitCode = found.error.exitCode
  }
}
