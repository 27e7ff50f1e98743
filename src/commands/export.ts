/** `ea export`: events out, as CSV or NDJSON, to a file or to stdout. */
import { Flags } from '@oclif/core'
import { exportFormat, withOutlet } from '../lib/cli/answers/export-output.js'
import { BaseCommand } from '../lib/cli/base-command.js'
import { outputFlag } from '../lib/cli/output.js'
import { queryTimeout, queryTimeoutFlag } from '../lib/cli/query-timeout.js'
import { EaError } from '../lib/core/errors.js'
import { type EventFormat, eventFormats } from '../lib/core/event.js'
import { exportEvents } from '../lib/export/export.js'
import { exportParams } from '../lib/export/params.js'
import { counted, visible } from '../lib/present/tables/cell-text.js'
import { paramsOf } from '../lib/stats/query/params.js'

const params = paramsOf(exportParams)
const about = (name: string) => params.find((param) => param.name === name)!.description

export default class Export extends BaseCommand<typeof Export> {
  static override summary = 'Write the events to a file or to stdout, as CSV or NDJSON'
  static override description = [
    'Exports all events, or those of a range and of segments. Events of an import in progress are left out. Importing the file into another database gives the same events; importing it into the same database inserts none. Memory use does not depend on the size. Without --sort the order is not defined.',
    'Use it to move from the embedded database to a server: export from one, import into the other.',
  ].join('\n\n')
  static override examples = [
    '<%= config.bin %> export -o events.csv.gz',
    '<%= config.bin %> export --from 2025-08 --to 2025-08 -o august.ndjson',
    '<%= config.bin %> export --format ndjson --segment event_type:purchase | jq .properties.amount',
    '<%= config.bin %> export | <%= config.bin %> import - --database-url postgresql://ann@db.example.org/events',
  ]
  static override flags = {
    format: Flags.string({
      description: `Output format (default: by the file name, else ${eventFormats[0]}).`,
      options: [...eventFormats],
    }),
    output: outputFlag(' A name that ends in .gz compresses.'),
    from: Flags.string({ description: about('from'), helpValue: 'DAY' }),
    to: Flags.string({ description: about('to'), helpValue: 'DAY' }),
    segment: Flags.string({ description: about('segment'), multiple: true }),
    tz: Flags.string({ description: about('tz'), helpValue: 'ZONE' }),
    sort: Flags.boolean({ description: about('sort') }),
    ...queryTimeoutFlag,
  }

  async run(): Promise<void> {
    const { output: file, json, from, to, segment, tz, sort } = this.flags
    if (json && file === undefined) {
      throw new EaError('usage', '--json needs --output: without it, stdout is the events.', {
        suggestions: ['For events as JSON: --format ndjson.', 'Add --output FILE.'],
      })
    }
    const format = exportFormat(this.flags.format as EventFormat | undefined, file)
    const given = { from, to, segment, tz, format, sort }
    const options = {
      signal: this.signal,
      spell: (name: string) => `--${name}`,
      ...queryTimeout(this.flags['query-timeout']),
    }
    const poured = await withOutlet(file, (take) => this.withDatabase((db) => exportEvents(db, given, take, options)))
    // The reader has gone away (`| head`), or the disk behind stdout is full, which is told elsewhere.
    if (poured === undefined) return
    const { result, bytes } = poured
    for (const warning of result.warnings) this.caution(warning)
    if (json) return this.present({ events: result.events, file, bytes }, '')
    const place = file === undefined ? 'standard output' : visible(file)
    this.say(`${place}: ${counted(result.events, 'event')}, ${counted(bytes, 'byte')}`)
  }

  /** What a reader has not taken when the command is ended is not waited for. */
  override async finally(error: Error | undefined): Promise<void> {
    await super.finally(error)
    if (this.signal.aborted && process.stdout.writableLength > 0) setTimeout(() => process.exit(), 100).unref()
  }
}
