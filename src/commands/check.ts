/** `ea check`: promises about metrics, from files or from the command line; the exit code is the verdict. */
import { Args, Flags } from '@oclif/core'
import { explainChecks } from '../lib/checks/explain.js'
import { type Check, unknownVerdicts } from '../lib/checks/file/check.js'
import { parseCheckFiles } from '../lib/checks/file/check-file.js'
import { reporterNames } from '../lib/checks/reporters/reporters.js'
import { runChecks } from '../lib/checks/run.js'
import { checksOfFlags, inlineFlags, overridesOf, paramFlags } from '../lib/cli/answers/check-flags.js'
import { readCheckSources, requestedReports, writeReports } from '../lib/cli/answers/check-reports.js'
import { statementText } from '../lib/cli/answers/stat-command.js'
import { BaseCommand } from '../lib/cli/base-command.js'
import { queryTimeout, queryTimeoutFlag } from '../lib/cli/query-timeout.js'
import { stdoutOptions } from '../lib/cli/terminal.js'
import { EaError } from '../lib/core/errors.js'
import { requireNoInput } from '../lib/os/same-file.js'

export default class CheckCommand extends BaseCommand<typeof CheckCommand> {
  static override summary = 'Check metrics against thresholds; exits non-zero when one fails'
  static override description = [
    'Checks are in a YAML file (`ea check init` writes a first one) or on the command line. All mistakes in them are reported before anything runs.',
    'Exit codes: 0 all pass (a warning is not a failure, see --fail-on), 6 one fails, 7 none fails but one cannot be decided (no data, a period that is not over, a base that is too small; see --on-unknown), 2 a check is invalid.',
  ].join('\n\n')
  static override examples = [
    '<%= config.bin %> check metrics.yaml',
    "<%= config.bin %> check --stat dau --from -7d --to yesterday --assert 'min(unique_users) >= 100'",
    "<%= config.bin %> check --assert 'freshness <= 26h' --assert 'rejected <= 1%'",
    '<%= config.bin %> check metrics.yaml --reporter junit=checks.xml --reporter github',
    '<%= config.bin %> check metrics.yaml --as-of 2025-08-31 --json',
  ]
  static override args = {
    file: Args.string({
      description: 'Check files, or - for standard input.',
      multiple: true,
      required: false,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    'fail-on': Flags.string({
      description: 'The least severe result that sets exit code 6.',
      options: ['warn', 'fail'],
      default: 'fail',
    }),
    'on-unknown': Flags.string({
      description: 'The result of a check that cannot be decided (default: as its file says, else unknown).',
      options: [...unknownVerdicts],
    }),
    reporter: Flags.string({
      description: `Report format: ${reporterNames.join(', ')}; =FILE writes it to a file; repeatable (default: table).`,
      helpValue: 'NAME[=FILE]',
      multiple: true,
    }),
    explain: Flags.boolean({ description: 'Print the SQL of each check and its parameters instead of running it.' }),
    ...queryTimeoutFlag,
    ...inlineFlags,
    ...paramFlags,
  }

  async run(): Promise<void> {
    const { reporter = [], explain, json } = this.flags
    const reports = requestedReports(reporter, json)
    for (const { name, file } of reports) {
      if (file !== undefined) await requireNoInput(`--reporter ${name}`, file, this.args.file ?? [])
    }
    const checks = await this.checks()
    if (explain) return this.explain(checks)
    const failOn = this.flags['fail-on'] as 'warn' | 'fail'
    const ranAt = new Date().toISOString()
    const timeout = queryTimeout(this.flags['query-timeout'])
    const report = await this.withDatabase((db) => runChecks(db, checks, { signal: this.signal, failOn, ...timeout }))
    await writeReports(report, reports, { terminal: stdoutOptions(this.argv), failOn, ranAt })
    process.exitCode = report.exitCode
  }

  /** Those of the files, or those of the flags. */
  private async checks(): Promise<readonly Check[]> {
    const files = this.args.file ?? []
    const overrides = overridesOf(this.flags)
    const inline = checksOfFlags(this.flags, overrides)
    if (files.length === 0 && inline === undefined) {
      throw new EaError('usage', 'Nothing to check: neither a file nor --assert is given.', {
        suggestions: ['Write a first file: `ea check init metrics.yaml`.', 'Read the help: `ea check --help`.'],
      })
    }
    if (files.length > 0 && inline !== undefined) {
      throw new EaError('usage', 'A file and --assert cannot be combined.', {
        suggestions: ['Add the check to the file, or run the command twice.'],
      })
    }
    if (files.filter((file) => file === '-').length > 1) {
      throw new EaError('usage', 'Standard input (-) can be read once only.', { suggestions: ['Give - once.'] })
    }
    // A read that waits for more input would never see the signal.
    if (files.includes('-')) this.signal.addEventListener('abort', () => process.stdin.destroy())
    return inline ?? parseCheckFiles(await readCheckSources(files), overrides)
  }

  private async explain(checks: readonly Check[]): Promise<void> {
    const explained = await this.withDatabase((db) => explainChecks(db, checks, { signal: this.signal }))
    const text = explained.map(({ name, assert, statements }) =>
      [`-- ${name}: ${assert}`, ...statements.map((statement) => `${statementText(statement)}`)].join('\n\n'),
    )
    await this.present({ checks: explained }, text.join('\n\n\n'))
  }
}
