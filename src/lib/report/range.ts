/**
 * The days of a report. When nobody says which, they end with the newest complete day: a report is read later and by
 * others, and a day that has just begun would look like a fall.
 */
import type { Result } from '../core/result.js'
import { addDays, type Day } from '../core/time.js'
import { defaultDaysBack } from '../stats/query/params.js'
import type { Stat } from '../stats/query/stat.js'
import { trendStat } from '../stats/trend.js'
import type { Asking } from './asking.js'
import type { ReportParams } from './options.js'

/** The days, both included, and how far the data goes; null without data. */
export interface ReportRange {
  readonly from: Day | null
  readonly to: Day | null
  readonly tz: string
  readonly weekStart: string
  /** ISO, in UTC. */
  readonly asOf: string
  readonly dataFrom: Day | null
  readonly dataUntil: Day | null
  /** The first day that is not complete. */
  readonly completeUntil: Day | null
  /** Whether all days of the range are. */
  readonly rangeComplete: boolean
}

/**
 * Resolves the days, and asks for the events of each of them on the way.
 *
 * @returns the range, and the answer of `trend` for it
 */
export async function resolveReportRange(
  asking: Asking,
  { from, to }: ReportParams,
): Promise<{ range: ReportRange; totals: Result }> {
  const ask = (days: { from?: string | undefined; to?: string | undefined }) =>
    asking(trendStat as Stat, { ...(days.from && { from: days.from }), ...(days.to && { to: days.to }) })
  const first = await ask({ from, to })
  const found = rangeOf(first)
  if (to !== undefined || found.completeUntil === null || found.to === null || found.rangeComplete) {
    return { range: found, totals: first }
  }
  const last = addDays(found.completeUntil, -1)
  const start = from === undefined ? laterOf(addDays(last, -defaultDaysBack), found.dataFrom) : found.from!
  if (start > last) return { range: found, totals: first }
  const totals = await ask({ from: start, to: last })
  return { range: rangeOf(totals), totals }
}

function laterOf(day: Day, other: Day | null): Day {
  return other !== null && other > day ? other : day
}

function rangeOf({ meta }: Result): ReportRange {
  const day = (name: string) => (meta[name] ?? null) as Day | null
  return {
    from: day('from'),
    to: day('to'),
    tz: String(meta.tz),
    weekStart: String(meta.week_start),
    asOf: String(meta.as_of),
    dataFrom: day('data_from'),
    dataUntil: day('data_until'),
    completeUntil: day('complete_until'),
    rangeComplete: meta.range_complete === true,
  }
}
