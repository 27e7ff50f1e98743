import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseAssertion } from '../../../src/lib/checks/assertion/parser.js'
import { checkAgainst } from '../../../src/lib/checks/assertion/types.js'
import { type Evaluation, type EvaluationInputs, evaluateCheck } from '../../../src/lib/checks/evaluate/evaluate.js'
import type { Result } from '../../../src/lib/core/result.js'
import { addDays } from '../../../src/lib/core/time.js'
import { stats } from '../../../src/lib/stats/catalog.js'
import { assertProperty } from '../../support/effort.js'
import { answerOf, cohort, dauOf, funnelOf } from './answers.js'

/** Judges a text; it must fit the stat of the answer, as every assertion that is judged. */
function judged(text: string, answer: Result | undefined, more: Partial<EvaluationInputs> = {}): Evaluation {
  const assertion = parseAssertion(text)
  const stat = stats.find(({ name }) => name === answer?.metric)
  checkAgainst(assertion, stat, stat === undefined ? {} : stat.params.parse(given(answer!)))
  return evaluateCheck({
    assertion,
    answer,
    bases: [],
    freshnessSeconds: undefined,
    imports: undefined,
    minBase: undefined,
    ...more,
  })
}

const given = ({ metric }: Result) => (metric === 'funnel' ? { step: ['a', 'b', 'c'] } : {})
const day = (users: number) => dauOf([users])
const shares = (share: number, events = 100) => answerOf('top-events', [{ event_type: 'x', events, share }])

describe('comparisons', () => {
  test.each<[comparison: string, users: number, verdict: boolean, reason: string]>([
    ['>= 1000', 7, false, 'unique_users is 7, not >= 1000'],
    ['>= 1000', 1000, true, 'unique_users is 1000, which is >= 1000'],
    ['> 1000', 1000, false, 'unique_users is 1000, not > 1000'],
    ['> 999.9', 1000, true, 'unique_users is 1000, which is > 999.9'],
    ['< 5', 5, false, 'unique_users is 5, not < 5'],
    ['< 5', 4, true, 'unique_users is 4, which is < 5'],
    ['<= 5', 5, true, 'unique_users is 5, which is <= 5'],
    ['<= 5', 6, false, 'unique_users is 6, not <= 5'],
    ['= 0', 0, true, 'unique_users is 0, which is = 0'],
    ['= 0', 1, false, 'unique_users is 1, not = 0'],
    ['!= 0', 1, true, 'unique_users is 1, which is != 0'],
    ['!= 0', 0, false, 'unique_users is 0, not != 0'],
    ['between 5 and 7', 5, true, 'unique_users is 5, which is between 5 and 7'],
    ['between 5 and 7', 7, true, 'unique_users is 7, which is between 5 and 7'],
    ['between 5 and 7', 4, false, 'unique_users is 4, not between 5 and 7'],
    ['between 5 and 7', 8, false, 'unique_users is 8, not between 5 and 7'],
    ['between 5 and 5', 5, true, 'unique_users is 5, which is between 5 and 5'],
  ])('%s for %d', (comparison, users, verdict, reason) => {
    expect(judged(`unique_users ${comparison}`, day(users))).toEqual({
      verdict,
      value: users,
      valueKind: 'count',
      base: null,
      definition: 'Different users with at least one event in each day.',
      reason,
      rows: [],
    })
  })
})

