/** `ea db rebuild`: makes the rollups what the events say. */
import { Flags } from '@oclif/core'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { lockTimeoutFlag } from '../../lib/cli/lock-flags.js'
import { rebuiltText } from '../../lib/cli/rollups/rollup-text.js'
import { requireTimeZone } from '../../lib/cli/time-zone.js'
import { withCancel } from '../../lib/db/cancel.js'
import { withTransaction } from '../../lib/db/connect.js'
import { lockVisibility } from '../../lib/db/visibility-lock.js'
import { rebuildRollups } from '../../lib/rollups/rebuild.js'

export default class DbRebuild extends BaseCommand<typeof DbRebuild> {
  static override summary = 'Recompute the rollups, optionally in another time zone'
  static override description = 'One transaction: readers see the old rollups until it commits. Ctrl-C changes nothing.'
  static override examples = ['<%= config.bin %> db rebuild', '<%= config.bin %> db rebuild --tz Europe/Kyiv']
  static override flags = {
    ...lockTimeoutFlag,
    tz: Flags.string({
      description: 'Time zone of the days from now on, the default of all stats (default: the one in use).',
      helpValue: 'ZONE',
    }),
  }

  async run(): Promise<void> {
    const { tz } = this.flags
    const options = tz === undefined ? {} : { reportingTz: requireTimeZone(tz, '--tz') }
    const rebuilt = await this.withDatabase(
      (db) =>
        withTransaction(db, (tx) =>
          withCancel(tx.client, this.signal, async () => {
            await lockVisibility(tx)
            return rebuildRollups(tx, options)
          }),
        ),
      { access: 'write' },
    )
    await this.present({ reporting_tz: rebuilt.reportingTz, changed: rebuilt.changed }, rebuiltText(rebuilt))
  }
}
