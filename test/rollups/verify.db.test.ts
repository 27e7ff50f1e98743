/** Verify finds every kind of planted difference and rebuild repairs it; rebuild moves days to another zone, also beside a completing batch. */
import fc from 'fast-check'
import { type RawBuilder, sql } from 'kysely'
import { expect, test } from 'vitest'
import { type Database, withTransaction } from '../../src/lib/db/connect.js'
import { type RebuildResult, rebuildRollups } from '../../src/lib/rollups/rebuild.js'
import { verifyRollups } from '../../src/lib/rollups/verify.js'
import { assertProperty } from '../support/effort.js'
import { withFreshDatabase } from '../support/postgres/database.js'
import {
  complete,
  loadBatch,
  type ModelEvent,
  modelRollups,
  reset,
  someEvents,
  storedRollups,
  takeLock,
  undo,
  zones,
} from './model.js'

const history: ModelEvent[] = [
  { at: '2024-05-01T10:00:00Z', user: 'ann', type: 'view' },
  { at: '2024-05-01T22:30:00Z', user: 'ann', type: 'buy' },
  { at: '2024-05-03T10:00:00Z', user: 'ann', type: 'view' },
  { at: '2024-05-03T23:30:00Z', user: 'bob', type: 'view' },
]

const nothing = { user_days: 0, days: 0, event_type_days: 0, property_user_days: 0, property_days: 0, user_times: 0 }

const rebuild = (db: Database, reportingTz?: string): Promise<RebuildResult> =>
  withTransaction(db, async (tx) => {
    await takeLock(tx)
    return rebuildRollups(tx, reportingTz === undefined ? {} : { reportingTz })
  })

test('every kind of planted difference is named, and repaired', async () => {
  await withFreshDatabase(async (db) => {
    const { user_days, days, event_type_days } = db.t
    const ann3 = { first_day: '2024-05-01', prev_day: '2024-05-01', events: 1 }
    const day1 = { active_users: 1, new_users: 1, events: 2 }
    const planted = [
      {
        damage: sql`DELETE FROM ${user_days} WHERE user_id = 'ann' AND day = '2024-05-03'`,
        finds: { table: 'user_days', key: { user_id: 'ann', day: '2024-05-03' }, stored: null, expected: ann3 },
      },
      {
        damage: sql`INSERT INTO ${user_days} VALUES ('2024-05-02', '2024-05-02', NULL, 7, 'eve')`,
        finds: {
          table: 'user_days',
          key: { user_id: 'eve', day: '2024-05-02' },
          stored: { first_day: '2024-05-02', prev_day: null, events: 7 },
          expected: null,
        },
      },
      ...[
        { set: sql`events = 2`, wrong: { events: 2 } },
        { set: sql`prev_day = NULL`, wrong: { prev_day: null } },
        { set: sql`prev_day = '2024-05-02'`, wrong: { prev_day: '2024-05-02' } },
        { set: sql`first_day = '2024-05-02'`, wrong: { first_day: '2024-05-02' } },
      ].map(({ set, wrong }) => ({
        damage: sql`UPDATE ${user_days} SET ${set} WHERE user_id = 'ann' AND day = '2024-05-03'`,
        finds: {
          table: 'user_days',
          key: { user_id: 'ann', day: '2024-05-03' },
          stored: { ...ann3, ...wrong },
          expected: ann3,
        },
      })),
      ...(['active_users', 'new_users', 'events'] as const).map((column) => ({
        damage: sql`UPDATE ${days} SET ${sql.id(column)} = 9 WHERE day = '2024-05-01'`,
        finds: { table: 'days', key: { day: '2024-05-01' }, stored: { ...day1, [column]: 9 }, expected: day1 },
      })),
      {
        damage: sql`DELETE FROM ${days} WHERE day = '2024-05-01'`,
        finds: { table: 'days', key: { day: '2024-05-01' }, stored: null, expected: day1 },
      },
      {
        damage: sql`INSERT INTO ${days} VALUES ('2020-01-01', 1, 0, 1)`,
        finds: {
          table: 'days',
          key: { day: '2020-01-01' },
          stored: { active_users: 1, new_users: 0, events: 1 },
          expected: null,
        },
      },
      {
        damage: sql`UPDATE ${event_type_days} SET events = 9 WHERE day = '2024-05-01' AND event_type = 'buy'`,
        finds: {
          table: 'event_type_days',
          key: { day: '2024-05-01', event_type: 'buy' },
          stored: { events: 9 },
          expected: { events: 1 },
        },
      },
      {
        damage: sql`DELETE FROM ${event_type_days} WHERE day = '2024-05-01' AND event_type = 'buy'`,
        finds: {
          table: 'event_type_days',
          key: { day: '2024-05-01', event_type: 'buy' },
          stored: null,
          expected: { events: 1 },
        },
      },
      {
        damage: sql`INSERT INTO ${event_type_days} VALUES ('2024-05-01', 'Buy', 1)`,
        finds: {
          table: 'event_type_days',
          key: { day: '2024-05-01', event_type: 'Buy' },
          stored: { events: 1 },
          expected: null,
        },
      },
    ]
    await complete(db, await loadBatch(db, history))
    for (const { damage, finds } of planted) {
      expect(await verifyRollups(db)).toEqual([])
      await damage.execute(db.q)
      expect(await verifyRollups(db)).toEqual([finds])
      const changed = { ...nothing, [finds.table]: 1 }
      expect(await rebuild(db)).toEqual({ reportingTz: 'UTC', changed })
      expect(await storedRollups(db)).toEqual(modelRollups(history, 'UTC'))
    }
    expect(await rebuild(db)).toEqual({ reportingTz: 'UTC', changed: nothing })
  })
})

