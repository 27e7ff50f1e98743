import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { givenDayForms, isGivenDay, resolveDay } from '../../src/lib/core/day-text.js'
import { addDays, daysBetween, isDay } from '../../src/lib/core/time.js'
import { assertProperty } from '../support/effort.js'

describe('the forms', () => {
  test.each([
    ['2025-08-31', '2025-03-15', '2025-08-31', '2025-08-31'],
    ['2025-08', '2025-03-15', '2025-08-01', '2025-08-31'],
    ['2025-02', '2025-03-15', '2025-02-01', '2025-02-28'],
    ['2024-02', '2025-03-15', '2024-02-01', '2024-02-29'],
    ['2100-02', '2025-03-15', '2100-02-01', '2100-02-28'],
    ['2025-12', '2025-03-15', '2025-12-01', '2025-12-31'],
    ['2025', '2025-03-15', '2025-01-01', '2025-12-31'],
    ['today', '2025-03-15', '2025-03-15', '2025-03-15'],
    ['yesterday', '2025-03-01', '2025-02-28', '2025-02-28'],
    ['-0d', '2025-03-15', '2025-03-15', '2025-03-15'],
    ['-7d', '2025-03-05', '2025-02-26', '2025-02-26'],
    ['-12w', '2025-03-26', '2025-01-01', '2025-01-01'],
    ['-3m', '2025-03-15', '2024-12-15', '2024-12-15'],
    ['-1y', '2025-03-15', '2024-03-15', '2024-03-15'],
  ])('%s on %s is %s to %s', (text, today, first, last) => {
    expect(isGivenDay(text)).toBe(true)
    expect(resolveDay(text, today)).toEqual({ first, last })
  })

  test.each([
    ...['', 'now', 'tomorrow', 'Today', ' today', '7d', '-7', '-d', '+7d', '-7h', '-1.5d', '--7d', '-7d ', '-99999d'],
    ...[
      '2025-02-30',
      '2025-13',
      '2025-00',
      '2025-8',
      '25',
      '1969',
      '1969-12-31',
      '3000',
      '2025-08-',
      '2025-08-31T00:00:00Z',
    ],
  ])('%j is none of them', (text) => {
    expect(isGivenDay(text)).toBe(false)
  })

  test('every example of the help is one', () => {
    const examples = givenDayForms.match(/-?\d[\w-]*|today|yesterday/g)!
    expect(examples).toHaveLength(9)
    expect(examples.filter((text) => !isGivenDay(text))).toEqual([])
  })
})

describe('months and years back', () => {
  test.each([
    ['-1m', '2025-03-31', '2025-02-28'],
    ['-1m', '2024-03-30', '2024-02-29'],
    ['-1m', '2025-07-31', '2025-06-30'],
    ['-1m', '2025-01-31', '2024-12-31'],
    ['-12m', '2024-02-29', '2023-02-28'],
    ['-48m', '2024-02-29', '2020-02-29'],
    ['-1y', '2024-02-29', '2023-02-28'],
    ['-4y', '2024-02-29', '2020-02-29'],
  ])('%s on %s is %s: the same day, or the last of its month', (text, today, day) => {
    expect(resolveDay(text, today).first).toBe(day)
  })

  test.each([
    ['-55y', '2025-08-31', '1970-08-31'],
    ['-661m', '2025-08-31', '1970-07-31'],
    ['-667m', '2025-08-31', '1970-01-31'],
    ['-668m', '2025-08-31', '1970-01-01'],
    ['-56y', '2025-08-31', '1970-01-01'],
    ['-9999d', '1980-01-01', '1970-01-01'],
    ['-9999w', '2025-08-31', '1970-01-01'],
    ['-9999m', '2025-08-31', '1970-01-01'],
    ['-9999y', '2999-12-31', '1970-01-01'],
  ])('%s on %s is %s: never before 1970', (text, today, day) => {
    expect(resolveDay(text, today).first).toBe(day)
  })
})

const anyDay = fc.integer({ min: 0, max: 100_000 }).map((days) => addDays('1970-01-01', days))

test('days and weeks back are so many days away', { tags: 'property' }, () => {
  assertProperty(
    fc.property(anyDay, fc.integer({ min: 0, max: 9999 }), fc.constantFrom('d', 'w'), (today, count, unit) => {
      const { first, last } = resolveDay(`-${count}${unit}`, today)
      expect(last).toBe(first)
      const away = count * (unit === 'd' ? 1 : 7)
      expect(daysBetween(first, today)).toBe(Math.min(away, daysBetween('1970-01-01', today)))
    }),
    100,
  )
})

test('months back are the same day of an earlier month, as Date counts them', { tags: 'property' }, () => {
  assertProperty(
    fc.property(anyDay, fc.integer({ min: 0, max: 9999 }), fc.constantFrom('m', 'y'), (today, count, unit) => {
      const [year, month, day] = today.split('-').map(Number) as [number, number, number]
      const back = unit === 'm' ? count : 12 * count
      // Day 0 is the last day of the month before.
      const lastDay = new Date(Date.UTC(year, month - back, 0)).getUTCDate()
      const expected = Date.UTC(year, month - 1 - back, Math.min(day, lastDay))
      const { first } = resolveDay(`-${count}${unit}`, today)
      expect(first).toBe(new Date(Math.max(expected, 0)).toISOString().slice(0, 10))
    }),
    100,
  )
})

test('months and years are all their days, and no other', { tags: 'property' }, () => {
  assertProperty(
    fc.property(anyDay, (day) => {
      for (const length of [4, 7]) {
        const text = day.slice(0, length)
        const { first, last } = resolveDay(text, '2025-03-15')
        expect(isDay(first) && isDay(last) && first <= day && day <= last).toBe(true)
        expect([first.slice(0, length), last.slice(0, length)]).toEqual([text, text])
        expect([addDays(first, -1).slice(0, length), addDays(last, 1).slice(0, length)]).not.toContain(text)
      }
    }),
    100,
  )
})
