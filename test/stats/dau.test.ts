import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dau } from '../../src/lib/stats/dau.js'
import type { Grain, Weekday } from '../../src/lib/time.js'
import { windowStart } from '../../src/lib/time.js'
import { withFreshDatabase } from '../support/database.js'
import { type GivenEvent, storeEvents } from '../support/events.js'

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

// Zones whose clocks jump at midnight, in both directions, and whole days that never were.
const zones = [
  'UTC',
  'Africa/Cairo',
  'America/Havana',
  'America/Sao_Paulo',
  'Asia/Beirut',
  'Pacific/Apia',
  'Asia/Kathmandu',
]

test('rollups and events give the same numbers, and both are those of a plain count', async () => {
  const instant = fc.integer({
    min: Date.parse('2011-10-01T00:00:00Z') / 60_000,
    max: Date.parse('2012-04-01T00:00:00Z') / 60_000,
  })
  const events = fc.array(fc.record({ minute: instant, user: fc.constantFrom('a', 'b', 'c', 'd') }), {
    minLength: 1,
    maxLength: 40,
  })
  const grain = fc.constantFrom<Grain>('day', 'week', 'month')
  const weekStart = fc.constantFrom<Weekday>('monday', 'sunday', 'thursday')
  await withFreshDatabase(async (db) => {
    const property = fc.asyncProperty(
      events,
      grain,
      weekStart,
      fc.constantFrom(...zones),
      async (given, grain, weekStart, zone) => {
        await db.q.deleteFrom('events').execute()
        await db.q.updateTable('settings').set({ reporting_tz: zone }).execute()
        const rows = given.map(({ minute, user }) => ({ at: new Date(minute * 60_000).toISOString(), user }))
        await storeEvents(db, rows)
        const asked = { grain, weekStart, from: '2011-09-01', to: '2012-04-30' }
        const fromRollups = await dau(db, asked)
        expect(fromRollups.meta.source).toBe('rollups')
        // The same days, asked for in a schema that reports in another zone.
        await db.q.updateTable('settings').set({ reporting_tz: 'Asia/Tokyo' }).execute()
        const fromEvents = await dau(db, { ...asked, tz: zone })
        expect(fromEvents.meta.source).toBe('events')
        expect(fromEvents.data.map((row) => row.unique_users)).toEqual(fromRollups.data.map((row) => row.unique_users))
        expect(counted(fromEvents.data)).toEqual(plainCount(rows, zone, grain, weekStart))
      },
    )
    await fc.assert(property, { numRuns: 25 })
  })
})

function counted(data: readonly Readonly<Record<string, unknown>>[]): Record<string, number> {
  return Object.fromEntries(
    data
      .filter((row) => (row.unique_users as number) > 0)
      .map((row) => [row.date as string, row.unique_users as number]),
  )
}

/** The oracle: days by Intl, users in sets. */
function plainCount(
  rows: readonly GivenEvent[],
  zone: string,
  grain: Grain,
  weekStart: Weekday,
): Record<string, number> {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' })
  const users = new Map<string, Set<string>>()
  for (const { at, user } of rows) {
    const window = windowStart(format.format(new Date(at)), grain, weekStart)
    users.set(window, (users.get(window) ?? new Set()).add(user))
  }
  return Object.fromEntries([...users].map(([window, set]) => [window, set.size]))
}