describe('shares are compared exactly, and never rounded to the other side', () => {
  test.each<[comparison: string, share: number, verdict: boolean, reason: string]>([
    ['>= 20%', 1 / 5, true, 'share is 20%, which is >= 20%'],
    ['<= 20%', 1 / 5, true, 'share is 20%, which is <= 20%'],
    ['= 20%', 1 / 5, true, 'share is 20%, which is = 20%'],
    ['= 7%', 7 / 100, true, 'share is 7%, which is = 7%'],
    ['>= 0.07', 7 / 100, true, 'share is 0.07, which is >= 0.07'],
    ['= 57%', 57 / 100, true, 'share is 57%, which is = 57%'],
    ['>= 20%', 0.1996, false, 'share is 19.96%, not >= 20%'],
    ['>= 20%', 0.199999, false, 'share is 19.9999%, not >= 20%'],
    ['> 33.3%', 1 / 3, true, 'share is 33.33%, which is > 33.3%'],
    ['between 20% and 60%', 0.123, false, 'share is 12.3%, not between 20% and 60%'],
    ['between 20% and 60%', 2 / 3, false, 'share is 66.7%, not between 20% and 60%'],
    ['>= 0.2', 0.19999, false, 'share is 0.19999, not >= 0.2'],
    ['> 0%', 0, false, 'share is 0%, not > 0%'],
    ['<= 100%', 1, true, 'share is 100%, which is <= 100%'],
  ])('%s for %d', (comparison, share, verdict, reason) => {
    expect(judged(`share ${comparison}`, shares(share))).toMatchObject({
      verdict,
      value: share,
      valueKind: 'rate',
      reason,
    })
  })

  test('a share of two counts is at least the percentage that it is', { tags: 'property' }, () => {
    assertProperty(
      fc.property(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: 1, max: 5000 }), (hundredths, times) => {
        const share = (hundredths * times) / (10_000 * times)
        const percent = `${(hundredths / 100).toFixed(2)}%`
        expect(judged(`share = ${percent}`, shares(share)).verdict).toBe(true)
        expect(judged(`share > ${percent}`, shares(share)).verdict).toBe(false)
      }),
      100,
    )
  })
})

