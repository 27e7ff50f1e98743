/** `ea columns build`: brings the column store up to date. */
import { BaseCommand } from '../../lib/cli/base-command.js'
import { builtJson, builtText } from '../../lib/cli/columns/columns-text.js'
import { buildColumns } from '../../lib/columns/build.js'

export default class ColumnsBuild extends BaseCommand<typeof ColumnsBuild> {
  static override summary = 'Bring the column store up to date'
  static override description =
    'Writes the events that are in no file yet, makes small files into larger ones, and replaces files that are damaged or mostly outdated. Nothing waits for it: questions use the files of before meanwhile.'
  static override examples = ['<%= config.bin %> columns build']

  async run(): Promise<void> {
    const built = await this.withDatabase((db) => buildColumns(db, { signal: this.signal }))
    await this.present(builtJson(built), builtText(built))
  }
}
