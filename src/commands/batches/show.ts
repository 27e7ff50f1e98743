/** `ea batches show`: all about one import. */
import { detailJson } from '../../lib/batches/batch-json.js'
import { describeBatch } from '../../lib/batches/detail.js'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { batchArgs } from '../../lib/cli/batch-args.js'
import { detailText } from '../../lib/cli/batch-text.js'

export default class BatchesShow extends BaseCommand<typeof BatchesShow> {
  static override summary = 'Show one import: its counts, how it was read, whose duplicates it found'
  static override examples = ['<%= config.bin %> batches show 7']
  static override args = batchArgs

  async run(): Promise<void> {
    const detail = await this.withDatabase((db) => describeBatch(db, this.args.id))
    await this.present(detailJson(detail), detailText(detail))
  }
}
