/** Answers to draw, and what is read from their drawings. */
import type { Result, Row } from '../../../src/lib/core/result.js'
import { asAnswerOf, dailyUsers, resultOf } from '../tables/examples.js'

/** The lines of a chart. */
export function drawn(text: string): string[] {
  return text.slice(0, -1).split('\n')
}

export function dayAt(index: number): string {
  return new Date(Date.UTC(2025, 7, 1 + index)).toISOString().slice(0, 10)
}

/** `dau`, the last ones not complete. */
export function usersOf(values: readonly (number | null)[], incomplete = 0): Result {
  return asAnswerOf('dau', dailyUsers(values, incomplete))
}

/** `trend --by`: the first key has the values, each further one half of those before. */
export function trendOf(keys: readonly (string | null)[], values: readonly (number | null)[]): Result {
  const data = values.flatMap((value, day) =>
    keys.map((key, at) => ({ date: dayAt(day), key, value: value === null ? null : Math.floor(value / 2 ** at) })),
  )
  return asAnswerOf('trend', resultOf('date:date key:text value:count', data))
}

export function topEventsOf(rows: readonly (readonly [string, number])[]): Result {
  const total = rows.reduce((sum, [, events]) => sum + events, 0) || 1
  const data = rows.map(([event_type, events]) => ({ event_type, events, share: events / total }))
  return asAnswerOf('top-events', resultOf('event_type:text events:count share:rate', data))
}

export function funnelOf(steps: readonly (readonly [string, number])[], pending_users = 0): Result {
  const data = steps.map(([event_type, users], index): Row => {
    const rate = (whole: number) => (whole === 0 ? null : users / whole)
    const seconds = index === 0 || users === 0 ? null : 90 * index
    return {
      step: index + 1,
      event_type,
      users,
      rate_from_first: rate(steps[0]![1]),
      rate_from_previous: index === 0 ? null : rate(steps[index - 1]![1]),
      median_seconds: seconds,
      mean_seconds: seconds,
    }
  })
  const columns =
    'step:count event_type:text users:count rate_from_first:rate rate_from_previous:rate median_seconds:seconds mean_seconds:seconds'
  return asAnswerOf('funnel', resultOf(columns, data, { pending_users }))
}

/** `new, returning, resurrecting, dormant` for each day, the last ones not complete. */
export function lifecycleOf(
  rows: readonly (readonly [number | null, number | null, number | null, number | null])[],
  incomplete = 0,
): Result {
  const data = rows.map((values, day) => ({
    date: dayAt(day),
    new: values[0],
    returning: values[1],
    resurrecting: values[2],
    dormant: values[3],
    complete: day < rows.length - incomplete,
  }))
  const columns = 'date:date new:count returning:count resurrecting:count dormant:count complete:flag'
  return asAnswerOf('lifecycle', resultOf(columns, data))
}

/** Cohorts of 100 users each; window 0 has them all, the last value of a cohort is not complete. */
export function retentionOf(cohorts: readonly (readonly (number | null)[])[]): Result {
  const windows = Math.max(...cohorts.map(({ length }) => length)) + 1
  const lists = cohorts.map((users) =>
    Array.from({ length: windows }, (_, window) => (window === 0 ? 100 : (users[window - 1] ?? null))),
  )
  const rateOf = (users: number | null) => (users === null ? null : users / 100)
  const data = lists.map((users, index) => ({
    cohort: dayAt(index * 7),
    size: 100,
    users,
    rates: users.map(rateOf),
    complete: users.map((_, window) => window < cohorts[index]!.length),
  }))
  const first = lists[0]!
  return {
    ...asAnswerOf(
      'retention',
      resultOf('cohort:date size:count users:counts rates:rates complete:flags', data, { window_type: 'week' }),
    ),
    footer: { cohort: 'mean', size: 100, users: first, rates: first.map(rateOf), complete: first.map(() => true) },
  }
}
