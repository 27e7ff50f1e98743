/** `ea presets show`: a preset as its file, to copy and change. */
import { Args } from '@oclif/core'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { presetText } from '../../lib/import/presets/presets.js'

export default class PresetsShow extends BaseCommand<typeof PresetsShow> {
  static override summary = 'Print a preset, to copy and change'
  static override description =
    'Its keys are flags of `ea import`: time is --time-format, id is --id-from. Take a changed copy with --preset ./mine.yaml.'
  static override examples = ['<%= config.bin %> presets show ga4', '<%= config.bin %> presets show ga4 > mine.yaml']
  static override args = {
    name: Args.string({ description: 'The name of a preset.', required: true, ignoreStdin: true }),
  }

  async run(): Promise<void> {
    const text = await presetText(this.args.name)
    await this.present({ name: this.args.name, text }, text.trimEnd())
  }
}
