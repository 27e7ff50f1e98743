/** `ea sql`: one statement of somebody's own that reads; without one, psql on a terminal. */
import { Args, Flags } from '@oclif/core'
import { readStatement, runPsql } from '../lib/cli/answers/sql-input.js'
import { BaseCommand } from '../lib/cli/base-command.js'
import { outputFlags } from '../lib/cli/output.js'
import { queryTimeout } from '../lib/cli/query-timeout.js'
import { embeddedStatus } from '../lib/db/embedded/server.js'
import { runSql } from '../lib/stats/sql/run-sql.js'

const timeLimit = '5m'

export default class Sql extends BaseCommand<typeof Sql> {
  static override summary = 'Run one SQL statement that reads'
  static override description = [
    'The statement runs in one read-only transaction, sees the state of one moment, and is answered in every format that stats have. Read visible_events (each event that counts), user_days and days: these names and their columns stay.',
    'Without a statement it comes from standard input; on a terminal psql is started instead, read-only, where it is installed.',
  ].join('\n\n')
  static override examples = [
    '<%= config.bin %> sql "SELECT event_type, count(*) FROM visible_events GROUP BY 1 ORDER BY 2 DESC"',
    '<%= config.bin %> sql -f revenue.sql --format csv -o revenue.csv',
  ]
  static override args = {
    statement: Args.string({ description: 'The statement; - reads standard input.', ignoreStdin: true }),
  }
  static override flags = {
    file: Flags.string({
      char: 'f',
      description: 'Read the statement from this file; - is standard input.',
      helpValue: 'FILE',
    }),
    'query-timeout': Flags.string({
      description: 'How long the statement may take in the database, such as 30s or 1h.',
      default: timeLimit,
      helpValue: 'DURATION',
    }),
    ...outputFlags,
  }

  async run(): Promise<void> {
    const statement = await readStatement(this.args.statement, this.flags.file)
    if (statement === undefined) {
      const settings = await this.settings()
      process.exitCode = await this.withDatabase(async () => {
        const url = settings.databaseUrl ?? (await embeddedStatus(settings)).url
        return runPsql(url!, settings)
      })
      return
    }
    const options = { signal: this.signal, ...queryTimeout(this.flags['query-timeout']) }
    await this.show(await this.withDatabase((db) => runSql(db, statement, options)))
  }
}
