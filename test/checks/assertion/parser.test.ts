import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Assertion, aggregates } from '../../../src/lib/checks/assertion/assertion.js'
import { comparisonText, parseAssertion, printAssertion } from '../../../src/lib/checks/assertion/parser.js'
import { SyntaxProblem } from '../../../src/lib/core/scanner.js'
import { assertProperty } from '../../support/effort.js'

function problemOf(parse: () => unknown): SyntaxProblem {
  try {
    parse()
  } catch (error) {
    if (error instanceof SyntaxProblem) return error
    throw error
  }
  throw new Error('this was read without a problem')
}

const measure = { kind: 'column', aggregate: undefined, index: undefined, where: [] } as const

describe('subjects', () => {
  test.each<[text: string, Assertion['subject']]>([
    ['unique_users', { ...measure, column: 'unique_users' }],
    ['  sum ( value )', { ...measure, aggregate: 'sum', column: 'value' }],
    ['rates[1]', { ...measure, column: 'rates', index: 1 }],
    ['mean(rates[ 12 ])', { ...measure, aggregate: 'mean', column: 'rates', index: 12 }],
    ['count()', { ...measure, aggregate: 'count', column: '' }],
    ['count(events)', { ...measure, aggregate: 'count', column: 'events' }],
    [
      'count([event_type=purchase])',
      { ...measure, aggregate: 'count', column: '', where: [{ column: 'event_type', value: 'purchase' }] },
    ],
    ['every(unique_users)', { ...measure, aggregate: 'every', column: 'unique_users' }],
    [
      'events[event_type=purchase]',
      { ...measure, column: 'events', where: [{ column: 'event_type', value: 'purchase' }] },
    ],
    [
      'value[date=2025-08-01][ key = "a ""b"" [=]" ]',
      {
        ...measure,
        column: 'value',
        where: [
          { column: 'date', value: '2025-08-01' },
          { column: 'key', value: 'a "b" [=]' },
        ],
      },
    ],
    [
      'value[key=Salt Lake City ]',
      { ...measure, column: 'value', where: [{ column: 'key', value: 'Salt Lake City' }] },
    ],
    ['value[key=a=b]', { ...measure, column: 'value', where: [{ column: 'key', value: 'a=b' }] }],
    [`value[key="'x'"]`, { ...measure, column: 'value', where: [{ column: 'key', value: "'x'" }] }],
    ['value[key=""]', { ...measure, column: 'value', where: [{ column: 'key', value: '' }] }],
    ['value[key=" x "]', { ...measure, column: 'value', where: [{ column: 'key', value: ' x ' }] }],
    [
      'users[cohort=2025-10-06][2]',
      { ...measure, column: 'users', index: 2, where: [{ column: 'cohort', value: '2025-10-06' }] },
    ],
    ['freshness', { kind: 'freshness' }],
    ['rejected', { kind: 'rejected', over: { batches: 1 } }],
    ['duplicates(10)', { kind: 'duplicates', over: { batches: 10 } }],
    ['rejected( 7d )', { kind: 'rejected', over: { seconds: 604_800 } }],
    ['rejected(1.5h)', { kind: 'rejected', over: { seconds: 5400 } }],
    ['change', { ...measure, column: 'change' }],
  ])('%s', (text, subject) => {
    expect(parseAssertion(`${text} >= 1`)).toEqual({
      subject,
      change: undefined,
      comparison: { operator: '>=', threshold: { value: 1, unit: 'number', text: '1' } },
      text: `${text} >= 1`,
    })
  })
})

test.each([
  ['x change vs previous_period < 5%', { kind: 'previous_period' }],
  ['x  CHANGE  VS  previous_year<5%', { kind: 'previous_year' }],
  ['sum(x) change vs same_weekday(4w) between 1% and 5%', { kind: 'same_weekday', weeks: 4 }],
  ['x change vs same_weekday ( 52w ) != 5%', { kind: 'same_weekday', weeks: 52 }],
])('the base of %s', (text, change) => {
  expect(parseAssertion(text).change).toEqual(change)
})

