import { expect, test } from 'vitest'
import { drillDown } from '../../src/lib/stats/query/drill-down.js'
import { trend, trendStat } from '../../src/lib/stats/trend.js'
import { storeEvents } from '../support/events.js'
import { withFreshDatabase } from '../support/postgres/database.js'

const event = (at: string, user: string, type: string, plan?: unknown) => ({
  at,
  user,
  type,
  properties: plan === undefined ? {} : { plan },
})
const events = [
  event('2025-08-01T10:00:00Z', 'ann', 'view', 'pro'),
  event('2025-08-01T10:30:00Z', 'ann', 'view', 'pro'),
  event('2025-08-01T12:00:00Z', 'bob', 'buy', 'free'),
  event('2025-08-03T12:00:00Z', 'bob', 'view'),
  event('2025-08-03T12:00:00Z', 'cid', 'Zoom', 'null'),
]
const rows = (data: readonly Readonly<Record<string, unknown>>[]) => data.map((row) => [row.date, row.key, row.value])

test('without a key there is one row for each window, and its key is null', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    const { data, columns, meta } = await trend(db)
    expect(data).toEqual([
      { date: '2025-08-01', key: null, value: 3, complete: true },
      { date: '2025-08-02', key: null, value: 0, complete: true },
      { date: '2025-08-03', key: null, value: 2, complete: true },
    ])
    expect(columns.map(({ name }) => name)).toEqual(['date', 'value', 'complete'])
    expect(meta).toMatchObject({ source: 'rollups', by: null, keys_left_out: 0, warnings: [] })
    const users = await trend(db, { measure: 'unique_users', grain: 'week' })
    expect(users.meta.source).toBe('rollups')
    expect(rows(users.data)).toEqual([['2025-07-28', null, 3]])
  })
})

test('by event type: the largest total first, then by bytes, and zeros where there is nothing', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    for (const [tz, source] of [
      ['UTC', 'rollups'],
      ['Africa/Abidjan', 'events'],
    ]) {
      const { data, meta, columns } = await trend(db, { tz, by: 'event_type', from: '2025-08-01', to: '2025-08-02' })
      expect(columns.map(({ name }) => name)).toEqual(['date', 'key', 'others', 'value', 'complete'])
      expect(meta.source).toBe(source)
      expect(rows(data)).toEqual([
        ['2025-08-01', 'view', 2],
        ['2025-08-01', 'buy', 1],
        ['2025-08-02', 'view', 0],
        ['2025-08-02', 'buy', 0],
      ])
      const third = await trend(db, { tz, by: 'event_type', from: '2025-08-03' })
      expect(rows(third.data)).toEqual([
        ['2025-08-03', 'Zoom', 1],
        ['2025-08-03', 'view', 1],
      ])
    }
  })
})

test('a segment on event types is answered from the rollups too', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    const { data, meta } = await trend(db, { segment: ['event_type:view'] })
    expect(meta.source).toBe('rollups')
    expect(data.map((row) => row.value)).toEqual([2, 0, 1])
  })
})

test('a missing property is the key null, which is not the text "null"', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    const { data } = await trend(db, { by: 'properties.plan', from: '2025-08-03', to: '2025-08-03' })
    expect(rows(data)).toEqual([
      ['2025-08-03', 'null', 1],
      ['2025-08-03', null, 1],
    ])
  })
})

test('keys are texts: numbers, lists and nested values as JSON writes them', async () => {
  await withFreshDatabase(async (db) => {
    const at = '2025-08-01T10:00:00Z'
    await storeEvents(db, [
      event(at, 'ann', 'view', 5),
      event(at, 'ann', 'view', 5),
      event(at, 'ann', 'view', true),
      event(at, 'ann', 'view', [1, 'a']),
      event(at, 'ann', 'view', null),
    ])
    const { data } = await trend(db, { by: 'properties.plan' })
    expect(data.map((row) => [row.key, row.value])).toEqual([
      ['5', 2],
      ['[1, "a"]', 1],
      ['true', 1],
      [null, 1],
    ])
  })
})

