import { describe, expect, test } from 'vitest'
import { parseAssertion } from '../../../src/lib/checks/assertion/parser.js'
import { checkAgainst } from '../../../src/lib/checks/assertion/types.js'
import { SyntaxProblem } from '../../../src/lib/core/scanner.js'
import { stats } from '../../../src/lib/stats/catalog.js'

/** What is wrong with an assertion about a stat: `undefined` when it fits. */
function problemOf(text: string, name?: string, given: Record<string, unknown> = {}): SyntaxProblem | undefined {
  const stat = stats.find((known) => known.name === name)
  expect(stat === undefined).toBe(name === undefined)
  try {
    checkAgainst(parseAssertion(text), stat, stat === undefined ? {} : stat.params.parse(given))
    return undefined
  } catch (error) {
    if (error instanceof SyntaxProblem) return error
    throw error
  }
}

const given: Record<string, Record<string, unknown>> = {
  funnel: { step: ['a', 'b'] },
  'by key': { by: 'event_type' },
  hours: { grain: 'hour' },
  weeks: { grain: 'week' },
  'from an hour': { windowType: 'hour', startDate: '2025-08-31T06:00' },
}

describe('what fits', () => {
  test.each<[text: string, stat?: string, params?: string]>([
    ['unique_users >= 1000', 'dau'],
    ['unique_users[date=2025-08-31] >= 1000', 'dau'],
    ['min(unique_users[complete=true]) >= 0', 'dau'],
    ['count() = 7', 'dau'],
    ['mean(unique_users) between 10.5 and 20', 'wau'],
    ['events[event_type=purchase] > 0', 'top-events'],
    ['share[event_type="a b"] >= 20%', 'top-events'],
    ['sum(share) >= 0.2', 'top-events'],
    ['count(event_type) < 50', 'top-events'],
    ['first(events) > 1', 'top-events'],
    ['sum(value) change vs previous_period >= -25%', 'trend'],
    ['last(value[key=purchase]) change vs previous_year > 5%', 'trend', 'by key'],
    ['mean(value) change vs same_weekday(4w) between -20% and 20%', 'trend'],
    ['value[date=2025-08-31T06:00:00+03:00] > 3', 'trend', 'hours'],
    ['sum(value) change vs previous_period > 0%', 'trend', 'hours'],
    ['mean(rates[1]) between 20% and 60%', 'retention'],
    ['rates[3][cohort=2025-10-06] > 0', 'retention'],
    ['mean(rates[0]) = 1', 'retention'],
    ['users[2][cohort=2025-10-06] > 10', 'retention'],
    ['sum(size) > 10', 'retention'],
    ['mean(rates[1]) change vs previous_period >= -5pp', 'retention'],
    ['mean(rates[1]) change vs previous_period >= -5%', 'retention'],
    ['min(rates[1]) > 0', 'retention', 'from an hour'],
    ['min(rate_from_previous) >= 5%', 'funnel', 'funnel'],
    ['rate_from_first[step=2] between 0 and 1', 'funnel', 'funnel'],
    ['median_seconds[step=2] <= 2h', 'funnel', 'funnel'],
    ['median_seconds[step=2] change vs previous_period <= 50%', 'funnel', 'funnel'],
    ['every(new) >= 1', 'lifecycle'],
    ['users[periods_active=3] > 5', 'stickiness'],
    ['freshness <= 26h'],
    ['freshness between 0s and 1d'],
    ['rejected <= 1%'],
    ['rejected(10) <= 100'],
    ['duplicates(7d) between 0% and 100%'],
  ])('%s', (text, stat, params = stat) => {
    expect(problemOf(text, stat, given[params ?? ''])).toBeUndefined()
  })
})

