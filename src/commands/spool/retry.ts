/** `ea spool retry`: dead letters get another chance. */
import { Args } from '@oclif/core'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { spoolDirFlag, spoolDirOf } from '../../lib/cli/serve/spool-flags.js'
import { type Retried, retriedText } from '../../lib/cli/serve/spool-text.js'
import { type Spool, withSpool } from '../../lib/ingest/spool/spool.js'

export default class SpoolRetry extends BaseCommand<typeof SpoolRetry> {
  static override summary = 'Put dead letters back at the end of the spool'
  static override description =
    'Retries all dead letters, or those with the given names from `ea spool status`. Not while a server is running.'
  static override examples = [
    '<%= config.bin %> spool retry',
    '<%= config.bin %> spool retry 000000000001-5f0c2a9b7e31-0',
  ]
  static override flags = spoolDirFlag
  static override strict = false
  static override args = {
    name: Args.string({
      description: 'Names of dead letters (default: all).',
      multiple: true,
      ignoreStdin: true,
    }),
  }

  async run(): Promise<void> {
    const folder = await spoolDirOf(this.flags['spool-dir'], () => this.settings())
    const retried = await withSpool(folder, (spool) => this.retry(spool, this.args.name ?? []))
    await this.present({ folder, ...retried }, retriedText(retried))
  }

  private async retry(spool: Spool, asked: readonly string[]): Promise<Retried> {
    const names: string[] = []
    let [requests, events] = [0, 0]
    for (const name of asked.length > 0 ? asked : (await spool.deadLetters()).map((letter) => letter.name)) {
      const put = await spool.retry(name)
      if (put === undefined) this.caution(`${name} is damaged: it stays where it is.`)
      else {
        names.push(name)
        requests += put.requests
        events += put.events
      }
    }
    return { names, requests, events }
  }
}
