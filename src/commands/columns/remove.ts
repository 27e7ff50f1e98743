/** `ea columns remove`: gives the column store up. */
import { BaseCommand } from '../../lib/cli/base-command.js'
import { removeColumns } from '../../lib/columns/add-remove.js'

export default class ColumnsRemove extends BaseCommand<typeof ColumnsRemove> {
  static override summary = 'Remove the column store'
  static override description =
    'Removes its files. Questions that it answered are answered by PostgreSQL again, with the same numbers.'
  static override examples = ['<%= config.bin %> columns remove']

  async run(): Promise<void> {
    const removed = await this.withDatabase((db) => removeColumns(db))
    await this.present({ removed }, removed ? 'The column store is removed.' : 'There was no column store.')
  }
}
