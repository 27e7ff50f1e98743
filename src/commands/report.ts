/** `ea report`: the answers that people look at, in one file. */
import { Flags } from '@oclif/core'
import {
  type ReportFormat,
  reportFormat,
  reportFormats,
  reportText,
  writePictures,
} from '../lib/cli/answers/report-output.js'
import { BaseCommand } from '../lib/cli/base-command.js'
import { outputFlag } from '../lib/cli/output.js'
import { queryTimeout, queryTimeoutFlag } from '../lib/cli/query-timeout.js'
import { reportParams } from '../lib/report/options.js'
import { kebab, paramsOf } from '../lib/stats/query/params.js'

const params = paramsOf(reportParams)
const param = (name: string) => params.find((one) => one.name === name)!
const about = (name: string) => param(name).description

export default class Report extends BaseCommand<typeof Report> {
  static override summary = 'Write a report: headline numbers, charts and data quality in one HTML file'
  static override description = [
    'One file without scripts or network access, so that it opens from an e-mail: active users, events, new users and week-one retention with their change against the period before, active users over time, top events, retention, with --step a funnel, and what was imported. Each chart comes with its definition and its numbers as a table.',
    'A change is unknown where the range or the period before it is not complete, or not in the data.',
  ].join('\n\n')
  static override examples = [
    '<%= config.bin %> report -o report.html',
    '<%= config.bin %> report --from 2025-08 --to 2025-08 --title "August" --step signup --step purchase -o august.html',
    '<%= config.bin %> report --format md --charts-dir charts > report.md',
  ]
  static override flags = {
    from: Flags.string({ description: about('from'), helpValue: 'DAY' }),
    to: Flags.string({ description: about('to'), helpValue: 'DAY' }),
    segment: Flags.string({ description: about('segment'), multiple: true }),
    tz: Flags.string({ description: about('tz'), helpValue: 'ZONE' }),
    'week-start': Flags.string({
      description: about('weekStart'),
      options: [...param('weekStart').choices],
      default: String(param('weekStart').default),
    }),
    'as-of': Flags.string({ description: about('asOf') }),
    title: Flags.string({ description: about('title'), default: String(param('title').default) }),
    step: Flags.string({ description: about('step'), multiple: true }),
    window: Flags.string({ description: about('window') }),
    ...queryTimeoutFlag,
    format: Flags.string({
      description: `What to write (default: ${reportFormats[0]}).`,
      options: [...reportFormats],
    }),
    output: outputFlag(),
    'charts-dir': Flags.string({
      description: 'Also write each chart into this folder, as an SVG file.',
      helpValue: 'DIR',
    }),
  }

  async run(): Promise<void> {
    const { json, output, 'charts-dir': folder } = this.flags
    const format = reportFormat(this.flags.format as ReportFormat | undefined, json)
    const { 'week-start': weekStart, 'as-of': asOf, from, to, segment, tz, title, step, window } = this.flags
    const given = { from, to, segment, tz, weekStart: weekStart as 'monday' | undefined, asOf, title, step, window }
    const options = {
      signal: this.signal,
      spell: (name: string) => `--${kebab(name)}`,
      ...queryTimeout(this.flags['query-timeout']),
    }
    const { reportOf } = await import('../lib/report/report.js')
    const report = await this.withDatabase((db) => reportOf(db, given, options))
    for (const warning of report.warnings) this.caution(warning)
    const paths = folder === undefined ? [] : await writePictures(report, folder)
    if (json) {
      const { reportJson } = await import('../lib/report/report-json.js')
      await this.print(`${JSON.stringify(reportJson(report), null, 2)}\n`, output)
    } else await this.print(await reportText(report, format), output)
    for (const path of [...paths, ...(output === undefined ? [] : [output])]) this.say(path)
  }
}