describe('every and any', () => {
  const week = dauOf([120, 80, 100, 70, 100, 130, 90])
  const at = (...days: number[]) => days.map((index) => week.data[index]!)
  test.each<[text: string, verdict: boolean, value: number, days: number[], reason: string]>([
    [
      'every(unique_users) >= 100',
      false,
      70,
      [1, 3, 6],
      'every(unique_users): 3 of 7 rows are not >= 100, the lowest is 70 (date 2025-08-07)',
    ],
    [
      'every(unique_users) >= 70',
      true,
      70,
      [0, 1, 2, 3, 4, 5, 6],
      'every(unique_users): all 7 rows are >= 70, the lowest is 70 (date 2025-08-07)',
    ],
    [
      'every(unique_users) <= 120',
      false,
      130,
      [5],
      'every(unique_users): 1 of 7 rows is not <= 120, the highest is 130 (date 2025-08-09)',
    ],
    [
      'every(unique_users) < 131',
      true,
      130,
      [0, 1, 2, 3, 4, 5, 6],
      'every(unique_users): all 7 rows are < 131, the highest is 130 (date 2025-08-09)',
    ],
    [
      'every(unique_users) between 80 and 120',
      false,
      70,
      [3, 5],
      'every(unique_users): 2 of 7 rows are not between 80 and 120, the first is 70 (date 2025-08-07)',
    ],
    [
      'every(unique_users) != 100',
      false,
      100,
      [2, 4],
      'every(unique_users): 2 of 7 rows are not != 100, the first is 100 (date 2025-08-06)',
    ],
    [
      'any(unique_users) > 120',
      true,
      130,
      [5],
      'any(unique_users): 1 of 7 rows is > 120, the highest is 130 (date 2025-08-09)',
    ],
    [
      'any(unique_users) > 130',
      false,
      130,
      [0, 1, 2, 3, 4, 5, 6],
      'any(unique_users): none of 7 rows is > 130, the highest is 130 (date 2025-08-09)',
    ],
    [
      'any(unique_users) <= 80',
      true,
      70,
      [1, 3],
      'any(unique_users): 2 of 7 rows are <= 80, the lowest is 70 (date 2025-08-07)',
    ],
    [
      'any(unique_users) < 70',
      false,
      70,
      [0, 1, 2, 3, 4, 5, 6],
      'any(unique_users): none of 7 rows is < 70, the lowest is 70 (date 2025-08-07)',
    ],
    [
      'any(unique_users) = 100',
      true,
      100,
      [2, 4],
      'any(unique_users): 2 of 7 rows are = 100, the first is 100 (date 2025-08-06)',
    ],
    [
      'every(unique_users[date=2025-08-04]) > 1',
      true,
      120,
      [0],
      'every(unique_users[date=2025-08-04]): the only row is > 1, the lowest is 120 (date 2025-08-04)',
    ],
  ])('%s', (text, verdict, value, days, reason) => {
    expect(judged(text, week)).toMatchObject({ verdict, value, rows: at(...days), reason })
  })

  test('they agree with every and some of JavaScript, and with min and max', { tags: 'property' }, () => {
    const operators = { '>': (a: number, b: number) => a > b, '<=': (a: number, b: number) => a <= b } as const
    const count = fc.integer({ min: 0, max: 20 })
    assertProperty(
      fc.property(
        fc.array(count, { minLength: 1, maxLength: 6 }),
        count,
        fc.constantFrom('>' as const, '<=' as const),
        (users, limit, operator) => {
          const verdict = (subject: string) => judged(`${subject} ${operator} ${limit}`, dauOf(users)).verdict
          const isGood = (value: number) => operators[operator](value, limit)
          expect(verdict('every(unique_users)')).toBe(users.every(isGood))
          expect(verdict('any(unique_users)')).toBe(users.some(isGood))
          expect(verdict(operator === '>' ? 'min(unique_users)' : 'max(unique_users)')).toBe(users.every(isGood))
        },
      ),
      100,
    )
  })

  test('at most ten rows are shown', () => {
    expect(judged('every(unique_users) > 5', dauOf(Array<number>(31).fill(5))).rows).toHaveLength(10)
  })

  test('cohorts that are not complete do not count, other rows make it unknown', () => {
    const cohorts = answerOf('retention', [
      cohort('2025-07-07', [10, 3, 1, 1]),
      cohort('2025-07-14', [10, 0, null, null], 1),
    ])
    expect(judged('every(rates[1]) >= 30%', cohorts)).toMatchObject({
      verdict: true,
      value: 0.3,
      rows: [cohorts.data[0]],
    })
    const open = dauOf([1, 9], { complete: 1, data_until: '2025-08-04', complete_until: '2025-08-05' })
    expect(judged('every(unique_users) >= 5', open)).toMatchObject({ verdict: 'unknown', value: null, rows: [] })
  })
})

