/**
 * Which share of the users who came in one window came back in the windows after it.
 *
 * A row is a cohort: the users who started in its window. Its element 0 is their number, element k those of them who
 * returned in the k-th window after it. The default question (first-ever, calendar) is answered from `user_days` by one
 * scan; start and return events, hours, rolling windows and other time zones read `events`, and so do segments unless an
 * optional rollup holds them.
 *
 * ```sql
 * WITH cohorts AS (…), members AS (…), counted AS (SELECT cohort, number, count(*) AS users FROM members GROUP BY cohort, number)
 * SELECT cohorts.number, cohorts.cohort, … AS window_number, … AS users …
 *   FROM cohorts LEFT JOIN counted ON counted.cohort = cohorts.number
 *  WHERE counted.number IS NULL OR counted.number <= $1::int
 *  ORDER BY cohorts.number, window_number
 * ```
 */
import { type RawBuilder, sql } from 'kysely'
import { addDays, addWindows, daysBetween, windowStart } from '../core/time.js'
import type { Database } from '../db/connect.js'
import type { QueryContext } from './query/query-context.js'
import { type RunStatOptions, runStat } from './query/run-stat.js'
import { type Answer, defineStat, type ReportDays, type SqlRow } from './query/stat.js'
import { members } from './retention/cohorts-sql.js'
import { cellsInColumns } from './retention/columns.js'
import { definition } from './retention/definition.js'
import { cellUsers } from './retention/drilldown.js'
import {
  defaultWindowsBack,
  type GivenParams,
  hourOf,
  type RetentionParams,
  retentionParams,
} from './retention/params.js'
import { canUseRollups } from './retention/rollups.js'
import { cells, dayBehindData, meta, row } from './retention/rows.js'
import { cohortSpan, countCohorts, dayBegins, dayCohortsSql, windowInstants } from './retention/windows.js'

export const retentionStat = defineStat({
  name: 'retention',
  summary: 'Measure how many users of a cohort come back in later windows',
  description:
    'Every cohort of the range is a row, also an empty one: size is how many users started in its window, users[k] how many ' +
    'of them returned in the k-th window after it, rates[k] their share. A cell that has not begun is empty; one that has ' +
    'not ended, or that the data does not cover, is not complete. With on-or-after anybody may still return, so a cell is ' +
    'complete only when everybody of its cohort has. The mean of a window weighs each cohort by its size and leaves out ' +
    'those for which that window is not complete, with on-or-after those for which it is not over.',
  example: {
    command: 'ea stats retention --window-type week --windows 8',
    params: { start_date: '2025-01-06', to: '2025-01-06', windows: '2' },
    data: [
      {
        cohort: '2025-01-06',
        size: 39,
        users: [39, 4, 3],
        rates: [1, 0.10256410256410256, 0.07692307692307693],
        complete: [true, true, true],
      },
    ],
    meta: {
      from: '2025-01-06',
      to: '2025-01-12',
      definition:
        'A cohort is the users whose first event ever is in the week, window 0. Window k (1 to 2) counts those of them with a return event (any event) in the k-th week after it.',
      source: 'rollups',
      start_date: '2025-01-06',
      windows: 2,
      window_type: 'week',
      cohort: 'first-ever',
      mode: 'on',
      clock: 'calendar',
      min_return_events: 1,
      mean: {
        cohort: 'mean',
        size: 39,
        users: [39, 4, 3],
        rates: [1, 0.10256410256410256, 0.07692307692307693],
        complete: [true, true, true],
      },
    },
  },
  params: retentionParams,
  row,
  report: { title: 'Retention', params: cohortsOfReport },
  range: ({ startDate, to, windowType }) => ({
    first: startDate === undefined ? undefined : (hourOf(startDate)?.day ?? startDate),
    last: to === undefined ? undefined : (hourOf(to)?.day ?? to),
    grain: windowType,
    names: ['startDate', 'to'],
    firstBefore: (last, weekStart) =>
      windowType === 'hour'
        ? last
        : addWindows(windowStart(last, windowType, weekStart), windowType, -defaultWindowsBack),
    firstBeforeText:
      windowType === 'hour'
        ? 'The newest day of the data'
        : `The ${windowType} of the newest day of the data and the ${defaultWindowsBack} ${windowType}s before it`,
  }),
  canUseRollups,
  selectors: ({ startEvent, returnEvent }) => [startEvent, returnEvent].filter((selector) => selector !== undefined),
  columns: ({ windowType }) => ({ kinds: { cohort: windowType === 'hour' ? 'instant' : 'date' } }),
  chart: { form: 'cohorts', title: ({ windowType }) => `Retention by ${windowType}` },
  meta,
  definition,
  size: (retentionParams, context) => [
    { count: countCohorts(retentionParams, context), of: 'cohorts', params: ['startDate', 'to', 'windowType'] },
    { count: retentionParams.windows + 1, of: 'windows', params: ['windows'] },
  ],
  inColumns: cellsInColumns,
  sql: (retentionParams, context) => {
    cohortSpan(retentionParams, context)
    const { windowType, clock, windows } = retentionParams
    const isOfDays = windowType !== 'hour' && clock === 'calendar'
    const dataEnds = dayBehindData(context)
    // The last condition stays after the counting because of its first half: pushed down to the rows it costs more than
    // it saves, and the planner, which takes it to leave a third of them, would not let the workers count.
    return sql<SqlRow>`
WITH cohorts AS (
  ${isOfDays ? dayCohortsSql(windowType, context) : windowInstants(retentionParams, context)}
), ${counted(retentionParams, context)}
SELECT cohorts.number, cohorts.cohort, coalesce(counted.number, 0)::int AS window_number, coalesce(counted.users, 0)::bigint AS users${
      isOfDays
        ? sql``
        : sql`,
  is_cohort, ${epoch(sql`begins`)} AS begins, ${epoch(sql`ends`)} AS ends,
  ${dataEnds === null ? sql`NULL` : epoch(dayBegins(sql`${dataEnds}::date`, context))} AS data_ends`
    }
FROM cohorts LEFT JOIN counted ON counted.cohort = cohorts.number
WHERE counted.number IS NULL OR counted.number <= ${windows}::int
ORDER BY cohorts.number, window_number`
  },
  shape: cells,
  drillDown: {
    key: 'COHORT:WINDOW, as in 2025-10-06:1',
    sql: cellUsers,
  },
})

