/** `ea db stop`: ends the embedded server. */
import { Flags } from '@oclif/core'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { stopEmbedded } from '../../lib/db/embedded/server.js'

export default class DbStop extends BaseCommand<typeof DbStop> {
  static override summary = 'Stop the embedded PostgreSQL'
  static override description =
    'While commands use the server, it keeps running and stops with the last one. --force stops it at once; those commands fail.'
  static override examples = ['<%= config.bin %> db stop', '<%= config.bin %> db stop --force']
  static override flags = { force: Flags.boolean({ description: 'Stop it even while commands use it.' }) }

  async run(): Promise<void> {
    const stopped = await stopEmbedded(await this.embeddedSettings(), { force: this.flags.force })
    const waiting = `It is used by ${stopped.users.length} commands (${stopped.users.join(', ')}) and stops with the last.`
    const idle = stopped.users.length > 0 ? waiting : 'It was not running.'
    await this.present({ stopped: stopped.stopped, users: stopped.users }, stopped.stopped ? 'Stopped.' : idle)
  }
}