test('the keys beyond the limit share a row, or are left out where they do not add up, and that is said', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    const { data, meta } = await trend(db, { by: 'user_id', grain: 'month', limit: 1 })
    expect(data).toEqual([
      { date: '2025-08-01', key: 'ann', others: false, value: 2, complete: false },
      { date: '2025-08-01', key: null, others: true, value: 3, complete: false },
    ])
    expect(meta).toMatchObject({ by: 'user_id', keys_left_out: 2, warnings: [] })
    // The same total: the name decides. Users are counted, not their events.
    const users = await trend(db, { by: 'event_type', measure: 'unique_users', grain: 'month', limit: 2 })
    expect(rows(users.data)).toEqual([
      ['2025-08-01', 'view', 2],
      ['2025-08-01', 'Zoom', 1],
    ])
    expect(users.meta.warnings).toEqual([expect.stringContaining('other 1 values')])
    const none = await trend(db, { by: 'event_type', from: '2024-01-01', to: '2024-01-02' })
    expect(none).toMatchObject({ data: [], meta: { keys_left_out: 0 } })
  })
})

test('hours are instants, as many as the day has', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, [
      { at: '2025-10-26T00:30:00Z', user: 'ann' },
      { at: '2025-10-26T01:30:00Z', user: 'ann' },
    ])
    const { data, columns } = await trend(db, { grain: 'hour', tz: 'Europe/Kyiv', asOf: '2025-10-26T02:00:00Z' })
    expect(columns[0]).toEqual({ name: 'date', kind: 'instant' })
    expect(data).toHaveLength(25)
    expect(rows(data).slice(2, 6)).toEqual([
      ['2025-10-26T02:00:00+03:00', null, 0],
      ['2025-10-26T03:00:00+03:00', null, 1],
      ['2025-10-26T03:00:00+02:00', null, 1],
      ['2025-10-26T04:00:00+02:00', null, null],
    ])
    const kathmandu = await trend(db, { grain: 'hour', tz: 'Asia/Kathmandu', by: 'user_id' })
    expect(rows(kathmandu.data).filter(([, , value]) => value === 1)).toEqual([
      ['2025-10-26T06:00:00+05:45', 'ann', 1],
      ['2025-10-26T07:00:00+05:45', 'ann', 1],
    ])
  })
})

test('half an hour of daylight saving moves the hours, and none is lost', async () => {
  await withFreshDatabase(async (db) => {
    // 01:45 and again 01:45 half an hour later, on the clocks of Lord Howe.
    await storeEvents(db, [
      { at: '2024-04-06T14:45:00Z', user: 'ann' },
      { at: '2024-04-06T15:15:00Z', user: 'ann' },
      { at: '2024-04-06T15:45:00Z', user: 'ann' },
    ])
    const { data } = await trend(db, { grain: 'hour', tz: 'Australia/Lord_Howe', from: '2024-04-07', to: '2024-04-07' })
    expect(data).toHaveLength(25)
    expect(rows(data).filter(([, , value]) => value !== 0)).toEqual([
      ['2024-04-07T01:00:00+11:00', null, 1],
      ['2024-04-07T01:30:00+10:30', null, 1],
      ['2024-04-07T02:00:00+10:30', null, 1],
    ])
    // Each is found by the name that it has.
    for (const row of data.filter(({ value }) => value !== 0)) {
      const given = { grain: 'hour', tz: 'Australia/Lord_Howe', from: '2024-04-07', to: '2024-04-07' } as const
      expect((await drillDown(db, trendStat, given, row.date as string)).data).toEqual([{ user_id: 'ann' }])
    }
  })
})