describe('changes', () => {
  const july = { from: '2025-07-28' }
  const now = (...users: number[]) => dauOf(users)
  const earlier = (...users: number[]) => dauOf(users, july)
  const rates = (size: number, users: number, days = {}) =>
    answerOf('retention', [cohort('2025-08-04', [size, users, 0, 0])], days)
  test.each<
    [text: string, Result, Result, verdict: boolean, value: number, base: number, kind: string, reason: string]
  >([
    [
      'sum(unique_users) change vs previous_period >= -25%',
      now(60),
      earlier(100),
      false,
      -0.4,
      100,
      'rate',
      'sum(unique_users) changed by -40% vs previous_period (from 100 to 60), not >= -25%',
    ],
    [
      'sum(unique_users) change vs previous_period >= -25%',
      now(75),
      earlier(100),
      true,
      -0.25,
      100,
      'rate',
      'sum(unique_users) changed by -25% vs previous_period (from 100 to 75), which is >= -25%',
    ],
    [
      'sum(unique_users) change vs previous_period > -17%',
      now(83),
      earlier(100),
      false,
      -0.17,
      100,
      'rate',
      'sum(unique_users) changed by -17% vs previous_period (from 100 to 83), not > -17%',
    ],
    [
      'sum(unique_users) change vs previous_year <= 200%',
      now(300),
      earlier(100),
      true,
      2,
      100,
      'rate',
      'sum(unique_users) changed by 200% vs previous_year (from 100 to 300), which is <= 200%',
    ],
    [
      'unique_users change vs previous_period = 0%',
      now(5),
      earlier(5),
      true,
      0,
      5,
      'rate',
      'unique_users changed by 0% vs previous_period (from 5 to 5), which is = 0%',
    ],
    [
      'unique_users change vs previous_period >= -100%',
      now(0),
      earlier(5),
      true,
      -1,
      5,
      'rate',
      'unique_users changed by -100% vs previous_period (from 5 to 0), which is >= -100%',
    ],
    [
      'mean(unique_users) change vs previous_period between -5% and 5%',
      now(1, 1, 2),
      earlier(1, 2, 1),
      true,
      0,
      4 / 3,
      'rate',
      'mean(unique_users) changed by 0% vs previous_period (from 1.33 to 1.33), which is between -5% and 5%',
    ],
    [
      'mean(rates[1]) change vs previous_period <= 10pp',
      rates(10, 4),
      rates(10, 3),
      true,
      0.1,
      0.3,
      'points',
      'mean(rates[1]) changed by 10pp vs previous_period (from 30% to 40%), which is <= 10pp',
    ],
    [
      'mean(rates[1]) change vs previous_period >= -10pp',
      rates(10, 1),
      rates(10, 3),
      false,
      -0.2,
      0.3,
      'points',
      'mean(rates[1]) changed by -20pp vs previous_period (from 30% to 10%), not >= -10pp',
    ],
    [
      'mean(rates[1]) change vs previous_period <= 10%',
      rates(10, 4),
      rates(10, 3),
      false,
      1 / 3,
      0.3,
      'rate',
      'mean(rates[1]) changed by 33.3% vs previous_period (from 30% to 40%), not <= 10%',
    ],
    [
      'mean(rates[1]) change vs previous_period >= 5pp',
      rates(10, 1),
      rates(10, 0),
      true,
      0.1,
      0,
      'points',
      'mean(rates[1]) changed by 10pp vs previous_period (from 0% to 10%), which is >= 5pp',
    ],
  ])('%s', (text, answer, base, verdict, value, baseValue, valueKind, reason) => {
    const expected = {
      verdict,
      value,
      base: baseValue,
      valueKind,
      baseKind: answer.metric === 'dau' ? 'count' : 'rate',
      reason,
      rows: [],
    }
    expect(judged(text, answer, { bases: [base] })).toMatchObject(expected)
  })

  test('a length of time changes relatively', () => {
    const funnel = (seconds: number) => funnelOf([9, 9, 9], [null, seconds, 1])
    expect(
      judged('median_seconds[step=2] change vs previous_period <= 50%', funnel(90), { bases: [funnel(45)] }),
    ).toMatchObject({
      verdict: false,
      value: 1,
      base: 45,
      baseKind: 'seconds',
      reason: 'median_seconds[step=2] changed by 100% vs previous_period (from 45s to 90s), not <= 50%',
    })
  })

  test('the base of several weeks is their mean', () => {
    const weeks = [80, 100, 120, 101].map((users, week) => dauOf([users], { from: addDays('2025-07-28', -7 * week) }))
    expect(judged('unique_users change vs same_weekday(4w) >= -10%', now(90), { bases: weeks })).toMatchObject({
      verdict: false,
      value: (90 - 100.25) / 100.25,
      base: 100.25,
      reason: 'unique_users changed by -10.2% vs same_weekday(4w) (from a mean of 100.25 to 90), not >= -10%',
    })
    expect(
      judged('unique_users change vs same_weekday(1w) >= -10%', now(90), { bases: weeks.slice(0, 1) }).verdict,
    ).toBe(true)
  })

  test.each<[what: string, bases: (Result | undefined)[], base: number | null, reason: string]>([
    [
      'a base of 0',
      [earlier(0, 0)],
      0,
      'sum(unique_users) was 0 in the base (previous_period): a change cannot divide by 0',
    ],
    [
      'a base before the data',
      [dauOf([5], { from: '2025-06-30' })],
      null,
      'the base 2025-06-30 begins before the data, which begins on 2025-07-01',
    ],
    [
      'a base whose sliding window reaches before the data',
      [{ ...dauOf([5], { from: '2025-07-06' }), lookbackDays: 6 }],
      null,
      'the base 2025-07-06 counts users from 2025-06-30 on, before the data, which begins on 2025-07-01',
    ],
    [
      'a base that the data covers in part',
      [dauOf([5, 5], { from: '2025-06-30' })],
      null,
      'the base 2025-06-30 to 2025-07-01 begins before the data, which begins on 2025-07-01',
    ],
    [
      'a base that is not complete',
      [dauOf([5, 5], { complete: 1 })],
      null,
      'in the base 2025-08-04 to 2025-08-05: date 2025-08-05 is not complete yet: the data ends on 2025-08-11, end the range there or import newer events',
    ],
    ['a base before 1970', [undefined], null, 'the base is before 1970, where there are no events'],
    ['no base', [], null, 'the base is before 1970, where there are no events'],
    [
      'one bad base of several',
      [earlier(5), dauOf([5], { from: '2025-06-23' })],
      null,
      'the base 2025-06-23 begins before the data, which begins on 2025-07-01',
    ],
  ])('unknown: %s', (_, bases, base, reason) => {
    expect(judged('sum(unique_users) change vs previous_period >= -25%', now(60), { bases })).toMatchObject({
      verdict: 'unknown',
      value: null,
      valueKind: 'rate',
      base,
      reason,
      rows: [],
    })
  })

  test('a base that begins with the data is inside it', () => {
    const base = dauOf([5], { from: '2025-07-01' })
    expect(judged('unique_users change vs previous_period >= -25%', now(5), { bases: [base] }).verdict).toBe(true)
  })

  test('unknown: a value that is not, whatever the base', () => {
    const open = dauOf([5], { complete: 0, data_until: '2025-08-03', complete_until: '2025-08-04' })
    expect(judged('unique_users change vs previous_period >= -25%', open, { bases: [earlier(5)] })).toMatchObject({
      verdict: 'unknown',
      reason: '2025-08-04 is after the data, which ends on 2025-08-03',
    })
    expect(
      judged('mean(rates[1]) change vs previous_period >= -5pp', answerOf('retention', []), { bases: [] }),
    ).toMatchObject({
      verdict: 'unknown',
      valueKind: 'points',
    })
  })

  test('a change of counts is compared exactly', { tags: 'property' }, () => {
    assertProperty(
      fc.property(fc.integer({ min: 1, max: 10 ** 9 }), fc.integer({ min: -100, max: 300 }), (hundreds, percent) => {
        const [base, value] = [100 * hundreds, (100 + percent) * hundreds]
        const change = (comparison: string) =>
          judged(`unique_users change vs previous_period ${comparison} ${percent}%`, now(value), {
            bases: [earlier(base)],
          })
        expect(change('=').verdict).toBe(true)
        expect(change('>').verdict).toBe(false)
        expect(change('<=').value).toBe(Number(`${percent}e-2`))
      }),
      100,
    )
  })
})

