import { expect, test } from 'vitest'
import type { DayGrain } from '../../src/lib/core/time.js'
import { dau, dauStat } from '../../src/lib/stats/dau.js'
import { drillDown } from '../../src/lib/stats/query/drill-down.js'
import { type GivenEvent, storeEvents } from '../support/events.js'
import { withFreshDatabase } from '../support/postgres/database.js'

const august: GivenEvent[] = [
  { at: '2025-08-01T10:00:00Z', user: 'ann' },
  { at: '2025-08-01T11:00:00Z', user: 'ann' },
  { at: '2025-08-01T23:30:00Z', user: 'bob' },
  { at: '2025-08-03T00:00:00Z', user: 'ann' },
]

test('every day of the range is a row, an empty one has 0', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, august)
    const { data, meta } = await dau(db)
    expect(data).toEqual([
      { date: '2025-08-01', unique_users: 2, complete: true },
      { date: '2025-08-02', unique_users: 0, complete: true },
      { date: '2025-08-03', unique_users: 1, complete: true },
    ])
    expect(meta).toMatchObject({
      from: '2025-08-01',
      to: '2025-08-03',
      tz: 'UTC',
      source: 'rollups',
      data_until: '2025-08-03',
    })
  })
})

test('behind the data a day is 0 and not complete; from as-of on it is empty', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, august)
    const { data } = await dau(db, { from: '2025-08-03', to: '2025-08-06', asOf: '2025-08-05T12:00:00Z' })
    expect(data).toEqual([
      { date: '2025-08-03', unique_users: 1, complete: true },
      { date: '2025-08-04', unique_users: 0, complete: false },
      { date: '2025-08-05', unique_users: 0, complete: false },
      { date: '2025-08-06', unique_users: null, complete: false },
    ])
    // A window that ends exactly at as-of is complete, one that begins there is empty.
    expect((await dau(db, { from: '2025-08-01', to: '2025-08-02', asOf: '2025-08-02' })).data).toEqual([
      { date: '2025-08-01', unique_users: 2, complete: true },
      { date: '2025-08-02', unique_users: null, complete: false },
    ])
  })
})

test('a range snaps outwards to whole weeks and months', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, august)
    const range = { from: '2025-08-02', to: '2025-08-03' }
    const weeks = await dau(db, { ...range, grain: 'week' })
    expect(weeks.meta).toMatchObject({ from: '2025-07-28', to: '2025-08-03' })
    expect(weeks.data).toEqual([{ date: '2025-07-28', unique_users: 2, complete: true }])
    const sundays = await dau(db, { ...range, grain: 'week', weekStart: 'sunday' })
    expect(sundays.data.map((row) => [row.date, row.unique_users])).toEqual([
      ['2025-07-27', 2],
      ['2025-08-03', 1],
    ])
    const months = await dau(db, { ...range, grain: 'month' })
    expect(months.meta).toMatchObject({ from: '2025-08-01', to: '2025-08-31' })
    expect(months.data).toEqual([{ date: '2025-08-01', unique_users: 2, complete: false }])
  })
})

test('another time zone moves an event to another day', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, august)
    const { data, meta } = await dau(db, { tz: 'Europe/Kyiv', from: '2025-08-01', to: '2025-08-02' })
    expect(data.map((row) => row.unique_users)).toEqual([1, 1])
    expect(meta).toMatchObject({ tz: 'Europe/Kyiv', source: 'events' })
    expect((await dau(db, { tz: 'Etc/UTC' })).meta.source).toBe('rollups')
  })
})

test('events of a batch that is loading do not count, from either source', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, august)
    await storeEvents(
      db,
      [
        { at: '2025-08-02T10:00:00Z', user: 'eve' },
        { at: '2025-08-09T10:00:00Z', user: 'eve' },
      ],
      'loading',
    )
    for (const tz of ['UTC', 'Africa/Abidjan']) {
      const { data, meta } = await dau(db, { tz })
      expect(data.map((row) => row.unique_users)).toEqual([2, 0, 1])
      expect(meta.data_until).toBe('2025-08-03')
    }
  })
})

test('the default range is the newest day and the 30 before it, and meta says so when it cuts', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, august)
    expect((await dau(db)).meta.default_range).toBe('All days of the data.')
    await storeEvents(db, [{ at: '2025-01-01T00:00:00Z', user: 'old' }])
    const { meta, data } = await dau(db)
    expect(data).toHaveLength(31)
    expect(meta).toMatchObject({ from: '2025-07-04', to: '2025-08-03' })
    expect(meta.default_range).toMatch(/^The newest day of the data and the 30 days before it/)
    expect(await dau(db, { from: '2025-01-01' })).toMatchObject({
      data: { length: 215 },
      meta: { default_range: null },
    })
  })
})

test('an empty database is an answer with no rows and a note', async () => {
  await withFreshDatabase(async (db) => {
    const { data, meta } = await dau(db)
    expect(data).toEqual([])
    expect(meta).toMatchObject({ from: null, to: null, data_until: null })
    expect(meta.warnings).toHaveLength(1)
    expect((await dau(db, { from: '2025-08-01', to: '2025-08-01' })).data).toEqual([
      { date: '2025-08-01', unique_users: 0, complete: false },
    ])
  })
})

test('what is given is checked, and every problem is named', async () => {
  await withFreshDatabase(async (db) => {
    await expect(dau(db, { from: '2025-02-30', tz: 'Mars/Base' })).rejects.toMatchObject({
      code: 'usage',
      details: { problems: [expect.stringMatching(/^from .*2025-02-30/), expect.stringMatching(/^tz .*Mars/)] },
    })
    await expect(dau(db, { from: '2025-08-02', to: '2025-08-01' })).rejects.toMatchObject({ code: 'usage' })
    await expect(dau(db, { grian: 'day' } as never)).rejects.toThrow('grian')
  })
})

test('a segment restricts the events that make a user active, and reads the events', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, [
      { at: '2025-08-01T10:00:00Z', user: 'ann', type: 'buy', properties: { country: 'UA' } },
      { at: '2025-08-01T11:00:00Z', user: 'bob', type: 'buy', properties: { country: 'PL' } },
      { at: '2025-08-01T12:00:00Z', user: 'cid', type: 'view', properties: { country: 'UA' } },
    ])
    const count = async (...segment: string[]) => {
      const { data, meta } = await dau(db, { segment })
      expect(meta.source).toBe('events')
      return data[0]?.unique_users
    }
    expect(await count('event_type:buy')).toBe(2)
    expect(await count('properties.country:UA')).toBe(2)
    expect(await count('event_type:buy', 'properties.country:UA')).toBe(1)
    expect(await count('properties.country:UA,PL and event_type:view')).toBe(1)
  })
})

test('the users behind a window are as many as its number', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, august)
    for (const tz of ['UTC', 'Africa/Abidjan']) {
      const users = async (cell: string, grain: DayGrain) =>
        (await drillDown(db, dauStat, { tz, grain, from: '2025-08-01', to: '2025-08-03' }, cell)).data
      expect(await users('2025-08-01', 'day')).toEqual([{ user_id: 'ann' }, { user_id: 'bob' }])
      expect(await users('2025-08-02', 'day')).toEqual([])
      expect(await users('2025-08-01', 'month')).toEqual([{ user_id: 'ann' }, { user_id: 'bob' }])
      await expect(users('2025-08-01', 'week')).rejects.toMatchObject({
        code: 'usage',
        suggestions: ['Try 2025-07-28.'],
      })
    }
  })
})
