/** `ea check init`: a first file of checks, from what the database holds. */
import { stat } from 'node:fs/promises'
import { Args, Flags } from '@oclif/core'
import { initChecks } from '../../lib/checks/init.js'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { EaError } from '../../lib/core/errors.js'
import { kebab } from '../../lib/stats/query/params.js'

export default class CheckInit extends BaseCommand<typeof CheckInit> {
  static override summary = 'Write a first check file with thresholds from the last weeks of the data'
  static override description =
    'Checks the number of active users, the age of the newest event, drops in the most frequent event types, retention and rejects, as far as the data allows. A comment above each check says where its threshold comes from. No check fails on the data it was made from.'
  static override examples = [
    '<%= config.bin %> check init',
    '<%= config.bin %> check init checks/metrics.yaml --tz Europe/Kyiv',
  ]
  static override args = {
    file: Args.string({
      description: 'The file to write, or - for standard output.',
      default: 'metrics.yaml',
      ignoreStdin: true,
    }),
  }
  static override flags = {
    force: Flags.boolean({ description: 'Overwrite an existing file.' }),
    tz: Flags.string({ description: 'Time zone of the days (default: that of the rollups).', helpValue: 'ZONE' }),
    'as-of': Flags.string({ description: 'What counts as now: a day (its start) or an instant.' }),
  }

  async run(): Promise<void> {
    const { file } = this.args
    const { force, tz, 'as-of': asOf } = this.flags
    const isThere =
      file !== '-' &&
      (await stat(file).then(
        () => true,
        () => false,
      ))
    if (isThere && !force) {
      throw new EaError('output_unwritable', `${file} already exists.`, {
        suggestions: ['Name another file.', 'Overwrite it: --force.'],
      })
    }
    const spell = (name: string) => `--${kebab(name)}`
    const text = await this.withDatabase((db) => initChecks(db, { tz, asOf, spell, signal: this.signal }))
    if (file === '-') return this.present({ file: null, text }, text.trimEnd())
    await this.print(text, file)
    await this.present({ file, text }, '')
    this.say(`${file}: written; check the data with \`ea check ${file}\``)
  }
}