describe('min_base', () => {
  const cohorts = answerOf('retention', [cohort('2025-08-04', [30, 3, 3, 3]), cohort('2025-08-11', [20, 2, 2, 2])])
  const funnel = funnelOf([40, 20, 10], [null, 60, 60])
  test.each<[text: string, Result, minBase: number, reason: string | undefined]>([
    ['unique_users >= 1000', day(50), 50, undefined],
    ['unique_users >= 1000', day(49), 50, 'too few to decide: unique_users stands on 49, min_base is 50'],
    ['unique_users >= 1000', day(0), 0, undefined],
    ['count() >= 1', day(3), 50, undefined],
    ['every(unique_users) >= 10', dauOf([90, 80]), 80, undefined],
    [
      'every(unique_users) >= 10',
      dauOf([90, 80]),
      81,
      'too few to decide: every(unique_users) stands on 80, min_base is 81',
    ],
    ['mean(rates[1]) >= 5%', cohorts, 50, undefined],
    ['mean(rates[1]) >= 5%', cohorts, 51, 'too few to decide: mean(rates[1]) stands on 50, min_base is 51'],
    ['min(rates[1]) >= 5%', cohorts, 21, 'too few to decide: min(rates[1]) stands on 20, min_base is 21'],
    ['rate_from_first[step=3] >= 5%', funnel, 40, undefined],
    [
      'rate_from_first[step=3] >= 5%',
      funnel,
      41,
      'too few to decide: rate_from_first[step=3] stands on 40, min_base is 41',
    ],
    [
      'median_seconds[step=3] <= 5h',
      funnel,
      11,
      'too few to decide: median_seconds[step=3] stands on 10, min_base is 11',
    ],
    ['share >= 5%', shares(0.1, 7), 71, 'too few to decide: share stands on 70, min_base is 71'],
  ])('%s with min_base', (text, answer, minBase, reason) => {
    const judgement = judged(text, answer, { minBase })
    if (reason === undefined) expect(judgement.verdict).not.toBe('unknown')
    else expect(judgement).toMatchObject({ verdict: 'unknown', value: null, rows: [], reason })
  })

  test.each<[base: number, minBase: number, reason: string | undefined]>([
    [50, 50, undefined],
    [49, 50, 'too few to decide: the base of unique_users (previous_period) stands on 49, min_base is 50'],
    [0, 1, 'too few to decide: the base of unique_users (previous_period) stands on 0, min_base is 1'],
  ])('a change from %d with min_base %d', (base, minBase, reason) => {
    const bases = [dauOf([base], { from: '2025-08-03' })]
    const judgement = judged('unique_users change vs previous_period < 10%', day(1), { bases, minBase })
    expect(judgement.base).toBe(base)
    if (reason === undefined) expect(judgement.verdict).toBe(true)
    else expect(judgement).toMatchObject({ verdict: 'unknown', value: null, reason })
  })

  test('a change of a rate needs so many users in its base', () => {
    const change = (minBase: number) =>
      judged('mean(rates[1]) change vs previous_period >= -5pp', cohorts, { bases: [cohorts], minBase })
    expect(change(50).verdict).toBe(true)
    expect(change(51)).toMatchObject({ verdict: 'unknown', base: 0.1, baseKind: 'rate' })
  })
})

