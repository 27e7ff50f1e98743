/** Results as the stats give them, small enough to see through. */
import type { ColumnKind, Result, Row } from '../../../src/lib/core/result.js'
import { stats } from '../../../src/lib/stats/catalog.js'

/** A Result as the answer of a stat is drawn. */
export function asAnswerOf(metric: string, result: Result, meta: Result['meta'] = {}): Result {
  const { chart } = stats.find(({ name }) => name === metric)!
  return { ...result, metric, meta: { ...result.meta, ...meta }, chart: { ...chart!, title: `Chart of ${metric}` } }
}

/** `name:kind` for each column. */
export function resultOf(columns: string, data: readonly Row[], meta: Result['meta'] = {}): Result {
  return {
    metric: 'test',
    columns: columns.split(' ').map((column) => {
      const [name, kind] = column.split(':') as [string, ColumnKind]
      return { name, kind }
    }),
    data,
    meta,
  }
}

export const retention: Result = {
  ...resultOf(
    'cohort:date size:count users:counts rates:rates complete:flags',
    [
      cohort('2025-08-04', [1200, 505, 240, 12], [true, true, true, false]),
      cohort('2025-08-11', [800, 200, 0, null], [true, true, false, false]),
      cohort('2025-08-18', [0, 0, null, null], [true, false, false, false]),
      cohort('2025-08-25', [90, null, null, null], [false, false, false, false]),
    ],
    { window_type: 'week' },
  ),
  footer: {
    cohort: 'mean',
    size: 2000,
    users: [2000, 705, 240, null],
    rates: [1, 0.3525, 0.2, null],
    complete: [true, true, true, false],
  },
}

function cohort(date: string, users: (number | null)[], complete: boolean[]): Row {
  const size = users[0]!
  return { cohort: date, size, users, rates: users.map((n) => (n === null || size === 0 ? null : n / size)), complete }
}

export const topEvents = resultOf('event_type:text events:count share:rate', [
  { event_type: 'page_view', events: 1200000, share: 0.8 },
  { event_type: '購入完了', events: 300000, share: 0.2 },
  { event_type: '👩‍👩‍👧 share', events: 1, share: 0 },
  { event_type: 'e\u0301te\u0301', events: 0, share: 0 },
])

export const funnel = resultOf(
  'step:count event_type:text users:count rate_from_first:rate rate_from_previous:rate median_seconds:seconds mean_seconds:seconds',
  [
    step(1, 'signup', 4000, 1, null, null, null),
    step(2, 'add_to_cart', 1000, 0.25, 0.25, 90.4, 86400),
    step(3, 'purchase', 250, 0.0625, 0.25, 2.5, 1234567),
  ],
)

function step(
  number: number,
  event_type: string,
  users: number,
  first: number | null,
  previous: number | null,
  median: number | null,
  mean: number | null,
): Row {
  const rates = { rate_from_first: first, rate_from_previous: previous }
  return { step: number, event_type, users, ...rates, median_seconds: median, mean_seconds: mean }
}

export function dailyUsers(values: readonly (number | null)[], incomplete = 0): Result {
  return resultOf(
    'date:date unique_users:count complete:flag',
    values.map((unique_users, index) => ({
      date: dayAt(index),
      unique_users,
      complete: index < values.length - incomplete,
    })),
  )
}

export function trend(days: number, keys: readonly (string | null)[]): Result {
  return resultOf(
    'date:date key:text value:count',
    Array.from({ length: days }, (_, day) =>
      keys.map((key, at) => ({ date: dayAt(day), key, value: day * (at + 1) })),
    ).flat(),
  )
}

function dayAt(index: number): string {
  return new Date(Date.UTC(2025, 7, 1 + index)).toISOString().slice(0, 10)
}
