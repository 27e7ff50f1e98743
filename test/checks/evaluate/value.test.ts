import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Measure } from '../../../src/lib/checks/assertion/assertion.js'
import { parseAssertion } from '../../../src/lib/checks/assertion/parser.js'
import { numberOf } from '../../../src/lib/checks/evaluate/fraction.js'
import { measuredValue } from '../../../src/lib/checks/evaluate/value.js'
import type { Result } from '../../../src/lib/core/result.js'
import { assertProperty } from '../../support/effort.js'
import { answerOf, cohort, dauOf, funnelOf } from './answers.js'

/** The value of a subject, or why there is none. */
function measured(subject: string, answer: Result): number | string {
  const found = measuredValue(parseAssertion(`${subject} >= 0`).subject as Measure, answer)
  return 'unknown' in found ? found.unknown : numberOf(found.value)
}

const week = dauOf([10, 20, 30, 40, 50, 60, 70])
const one = dauOf([10])
const types = answerOf('top-events', [
  { event_type: 'view', events: 60, share: 0.6 },
  { event_type: 'buy', events: 30, share: 0.3 },
  { event_type: 'a b', events: 10, share: 0.1 },
])

describe('aggregates', () => {
  test.each<[subject: string, Result, value: number]>([
    ['min(unique_users)', week, 10],
    ['max(unique_users)', week, 70],
    ['mean(unique_users)', week, 40],
    ['sum(unique_users)', week, 280],
    ['first(unique_users)', week, 10],
    ['last(unique_users)', week, 70],
    ['count(unique_users)', week, 7],
    ['count()', week, 7],
    ['unique_users', one, 10],
    ['min(unique_users)', one, 10],
    ['mean(unique_users)', one, 10],
    ['mean(unique_users)', dauOf([1, 1, 2]), 4 / 3],
    ['sum(share)', types, 1],
    ['mean(share)', types, 1 / 3],
  ])('%s', (subject, answer, value) => {
    expect(measured(subject, answer)).toBe(value)
  })
})

test('aggregates of any days are those of plain arithmetic', { tags: 'property' }, () => {
  assertProperty(
    fc.property(fc.array(fc.integer({ min: 0, max: 10 ** 9 }), { minLength: 1, maxLength: 40 }), (users) => {
      const answer = dauOf(users, { data_until: '2025-12-31', complete_until: '2026-01-01' })
      const sum = users.reduce((total, count) => total + count)
      const expected = {
        min: Math.min(...users),
        max: Math.max(...users),
        sum,
        mean: sum / users.length,
        first: users[0],
        last: users.at(-1),
        count: users.length,
      }
      for (const [aggregate, value] of Object.entries(expected)) {
        expect(measured(`${aggregate}(unique_users)`, answer)).toBe(value)
      }
    }),
    100,
  )
})

describe('rows picked by key', () => {
  const trend = answerOf(
    'trend',
    ['2025-08-04', '2025-08-05'].flatMap((date, day) =>
      ['UA', 'null', null].map((key, number) => ({ date, key, value: 10 * day + number, complete: true })),
    ),
    { params: { by: 'properties.country' } },
  )
  const hours = answerOf(
    'trend',
    [
      { date: '2025-08-04T06:00:00+03:00', key: null, value: 1, complete: true },
      { date: '2025-08-04T07:00:00+03:00', key: null, value: 2, complete: true },
    ],
    { params: { grain: 'hour' } },
  )
  test.each<[subject: string, Result, value: number]>([
    ['unique_users[date=2025-08-05]', week, 20],
    ['events[event_type=buy]', types, 30],
    ['events[event_type="a b"]', types, 10],
    ['events[events=60]', types, 60],
    ['share[event_type=view]', types, 0.6],
    ['sum(value[key=UA])', trend, 10],
    ['value[key=UA][date=2025-08-05]', trend, 10],
    ['value[key=null][date=2025-08-05]', trend, 11],
    ['count([date=2025-08-05])', trend, 3],
    ['value[date=2025-08-04T06:00:00+03:00]', hours, 1],
    ['value[date=2025-08-04T04:00:00Z]', hours, 2],
    ['min(unique_users[complete=true])', dauOf([5, 6, 1], { complete: 2 }), 5],
    ['users[step=2]', funnelOf([40, 10]), 10],
    [
      'users[periods_active=2]',
      answerOf('stickiness', [
        { periods_active: 1, users: 7 },
        { periods_active: 2, users: 3 },
      ]),
      3,
    ],
  ])('%s', (subject, answer, value) => {
    expect(measured(subject, answer)).toBe(value)
  })

  test.each<[subject: string, Result, reason: string]>([
    ['events[event_type=bvy]', types, 'no row has event_type=bvy; did you mean buy?'],
    ['count([event_type=bvy])', types, 'no row has event_type=bvy; did you mean buy?'],
    ['events[event_type=refund]', types, 'no row has event_type=refund'],
    ['value[key=UA][date=2025-08-31]', trend, 'no row has key=UA and date=2025-08-31'],
    [
      'unique_users',
      week,
      'unique_users has 7 rows: pick one, as in unique_users[date=2025-08-04], or write mean(unique_users) or another aggregate',
    ],
    [
      'value[key=UA]',
      trend,
      'value has 2 rows: pick one, as in value[date=2025-08-04], or write mean(value) or another aggregate',
    ],
  ])('%s has no value', (subject, answer, reason) => {
    expect(measured(subject, answer)).toBe(reason)
  })
})

