/**
 * A report: several questions about one range, asked in one transaction, so that all of them see the same batches. It holds
 * the answers as the stats gave them; what it looks like is decided elsewhere (`html.ts`, `markdown.ts`, `svg-files.ts`).
 *
 *   options ─ range ─ one transaction: stats, data quality, batches ─ Report ─ HTML, Markdown, SVG files, JSON
 */
import { batchesPage } from '../batches/batches.js'
import type { Result } from '../core/result.js'
import { type Day, daysBetween, type Weekday } from '../core/time.js'
import type { Database, Transaction } from '../db/connect.js'
import { stats } from '../stats/catalog.js'
import { parseParams } from '../stats/query/params.js'
import { inReading, type RunStatOptions, runStatIn } from '../stats/query/run-stat.js'
import type { ReportDays } from '../stats/query/stat.js'
import { retentionStat } from '../stats/retention.js'
import type { Asking } from './asking.js'
import { type Headline, headlines } from './headlines.js'
import { type GivenReport, type ReportParams, reportParams } from './options.js'
import { type Quality, qualityOf } from './quality.js'
import { type ReportRange, resolveReportRange } from './range.js'

export interface Section {
  /** Of files and anchors: `active-users`. */
  readonly id: string
  readonly title: string
  readonly result: Result
}

export interface Report {
  readonly title: string
  readonly range: ReportRange
  /** As they were written. */
  readonly segments: readonly string[]
  readonly headlines: readonly Headline[]
  /** Of the stats that have one (`stat.report`): active users, top events, retention, and a funnel when steps were given. */
  readonly sections: readonly Section[]
  readonly quality: readonly Quality[]
  /** The newest ones. */
  readonly batches: Result
  readonly warnings: readonly string[]
}

const batchesShown = 15
/** Ranges up to so many days have a point for each day, then for each week, then for each month. */
const mostDays = 190
const mostDaysOfWeeks = 1400

/**
 * Asks all that a report shows.
 *
 * @param given `from`, `to` (days, both included), `segment`, `tz`, `weekStart`, `asOf`, `title`, `step`, `window`
 * @throws EaError `usage` for parameters that are not of their form
 * @example
 * const report = await reportOf(db, { from: '2025-08-01', to: '2025-08-31', step: ['signup', 'purchase'] })
 * report.headlines[0] // { name: 'Active users', value: 583, … }
 */
export async function reportOf(db: Database, given: GivenReport = {}, options: RunStatOptions = {}): Promise<Report> {
  const params = parseParams(reportParams, given, options.spell)
  return inReading(db, options, (s) => read(s, given, params, options))
}

async function read(
  s: Transaction,
  given: GivenReport,
  params: ReportParams,
  options: RunStatOptions,
): Promise<Report> {
  const { segment, tz, weekStart, asOf } = given
  const shared = Object.fromEntries(
    Object.entries({ segment, tz, weekStart, asOf }).filter(([, value]) => value !== undefined),
  )
  const asking: Asking = (stat, own) =>
    runStatIn(s, stat, parseParams(stat.params, { ...shared, ...own }, options.spell), options)
  const sectionsOf = (about: ReportDays) =>
    stats.flatMap((stat) => {
      const own = stat.report?.params(about)
      return own === undefined ? [] : [{ stat, title: stat.report!.title, own }]
    })
  const { step, window } = params
  const question = { step, window, weekStart: params.weekStart, grain: 'day', days: {}, dataUntil: null } as const
  // Before the long questions, so that steps that are none are refused at once.
  for (const { stat, own } of sectionsOf(question)) parseParams(stat.params, { ...shared, ...own }, options.spell)
  const { range, totals } = await resolveReportRange(asking, params)
  const sections: Section[] = []
  for (const { stat, title, own } of sectionsOf({ ...question, ...daysOf(range) })) {
    sections.push({ id: title.toLowerCase().replaceAll(' ', '-'), title, result: await asking(stat, own) })
  }
  const retention = sections.find(({ result }) => result.metric === retentionStat.name)!.result
  const warned = [totals, ...sections.map(({ result }) => result)]
  return {
    title: params.title,
    range,
    segments: params.segment.map(({ text }) => text),
    headlines: await headlines(asking, range, totals, retention),
    sections,
    quality: await qualityOf(s, { asOf: range.asOf, tz: range.tz }, range),
    batches: await batchesPage(s, { limit: batchesShown }),
    warnings: [...new Set(warned.flatMap(({ meta }) => meta.warnings as string[]))],
  }
}

function daysOf(range: ReportRange): Pick<ReportDays, 'days' | 'dataUntil' | 'weekStart' | 'grain'> {
  const { from, to, dataUntil, weekStart } = range
  const days = from === null || to === null ? {} : { from, to }
  return { days, dataUntil, weekStart: weekStart as Weekday, grain: grainOf(range) }
}

function grainOf({ from, to }: ReportRange): 'day' | 'week' | 'month' {
  const days = from === null || to === null ? 0 : daysBetween(from as Day, to as Day) + 1
  return days <= mostDays ? 'day' : days <= mostDaysOfWeeks ? 'week' : 'month'
}