test('a funnel is decided while users may still take more steps, and says so', () => {
  const funnel = funnelOf([40, 20, 10], [], { pending_users: 3 })
  expect(judged('users[step=3] >= 10', funnel).reason).toBe(
    'users[step=3] is 10, which is >= 10; 3 users may still take more steps',
  )
})

describe('freshness', () => {
  test.each<[text: string, seconds: number | null, verdict: boolean | 'unknown', reason: string]>([
    ['freshness <= 26h', 26 * 3600, true, 'freshness is 26h, which is <= 26h'],
    ['freshness <= 26h', 26 * 3600 + 1, false, 'freshness is 26.0003h, not <= 26h'],
    ['freshness <= 26h', 31.5 * 3600, false, 'freshness is 31.5h, not <= 26h'],
    ['freshness <= 2d', 3600, true, 'freshness is 1h, which is <= 2d'],
    ['freshness < 90m', 93.25, true, 'freshness is 1.6m, which is < 90m'],
    ['freshness <= 1h', 0, true, 'freshness is 0s, which is <= 1h'],
    ['freshness < 90m', 5399.999, true, 'freshness is 89.99998m, which is < 90m'],
    ['freshness <= 26h', -30, true, 'freshness is -30s, which is <= 26h'],
    ['freshness <= 26h', null, 'unknown', 'there are no events yet'],
  ])('%s for %s seconds', (text, seconds, verdict, reason) => {
    expect(judged(text, undefined, { freshnessSeconds: seconds })).toEqual({
      verdict,
      value: seconds,
      valueKind: 'seconds',
      base: null,
      reason,
      rows: [],
      definition: 'The time since the newest event.',
    })
  })
})