describe('numbers', () => {
  test.each([
    ['1000', 1000, 'number'],
    ['1_000_000', 1_000_000, 'number'],
    ['1.5', 1.5, 'number'],
    ['+3', 3, 'number'],
    ['-0', 0, 'number'],
    ['007', 7, 'number'],
    ['20%', 0.2, 'percent'],
    ['7%', 0.07, 'percent'],
    ['57%', 0.57, 'percent'],
    ['0.1%', 0.001, 'percent'],
    ['33.3%', 0.333, 'percent'],
    ['-25%', -0.25, 'percent'],
    ['+1_000%', 10, 'percent'],
    ['5pp', 0.05, 'points'],
    ['-1.1pp', -0.011, 'points'],
    ['26h', 93_600, 'duration'],
    ['90s', 90, 'duration'],
    ['1.5m', 90, 'duration'],
    ['14d', 1_209_600, 'duration'],
    ['123456789012345', 123456789012345, 'number'],
  ])('%s', (text, value, unit) => {
    const expected = { operator: '<', threshold: { value, unit, text } }
    expect(parseAssertion(`x < ${text}`).comparison).toEqual(expected)
    expect(parseAssertion(`x<${text}`).comparison).toEqual(expected)
  })

  test('a percentage is the number that is nearest to it', { tags: 'property' }, () => {
    assertProperty(
      fc.property(fc.integer({ min: -100_000, max: 100_000 }), fc.integer({ min: 0, max: 3 }), (digits, decimals) => {
        const text = `${(digits / 10 ** decimals).toFixed(decimals)}%`
        const { comparison } = parseAssertion(`x < ${text}`)
        expect(comparison).toMatchObject({ threshold: { value: Number(`${digits}e-${decimals + 2}`) + 0 } })
      }),
      100,
    )
  })
})

test.each([
  ['x>=1', '>= 1'],
  ['x  !=  1_000', '!= 1_000'],
  ['x = 20%', '= 20%'],
  ['mean(rates[1]) between  20%  AND 60%', 'between 20% and 60%'],
  ['freshness <= 26h', '<= 26h'],
  ['x change vs previous_year between -5pp and +5pp', 'between -5pp and +5pp'],
])('%s is compared by: %s', (text, threshold) => {
  expect(comparisonText(parseAssertion(text))).toBe(threshold)
})

