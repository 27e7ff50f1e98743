/** `ea batches rejects`: the records of an import that are no events, with their place and the reason. */
import { getBatch } from '../../lib/batches/batches.js'
import { rejectsResult, rejectsText } from '../../lib/batches/reject-text.js'
import { eachReject, listRejects } from '../../lib/batches/rejects.js'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { batchArgs, limitFlag, limitOf } from '../../lib/cli/batches/batch-args.js'
import { writePieces } from '../../lib/cli/batches/batch-output.js'
import { outputFlags } from '../../lib/cli/output.js'
import type { Database } from '../../lib/db/connect.js'
import { defaultFormat, type Format, isStreamed, type StreamedFormat } from '../../lib/present/tables/formats.js'

/** Nobody reads a longer table. */
const tableRows = 100

export default class BatchesRejects extends BaseCommand<typeof BatchesRejects> {
  static override summary = 'Show the records of an import that were rejected'
  static override description =
    'A failed batch keeps the first 1,000 rejects. To fix rejected records, import the file with --rejects-file: it contains the header and the unchanged bytes.'
  static override examples = [
    '<%= config.bin %> batches rejects 7',
    '<%= config.bin %> batches rejects 7 --format csv --output rejects-with-reasons.csv',
  ]
  static override args = batchArgs
  static override flags = {
    ...limitFlag(`Maximum number to show (default: ${tableRows} in a table, else all).`),
    ...outputFlags,
  }

  async run(): Promise<void> {
    const asked = this.flags.format as Format | undefined
    const format = this.flags.json && asked === undefined ? 'json' : (asked ?? defaultFormat)
    await this.withDatabase((db) =>
      isStreamed(format) && (!this.flags.json || format === 'json') ? this.pieces(db, format) : this.table(db),
    )
  }

  private async table(db: Database): Promise<void> {
    const limit = limitOf(this.flags) ?? tableRows
    const batch = await getBatch(db, this.args.id)
    const found = await listRejects(db, batch.id, { limit: limit + 1 })
    const more = found.length > limit
    await this.show(rejectsResult(found.slice(0, limit), { batch: batch.id, rejected: batch.rejected, limit, more }))
    if (more) this.say('There are more: use --limit N, or --format csv for all.')
  }

  private async pieces(db: Database, format: StreamedFormat): Promise<void> {
    const batch = await getBatch(db, this.args.id)
    const limit = limitOf(this.flags) ?? Number.POSITIVE_INFINITY
    const meta = { batch: batch.id, rejected: batch.rejected, limit: limitOf(this.flags) ?? null }
    await writePieces(rejectsText(eachReject(db, batch.id, 50), format, limit, meta), this.flags.output)
  }
}
