/** `ea db migrate`: creates or completes the tables. */
import { Flags } from '@oclif/core'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { lockTimeoutFlag } from '../../lib/cli/lock-flags.js'
import { requireTimeZone } from '../../lib/cli/time-zone.js'
import { migrate } from '../../lib/db/migrate.js'

export default class DbMigrate extends BaseCommand<typeof DbMigrate> {
  static override summary = 'Create the tables, or bring them up to this release'
  static override description = 'Safe to run more than once. The embedded PostgreSQL is migrated automatically.'
  static override examples = ['<%= config.bin %> db migrate --database-url postgresql://me@db.example/analytics']
  static override flags = {
    ...lockTimeoutFlag,
    tz: Flags.string({
      description: 'Time zone of the days of a new schema; later `ea db rebuild --tz` changes it (default: UTC).',
      helpValue: 'ZONE',
    }),
  }

  async run(): Promise<void> {
    const { tz } = this.flags
    const options = tz === undefined ? {} : { reportingTz: requireTimeZone(tz, '--tz') }
    const applied = await this.withDatabase((db) => migrate(db, options), { migrated: false })
    await this.present({ applied }, applied.length === 0 ? 'Nothing to do.' : `Applied ${applied.join(', ')}.`)
  }
}
