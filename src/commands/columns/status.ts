/** `ea columns status`: what is in the column store. */
import { BaseCommand } from '../../lib/cli/base-command.js'
import { stateJson, stateText } from '../../lib/cli/columns/columns-text.js'
import { columnsState } from '../../lib/columns/add-remove.js'

export default class ColumnsStatus extends BaseCommand<typeof ColumnsStatus> {
  static override summary = 'Show what is in the column store'
  static override description =
    'Its properties, files and size, and how many events are in no file yet. Up to 200,000 of them are read from PostgreSQL by each question; with more, PostgreSQL answers alone until they are in a file.'
  static override examples = ['<%= config.bin %> columns status', '<%= config.bin %> columns status --json']

  async run(): Promise<void> {
    const state = await this.withDatabase((db) => columnsState(db))
    await this.present(stateJson(state), stateText(state))
  }
}
