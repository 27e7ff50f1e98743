import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Base } from '../../../src/lib/checks/assertion/assertion.js'
import { baseWindow } from '../../../src/lib/checks/evaluate/base-windows.js'
import {
  addDays,
  addWindows,
  type DayGrain,
  daysBetween,
  type Grain,
  windowEnd,
  windowStart,
} from '../../../src/lib/core/time.js'
import { assertProperty } from '../../support/effort.js'

const period: Base = { kind: 'previous_period' }
const year: Base = { kind: 'previous_year' }

test.each<[name: string, Base, Grain, window: [string, string], base: [string, string]]>([
  ['a day', period, 'day', ['2025-08-31', '2025-08-31'], ['2025-08-30', '2025-08-30']],
  ['seven days', period, 'day', ['2025-08-04', '2025-08-10'], ['2025-07-28', '2025-08-03']],
  ['days behind a leap day', period, 'day', ['2024-03-01', '2024-03-02'], ['2024-02-28', '2024-02-29']],
  ['days of two years', period, 'day', ['2025-01-01', '2025-01-31'], ['2024-12-01', '2024-12-31']],
  ['hours are asked by days', period, 'hour', ['2025-03-30', '2025-03-31'], ['2025-03-28', '2025-03-29']],
  ['a week', period, 'week', ['2025-08-25', '2025-08-31'], ['2025-08-18', '2025-08-24']],
  ['two weeks', period, 'week', ['2025-08-18', '2025-08-31'], ['2025-08-04', '2025-08-17']],
  ['a month, whatever its length', period, 'month', ['2025-03-01', '2025-03-31'], ['2025-02-01', '2025-02-28']],
  ['a month before a leap day', period, 'month', ['2024-03-01', '2024-03-31'], ['2024-02-01', '2024-02-29']],
  ['a quarter', period, 'month', ['2025-01-01', '2025-03-31'], ['2024-10-01', '2024-12-31']],
  ['the same dates', year, 'day', ['2025-08-04', '2025-08-10'], ['2024-08-04', '2024-08-10']],
  ['29 February is the 28th before', year, 'day', ['2024-02-29', '2024-02-29'], ['2023-02-28', '2023-02-28']],
  ['a range that ends on it', year, 'day', ['2024-02-01', '2024-02-29'], ['2023-02-01', '2023-02-28']],
  ['a range that begins on it', year, 'hour', ['2024-02-29', '2024-03-01'], ['2023-02-28', '2023-03-01']],
  ['28 February stays', year, 'day', ['2025-02-28', '2025-02-28'], ['2024-02-28', '2024-02-28']],
  ['whole weeks, 52 before', year, 'week', ['2025-08-25', '2025-08-31'], ['2024-08-26', '2024-09-01']],
  ['whole months, with a leap day', year, 'month', ['2025-02-01', '2025-02-28'], ['2024-02-01', '2024-02-29']],
  ['whole months, without it', year, 'month', ['2024-01-01', '2024-02-29'], ['2023-01-01', '2023-02-28']],
  ['days that no event has', period, 'day', ['1970-01-01', '1970-01-02'], ['1969-12-30', '1969-12-31']],
])('%s', (_, base, grain, [from, to], [baseFrom, baseTo]) => {
  expect(baseWindow(base, { from, to }, grain)).toEqual([{ from: baseFrom, to: baseTo }])
})

test('the same weekdays, the latest first', () => {
  expect(baseWindow({ kind: 'same_weekday', weeks: 3 }, { from: '2024-03-04', to: '2024-03-05' }, 'day')).toEqual([
    { from: '2024-02-26', to: '2024-02-27' },
    { from: '2024-02-19', to: '2024-02-20' },
    { from: '2024-02-12', to: '2024-02-13' },
  ])
})

describe('for any window', () => {
  const question = fc
    .record({
      day: fc.integer({ min: 0, max: 30_000 }).map((days) => addDays('1971-06-15', days)),
      grain: fc.constantFrom<DayGrain>('day', 'week', 'month'),
      windows: fc.integer({ min: 1, max: 40 }),
    })
    .map(({ day, grain, windows }) => {
      const from = windowStart(day, grain, 'monday')
      return { grain, windows, from, to: addDays(addWindows(from, grain, windows), -1) }
    })

  test('the previous period has as many whole windows and ends right before it', { tags: 'property' }, () => {
    assertProperty(
      fc.property(question, ({ grain, windows, from, to }) => {
        const [base] = baseWindow(period, { from, to }, grain)
        expect(addDays(base!.to, 1)).toBe(from)
        expect(addWindows(base!.from, grain, windows)).toBe(from)
        expect(windowStart(base!.from, grain, 'monday')).toBe(base!.from)
      }),
      100,
    )
  })

  test('the previous year has as many whole windows, about a year before', { tags: 'property' }, () => {
    assertProperty(
      fc.property(question, ({ grain, windows, from, to }) => {
        const [base] = baseWindow(year, { from, to }, grain)
        expect([364, 365, 366]).toContain(daysBetween(base!.from, from))
        if (grain === 'day') return
        const last = windowStart(base!.to, grain, 'monday')
        expect(windowStart(base!.from, grain, 'monday')).toBe(base!.from)
        expect(addDays(windowEnd(last, grain), -1)).toBe(base!.to)
        expect(addWindows(base!.from, grain, windows - 1)).toBe(last)
      }),
      100,
    )
  })
})