describe('what cannot be read', () => {
  test.each<[text: string, position: number, message: RegExp, suggestion?: string]>([
    ['', 0, /^expected a column, an aggregate such as min\(…\), freshness, rejected or duplicates$/],
    ['   ', 3, /expected a column/],
    ['>= 1', 0, /expected a column/],
    ['unique_users', 12, /^expected >= > < <= = != or between, or change vs …$/],
    ['unique_users 1000', 13, /^expected >= > </],
    ['unique_users => 1000', 13, /^expected >= > </, 'unique_users >= 1000'],
    ['unique_users ≥ 1000', 13, /^expected >= > </, 'unique_users >= 1000'],
    ['unique_users == 1,000', 13, /^expected >= > </, 'unique_users = 1_000'],
    ['unique_users <> 1', 13, /^expected >= > </, 'unique_users != 1'],
    ['unique_users btween 1 and 2', 13, /^expected >= > </, 'unique_users between 1 and 2'],
    ['unique_users is 1', 13, /^expected >= > </],
    ['unique-users > 1', 6, /^expected >= > </],
    ['x >= 1 and y >= 1', 7, /^expected the end; a check has one assertion$/],
    ['x >= 1,000,000', 6, /^expected the end/, 'x >= 1_000_000'],
    ['x >= 20 %', 8, /^expected the end/, 'x >= 20%'],
    ['x >= 20 percent', 8, /^expected the end/, 'x >= 20%'],
    ['freshness <= 26 h', 16, /^expected the end/, 'freshness <= 26h'],
    ['x >=', 4, /^expected a number such as 1000, 20%, 5pp or 26h$/],
    ['x >= many', 5, /^expected a number/],
    ['x >= - 5', 5, /^expected a number/],
    ['x >= .5', 5, /^expected a number such as 1000, 1_000 or 1.5$/, 'x >= 0.5'],
    ['x >= 5.', 5, /^expected a number/],
    ['x >= 1__0', 5, /^expected a number/],
    ['x >= 1.5.2', 5, /^expected a number/],
    ['x >= 1234567890123456', 5, /^expected a number of at most 15 digits$/],
    ['x >= 5 pts', 7, /^expected the end/],
    ['x >= 5pts', 5, /pp \(percentage points\)/, 'x >= 5pp'],
    ['x >= 5percent', 5, /^expected nothing, %, pp/, 'x >= 5%'],
    ['x >= 5k', 5, /^expected nothing, %, pp/, 'x >= 5000'],
    ['x >= 5e3', 5, /^expected nothing, %, pp/],
    ['x >= 5xyz', 5, /^expected nothing, %, pp/],
    ['freshness <= 2w', 13, /s, m, h or d after the number/, 'freshness <= 14d'],
    ['freshness <= 26H', 13, /s, m, h or d/, 'freshness <= 26h'],
    ['freshness <= 26hours', 13, /s, m, h or d/, 'freshness <= 26h'],
    ['freshness <= -26h', 13, /^expected a length of time without a sign$/, 'freshness <= 26h'],
    ['x between 1', 11, /^expected "and"$/],
    ['x between 1, 2', 11, /^expected "and"$/, 'x between 1 and  2'],
    ['x between 1..2', 10, /^expected a number/],
    ['x between 20%-60%', 13, /^expected "and"$/, 'x between 20% and 60%'],
    ['x between 20% to 60%', 14, /^expected "and"$/, 'x between 20%  and  60%'],
    ['x between 1 and', 15, /^expected a number/],
    ['avg(x) > 1', 0, /^expected min, max, mean, sum, first, last, count, every, any$/, 'mean(x) > 1'],
    ['meen(x) > 1', 0, /^expected min, max, mean/, 'mean(x) > 1'],
    ['All(x) > 1', 0, /^expected min, max, mean/, 'every(x) > 1'],
    ['p95(x) > 1', 0, /^expected min, max, mean/],
    ['constructor(x) > 1', 0, /^expected min, max, mean/],
    ['x > 5constructor', 4, /^expected nothing, %, pp/],
    ['x change vs constructor > 5%', 12, /^expected previous_period/],
    ['min() > 1', 4, /^expected a column$/],
    ['min(x > 1', 6, /^expected \)$/],
    ['min(x, y) > 1', 5, /^expected \)$/],
    ['count > 1', 5, /^expected \( after count, and a column$/, 'count() > 1'],
    ['min > 1', 3, /^expected \( after min, and a column$/],
    ['freshness() <= 26h', 0, /^expected freshness alone$/, 'freshness <= 26h'],
    ['freshness( <= 26h', 0, /^expected freshness alone$/],
    ['rejected() <= 1%', 9, /^expected a number of batches such as 10, or a time such as 7d$/],
    ['rejected(0) <= 1%', 9, /^expected a number of batches/],
    ['rejected(0.0001s) <= 1%', 9, /^expected a number of batches/],
    ['rejected(1w) <= 1%', 9, /^expected a number of batches/, 'rejected(7d) <= 1%'],
    ['rejected(-3) <= 1%', 9, /^expected a number of batches/],
    ['rejected(9999999) <= 1%', 9, /^expected a number of batches/],
    ['rejected(10 <= 1%', 12, /^expected \)$/],
    ['x[] > 1', 2, /^expected an index such as 1, or a filter such as event_type=purchase$/],
    ['x[-1] > 1', 2, /^expected an index/],
    ['x[1.5] > 1', 2, /^expected an index/],
    ['x[1][2] > 1', 5, /^expected a filter such as \[event_type=purchase\]$/],
    ['x[1234567890] > 1', 2, /^expected a smaller index$/],
    ['x[1 > 1', 2, /^expected an index/],
    ['x[a] > 1', 3, /^expected =$/],
    ['x[a:b] > 1', 3, /^expected =$/, 'x[a=b] > 1'],
    ['x[a==b] > 1', 3, /^expected =$/, 'x[a=b] > 1'],
    ['x[a>=2] > 1', 3, /^expected =$/],
    ['x[a=] > 1', 4, /^expected a value; an empty one is ""$/],
    ['x[a=b"c] > 1', 5, /^expected \]; a value with quotes or brackets in it needs quotes around it$/],
    ['x[a="b] > 1', 4, /^expected a closing quote for this one$/],
    ["x[a='b'] > 1", 4, /^expected a value in double quotes, not in single ones$/, 'x[a="b"] > 1'],
    ['x[a=b > 1', 9, /^expected \]/],
    ['x change >= 5%', 9, /^expected vs$/],
    ['x change previous_year >= 5%', 9, /^expected vs$/, 'x change vs previous_year >= 5%'],
    ['x change to previous_year >= 5%', 9, /^expected vs$/, 'x change vs previous_year >= 5%'],
    ['x changed vs previous_year >= 5%', 2, /^expected >=/, 'x change vs previous_year >= 5%'],
    ['x change vs >= 5%', 12, /^expected previous_period, previous_year or same_weekday\(4w\)$/],
    ['x change vs yesterday >= 5%', 12, /^expected previous_period/],
    ['x change vs last_year >= 5%', 12, /^expected previous_period/, 'x change vs previous_year >= 5%'],
    ['x change vs previous_perod >= 5%', 12, /^expected previous_period/, 'x change vs previous_period >= 5%'],
    [
      'x change vs same_weekday >= 5%',
      24,
      /^expected a number of weeks from 1 to 52/,
      'x change vs same_weekday(4w) >= 5%',
    ],
    ['x change vs same_weekday(4) >= 5%', 25, /^expected a number of weeks/, 'x change vs same_weekday(4w) >= 5%'],
    ['x change vs same_weekday(0w) >= 5%', 25, /^expected a number of weeks/],
    ['x change vs same_weekday(53w) >= 5%', 25, /^expected a number of weeks/],
    ['x change vs same_weekday(28d) >= 5%', 25, /^expected a number of weeks/],
    ['x change vs previous_year', 25, /^expected >= > < <= = != or between$/],
    ['x change vs previous_year change vs previous_year > 1%', 26, /^expected >= > </],
    ['x\0 > 1', 1, /without NUL/],
  ])('%s', (text, position, message, suggestion) => {
    const problem = problemOf(() => parseAssertion(text))
    expect([problem.position, problem.message, problem.suggestion]).toEqual([
      position,
      expect.stringMatching(message),
      suggestion,
    ])
    expect(problem.text).toBe(text)
    if (suggestion !== undefined) parseAssertion(suggestion)
  })
})

