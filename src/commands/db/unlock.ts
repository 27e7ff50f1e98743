/** `ea db unlock`: takes the lease from a holder that is gone. */
import { Flags } from '@oclif/core'
import { breakLease } from '../../lib/batches/lease.js'
import { brokenJson, brokenText, clockWarning } from '../../lib/cli/admin/lease-text.js'
import { BaseCommand } from '../../lib/cli/base-command.js'

export default class DbUnlock extends BaseCommand<typeof DbUnlock> {
  static override summary = 'Break the lease of an import that no longer runs'
  static override description =
    'Only one import, undo or rebuild runs at a time in a schema, and it holds a lease. A lease expires 15 seconds after its last heartbeat, and at once when its process ran on this machine and is gone. This command is for the rest: a holder on another machine whose heartbeat is in the future because the clock of the database was set back. It watches the heartbeat for some seconds and refuses (exit 75) when the holder is alive. An import that loses its lease by mistake writes nothing more; running it again resumes it.'
  static override examples = ['<%= config.bin %> db unlock']
  static override flags = {
    force: Flags.boolean({
      description: 'Break it although its holder is alive; that process then ends with lease_lost.',
    }),
  }

  async run(): Promise<void> {
    const broken = await this.withDatabase((db) => breakLease(db, { force: this.flags.force }), { access: 'write' })
    if (broken?.fromTheFuture) this.caution(clockWarning(broken))
    await this.present(brokenJson(broken), brokenText(broken))
  }
}