/** A report with more cohorts is too long to read; the last ones of the range are kept. */
const reportCohorts = 53
const reportWindows = 8

/** The cohorts of a report: the weeks of its range, and as many windows as the data has. */
function cohortsOfReport({ days, dataUntil, weekStart }: ReportDays) {
  if (!('from' in days)) return { windows: 1 }
  const earliest = addDays(windowStart(days.to, 'week', weekStart), -7 * (reportCohorts - 1))
  const first = windowStart(days.from, 'week', weekStart)
  const startDate = first < earliest ? earliest : first
  const known = dataUntil === null ? 1 : Math.floor(daysBetween(startDate, dataUntil) / 7)
  const windows = Math.min(reportWindows, Math.max(1, known))
  return { startDate, to: days.to, windowType: 'week' as const, windows }
}

/** CTEs that end with `counted`: the users of each cohort and window number. */
function counted(params: RetentionParams, context: QueryContext): RawBuilder<unknown> {
  const cells =
    context.fromColumns === undefined
      ? sql`
  SELECT cohort, number, count(*) AS users
  FROM members
  GROUP BY cohort, number`
      : context.fromColumns.rows
  const membersCte =
    context.fromColumns === undefined
      ? sql`members AS (
  ${members(params, context)}
), `
      : sql``
  if (params.mode === 'on') {
    return sql`${membersCte}counted AS (${cells}
)`
  }
  return sql`${membersCte}reached AS (${cells}
), reached_at_least AS (
  SELECT cohort, number,
    sum(users) OVER (PARTITION BY cohort ORDER BY number DESC) AS users,
    coalesce(lag(number) OVER (PARTITION BY cohort ORDER BY number) + 1, 0) AS first_number
  FROM reached
), counted AS (
  SELECT cohort, covered AS number, users
  FROM reached_at_least CROSS JOIN LATERAL generate_series(first_number, number) AS covered
)`
}

/** Seconds since 1970. */
function epoch(instant: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`extract(epoch FROM ${instant})::float8`
}

/**
 * The retention of cohorts of users.
 *
 * @param given `startDate`, `to` (first and last cohort), `windows`, `windowType`, `cohort`, `mode`, `clock`, `startEvent`,
 *   `returnEvent`, `minReturnEvents`, `segment`, `tz`, `weekStart`, `asOf`
 * @throws EaError `usage` for parameters that are not of their form, and for more cells than an answer can have
 * @example
 * const { data } = await retention(db, { startDate: '2025-10-06', windows: 2 })
 * data[0] // { cohort: '2025-10-06', size: 40, users: [40, 12, 9], rates: [1, 0.3, 0.225], complete: [true, true, true] }
 */
export function retention(
  db: Database,
  given: GivenParams = {},
  options?: RunStatOptions,
): Promise<Answer<typeof retentionStat>> {
  return runStat(db, retentionStat, given, options)
}
