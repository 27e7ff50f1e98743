import { expect, test } from 'vitest'
import { drillDown } from '../../src/lib/stats/query/drill-down.js'
import { stickiness, stickinessStat } from '../../src/lib/stats/stickiness.js'
import { storeEvents } from '../support/events.js'
import { withFreshDatabase } from '../support/postgres/database.js'

const events = [
  { at: '2025-08-03T10:00:00Z', user: 'ann' },
  { at: '2025-08-03T10:59:59Z', user: 'ann' },
  { at: '2025-08-04T10:00:00Z', user: 'ann' },
  { at: '2025-08-05T11:00:00Z', user: 'ann' },
  { at: '2025-08-05T23:59:59Z', user: 'bob' },
  { at: '2025-08-06T00:00:00Z', user: 'cid' },
]
const usersByNumber = (data: readonly Readonly<Record<string, unknown>>[]) => data.map((row) => row.users)

test('every number of days is a row, and a user is in one of them', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    for (const [tz, source] of [
      ['UTC', 'rollups'],
      ['Africa/Abidjan', 'events'],
    ]) {
      const { data, meta } = await stickiness(db, { tz, from: '2025-08-03', to: '2025-08-06' })
      expect(meta.source).toBe(source)
      expect(data).toEqual([
        { periods_active: 1, users: 2 },
        { periods_active: 2, users: 0 },
        { periods_active: 3, users: 1 },
        { periods_active: 4, users: 0 },
      ])
      // What lies outside the range does not count.
      expect(usersByNumber((await stickiness(db, { tz, from: '2025-08-04', to: '2025-08-05' })).data)).toEqual([1, 1])
    }
  })
})

test('the range grows to whole weeks and months', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    const range = { from: '2025-08-04', to: '2025-08-06' }
    for (const tz of ['UTC', 'Africa/Abidjan']) {
      const mondays = await stickiness(db, { tz, ...range, grain: 'week' })
      expect(mondays.meta).toMatchObject({ from: '2025-08-04', to: '2025-08-10' })
      expect(usersByNumber(mondays.data)).toEqual([3])
      const wide = await stickiness(db, { tz, from: '2025-08-03', to: '2025-08-06', grain: 'week' })
      expect(usersByNumber(wide.data)).toEqual([2, 1])
      const sundays = await stickiness(db, { tz, ...range, grain: 'week', weekStart: 'sunday' })
      expect(usersByNumber(sundays.data)).toEqual([3])
      expect(usersByNumber((await stickiness(db, { tz, ...range, grain: 'month' })).data)).toEqual([3])
    }
  })
})

test('hours of the local clock; a day on which it changes has one more or one less', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    const { data, meta } = await stickiness(db, { from: '2025-08-03', to: '2025-08-05', grain: 'hour' })
    expect(meta.source).toBe('events')
    expect(data).toHaveLength(72)
    expect(usersByNumber(data).slice(0, 4)).toEqual([1, 0, 1, 0])
    // 10:00Z and 10:59:59Z are 15:45 and 16:44 in Kathmandu.
    const day = { from: '2025-08-03', to: '2025-08-03', grain: 'hour' } as const
    expect(usersByNumber((await stickiness(db, day)).data).slice(0, 2)).toEqual([1, 0])
    expect(usersByNumber((await stickiness(db, { ...day, tz: 'Asia/Kathmandu' })).data).slice(0, 2)).toEqual([0, 1])
    const hours = async (date: string, tz: string) =>
      (await stickiness(db, { from: date, to: date, grain: 'hour', tz })).data.length
    expect(await hours('2025-03-30', 'Europe/Kyiv')).toBe(23)
    expect(await hours('2025-10-26', 'Europe/Kyiv')).toBe(25)
    expect(await hours('2024-04-26', 'Africa/Cairo')).toBe(23)
  })
})

test('the users behind a number', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    for (const tz of ['UTC', 'Africa/Abidjan']) {
      const given = { tz, from: '2025-08-03', to: '2025-08-06' }
      expect((await drillDown(db, stickinessStat, given, '1')).data).toEqual([{ user_id: 'bob' }, { user_id: 'cid' }])
      expect((await drillDown(db, stickinessStat, given, '3')).data).toEqual([{ user_id: 'ann' }])
      await expect(drillDown(db, stickinessStat, given, '5')).rejects.toMatchObject({
        code: 'usage',
        message: 'No row has the number "5": they go from 1 to 4.',
        suggestions: ['Try 4.'],
      })
      await expect(drillDown(db, stickinessStat, given, '0')).rejects.toMatchObject({ suggestions: ['Try 1.'] })
      await expect(drillDown(db, stickinessStat, given, 'ann')).rejects.toMatchObject({ suggestions: ['Try 1.'] })
    }
  })
})
