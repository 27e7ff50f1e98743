/** `ea db start`: keeps the embedded server running, so that commands need not start it. */

import { statusJson } from '../../lib/cli/admin/database-status.js'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { startEmbedded } from '../../lib/db/embedded/server.js'

export default class DbStart extends BaseCommand<typeof DbStart> {
  static override summary = 'Start the embedded PostgreSQL and keep it running'
  static override description = 'Without it, each command starts the server when it needs it and the last one stops it.'
  static override examples = ['<%= config.bin %> db start']

  async run(): Promise<void> {
    const status = await startEmbedded(await this.embeddedSettings())
    this.say('The embedded PostgreSQL runs until `ea db stop`.')
    await this.present(statusJson(status), status.url ?? '')
  }
}
