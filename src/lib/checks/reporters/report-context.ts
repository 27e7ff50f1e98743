/** What a report may know beside the outcomes: the terminal that it is for, and what was asked of the run. */
import type { RenderOptions } from '../../present/tables/formats.js'
import type { CheckReport } from '../evaluate/outcome.js'

export interface ReportContext {
  /** What shows the table; without it nothing is coloured, drawn or cut, as for a pipe. */
  readonly terminal?: RenderOptions | undefined
  /** The least status that makes a run fail: `warn` with --fail-on warn (default `fail`). */
  readonly failOn?: 'warn' | 'fail' | undefined
  /** When the checks ran, ISO in UTC (default: what counted as now). */
  readonly ranAt?: string | undefined
}

/** One format: the whole report as text that ends with a line break, or is empty. */
export type Reporter = (report: CheckReport, context: ReportContext) => string
