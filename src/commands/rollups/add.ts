/** `ea rollups add`: keeps rollups that make some segments and funnels fast. */

import { BaseCommand } from '../../lib/cli/base-command.js'
import { lockTimeoutFlag } from '../../lib/cli/lock-flags.js'
import { addedJson, addedText, emptyText } from '../../lib/cli/rollups/on-demand-text.js'
import { rollupArgs } from '../../lib/cli/rollups/rollup-args.js'
import { fillProgress } from '../../lib/cli/rollups/rollup-progress.js'
import { addRollups } from '../../lib/rollups/on-demand/add-remove.js'

export default class RollupsAdd extends BaseCommand<typeof RollupsAdd> {
  static override summary = 'Add an on-demand rollup of a property or an event type'
  static override description =
    'properties.NAME makes segments on one value of it fast, event_type:NAME the funnels whose steps are all kept. The answers are the same with and without. Each one makes every import and commit slower, so add only what you use often. It runs in one transaction: Ctrl-C changes nothing. While it runs, imports wait before they complete, and `ea serve` writes events to its spool.'
  static override examples = [
    '<%= config.bin %> rollups add properties.country',
    '<%= config.bin %> rollups add event_type:view_item event_type:purchase',
  ]
  static override args = rollupArgs
  static override flags = lockTimeoutFlag

  async run(): Promise<void> {
    const progress = await fillProgress(this.flags.quiet || this.flags.json)
    const kept = await this.withDatabase(
      (db) => addRollups(db, this.args.field, { signal: this.signal, onFill: (subject) => progress.on(subject) }),
      { access: 'write' },
    ).finally(() => progress.stop())
    for (const warning of kept.flatMap(emptyText)) this.caution(warning)
    await this.present({ rollups: kept.map(addedJson) }, kept.map(addedText).join('\n'))
  }
}
