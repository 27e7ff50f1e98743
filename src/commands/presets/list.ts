/** `ea presets list`: the tools whose exports are known. */
import { BaseCommand } from '../../lib/cli/base-command.js'
import { outputFlags } from '../../lib/cli/output.js'
import { presetsResult } from '../../lib/import/presets/presets-result.js'

export default class PresetsList extends BaseCommand<typeof PresetsList> {
  static override summary = 'List the presets: how the exports of well-known tools are read'
  static override description =
    'Needs no database. `ea inspect FILE` proposes one for a file; `ea presets show NAME` prints it.'
  static override examples = ['<%= config.bin %> presets list', '<%= config.bin %> presets list --json']
  static override flags = outputFlags

  async run(): Promise<void> {
    await this.show(await presetsResult())
  }
}
