/** `ea batches list`: what was imported, newest first. */
import { Flags } from '@oclif/core'
import { type BatchStatus, batchStatuses } from '../../lib/batches/batch.js'
import { batchesPage, defaultBatches } from '../../lib/batches/batches.js'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { limitFlag, limitOf } from '../../lib/cli/batches/batch-args.js'
import { outputFlags } from '../../lib/cli/output.js'

export default class BatchesList extends BaseCommand<typeof BatchesList> {
  static override summary = 'List the imports, newest first'
  static override description =
    'Only events of completed batches count. Failed and undone batches have no events. A stale batch lacks events because another batch was undone: import its file again.'
  static override examples = ['<%= config.bin %> batches list', '<%= config.bin %> batches list --status failed --json']
  static override flags = {
    status: Flags.string({ description: 'Only batches with this status.', options: [...batchStatuses] }),
    ...limitFlag('Maximum number to show.', defaultBatches),
    ...outputFlags,
  }

  async run(): Promise<void> {
    const limit = limitOf(this.flags)!
    const status = this.flags.status as BatchStatus | undefined
    const page = await this.withDatabase((db) => batchesPage(db, { status, limit }))
    await this.show(page)
    if (page.meta.more) this.say(`There are more: --limit ${limit * 2}`)
  }
}
