/**
 * A Result drawn for a terminal, or as plain text for a pipe or a file: lines, bars, a funnel, a stack. Nothing is wider
 * than the terminal, and what the marks mean stands beside them. Each form is loaded when it is asked for.
 */
import type { Result } from '../../core/result.js'
import { wrapped } from '../../core/text-width.js'
import { type ChartOptions, chartMinColumns } from './size.js'

/**
 * The chart of a stat's answer, with a line break at its end; retention has its table above. Without rows, and where there
 * is no room, it is a sentence.
 *
 * @param result of a stat that has a chart
 * @throws Error for a stat that has none, which is a mistake of the caller
 * @example
 * await chart(result, { color: true, isTty: true, width: process.stdout.columns, height: process.stdout.rows })
 */
export async function chart(result: Result, given: ChartOptions): Promise<string> {
  const options = { ...given, width: given.width > 0 ? given.width : 80 }
  const lines = await chartLines(result, options)
  return `${lines.join('\n')}\n`
}

async function chartLines(result: Result, options: ChartOptions): Promise<string[]> {
  const { width } = options
  if (result.data.length === 0) return wrapped('No rows, so there is nothing to draw.', width)
  if (width < chartMinColumns) {
    return wrapped(
      `A chart needs ${chartMinColumns} columns, and here are ${width}: see the table, without --chart.`,
      width,
    )
  }
  switch (result.chart?.form) {
    case 'lines':
      return (await import('./series.js')).seriesChart(result, options)
    case 'ranking':
    case 'histogram':
      return (await import('./bars.js')).barChart(result, options)
    case 'funnel':
      return (await import('./funnel.js')).funnelChart(result, options)
    case 'cohorts':
      return (await import('./retention.js')).retentionChart(result, options)
    case 'stack':
      return (await import('./stack.js')).stackChart(result, options)
    case undefined:
      throw new Error(`${result.metric} has no chart`)
  }
}