describe('imports', () => {
  const imports = { batches: 3, read: 200, rejected: 2, duplicates: 50 }
  test.each<[text: string, Evaluation['verdict'], value: number | null, kind: string, reason: string]>([
    ['rejected <= 1%', true, 0.01, 'rate', 'rejected is 1%, which is <= 1% (2 of 200 records)'],
    ['rejected < 1%', false, 0.01, 'rate', 'rejected is 1%, not < 1% (2 of 200 records)'],
    ['rejected(10) <= 1', false, 2, 'count', 'rejected(10) is 2, not <= 1 (2 of 200 records)'],
    [
      'duplicates(7d) between 10% and 30%',
      true,
      0.25,
      'rate',
      'duplicates(7d) is 25%, which is between 10% and 30% (50 of 200 records)',
    ],
    ['duplicates = 50', true, 50, 'count', 'duplicates is 50, which is = 50 (50 of 200 records)'],
  ])('%s', (text, verdict, value, valueKind, reason) => {
    expect(judged(text, undefined, { imports })).toMatchObject({ verdict, value, valueKind, base: null, reason })
  })

  const none = { batches: 0, read: 0, rejected: 0, duplicates: 0 }
  test.each<[text: string, EvaluationInputs['imports'], minBase: number | undefined, reason: string | undefined]>([
    ['rejected <= 1%', undefined, undefined, 'no import was completed'],
    ['rejected <= 5', none, undefined, 'no import was completed'],
    ['rejected(7d) <= 1%', none, undefined, 'no import was completed in this time'],
    ['rejected <= 1%', { ...none, batches: 1 }, undefined, 'no record was read, and a share cannot divide by 0'],
    ['rejected <= 1', { ...none, batches: 1 }, undefined, undefined],
    ['rejected <= 1%', imports, 201, 'too few to decide: 200 records were read, min_base is 201'],
    ['rejected <= 1%', { ...none, batches: 1, read: 1 }, 2, 'too few to decide: 1 record was read, min_base is 2'],
    ['rejected <= 1%', imports, 200, undefined],
  ])('%s of %o', (text, found, minBase, reason) => {
    const judgement = judged(text, undefined, { imports: found, minBase })
    if (reason === undefined) expect(judgement.verdict).toBe(true)
    else expect(judgement).toMatchObject({ verdict: 'unknown', value: null, reason })
  })

  test.each([
    ['rejected <= 1%', 'Records that were rejected, as a share of the records read by the last completed batch.'],
    ['rejected(10) <= 1', 'Records that were rejected, of the last 10 completed batches.'],
    [
      'duplicates(7d) <= 1%',
      'Records whose event was stored already, as a share of the records read by the batches completed in the last 7d.',
    ],
  ])('the definition of %s', (text, definition) => {
    expect(judged(text, undefined, { imports }).definition).toBe(definition)
  })
})

test('without an answer where there should be one is a bug, not a verdict', () => {
  const assertion = parseAssertion('unique_users >= 1')
  const nothing = { bases: [], freshnessSeconds: undefined, imports: undefined, minBase: undefined }
  expect(() => evaluateCheck({ assertion, answer: undefined, ...nothing })).toThrow('unique_users >= 1 needs an answer')
})