test('every kind of wrong array of times is named, and repaired', async () => {
  await withFreshDatabase(async (db) => {
    const { user_times, optional_rollups } = db.t
    const { rows } = await sql<{ id: number }>`
      INSERT INTO ${optional_rollups} (event_type) VALUES ('view') RETURNING id`.execute(db.q)
    const rollup = rows[0]!.id
    await complete(db, await loadBatch(db, history))
    const all = sql`SELECT rollup, user_id, times::text FROM ${user_times} ORDER BY user_id`
    const right = (await all.execute(db.q)).rows
    expect(right.map((row) => (row as { user_id: string }).user_id)).toEqual(['ann', 'bob'])
    const ofAnn = { rollup, user_id: 'ann' }
    const planted: [key: object, lacks: 'stored' | 'expected' | undefined, damage: RawBuilder<unknown>][] = [
      [ofAnn, 'stored', sql`DELETE FROM ${user_times} WHERE user_id = 'ann'`],
      [ofAnn, undefined, sql`UPDATE ${user_times} SET times = times[:1] WHERE user_id = 'ann'`],
      [ofAnn, undefined, sql`UPDATE ${user_times} SET times = times || times[2] WHERE user_id = 'ann'`],
      [ofAnn, undefined, sql`UPDATE ${user_times} SET times = ARRAY[times[2], times[1]] WHERE user_id = 'ann'`],
      [
        { rollup, user_id: 'eve' },
        'expected',
        sql`INSERT INTO ${user_times} VALUES (${rollup}, 'eve', '{2024-05-01}')`,
      ],
      [
        { rollup: rollup + 1, user_id: 'ann' },
        'expected',
        sql`INSERT INTO ${user_times} VALUES (${rollup + 1}, 'ann', '{2024-05-01}')`,
      ],
    ]
    for (const [key, lacks, damage] of planted) {
      expect(await verifyRollups(db)).toEqual([])
      await damage.execute(db.q)
      const found = await verifyRollups(db)
      expect(found.map(({ table, key }) => ({ table, key }))).toEqual([{ table: 'user_times', key }])
      expect(found[0]!.stored === null ? 'stored' : found[0]!.expected === null ? 'expected' : undefined).toBe(lacks)
      expect((await rebuild(db)).changed).toEqual({ ...nothing, user_times: 1 })
      expect((await all.execute(db.q)).rows).toEqual(right)
    }
  })
})

test('differences come in order, and no more than asked for', async () => {
  await withFreshDatabase(async (db) => {
    await complete(db, await loadBatch(db, history))
    await sql`DELETE FROM ${db.t.user_days}`.execute(db.q)
    await sql`DELETE FROM ${db.t.days}`.execute(db.q)
    const all = await verifyRollups(db)
    expect(all.map(({ table, key }) => [table, key.user_id, key.day])).toEqual([
      ['days', undefined, '2024-05-01'],
      ['days', undefined, '2024-05-03'],
      ['user_days', 'ann', '2024-05-01'],
      ['user_days', 'ann', '2024-05-03'],
      ['user_days', 'bob', '2024-05-03'],
    ])
    expect(await verifyRollups(db, { limit: 3 })).toEqual(all.slice(0, 3))
  })
})

test('a batch that is loading counts neither for verify nor for rebuild', async () => {
  await withFreshDatabase(async (db) => {
    await complete(db, await loadBatch(db, history))
    await loadBatch(db, [{ at: '2023-01-01T00:00:00Z', user: 'ann', type: 'view' }])
    expect(await verifyRollups(db)).toEqual([])
    expect((await rebuild(db)).changed).toEqual(nothing)
  })
})

test('rebuild moves the days to any zone and back, and the next batches follow it', { tags: 'property' }, async () => {
  await withFreshDatabase((db) =>
    assertProperty(
      fc.asyncProperty(
        fc.shuffledSubarray([...zones], { minLength: 3 }),
        someEvents,
        someEvents,
        async ([before, after, last], first, second) => {
          await reset(db, before!)
          const firstId = await loadBatch(db, first)
          await complete(db, firstId)
          expect((await rebuild(db, after)).reportingTz).toBe(after)
          expect(await storedRollups(db)).toEqual(modelRollups(first, after!))
          // The zone changes again after each delta was prepared and before the lock is taken.
          await complete(db, await loadBatch(db, second), () => rebuild(db, last))
          expect(await storedRollups(db)).toEqual(modelRollups([...first, ...second], last!))
          await undo(db, firstId, () => rebuild(db, before))
          expect(await storedRollups(db)).toEqual(modelRollups(second, before!))
          expect(await verifyRollups(db)).toEqual([])
        },
      ),
      30,
    ),
  )
})

test('rebuild refuses a zone that the server does not know, and counts a new version only when something changed', async () => {
  await withFreshDatabase(async (db) => {
    const version = async () =>
      (await db.q.selectFrom('settings').select('data_version').executeTakeFirstOrThrow()).data_version
    await complete(db, await loadBatch(db, history))
    const before = await version()
    await expect(rebuild(db, 'Mars/Olympus')).rejects.toMatchObject({ code: 'usage' })
    await rebuild(db, 'UTC')
    expect(await version()).toBe(before)
    await rebuild(db, 'Europe/Kyiv')
    expect(await version()).toBe(before + 1)
  })
})
