/** `ea batches undo`: takes an import back. */
import { Flags } from '@oclif/core'
import { previewUndo } from '../../lib/batches/detail.js'
import { undoBatch } from '../../lib/batches/undo.js'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { batchArgs } from '../../lib/cli/batch-args.js'
import { undoneJson, undoneText } from '../../lib/cli/batch-text.js'
import { parseDurationMs } from '../../lib/cli/import-quantities.js'
import { lockTimeoutFlag } from '../../lib/cli/lock-flags.js'

export default class BatchesUndo extends BaseCommand<typeof BatchesUndo> {
  static override summary = 'Remove the events of one import'
  static override description =
    'One step for every reader, rollups included. Batches that found some of these events as duplicates become stale: import their files again, and what is missing is stored.'
  static override examples = ['<%= config.bin %> batches undo 7', '<%= config.bin %> batches undo 7 --dry-run']
  static override args = batchArgs
  static override flags = {
    'dry-run': Flags.boolean({ description: 'Say what would be removed, and change nothing.' }),
    ...lockTimeoutFlag,
    wait: Flags.string({
      description: 'Wait so long for an import, such as 30s or 5m (default: not at all, exit 75).',
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
