/** `ea db url`: where other programs find the database. */
import { BaseCommand } from '../../lib/cli/base-command.js'
import { EaError } from '../../lib/core/errors.js'
import { embeddedStatus } from '../../lib/db/embedded/server.js'

export default class DbUrl extends BaseCommand<typeof DbUrl> {
  static override summary = 'Print the URL of the database, for psql and other programs'
  static override description =
    'The embedded server must be running: start it with `ea db start`. The URL may contain a password.'
  static override examples = ['psql "$(<%= config.bin %> db url)"']

  async run(): Promise<void> {
    const settings = await this.settings()
    const url = settings.databaseUrl ?? (await embeddedStatus(settings)).url
    if (url === null) {
      throw new EaError('database_unreachable', 'The embedded PostgreSQL does not run.', {
        suggestions: ['Run `ea db start` first.'],
      })
    }
    await this.present({ url }, url)
  }
}
