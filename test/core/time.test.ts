import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  addDays,
  grains,
  isDay,
  isInstant,
  isSameTimeZone,
  isTimeZone,
  weekdays,
  windowEnd,
  windowStart,
} from '../../src/lib/core/time.js'
import { assertProperty } from '../support/effort.js'

test.each(['2025-02-30', '2025-2-1', 'now', '2025-08-31 ', '1969-12-31', '20250831', ''])('%j is no day', (text) => {
  expect(isDay(text)).toBe(false)
})

test('leap days are days in leap years only', () => {
  expect([isDay('2024-02-29'), isDay('2000-02-29'), isDay('2025-02-29'), isDay('2100-02-29')]).toEqual([
    true,
    true,
    false,
    false,
  ])
})

test.each(['+03:00', 'GMT+3 ', 'Mars/Base', "UTC'; --", ''])('%j is no time zone', (name) => {
  expect(isTimeZone(name)).toBe(false)
})

// PostgreSQL takes them for offsets, some of other places: CET without summer time, IST for Israel.
test.each(['CET', 'EET', 'IST', 'BST', 'CST', 'PST', 'AST', 'EST', 'cet'])('%s is an abbreviation', (name) => {
  expect(isTimeZone(name)).toBe(false)
})

test('zones have several names', () => {
  expect(['UTC', 'utc', 'GMT', 'Zulu', 'Etc/UTC'].map(isTimeZone)).toEqual([true, true, true, true, true])
  expect(isTimeZone('Europe/Kyiv')).toBe(true)
  expect(isSameTimeZone('Europe/Kiev', 'Europe/Kyiv')).toBe(true)
  expect(isSameTimeZone('utc', 'Etc/UTC')).toBe(true)
  expect(isSameTimeZone('Europe/Kyiv', 'Europe/Sofia')).toBe(false)
})

test('an instant has an offset', () => {
  expect(['2025-08-31T12:00:00Z', '2025-08-31T12:00+03:00'].map(isInstant)).toEqual([true, true])
  const none = ['2025-08-31T12:00:00', '2025-08-31T24:00:00Z', '2025-02-30T12:00:00Z', '2025-08-31T12:00:00+16:00']
  expect(none.map(isInstant)).toEqual([false, false, false, false])
})

test('windows hold their day and touch each other', { tags: 'property' }, () => {
  const anyDay = fc.integer({ min: 0, max: 40_000 }).map((days) => addDays('1970-01-01', days))
  assertProperty(
    fc.property(anyDay, fc.constantFrom(...grains), fc.constantFrom(...weekdays), (day, grain, weekStart) => {
      const start = windowStart(day, grain, weekStart)
      const end = windowEnd(start, grain)
      expect(start <= day && day < end).toBe(true)
      expect(windowStart(addDays(end, -1), grain, weekStart)).toBe(start)
      expect(windowStart(end, grain, weekStart)).toBe(end)
      if (grain === 'week')
        expect(new Date(`${start}T00:00:00Z`).getUTCDay()).toBe((weekdays.indexOf(weekStart) + 1) % 7)
    }),
    100,
  )
})
