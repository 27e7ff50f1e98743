/** `ea batches undo`: takes an import back. */
import { Flags } from '@oclif/core'
import { previewUndo } from '../../lib/batches/describe.js'
import { undoBatch } from '../../lib/batches/undo.js'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { batchArgs } from '../../lib/cli/batches/batch-args.js'
import { undoneJson, undoneText } from '../../lib/cli/batches/batch-text.js'
import { lockTimeoutFlag } from '../../lib/cli/lock-flags.js'
import { parseDurationMs } from '../../lib/cli/quantity-flags.js'

export default class BatchesUndo extends BaseCommand<typeof BatchesUndo> {
  static override summary = 'Remove the events of one import'
  static override description =
    'Removes the events and updates the rollups in one transaction. Batches for which some of these events were duplicates become stale: import their files again to store what is missing.'
  static override examples = ['<%= config.bin %> batches undo 7', '<%= config.bin %> batches undo 7 --dry-run']
  static override args = batchArgs
  static override flags = {
    'dry-run': Flags.boolean({ description: 'Show what would be removed; change nothing.' }),
    ...lockTimeoutFlag,
    wait: Flags.string({
      description: 'How long to wait for an import, for example 30s or 5m (default: do not wait, exit 75).',
      helpValue: 'DURATION',
    }),
  }

  async run(): Promise<void> {
    const { wait, 'dry-run': dryRun } = this.flags
    const waitMs = wait === undefined ? 0 : parseDurationMs('--wait', wait)
    const { id } = this.args
    const undone = await this.withDatabase(
      (db) =>
        dryRun
          ? previewUndo(db, id)
          : undoBatch(db, id, {
              waitMs,
              signal: this.signal,
              onWait: (holder) => this.say(`Waiting for another process: ${holder.doing} (pid ${holder.pid}).`),
            }),
      { access: dryRun ? 'read' : 'write' },
    )
    await this.present(undoneJson(undone, dryRun), undoneText(undone, dryRun))
  }
}
