import { expect, test } from 'vitest'
import { lifecycle, lifecycleStat } from '../../src/lib/stats/lifecycle.js'
import { drillDown } from '../../src/lib/stats/query/drill-down.js'
import { storeEvents } from '../support/events.js'
import { withFreshDatabase } from '../support/postgres/database.js'

const at = (day: string, user: string, type = 'view') => ({ at: `${day}T12:00:00Z`, user, type })
const events = [
  at('2025-08-01', 'ann'),
  at('2025-08-02', 'ann'),
  at('2025-08-04', 'ann'),
  at('2025-08-04', 'bob'),
  at('2025-08-11', 'bob'),
  at('2025-07-01', 'old'),
  at('2025-08-04', 'old'),
]
// The same days, read from the rollups and from the events.
const zones = ['UTC', 'Africa/Abidjan']
const rows = (data: readonly Readonly<Record<string, unknown>>[]) =>
  data.map((row) => [row.date, row.new, row.returning, row.resurrecting, row.dormant])

test('new once ever, returning from the day before, resurrecting from longer ago, dormant on the day after', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    for (const tz of zones) {
      const { data } = await lifecycle(db, { tz, from: '2025-08-01', to: '2025-08-05' })
      expect(rows(data)).toEqual([
        ['2025-08-01', 1, 0, 0, 0],
        ['2025-08-02', 0, 1, 0, 0],
        ['2025-08-03', 0, 0, 0, 1],
        ['2025-08-04', 1, 0, 2, 0],
        ['2025-08-05', 0, 0, 0, 3],
      ])
    }
  })
})

test('a range that begins in the middle knows the period before it and everything before that', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    for (const tz of zones) {
      const { data } = await lifecycle(db, { tz, from: '2025-08-03', to: '2025-08-04' })
      expect(rows(data)).toEqual([
        ['2025-08-03', 0, 0, 0, 1],
        ['2025-08-04', 1, 0, 2, 0],
      ])
    }
  })
})

test('weeks and months: a user active twice in a period counts once in it', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    for (const tz of zones) {
      const weeks = await lifecycle(db, { tz, grain: 'week', from: '2025-07-28', to: '2025-08-17' })
      expect(rows(weeks.data)).toEqual([
        ['2025-07-28', 1, 0, 0, 0],
        ['2025-08-04', 1, 1, 1, 0],
        ['2025-08-11', 0, 1, 0, 2],
      ])
      const months = await lifecycle(db, { tz, grain: 'month', from: '2025-08-01', to: '2025-08-01' })
      expect(rows(months.data)).toEqual([['2025-08-01', 2, 1, 0, 0]])
    }
  })
})

test('with a segment, new is who did it for the first time', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, [...events, at('2025-08-04', 'old', 'buy'), at('2025-08-05', 'ann', 'buy')])
    const { data, meta } = await lifecycle(db, { segment: ['event_type:buy'], from: '2025-08-04', to: '2025-08-05' })
    expect(meta.source).toBe('events')
    expect(meta.definition).toContain('first event of the segment ever')
    expect(rows(data)).toEqual([
      ['2025-08-04', 1, 0, 0, 0],
      ['2025-08-05', 1, 0, 0, 1],
    ])
  })
})

test('a period that has not begun is empty', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    const { data } = await lifecycle(db, { from: '2025-08-11', to: '2025-08-13', asOf: '2025-08-12T01:00:00Z' })
    expect(rows(data)).toEqual([
      ['2025-08-11', 0, 0, 1, 0],
      ['2025-08-12', 0, 0, 0, 1],
      ['2025-08-13', null, null, null, null],
    ])
  })
})

test('the users in a state', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    for (const tz of zones) {
      const given = { tz, from: '2025-08-01', to: '2025-08-12', asOf: '2025-08-12' }
      const users = async (cell: string) =>
        (await drillDown(db, lifecycleStat, given, cell)).data.map((row) => row.user_id)
      expect(await users('2025-08-01:new')).toEqual(['ann'])
      expect(await users('2025-08-02:returning')).toEqual(['ann'])
      expect(await users('2025-08-02:resurrecting')).toEqual([])
      expect(await users('2025-08-04:new')).toEqual(['bob'])
      expect(await users('2025-08-04:resurrecting')).toEqual(['ann', 'old'])
      expect(await users('2025-08-05:dormant')).toEqual(['ann', 'bob', 'old'])
      expect(await users('2025-08-06:dormant')).toEqual([])
    }
    const refused = (cell: string) => expect(drillDown(db, lifecycleStat, { to: '2025-08-31' }, cell)).rejects
    await refused('2025-08-04:neww').toMatchObject({ code: 'usage', suggestions: ['Did you mean 2025-08-04:new?'] })
    // Nothing is near.
    await refused('2025-08-04:gone').toMatchObject({ code: 'usage', suggestions: ['A cell is 2025-08-04:STATE.'] })
    await refused('2025-08-04').toMatchObject({ code: 'usage', suggestions: ['A cell is 2025-08-04:STATE.'] })
    await refused('2025-09-04:new').toMatchObject({ code: 'usage', suggestions: ['Try 2025-08-31.'] })
  })
})
