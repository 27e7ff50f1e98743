/** `ea rollups list`: the rollups that somebody asked for. */

import { BaseCommand } from '../../lib/cli/base-command.js'
import { outputFlags } from '../../lib/cli/output.js'
import { rollupsResult, sizesText } from '../../lib/cli/rollups/on-demand-text.js'
import { listRollups } from '../../lib/rollups/on-demand/list.js'

export default class RollupsList extends BaseCommand<typeof RollupsList> {
  static override summary = 'List the on-demand rollups, oldest first'
  static override description =
    'A property has one row for each of its values, user and day, an event type one for each user. All rollups that answer the same kind of question share their tables.'
  static override examples = ['<%= config.bin %> rollups list', '<%= config.bin %> rollups list --json']
  static override flags = outputFlags

  async run(): Promise<void> {
    const listed = await this.withDatabase((db) => listRollups(db))
    await this.show(rollupsResult(listed))
    if (listed.rollups.length > 0) this.say(sizesText(listed.sizes))
  }
}
