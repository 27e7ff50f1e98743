/** `ea db verify`: holds the rollups against the events. */
import { BaseCommand } from '../../lib/cli/base-command.js'
import { lockTimeoutFlag } from '../../lib/cli/lock-flags.js'
import { verifiedText } from '../../lib/cli/rollups/rollup-text.js'
import { EaError } from '../../lib/core/errors.js'
import { verifyRollups } from '../../lib/rollups/verify.js'

export default class DbVerify extends BaseCommand<typeof DbVerify> {
  static override summary = 'Recompute the rollups and report every difference'
  static override description = 'Writes nothing; a difference is a bug (exit 1), and `ea db rebuild` repairs it.'
  static override examples = ['<%= config.bin %> db verify']
  static override flags = lockTimeoutFlag

  async run(): Promise<void> {
    const differences = await this.withDatabase((db) => verifyRollups(db))
    if (differences.length > 0) {
      throw new EaError('rollups_differ', verifiedText(differences), { details: { differences } })
    }
    await this.present({ differences }, 'The rollups match the events.')
  }
}
