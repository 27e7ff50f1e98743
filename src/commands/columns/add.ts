/** `ea columns add`: keeps the events as columns too. */
import { Flags } from '@oclif/core'
import { BaseCommand } from '../../lib/cli/base-command.js'
import {
  addedColumnsText,
  builtJson,
  builtText,
  parseProperties,
  propertyName,
} from '../../lib/cli/columns/columns-text.js'
import { addColumns } from '../../lib/columns/add-remove.js'
import { buildColumns } from '../../lib/columns/build.js'

export default class ColumnsAdd extends BaseCommand<typeof ColumnsAdd> {
  static override summary = 'Keep the events as columns too, for fast questions that the rollups do not answer'
  static override description =
    'Writes user, time, type and some properties of all visible events to Parquet files in the data folder, which DuckDB reads. PostgreSQL keeps all events; the answers are the same with and without. Files follow after each import, and while `ea serve` runs. Run it again to add properties.'
  static override examples = [
    '<%= config.bin %> columns add --properties country,os,price',
    '<%= config.bin %> columns add --auto',
  ]
  static override flags = {
    properties: Flags.string({
      description: 'The properties that questions read, separated by commas: country, cart.total.',
      helpValue: 'NAMES',
      exclusive: ['auto'],
    }),
    auto: Flags.boolean({ description: 'Take the 20 most frequent properties.' }),
  }

  async run(): Promise<void> {
    const { properties, auto } = this.flags
    const wanted = auto ? 'auto' : properties === undefined ? [] : parseProperties(properties)
    const { kept, built } = await this.withDatabase(async (db) => {
      const kept = await addColumns(db, wanted)
      return { kept, built: await buildColumns(db, { signal: this.signal }) }
    })
    await this.present(
      { properties: kept.map(propertyName), ...builtJson(built) },
      `${addedColumnsText(kept)}\n${builtText(built)}`,
    )
  }
}