const name = fc
  .stringMatching(/^[a-z_][a-z0-9_]{0,8}$/)
  .filter((word) => !/^(freshness|rejected|duplicates)$/.test(word))
const value = fc.oneof(
  fc.stringMatching(/^[ -~]{0,8}$/),
  fc.string({ unit: 'grapheme', maxLength: 5 }).filter((text) => !/[\0\p{Cs}]/u.test(text)),
  fc.constantFrom('', ' ', '"', '""', ']', '[', 'a=b', "'a'", ' a ', '\t', 'ціна', '1'),
)
const where = fc.array(fc.record({ column: name, value }), { maxLength: 3 })
const index = fc.option(fc.integer({ min: 0, max: 999_999_999 }), { nil: undefined })
const column = fc.record({
  kind: fc.constant('column' as const),
  aggregate: fc.constantFrom(...aggregates),
  column: name,
  index,
  where,
})
const bare = column
  .filter((measure) => !(aggregates as readonly string[]).includes(measure.column))
  .map((measure) => ({ ...measure, aggregate: undefined }))
const quality = fc.record({
  kind: fc.constantFrom('rejected' as const, 'duplicates' as const),
  over: fc.oneof(
    fc.record({ batches: fc.integer({ min: 1, max: 1_000_000 }) }),
    fc.record({ seconds: fc.integer({ min: 1, max: 10_000_000 }) }),
    fc.record({ seconds: fc.integer({ min: 1, max: 10_000_000 }).map((ms) => ms / 1000) }),
  ),
})
const quantity = fc
  .tuple(
    fc.constantFrom('', '-', '+'),
    fc.stringMatching(/^\d{1,6}(_\d{3})?(\.\d{1,4})?$/),
    fc.constantFrom('', '%', 'pp', 's', 'm', 'h', 'd'),
  )
  .map(([sign, digits, suffix]) => (/^[smhd]$/.test(suffix) ? '' : sign) + digits + suffix)