test('the users behind a number; the list says where it comes from', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, [...events, event('2025-08-03T13:00:00Z', 'dan', 'view', '')])
    const users = async (given: Parameters<typeof trend>[1], cell: string) => {
      const { data, meta } = await drillDown(db, trendStat, given!, cell)
      return [meta.source, ...data.map((row) => row.user_id)]
    }
    expect(await users({}, '2025-08-01')).toEqual(['rollups', 'ann', 'bob'])
    expect(await users({ tz: 'Africa/Abidjan' }, '2025-08-01')).toEqual(['events', 'ann', 'bob'])
    expect(await users({ by: 'event_type' }, '2025-08-03:view')).toEqual(['events', 'bob', 'dan'])
    expect(await users({ by: 'properties.plan' }, '2025-08-03:')).toEqual(['events', 'bob'])
    expect(await users({ by: 'properties.plan' }, '2025-08-03:null')).toEqual(['events', 'cid'])
    expect(await users({ by: 'properties.plan' }, '2025-08-03:""')).toEqual(['events', 'dan'])
    const pairs = { by: ['event_type', 'properties.plan'] }
    expect(await users(pairs, '2025-08-03:view,')).toEqual(['events', 'bob'])
    expect(await users(pairs, '2025-08-03:view,""')).toEqual(['events', 'dan'])
    expect(await users({ measure: 'events of buy' }, '2025-08-01')).toEqual(['events', 'bob'])
    expect(await users({ grain: 'hour' }, '2025-08-03T12:00:00+00:00')).toEqual(['events', 'bob', 'cid'])
    expect(await users({ grain: 'hour', by: 'event_type' }, '2025-08-03T12:00:00Z:Zoom')).toEqual(['events', 'cid'])
    const refused = (given: Parameters<typeof trend>[1], cell: string) =>
      expect(drillDown(db, trendStat, given!, cell)).rejects
    await refused({}, '2025-08-01:view').toMatchObject({ code: 'usage', message: expect.stringContaining('no keys') })
    await refused({ by: 'event_type' }, '2025-08-01').toMatchObject({
      message: expect.stringContaining('key must follow'),
    })
    await refused({ grain: 'week' }, '2025-08-01').toMatchObject({ suggestions: ['Try 2025-07-28.'] })
    await refused({ grain: 'hour' }, '2025-08-01').toMatchObject({ code: 'usage' })
    await refused({ grain: 'hour', asOf: '2025-08-03' }, '2025-08-03T12:00:00Z').toMatchObject({ code: 'usage' })
  })
})

test('what to tell the events apart by is a field', async () => {
  await withFreshDatabase(async (db) => {
    await expect(trend(db, { by: 'country' })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('properties.country'),
    })
    await expect(trend(db, { by: 'event_type:view' })).rejects.toMatchObject({ code: 'usage' })
    await storeEvents(db, events)
    expect((await trend(db, { by: 'properties.paln' })).meta.warnings).toEqual([
      'No event has properties.paln; did you mean properties.plan?',
    ])
    await expect(trend(db, { by: '' })).rejects.toMatchObject({ code: 'usage' })
  })
})

test('an hour is complete when it is over and its day is one of the data', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    const asked = { grain: 'hour', from: '2025-08-03', to: '2025-08-04' } as const
    const complete = async (asOf: string, by?: string) => {
      const { data } = await trend(db, { ...asked, asOf, ...(by === undefined ? {} : { by }) })
      return [...new Set(data.filter((row) => row.complete).map(({ date }) => String(date).slice(0, 13)))]
    }
    const hours = (count: number) =>
      Array.from({ length: count }, (_, hour) => `2025-08-03T${`${hour}`.padStart(2, '0')}`)
    for (const by of [undefined, 'event_type']) {
      expect(await complete('2025-08-03T14:00:00Z', by)).toEqual(hours(14))
      expect(await complete('2025-08-03T14:59:59Z', by)).toEqual(hours(14))
      // The data ends on the third.
      expect(await complete('2025-08-09', by)).toEqual(hours(24))
    }
  })
})
