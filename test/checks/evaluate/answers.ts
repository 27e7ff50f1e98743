/** Answers as the stats give them, made of rows that a test writes down: columns, definition and grain are the real ones. */
import type { Result, Row } from '../../../src/lib/core/result.js'
import { addDays } from '../../../src/lib/core/time.js'
import { stats } from '../../../src/lib/stats/catalog.js'
import { plainParams } from '../../../src/lib/stats/query/params.js'
import { columnsFor } from '../../../src/lib/stats/query/stat.js'

/** What an answer says about days unless a test says otherwise: a week of August, data from July to the day behind it. */
const wholeWeek = {
  from: '2025-08-04',
  to: '2025-08-10',
  tz: 'UTC',
  as_of: '2025-08-12T06:00:00.000000Z',
  data_from: '2025-07-01',
  data_until: '2025-08-11',
  complete_until: '2025-08-12',
  range_complete: true,
}

/** An answer of a stat with these rows; `days` replaces what it says about days. */
export function answerOf(
  name: string,
  rows: readonly Row[],
  { params = {}, ...days }: { params?: Record<string, unknown> } & Record<string, unknown> = {},
): Result {
  const stat = stats.find((known) => known.name === name)!
  const parsed = stat.params.parse(params)
  return {
    metric: name,
    columns: columnsFor(stat, parsed),
    data: rows,
    meta: { ...plainParams(parsed), ...wholeWeek, definition: stat.definition(parsed), ...days },
    chart: { ...stat.chart!, title: stat.chart!.title(parsed) },
    ...(stat.lookbackDays === undefined ? {} : { lookbackDays: stat.lookbackDays(parsed) }),
  }
}

/** A dau of days one after the other; null is a day that has not begun. */
export function dauOf(
  users: readonly (number | null)[],
  { from = wholeWeek.from, complete = users.length, ...days } = {} as DauDays,
): Result {
  const rows = users.map((unique_users, day) => ({ date: addDays(from, day), unique_users, complete: day < complete }))
  return answerOf('dau', rows, { from, to: addDays(from, users.length - 1), ...days })
}

interface DauDays {
  readonly from?: string
  /** So many of the days are complete, the first ones; all of them unless given. */
  readonly complete?: number
  readonly [meta: string]: unknown
}

/** A row of a retention; a rate is computed, and a cell is complete when it stands before `complete`. */
export function cohort(label: string, users: readonly (number | null)[], complete = users.length): Row {
  const size = users[0] ?? null
  return {
    cohort: label,
    size,
    users,
    rates: users.map((count) => (count === null || size === null || size === 0 ? null : count / size)),
    complete: users.map((_, number) => number < complete),
  }
}

/** A funnel of so many users in each step, `a`, `b` and so on. */
export function funnelOf(
  users: readonly number[],
  seconds: readonly (number | null)[] = [],
  days: Record<string, unknown> = {},
): Result {
  const step = users.map((_, index) => String.fromCharCode(97 + index))
  const rate = (count: number, whole: number) => (whole === 0 ? null : count / whole)
  const rows = users.map((count, index) => ({
    step: index + 1,
    event_type: step[index]!,
    users: count,
    rate_from_first: rate(count, users[0]!),
    rate_from_previous: index === 0 ? null : rate(count, users[index - 1]!),
    median_seconds: seconds[index] ?? null,
    mean_seconds: seconds[index] ?? null,
  }))
  return answerOf('funnel', rows, { params: { step }, pending_users: 0, ...days })
}