const base = fc.oneof(
  fc.constantFrom({ kind: 'previous_period' as const }, { kind: 'previous_year' as const }),
  fc.record({ kind: fc.constant('same_weekday' as const), weeks: fc.integer({ min: 1, max: 52 }) }),
)
const comparison = fc.oneof(
  fc.tuple(fc.constantFrom('>', '>=', '<', '<=', '=', '!='), quantity).map(([sign, text]) => `${sign} ${text}`),
  fc.tuple(quantity, quantity).map(([low, high]) => `between ${low} and ${high}`),
)

test('what is printed can be read again', { tags: 'property' }, () => {
  const subject = fc.oneof(column, bare, quality, fc.constant({ kind: 'freshness' as const }))
  assertProperty(
    fc.property(subject, fc.option(base, { nil: undefined }), comparison, (subject, change, compared) => {
      const { comparison } = parseAssertion(`x ${compared}`)
      const assertion: Assertion = { subject, change, comparison, text: '' }
      const text = printAssertion(assertion)
      expect(parseAssertion(text)).toEqual({ ...assertion, text })
      expect(text.endsWith(compared)).toBe(true)
    }),
    500,
  )
})

test('any text is read, or has a place in it that cannot be; a suggestion can always be read', {
  tags: 'property',
}, () => {
  const piece = fc.constantFrom(
    ...[
      'x',
      'rates',
      'min',
      'avg',
      'count',
      'every',
      'freshness',
      'rejected',
      '(',
      ')',
      '[',
      ']',
      '=',
      ':',
      '"',
      "'",
      ' ',
    ],
    ...[
      '1',
      '20%',
      '5pp',
      '2w',
      '1_000',
      '.5',
      '-',
      '+',
      '>=',
      '=>',
      '<',
      '==',
      '≥',
      'between',
      'and',
      'to',
      '..',
      ',',
    ],
    ...[
      'change',
      'changes',
      'vs',
      'to',
      'previous_period',
      'last_year',
      'same_weekday',
      '4w',
      '4',
      '\n',
      '\ud800',
      '\0',
      '💥',
    ],
  )
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join('')),
    fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(' ')),
  )
  assertProperty(
    fc.property(text, (text) => {
      let problem: SyntaxProblem
      try {
        expect(parseAssertion(text).text).toBe(text)
        return
      } catch (error) {
        if (!(error instanceof SyntaxProblem)) throw error
        problem = error
      }
      expect(problem.text).toBe(text)
      expect(problem.position).toBeGreaterThanOrEqual(0)
      expect(problem.position).toBeLessThanOrEqual(text.length)
      expect(problem.message).toMatch(/^expected /)
      if (problem.suggestion !== undefined) parseAssertion(problem.suggestion)
    }),
    2000,
  )
})
