/** `--chart`: the flag of stats that have a chart, what cannot stand beside it, and the place that it is drawn for. */
import { Flags } from '@oclif/core'
import { EaError } from '../../core/errors.js'
import type { ChartOptions } from '../../present/terminal-charts/size.js'
import { stdoutOptions } from '../terminal.js'

export const chartFlag = {
  chart: Flags.boolean({
    description: 'Draw the answer as a chart, with colours on a terminal; cannot be combined with another --format.',
  }),
}

/** What was given beside `--chart`. */
export interface BesideChart {
  readonly json?: boolean | undefined
  readonly format?: string | undefined
  readonly users?: string | undefined
  readonly sql?: boolean | undefined
}

/**
 * Refuses what has no chart; called before the database is asked.
 *
 * @throws EaError `usage`
 */
export function requireDrawable({ json, format, users, sql }: BesideChart): void {
  const other =
    (json && '--json') ||
    (format !== undefined && format !== 'table' && `--format ${format}`) ||
    (users !== undefined && '--users') ||
    (sql && '--sql')
  if (!other) return
  throw new EaError('usage', `--chart and ${other} cannot be combined.`, {
    suggestions: [`Leave out --chart, or ${other}.`],
  })
}

/** The room on stdout, or in a file: as wide as the terminal, plain. */
export function chartOptions(argv: readonly string[], output: string | undefined): ChartOptions {
  const options = { ...stdoutOptions(argv), height: process.stdout.rows ?? 0 }
  return output === undefined ? options : { ...options, color: false, isTty: false, unicode: true }
}