describe('retention', () => {
  const cohorts = answerOf('retention', [
    cohort('2025-07-07', [100, 50, 30]),
    cohort('2025-07-14', [10, 1, 3], 2),
    cohort('2025-07-21', [0, 0, null], 2),
    cohort('2025-07-28', [40, 7, null], 1),
    cohort('2025-08-04', [9, null, null], 0),
  ])
  test.each<[subject: string, value: number | string]>([
    ['mean(rates[0])', 1],
    ['mean(rates[1])', 51 / 110],
    ['mean(rates[2])', 0.3],
    ['min(rates[1])', 0.1],
    ['max(rates[1])', 0.5],
    ['first(rates[1])', 0.5],
    ['last(rates[1])', 0.1],
    ['count(rates[1])', 2],
    ['sum(users[1])', 51],
    ['mean(users[1])', 17],
    ['sum(size)', 150],
    ['count()', 4],
    ['rates[1][cohort=2025-07-07]', 0.5],
    ['mean(rates[1][cohort=2025-07-14])', 0.1],
    ['rates[1][size=100]', 0.5],
    [
      'rates[1]',
      'rates[1] has 5 rows: pick one, as in rates[1][cohort=2025-07-07], or write mean(rates[1]) or another aggregate',
    ],
    [
      'rates[1][cohort=2025-07-21]',
      'rates[1][cohort=2025-07-21] has no value: it cannot divide by 0, there are no users',
    ],
    [
      'rates[1][cohort=2025-07-28]',
      'no row of rates[1][cohort=2025-07-28] is complete yet: ask for earlier cohorts or an earlier window',
    ],
    [
      'size[cohort=2025-08-04]',
      'no row of size[cohort=2025-08-04] is complete yet: ask for earlier cohorts or an earlier window',
    ],
    ['mean(rates[9])', 'no row of mean(rates[9]) is complete yet: ask for earlier cohorts or an earlier window'],
  ])('%s', (subject, value) => {
    expect(measured(subject, cohorts)).toBe(value)
  })

  test('the mean weighs each cohort by its size, as that of the stat', () => {
    const rows = [cohort('2025-07-07', [3, 1]), cohort('2025-07-14', [7, 7]), cohort('2025-07-21', [11, 0])]
    expect(measured('mean(rates[1])', answerOf('retention', rows))).toBe(8 / 21)
  })
})

