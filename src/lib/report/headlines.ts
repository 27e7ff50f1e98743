/**
 * The numbers at the top of a report, each with its change against the period right before, which is as long. A change is
 * unknown, with the reason, where one of the two periods is not complete or not in the data: a wrong one is worse.
 */
import { baseWindow } from '../checks/evaluate/base-windows.js'
import type { Result } from '../core/result.js'
import { addDays, type Day } from '../core/time.js'
import { lifecycleStat } from '../stats/lifecycle.js'
import type { Stat } from '../stats/query/stat.js'
import { retentionStat } from '../stats/retention.js'
import { stickinessStat } from '../stats/stickiness.js'
import { trendStat } from '../stats/trend.js'
import type { Asking } from './asking.js'
import type { ReportRange } from './range.js'

export interface Headline {
  readonly name: string
  readonly kind: 'count' | 'rate'
  /** Null where there is none. */
  readonly value: number | null
  /** What is counted, in one sentence. */
  readonly definition: string
  /** The days with which it is compared, both included; null where it is not compared. */
  readonly base: { readonly from: Day; readonly to: Day; readonly value: number | null } | null
  /** Relative for counts (0.1: a tenth more), a difference of rates for rates; null where it is unknown. */
  readonly change: number | null
  /** Why the change is unknown. */
  readonly unknown: string | null
}

/**
 * @param totals the answer of `trend` for the range: the events of each day
 * @param retention that of `retention` for the weeks of the range
 */
export async function headlines(
  asking: Asking,
  range: ReportRange,
  totals: Result,
  retention: Result,
): Promise<Headline[]> {
  const { from, to } = range
  const days = from === null || to === null ? undefined : { from, to }
  const base = days && baseWindow({ kind: 'previous_period' }, days, 'day')[0]!
  const problem = days === undefined ? 'there are no events yet' : problemOf(range, base!)
  const before = problem === null ? base : undefined
  const count = async (name: string, stat: Stat, sum: (result: Result) => number, text: string, known?: Result) => {
    const now = known ?? (await asking(stat, days ?? {}))
    const then = before && sum(await asking(stat, { ...before }))
    return compared({ name, kind: 'count', value: sum(now), definition: text }, problem, before, then)
  }
  return [
    await count(
      'Active users',
      stickinessStat as Stat,
      (result) => summed(result, 'users'),
      'Different users with at least one event in the range.',
    ),
    await count('Events', trendStat as Stat, (result) => summed(result, 'value'), 'Events of the range.', totals),
    await count(
      'New users',
      lifecycleStat as Stat,
      (result) => summed(result, 'new'),
      'Users whose first event ever (with segments: the first one in them) is in the range.',
    ),
    await weekOne(asking, range, retention),
  ]
}

function summed({ data }: Result, column: string): number {
  return data.reduce((sum, row) => sum + ((row[column] as number | null) ?? 0), 0)
}

/** Why the range cannot be compared with the one before it. */
function problemOf(
  { dataFrom, completeUntil, rangeComplete }: ReportRange,
  base: { from: Day; to: Day },
): string | null {
  if (dataFrom === null || completeUntil === null) return 'there are no events yet'
  if (!rangeComplete) return `the range is not complete: ${completeUntil} and later days are still open`
  if (base.from < dataFrom) return `the period before begins on ${base.from}, the data only on ${dataFrom}`
  return null
}

type Named = Pick<Headline, 'name' | 'kind' | 'value' | 'definition'>

function compared(
  named: Named,
  problem: string | null,
  base: { from: Day; to: Day } | undefined,
  then: number | null | undefined,
): Headline {
  if (problem !== null || base === undefined || then === undefined) {
    return { ...named, base: null, change: null, unknown: problem }
  }
  const whole = { ...base, value: then }
  const { value, kind } = named
  if (value === null || then === null) {
    return { ...named, base: whole, change: null, unknown: 'one of the two periods has no rate' }
  }
  if (kind === 'rate') return { ...named, base: whole, change: value - then, unknown: null }
  if (then === 0) return { ...named, base: whole, change: null, unknown: 'the period before has none' }
  return { ...named, base: whole, change: value / then - 1, unknown: null }
}

async function weekOne(asking: Asking, range: ReportRange, retention: Result): Promise<Headline> {
  const { meta } = retention
  const known = retention.data.filter((row) => (row.complete as readonly boolean[])[1])
  const named: Named = {
    name: 'Week-one retention',
    kind: 'rate',
    value: rateOf(retention),
    definition:
      `Of the users who came in the weeks of the range, the share that came back in the week after: ` +
      `the mean of the ${known.length} of ${retention.data.length} cohorts for which that week is complete.`,
  }
  if (range.dataFrom === null || meta.from == null)
    return compared(named, 'there are no events yet', undefined, undefined)
  if (named.value === null) return compared(named, 'no cohort is complete in the week after', undefined, undefined)
  // As many cohorts right before, of which the last one must be over a week before the first one here is.
  const from = addDays(meta.from as Day, -7 * retention.data.length)
  const base = { from, to: addDays(meta.from as Day, -1) }
  if (base.from < range.dataFrom) {
    const text = `the weeks before begin on ${base.from}, the data only on ${range.dataFrom}`
    return compared(named, text, undefined, undefined)
  }
  const before = await asking(retentionStat as Stat, {
    startDate: base.from,
    to: base.to,
    windowType: 'week',
    windows: 1,
  })
  return compared(named, null, base, rateOf(before))
}

function rateOf({ meta }: Result): number | null {
  return (meta.mean as { rates: readonly (number | null)[] } | undefined)?.rates[1] ?? null
}
