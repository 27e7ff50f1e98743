/** `ea batches show`: all about one import. */

import { Flags } from '@oclif/core'
import { describeBatch } from '../../lib/batches/describe.js'
import { differencesPage, keptDifferences } from '../../lib/batches/differences.js'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { batchArgs } from '../../lib/cli/batches/batch-args.js'
import { detailText } from '../../lib/cli/batches/batch-text.js'
import { grouped } from '../../lib/present/tables/cell-text.js'

export default class BatchesShow extends BaseCommand<typeof BatchesShow> {
  static override summary = 'Show one import: its counts, how it was read, whose duplicates it found'
  static override examples = ['<%= config.bin %> batches show 7', '<%= config.bin %> batches show 7 --duplicates']
  static override args = batchArgs
  static override flags = {
    duplicates: Flags.boolean({
      description: `List the duplicates with other content than the event that is stored, and the fields that differ (the first ${grouped(keptDifferences)}).`,
    }),
  }

  async run(): Promise<void> {
    if (this.flags.duplicates) return this.differences()
    const detail = await this.withDatabase((db) => describeBatch(db, this.args.id))
    await this.present(detail, detailText(detail))
  }

  private async differences(): Promise<void> {
    const page = await this.withDatabase((db) => differencesPage(db, this.args.id))
    await this.show(page)
    const { differing, listed } = page.meta as { differing: number; listed: number }
    if (listed < differing) this.say(`These are ${listed} of ${differing}.`)
  }
}
