/** `ea rollups remove`: gives rollups up that were kept on request. */

import { BaseCommand } from '../../lib/cli/base-command.js'
import { lockTimeoutFlag } from '../../lib/cli/lock-flags.js'
import { removedJson, removedText } from '../../lib/cli/rollups/on-demand-text.js'
import { rollupArgs } from '../../lib/cli/rollups/rollup-args.js'
import { removeRollups } from '../../lib/rollups/on-demand/add-remove.js'

export default class RollupsRemove extends BaseCommand<typeof RollupsRemove> {
  static override summary = 'Remove on-demand rollups'
  static override description =
    'Removes all the given fields or none. Questions that they answered are answered from the events again, with the same numbers. Imports become faster.'
  static override examples = ['<%= config.bin %> rollups remove properties.country event_type:purchase']
  static override args = rollupArgs
  static override flags = lockTimeoutFlag

  async run(): Promise<void> {
    const forgotten = await this.withDatabase((db) => removeRollups(db, this.args.field, { signal: this.signal }), {
      access: 'write',
    })
    await this.present({ rollups: forgotten.map(removedJson) }, forgotten.map(removedText).join('\n'))
  }
}
