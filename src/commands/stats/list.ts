/** `ea stats list`: which questions can be asked. */
import { BaseCommand } from '../../lib/cli/base-command.js'
import { outputFlags } from '../../lib/cli/output.js'
import { listStats } from '../../lib/stats/catalog.js'

export default class StatsList extends BaseCommand<typeof StatsList> {
  static override summary = 'List the stats and what each one answers'
  static override description = 'Needs no database. `ea stats NAME --help` says more about one.'
  static override examples = ['<%= config.bin %> stats list', '<%= config.bin %> stats list --json']
  static override flags = outputFlags

  async run(): Promise<void> {
    await this.show(listStats())
  }
}
