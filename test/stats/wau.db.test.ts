import { expect, test } from 'vitest'
import { drillDown } from '../../src/lib/stats/query/drill-down.js'
import { wau, wauStat } from '../../src/lib/stats/wau.js'
import { storeEvents } from '../support/events.js'
import { withFreshDatabase } from '../support/postgres/database.js'

const events = [
  { at: '2025-08-01T10:00:00Z', user: 'ann' },
  { at: '2025-08-01T23:59:59Z', user: 'bob' },
  { at: '2025-08-05T00:00:00Z', user: 'ann' },
  { at: '2025-08-20T12:00:00Z', user: 'cid' },
]
const range = { from: '2025-08-01', to: '2025-08-13' }

test('a user counts on his day and on the six after it, once however often he was active', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    // bob until the 7th, ann until the 11th.
    const expected = [2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0]
    const fromRollups = await wau(db, range)
    expect(fromRollups.meta.source).toBe('rollups')
    expect(fromRollups.data.map((row) => row.unique_users)).toEqual(expected)
    // Zones that differ from UTC in name only.
    const fromEvents = await wau(db, { ...range, tz: 'Africa/Abidjan' })
    expect(fromEvents.meta.source).toBe('events')
    expect(fromEvents.data).toEqual(fromRollups.data)
  })
})

test('the window of the first date reaches back behind the range, and nothing snaps to weeks', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    const { data, meta } = await wau(db, { from: '2025-08-07', to: '2025-08-08' })
    expect(meta).toMatchObject({ from: '2025-08-07', to: '2025-08-08' })
    expect(data.map(({ date, unique_users }) => [date, unique_users])).toEqual([
      ['2025-08-07', 2],
      ['2025-08-08', 1],
    ])
  })
})

test('complete until as-of and the newest day of the data; empty from as-of on', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    expect((await wau(db, { from: '2025-08-20', to: '2025-08-22', asOf: '2025-08-22' })).data).toEqual([
      { date: '2025-08-20', unique_users: 1, complete: true },
      { date: '2025-08-21', unique_users: 1, complete: false },
      { date: '2025-08-22', unique_users: null, complete: false },
    ])
  })
})

test('a segment restricts the events that make a user active', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, [
      { at: '2025-08-01T10:00:00Z', user: 'ann', type: 'buy' },
      { at: '2025-08-02T10:00:00Z', user: 'bob', type: 'view' },
      { at: '2025-08-03T10:00:00Z', user: 'ann', type: 'view' },
    ])
    const { data, meta } = await wau(db, { segment: ['event_type:view'], to: '2025-08-03' })
    expect(meta.source).toBe('events')
    expect(data.map((row) => row.unique_users)).toEqual([0, 1, 2])
  })
})

test('the users behind a date are those of its seven days', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    for (const tz of ['UTC', 'Africa/Abidjan']) {
      const users = async (cell: string) => (await drillDown(db, wauStat, { ...range, tz }, cell)).data
      expect(await users('2025-08-07')).toEqual([{ user_id: 'ann' }, { user_id: 'bob' }])
      expect(await users('2025-08-08')).toEqual([{ user_id: 'ann' }])
      expect(await users('2025-08-12')).toEqual([])
    }
    await expect(drillDown(db, wauStat, range, '2025-08-14')).rejects.toMatchObject({
      code: 'usage',
      message: 'No row has the date "2025-08-14": they go from 2025-08-01 to 2025-08-13.',
      suggestions: ['Try 2025-08-13.'],
    })
    await expect(drillDown(db, wauStat, range, 'ann')).rejects.toMatchObject({ suggestions: ['Try 2025-08-01.'] })
    await expect(drillDown(db, wauStat, { ...range, asOf: '2025-08-03' }, '2025-08-03')).rejects.toThrow('no number')
  })
})
