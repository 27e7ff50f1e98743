/** `ea rollups remove`: gives rollups up that were kept on request. */
import { forgetRollups } from '../../lib/batches/kept-rollups.js'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { lockTimeoutFlag } from '../../lib/cli/lock-flags.js'
import { forgottenJson, forgottenText } from '../../lib/cli/optional-rollup-text.js'
import { rollupArgs } from '../../lib/cli/rollup-args.js'

export default class RollupsRemove extends BaseCommand<typeof RollupsRemove> {
  static override summary = 'Remove rollups that are kept on request'
  static override description =
    'Of several fields all are removed or none. What they answered is answered from the events again, with the same numbers; imports become cheaper.'
  static override examples = ['<%= config.bin %> rollups remove properties.country event_type:purchase']
  static override args = rollupArgs
  static override flags = lockTimeoutFlag

  async run(): Promise<void> {
    const forgotten = await this.withDatabase((db) => forgetRollups(db, this.args.field, { signal: this.signal }), {
      access: 'write',
    })
    await this.present({ rollups: forgotten.map(forgottenJson) }, forgotten.map(forgottenText).join('\n'))
  }
}
