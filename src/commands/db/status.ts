/** `ea db status`: which database answers, and what it lacks. */

import { externalStatusText, statusJson, statusText } from '../../lib/cli/admin/database-status.js'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { embeddedStatus } from '../../lib/db/embedded/server.js'
import { isTooOld, schemaState } from '../../lib/db/migrate.js'

export default class DbStatus extends BaseCommand<typeof DbStatus> {
  static override summary = 'Show which database is used and whether it is ready'
  static override description = 'It does not start or change anything.'
  static override examples = ['<%= config.bin %> db status', '<%= config.bin %> db status --json']

  async run(): Promise<void> {
    const settings = await this.settings()
    if (settings.databaseUrl === undefined) {
      const status = await embeddedStatus(settings)
      return this.present(statusJson(status), statusText(status))
    }
    const state = await this.withDatabase(schemaState, { migrated: false })
    const external = {
      embedded: false,
      schema: settings.schema,
      server_version: state.serverVersion,
      too_old: isTooOld(state),
      applied: state.applied,
      pending: state.pending,
      unknown: state.unknown,
    }
    await this.present(external, externalStatusText(external))
  }
}
