import { expect, test } from 'vitest'
import { drillDown } from '../../src/lib/stats/query/drill-down.js'
import { topEvents, topEventsStat } from '../../src/lib/stats/top-events.js'
import { storeEvents } from '../support/events.js'
import { withFreshDatabase } from '../support/postgres/database.js'

const at = '2025-08-01T12:00:00Z'
const events = [
  ...['ann', 'ann', 'bob'].map((user) => ({ at, user, type: 'view' })),
  { at, user: 'ann', type: 'Zoom' },
  { at, user: 'bob', type: 'apply' },
  { at: '2025-08-02T00:30:00Z', user: 'bob', type: 'apply' },
  { at: '2025-08-02T00:40:00Z', user: 'cid', type: 'Zoom' },
]

test('ordered by events, then by name as bytes; shares are of all events', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    const { data, meta } = await topEvents(db)
    expect(data).toEqual([
      { event_type: 'view', events: 3, share: 3 / 7 },
      { event_type: 'Zoom', events: 2, share: 2 / 7 },
      { event_type: 'apply', events: 2, share: 2 / 7 },
    ])
    expect(meta.source).toBe('rollups')
    expect((await topEvents(db, { limit: 1 })).data).toEqual([{ event_type: 'view', events: 3, share: 3 / 7 }])
    expect((await topEvents(db, { from: '2025-08-02' })).data).toEqual([
      { event_type: 'Zoom', events: 1, share: 0.5 },
      { event_type: 'apply', events: 1, share: 0.5 },
    ])
  })
})

test('unique users come from events, with the same counts', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    const { data, meta } = await topEvents(db, { uniqueUsers: true })
    expect(meta.source).toBe('events')
    expect(data.map((row) => [row.event_type, row.events, row.unique_users])).toEqual([
      ['view', 3, 2],
      ['Zoom', 2, 2],
      ['apply', 2, 1],
    ])
  })
})

test('another zone reads events: the day decides what is in the range', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    const { data, meta } = await topEvents(db, { tz: 'America/New_York', to: '2025-08-01' })
    expect(meta).toMatchObject({ source: 'events', data_until: '2025-08-01' })
    expect(data.reduce((sum, row) => sum + (row.events as number), 0)).toBe(7)
  })
})

test('a range without events has no rows', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    expect((await topEvents(db, { from: '2024-01-01', to: '2024-01-02' })).data).toEqual([])
  })
})

test('a segment on event types is answered from the rollups, any other from the events', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    const types = await topEvents(db, { segment: ['event_type!=view'] })
    expect(types.meta.source).toBe('rollups')
    expect(types.data).toEqual([
      { event_type: 'Zoom', events: 2, share: 0.5 },
      { event_type: 'apply', events: 2, share: 0.5 },
    ])
    const ofBob = await topEvents(db, { segment: ['user_id:bob'] })
    expect(ofBob.meta.source).toBe('events')
    expect(ofBob.data.map((row) => [row.event_type, row.events])).toEqual([
      ['apply', 2],
      ['view', 1],
    ])
  })
})

test('the users behind an event type', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    const { data, meta } = await drillDown(db, topEventsStat, {}, 'view')
    expect(meta.source).toBe('events')
    expect(data).toEqual([{ user_id: 'ann' }, { user_id: 'bob' }])
    expect((await drillDown(db, topEventsStat, { from: '2025-08-02' }, 'view')).data).toEqual([])
  })
})

test('by a property its values are ranked, unset is a key, all others are one row, and rows add up to the total', async () => {
  await withFreshDatabase(async (db) => {
    const at = '2025-08-01T10:00:00Z'
    const page = (user: string, ...pages: unknown[]) => pages.map((one) => ({ at, user, properties: { page: one } }))
    await storeEvents(db, [...page('ann', '/', '/', '/a', 7, null), ...page('bob', '/', '/a', 'z')])
    const { data, meta, columns } = await topEvents(db, { by: 'properties.page', limit: 2, uniqueUsers: true })
    expect(columns.map(({ name }) => name)).toEqual(['key', 'others', 'events', 'share', 'unique_users'])
    expect(data).toEqual([
      { key: '/', others: false, events: 3, share: 3 / 8, unique_users: 2 },
      { key: '/a', others: false, events: 2, share: 2 / 8, unique_users: 2 },
      { key: null, others: true, events: 3, share: 3 / 8, unique_users: 2 },
    ])
    expect(meta).toMatchObject({ by: 'properties.page', keys_left_out: 3, source: 'events' })
    const all = await topEvents(db, { by: ['event_type', 'properties.page'] })
    expect(all.data.map((row) => [row.key, row.key_2, row.others, row.events])).toEqual([
      ['view', '/', false, 3],
      ['view', '/a', false, 2],
      ['view', '7', false, 1],
      ['view', 'z', false, 1],
      ['view', null, false, 1],
    ])
    const users = async (by: string[], cell: string) =>
      (await drillDown(db, topEventsStat, { by }, cell)).data.map((row) => row.user_id)
    expect(await users(['properties.page'], '/a')).toEqual(['ann', 'bob'])
    expect(await users(['properties.page'], '')).toEqual(['ann'])
    expect(await users(['event_type', 'properties.page'], 'view,z')).toEqual(['bob'])
    await expect(users(['event_type', 'properties.page'], 'view')).rejects.toMatchObject({ code: 'usage' })
    expect((await topEvents(db, { by: 'properties.page', from: '2024-01-01', to: '2024-01-02' })).data).toEqual([])
  })
})
