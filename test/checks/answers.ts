/** Answers as the stats give them, made of rows that a test writes down: columns, definition and grain are the real ones. */
import type { Result, Row } from '../../src/lib/result.js'
import { stats } from '../../src/lib/stats/catalog.js'
import { plainParams } from '../../src/lib/stats/params.js'
import { addDays } from '../../src/lib/time.js'

/** What an answer says about days unless a test says otherwise: a week of August, data from July to the day behind it. */
export const wholeWeek = {
  from: '2025-08-04',
  to: '2025-08-10',
  tz: 'UTC',
  as_of: '2025-08-12T06:00:00.000000Z',
  data_from: '2025-07-01',
  data_until: '2025-08-11',
  complete_until: '2025-08-12',
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
    columns: stat.columns(parsed),
    data: rows,
    meta: { ...plainParams(parsed), ...wholeWeek, definition: stat.definition(parsed), ...days },
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

/** The rows of a funnel of so many users in each step. */
export function funnelRows(users: readonly number[], seconds: readonly (number | null)[] = []): Row[] {
  const rate = (count: number, whole: number) => (whole === 0 ? null : count / whole)
  return users.map((count, step) => ({
    step: step + 1,
    event_type: `step ${step + 1}`,
    users: count,
    rate_from_first: rate(count, users[0]!),
    rate_from_previous: step === 0 ? null : rate(count, users[step - 1]!),
    median_seconds: seconds[step] ?? null,
    mean_seconds: seconds[step] ?? null,
  }))
}
