/**
 * A command made from a stat: its flags are the stat's parameters, its help their descriptions and defaults.
 */
import { type Command, Flags, type Interfaces } from '@oclif/core'
import type { Result } from '../../core/result.js'
import { eachUser } from '../../stats/query/drill-down.js'
import { givenParams, kebab, type Param, paramsOf } from '../../stats/query/params.js'
import { type AnswerSource, answerSources } from '../../stats/query/query-context.js'
import { explain, type RunStatOptions, runStat } from '../../stats/query/run-stat.js'
import type { Stat } from '../../stats/query/stat.js'
import { BaseCommand } from '../base-command.js'
import { outputFlags } from '../output.js'
import { queryTimeout, queryTimeoutFlag } from '../query-timeout.js'
import { type BesideChart, chartFlag, chartOptions, requireDrawable } from './chart-output.js'

/**
 * The oclif command of a stat.
 *
 * @param named parameters that are arguments and no flags, by their names
 * @example
 * export default statCommand(dauStat)
 */
export function statCommand(stat: Stat, named: Interfaces.ArgInput = {}): Command.Class {
  const params = paramsOf(stat.params)

  return class StatCommand extends BaseCommand<typeof StatCommand> {
    static override summary = stat.summary
    static override description = stat.description
    static override examples = [stat.example.command.replace(/^ea /, '<%= config.bin %> ')]
    static override args = named
    static override flags = {
      ...Object.fromEntries(
        params.filter(({ name }) => !(name in named)).map((param) => [kebab(param.name), flagOf(param)]),
      ),
      ...(stat.drillDown === undefined
        ? {}
        : {
            users: Flags.string({
              description: `List the users behind one number instead: ${stat.drillDown.key}.`,
              helpValue: 'CELL',
            }),
          }),
      ...(stat.chart === undefined ? {} : chartFlag),
      source: Flags.option({
        options: answerSources,
        description: 'Answer from this, or fail (default: the fastest that can). The answer is the same from each.',
      })(),
      ...queryTimeoutFlag,
      sql: Flags.boolean({ description: 'Print the SQL statement and its parameters instead of running it.' }),
      ...outputFlags,
    }

    override async run(): Promise<void> {
      const flags = this.flags as Record<string, string | boolean | string[] | undefined>
      const args = this.args as Record<string, string | undefined>
      const given = givenParams(params, ({ name }) => (name in named ? args[name] : flags[kebab(name)]))
      const options = {
        signal: this.signal,
        spell: (name: string) => `--${kebab(name)}`,
        source: flags.source as AnswerSource | undefined,
        ...queryTimeout((this.flags as { 'query-timeout'?: string })['query-timeout']),
      }
      const { users: cell, sql, chart } = this.flags as { users?: string; sql: boolean; chart?: boolean }
      if (chart) {
        requireDrawable(this.flags as BesideChart)
        return this.draw(await this.withDatabase((db) => runStat(db, stat, given, options)))
      }
      if (sql) {
        const which = cell === undefined ? options : { ...options, key: cell }
        const statement = await this.withDatabase((db) => explain(db, stat, given, which))
        return this.present(statement, statementText(statement))
      }
      if (cell !== undefined) return this.listUsers(given, cell, options)
      await this.show(await this.withDatabase((db) => runStat(db, stat, given, options)))
    }

    /** Written as they come: there may be millions. */
    private async listUsers(given: Record<string, unknown>, cell: string, options: RunStatOptions): Promise<void> {
      const { output } = this.flags as { output?: string }
      const format = this.answerFormat()
      const rendering = this.answerOptions()
      const { withOutlet } = await import('./export-output.js')
      const { usersWriter } = await import('./users-output.js')
      const poured = await withOutlet(output, async (take) => {
        const writer = usersWriter(stat.name, format, rendering, (text) => take(Buffer.from(text)))
        const answer = await this.withDatabase((db) =>
          eachUser(db, stat, given, cell, (users) => writer.take(users), options),
        )
        const warnings = answer.meta.warnings as string[]
        return { answer, warnings, count: await writer.end(answer, [...warnings, ...this.warnings]) }
      })
      // The reader has gone away (`| head`).
      if (poured === undefined || format === 'json') return
      const { answer, warnings, count } = poured.result
      for (const warning of warnings) this.caution(warning)
      if (!rendering.isTty || format !== 'table') return
      const { caption } = await import('../../present/tables/caption.js')
      for (const line of caption(answer, rendering.width, count)) this.say(line)
    }

    /** The chart, with what the table would say on stderr. */
    private async draw(result: Result): Promise<void> {
      const { output } = this.flags as { output?: string }
      const options = chartOptions(this.argv, output)
      for (const warning of (result.meta.warnings as string[] | undefined) ?? []) this.caution(warning)
      if (options.isTty) {
        const { caption } = await import('../../present/tables/caption.js')
        for (const line of caption(result, options.width)) this.say(line)
      }
      const { chart } = await import('../../present/terminal-charts/chart.js')
      await this.print(await chart(result, options), output)
    }
  }
}

function flagOf(param: Param) {
  const { description } = param
  const aliases = param.aliases.map(kebab)
  if (param.kind === 'flag') return Flags.boolean({ description, aliases })
  const options = {
    description,
    aliases,
    multiple: param.isList,
    ...(param.choices.length > 0 ? { options: [...param.choices] } : {}),
    ...(param.default === undefined || param.isList ? {} : { default: String(param.default) }),
    ...(param.kind === 'number' ? { helpValue: 'N' } : {}),
  }
  // The overloads for one value and for many differ only in types.
  return Flags.string(options as Omit<typeof options, 'multiple'>)
}

/** The statement as psql takes it, with its parameters as comments. */
export function statementText(statement: { sql: string; parameters: readonly unknown[] }): string {
  const parameters = statement.parameters.map((value, index) => `-- $${index + 1} = ${JSON.stringify(value)}`)
  return [statement.sql.trim(), ...parameters].join('\n')
}
