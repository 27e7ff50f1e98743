/** `ea spool status`: what waits for the database. */
import { BaseCommand } from '../../lib/cli/base-command.js'
import { spoolDirFlag, spoolDirOf } from '../../lib/cli/serve/spool-flags.js'
import { spoolJson, spoolText } from '../../lib/cli/serve/spool-text.js'
import { spoolStatus } from '../../lib/ingest/spool/status.js'

export default class SpoolStatus extends BaseCommand<typeof SpoolStatus> {
  static override summary = 'Show the events that are waiting for the database, and the dead letters'
  static override description =
    'Works while a server is running and changes nothing. Each database and schema has its own spool.'
  static override examples = ['<%= config.bin %> spool status', '<%= config.bin %> spool status --json']
  static override flags = spoolDirFlag

  async run(): Promise<void> {
    const status = await spoolStatus(await spoolDirOf(this.flags['spool-dir'], () => this.settings()))
    await this.present(spoolJson(status), spoolText(status))
  }
}