describe('what does not', () => {
  test.each<
    [text: string, stat: string | undefined, params: string | undefined, at: string, message: RegExp, meant?: string]
  >([
    // The subject
    [
      'unique_users > 1',
      undefined,
      undefined,
      'unique_users',
      /^expected freshness, rejected or duplicates, or a stat/,
    ],
    [
      'uniqe_users > 1',
      'dau',
      'dau',
      'uniqe',
      /^dau has no column uniqe_users: expected unique_users$/,
      'unique_users > 1',
    ],
    ['min(users) > 1', 'dau', 'dau', 'users', /no column users: expected unique_users$/],
    [
      'value > 1',
      'funnel',
      'funnel',
      'value',
      /expected step, users, rate_from_first, rate_from_previous, median_seconds, mean_seconds$/,
    ],
    ['max(date) > 1', 'dau', 'dau', 'date', /^date holds dates: expected a column of numbers, unique_users$/],
    ['max(date) > 1', 'trend', 'hours', 'date', /^date holds instants/],
    ['max(event_type) > 1', 'top-events', 'top-events', 'event_type', /^event_type holds texts/],
    ['every(complete) = 1', 'dau', 'dau', 'complete', /^complete holds yes or no/],
    ['every(complete[1]) = 1', 'retention', 'retention', 'complete', /^complete holds yes or no/],
    [
      'mean(rates) > 20%',
      'retention',
      'retention',
      'rates',
      /^rates holds a list: expected the index/,
      'mean(rates[1]) > 20%',
    ],
    ['count(rates) > 2', 'retention', 'retention', 'rates', /^rates holds a list/, 'count(rates[1]) > 2'],
    ['unique_users[1] > 1', 'dau', 'dau', '1]', /^unique_users holds no lists: expected no index$/],
    ['size[1] > 1', 'retention', 'retention', '1]', /^size holds no lists/],
    ['mean(rates[4]) > 1%', 'retention', 'retention', '4]', /^rates has the elements 0 to 3/],
    ['sum(rates[1]) > 1%', 'retention', 'retention', 'sum', /^rates do not add up/, 'mean(rates[1]) > 1%'],
    ['last(value) > 1', 'trend', 'by key', 'last', /as in last\(value\[key=…\]\)$/],
    ['unique_users > 1', 'top-events', 'top-events', 'unique_users', /no column unique_users: expected events, share$/],
    // Filters
    [
      'events[type=a] > 1',
      'top-events',
      'top-events',
      'type',
      /^top-events has no column type: expected event_type, events$/,
    ],
    [
      'events[event_typ=a] > 1',
      'top-events',
      'top-events',
      'event_typ=',
      /no column event_typ/,
      'events[event_type=a] > 1',
    ],
    [
      'events[share=0.2] > 1',
      'top-events',
      'top-events',
      'share',
      /^rows cannot be picked by share: expected event_type, events$/,
    ],
    ['rates[1][users=3] > 1%', 'retention', 'retention', 'users', /^rows cannot be picked by users/],
    ['unique_users[date=yesterday] > 1', 'dau', 'dau', 'yesterday', /^expected a day such as date=2025-08-31$/],
    ['unique_users[date=2025-02-30] > 1', 'dau', 'dau', '2025', /^expected a day/],
    ['value[date=noon] > 1', 'trend', 'hours', 'noon', /^expected an instant such as date=2025-08-31T06:00:00\+03:00$/],
    ['users[step=two] > 1', 'funnel', 'funnel', 'two', /^expected a number such as step=2$/],
    ['min(unique_users[complete=yes]) > 1', 'dau', 'dau', 'yes', /^expected true or false$/],
    // Changes
    ['every(unique_users) change vs previous_year > 1%', 'dau', 'dau', 'every', /^every has no change/],
    ['any(unique_users) change vs previous_year > 1%', 'dau', 'dau', 'any', /^any has no change/],
    ['count() change vs previous_year > 1%', 'dau', 'dau', 'count', /^count has no change/],
    [
      'unique_users[date=2025-08-01] change vs previous_year > 1%',
      'dau',
      'dau',
      'date',
      /^no row of the base has the same date/,
    ],
    ['sum(value) change vs same_weekday(4w) > 1%', 'trend', 'weeks', 'same_weekday', /where windows are weeks$/],
    ['sum(value) change vs same_weekday(4w) > 1%', 'trend', 'hours', 'same_weekday', /where windows are hours$/],
    ['mean(rates[1]) change vs same_weekday(4w) > 1%', 'retention', 'retention', 'same_weekday', /weeks$/],
    [
      'mean(rates[1]) change vs previous_period > 1%',
      'retention',
      'from an hour',
      'change',
      /^a change compares whole days/,
    ],
    ['freshness change vs previous_year < 1%', undefined, undefined, 'change', /^freshness has no change/],
    ['rejected change vs previous_year < 1%', undefined, undefined, 'change', /^rejected has no change/],
    // Units
    ['unique_users > 20%', 'dau', 'dau', '20%', /^expected a number: a share or a percentage needs change vs …$/],
    ['unique_users > 5pp', 'dau', 'dau', '5pp', /^expected a number/],
    ['unique_users > 5h', 'dau', 'dau', '5h', /^expected a number/],
    ['count() > 5%', 'top-events', 'top-events', '5%', /^expected a number/],
    [
      'unique_users change vs previous_year > 5',
      'dau',
      'dau',
      '5',
      /^expected a relative change such as -25%$/,
      'unique_users change vs previous_year > 5%',
    ],
    [
      'unique_users change vs previous_year > -5pp',
      'dau',
      'dau',
      '-5pp',
      /^expected a relative change/,
      'unique_users change vs previous_year > -5%',
    ],
    [
      'unique_users change vs previous_year > 0',
      'dau',
      'dau',
      '0',
      /^expected a relative change/,
      'unique_users change vs previous_year > 0%',
    ],
    ['mean(rates[1]) > 20', 'retention', 'retention', '20', /^expected a share from 0 to 1$/, 'mean(rates[1]) > 20%'],
    ['mean(rates[1]) > 200', 'retention', 'retention', '200', /^expected a share from 0 to 1$/],
    ['mean(rates[1]) > -0.1', 'retention', 'retention', '-0.1', /^expected a share from 0 to 1$/],
    ['mean(rates[1]) > 120%', 'retention', 'retention', '120%', /^expected a share from 0% to 100%$/],
    [
      'mean(rates[1]) > 20pp',
      'retention',
      'retention',
      '20pp',
      /^expected a share such as 20%, or a share such as 0.2$/,
      'mean(rates[1]) > 20%',
    ],
    ['mean(rates[1]) > 20h', 'retention', 'retention', '20h', /^expected a share/],
    [
      'mean(rates[1]) change vs previous_period > 0.05',
      'retention',
      'retention',
      '0.05',
      /or a difference such as -5pp$/,
      'mean(rates[1]) change vs previous_period > 0.05%',
    ],
    [
      'max(median_seconds) < 90',
      'funnel',
      'funnel',
      '90',
      /^expected a length of time such as 90s or 3h$/,
      'max(median_seconds) < 90s',
    ],
    ['max(median_seconds) < 5%', 'funnel', 'funnel', '5%', /^expected a length of time/],
    ['max(median_seconds) change vs previous_period < 5h', 'funnel', 'funnel', '5h', /^expected a relative change/],
    ['freshness <= 26', undefined, undefined, '26', /^expected an age such as 26h$/, 'freshness <= 26h'],
    ['freshness <= 26%', undefined, undefined, '26%', /^expected an age/],
    [
      'rejected <= 1pp',
      undefined,
      undefined,
      '1pp',
      /^expected a share such as 1%, or a number of records$/,
      'rejected <= 1%',
    ],
    ['rejected <= 1h', undefined, undefined, '1h', /^expected a share such as 1%/],
    ['rejected <= 101%', undefined, undefined, '101%', /^expected a share from 0% to 100%$/],
    [
      'mean(rates[1]) between 20 and 60%',
      'retention',
      'retention',
      '20',
      /^expected a share from 0 to 1$/,
      'mean(rates[1]) between 20% and 60%',
    ],
    ['mean(rates[1]) between 0.2 and 60%', 'retention', 'retention', '60%', /^expected the unit of 0.2$/],
    [
      'mean(rates[1]) change vs previous_year between -5pp and 5%',
      'retention',
      'retention',
      '5%',
      /^expected the unit of -5pp$/,
      'mean(rates[1]) change vs previous_year between -5pp and 5pp',
    ],
    [
      'unique_users between 60 and 20',
      'dau',
      'dau',
      '60',
      /^nothing lies between 60 and 20$/,
      'unique_users between 20 and 60',
    ],
    [
      'freshness between 2h and 90m',
      undefined,
      undefined,
      '2h',
      /^nothing lies between 2h and 90m$/,
      'freshness between 90m and 2h',
    ],
  ])('%s (%s, %s)', (text, stat, params, at, message, meant) => {
    const problem = problemOf(text, stat, given[params ?? ''])
    expect(problem).toBeDefined()
    expect(problem!.message).toMatch(message)
    expect(problem!.text.slice(problem!.position).startsWith(at)).toBe(true)
    expect(problem!.suggestion).toBe(meant)
    if (meant !== undefined) expect(problemOf(meant, stat, given[params ?? ''])).toBeUndefined()
  })

  test('a column that depends on the parameters', () => {
    expect(problemOf('max(unique_users) > 1', 'top-events', { uniqueUsers: true })).toBeUndefined()
    expect(problemOf('sum(value[key=a]) > 1', 'trend')?.message).toMatch(/^trend has no column key/)
    expect(problemOf('mean(rates[4]) > 1%', 'retention', { windows: 4 })).toBeUndefined()
  })
})