describe('what is not complete', () => {
  const behind = { data_until: '2025-08-09', complete_until: '2025-08-10', range_complete: false }
  const today = { ...behind, data_until: '2025-08-10', as_of: '2025-08-10T06:30:00.000000Z' }
  /** Of these dates, those with an asterisk are not complete. */
  const series = (params: Record<string, unknown>, dates: readonly string[], days: Record<string, unknown>) =>
    answerOf(
      'trend',
      dates.map((date) => ({ date: date.replace('*', ''), key: null, value: 5, complete: !date.endsWith('*') })),
      { params, ...days },
    )
  const lifecycleRow = (date: string, users: number | null, complete: boolean) => ({
    date,
    complete,
    new: users,
    returning: users,
    resurrecting: 0,
    dormant: 0,
  })
  test.each<[what: string, subject: string, Result, value: number | string]>([
    [
      'a flag',
      'sum(unique_users)',
      dauOf([1, 2, 3], { complete: 2, ...behind }),
      'date 2025-08-06 is not complete yet: the data ends on 2025-08-09, end the range there or import newer events',
    ],
    [
      'a day that runs',
      'sum(unique_users)',
      dauOf([1, 2, 3], { complete: 2, ...today }),
      'date 2025-08-06 is not complete yet: 2025-08-10 is not over, end the range at yesterday',
    ],
    [
      'a day that has not begun',
      'min(unique_users)',
      dauOf([1, null], { complete: 1, ...today }),
      'date 2025-08-05 is not complete yet: 2025-08-10 is not over, end the range at yesterday',
    ],
    ['a row that is not used', 'first(unique_users)', dauOf([1, 2, 3], { complete: 2 }), 1],
    ['only the first is used', 'first(unique_users)', dauOf([1, 2], { complete: 1 }), 1],
    [
      'another one',
      'last(unique_users)',
      dauOf([1, 2, 3], { complete: 2, ...behind }),
      'date 2025-08-06 is not complete yet: the data ends on 2025-08-09, end the range there or import newer events',
    ],
    ['a row that is not picked', 'unique_users[date=2025-08-05]', dauOf([1, 2, 3], { complete: 2 }), 2],
    [
      'the number of rows',
      'count()',
      dauOf([1, 2, 3], { complete: 2, ...behind }),
      'date 2025-08-06 is not complete yet: the data ends on 2025-08-09, end the range there or import newer events',
    ],
    ['days', 'sum(value)', series({}, ['2025-08-08', '2025-08-09'], behind), 10],
    [
      'the first behind the data',
      'sum(value)',
      series({}, ['2025-08-09', '2025-08-10*'], behind),
      'date 2025-08-10 is not complete yet: the data ends on 2025-08-09, end the range there or import newer events',
    ],
    [
      'a week',
      'sum(value)',
      series({ grain: 'week' }, ['2025-08-04*'], behind),
      'date 2025-08-04 is not complete yet: the data ends on 2025-08-09, end the range there or import newer events',
    ],
    ['a whole week', 'sum(value)', series({ grain: 'week' }, ['2025-07-28'], behind), 5],
    ['a month', 'sum(value)', series({ grain: 'month' }, ['2025-07-01'], behind), 5],
    [
      'a month that runs',
      'sum(value)',
      series({ grain: 'month' }, ['2025-08-01*'], today),
      'date 2025-08-01 is not complete yet: 2025-08-10 is not over, end the range at yesterday',
    ],
    [
      'hours that are over',
      'sum(value)',
      series({ grain: 'hour' }, ['2025-08-10T04:00:00+00:00', '2025-08-10T05:00:00+00:00'], today),
      10,
    ],
    [
      'an hour that runs',
      'sum(value)',
      series({ grain: 'hour' }, ['2025-08-10T06:00:00+00:00*'], today),
      'date 2025-08-10T06:00:00+00:00 is not complete yet: 2025-08-10 is not over, end the range at yesterday',
    ],
    [
      'an hour of a day without data',
      'sum(value)',
      series({ grain: 'hour' }, ['2025-08-10T00:00:00+00:00*'], { ...behind, as_of: '2025-08-11T00:00:00.000000Z' }),
      'date 2025-08-10T00:00:00+00:00 is not complete yet: the data ends on 2025-08-09, end the range there or import newer events',
    ],
    [
      'a lifecycle',
      'sum(new)',
      answerOf('lifecycle', [lifecycleRow('2025-08-09', 4, true), lifecycleRow('2025-08-10', 0, false)], behind),
      'date 2025-08-10 is not complete yet: the data ends on 2025-08-09, end the range there or import newer events',
    ],
    ['a lifecycle that is over', 'sum(new)', answerOf('lifecycle', [lifecycleRow('2025-08-09', 4, true)], behind), 4],
    [
      'a range without dates',
      'events[event_type=view]',
      { ...types, meta: { ...types.meta, ...behind } },
      'the range 2025-08-04 to 2025-08-10 is not complete yet: the data ends on 2025-08-09, end the range there or import newer events',
    ],
    [
      'its last day',
      'events[event_type=view]',
      { ...types, meta: { ...types.meta, ...behind, to: '2025-08-09', range_complete: true } },
      60,
    ],
    [
      'a range that ends today',
      'count()',
      { ...types, meta: { ...types.meta, ...today } },
      'the range 2025-08-04 to 2025-08-10 is not complete yet: 2025-08-10 is not over, end the range at yesterday',
    ],
  ])('%s: %s', (_, subject, answer, value) => {
    expect(measured(subject, answer)).toBe(value)
  })
})

describe('no data', () => {
  const none = { from: null, to: null, data_from: null, data_until: null, complete_until: null }
  test.each<[what: string, subject: string, Result, reason: string]>([
    ['an empty database', 'count()', answerOf('dau', [], none), 'there are no events yet'],
    [
      'a range in an empty database',
      'sum(unique_users)',
      dauOf([0, 0], { ...none, from: '2025-08-04', to: '2025-08-05' }),
      'there are no events yet',
    ],
    [
      'a range before the data',
      'sum(unique_users)',
      dauOf([0, 0], { from: '2025-06-01' }),
      '2025-06-01 to 2025-06-02 is before the data, which begins on 2025-07-01',
    ],
    [
      'a day behind the data',
      'max(unique_users)',
      dauOf([0], { from: '2025-09-01', complete: 0 }),
      '2025-09-01 is after the data, which ends on 2025-08-11',
    ],
    ['no rows', 'sum(events)', answerOf('top-events', []), 'top-events has no rows for 2025-08-04 to 2025-08-10'],
    ['no rows to count', 'count()', answerOf('top-events', []), 'top-events has no rows for 2025-08-04 to 2025-08-10'],
  ])('%s', (_, subject, answer, reason) => {
    expect(measured(subject, answer)).toBe(reason)
  })

  test('the first and the last day of the data are inside it', () => {
    expect(measured('unique_users', dauOf([3], { from: '2025-07-01' }))).toBe(3)
    expect(measured('unique_users', dauOf([4], { from: '2025-08-11' }))).toBe(4)
  })

  test('days without events inside the data have the value 0', () => {
    expect(measured('sum(unique_users)', dauOf([0, 0]))).toBe(0)
  })
})

describe('cells without a number', () => {
  test.each<[subject: string, Result, value: number | string]>([
    ['min(rate_from_previous)', funnelOf([100, 50, 10]), 0.2],
    ['first(rate_from_previous)', funnelOf([100, 50, 10]), 0.5],
    ['count(rate_from_previous)', funnelOf([100, 50, 10]), 2],
    ['min(rate_from_previous)', funnelOf([100, 0, 0]), 0],
    [
      'min(rate_from_previous)',
      funnelOf([0, 0, 0]),
      'min(rate_from_previous) has no value: it cannot divide by 0, there are no users',
    ],
    [
      'rate_from_previous[step=1]',
      funnelOf([9, 9, 9]),
      'rate_from_previous[step=1] has no value: it is empty in every row',
    ],
    ['max(median_seconds)', funnelOf([9, 9, 9], [null, 60, 90.5]), 90.5],
    ['max(median_seconds)', funnelOf([9, 0, 0]), 'max(median_seconds) has no value: it is empty in every row'],
  ])('%s', (subject, answer, value) => {
    expect(measured(subject, answer)).toBe(value)
  })
})

describe('how many users or events a value stands on', () => {
  const funnel = funnelOf([100, 50, 10], [null, 60, 90])
  const cohorts = answerOf('retention', [cohort('2025-07-07', [100, 50]), cohort('2025-07-14', [10, 1])])
  test.each<[subject: string, Result, weight: number | undefined]>([
    ['sum(unique_users)', week, 280],
    ['count()', week, undefined],
    ['mean(rates[1])', cohorts, 110],
    ['min(rates[1])', cohorts, 10],
    ['rates[1][cohort=2025-07-07]', cohorts, 100],
    ['users[1][cohort=2025-07-07]', cohorts, 50],
    ['rate_from_first[step=3]', funnel, 100],
    ['min(rate_from_previous)', funnel, 100],
    ['median_seconds[step=3]', funnel, 10],
    ['max(mean_seconds)', funnel, 10],
    ['share[event_type=buy]', types, 100],
    ['share', answerOf('top-events', [{ event_type: 'x', events: 0, share: 0 }]), undefined],
  ])('%s', (subject, answer, weight) => {
    const found = measuredValue(parseAssertion(`${subject} >= 0`).subject as Measure, answer)
    if ('unknown' in found) throw new Error(found.unknown)
    expect(found.weight && numberOf(found.weight)).toBe(weight)
  })
})
