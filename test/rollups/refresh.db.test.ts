/** The rollups equal the naive model after batches in any order, late data, and undo in any order. */
import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { verifyRollups } from '../../src/lib/rollups/verify.js'
import { assertProperty } from '../support/effort.js'
import {
  complete,
  loadBatch,
  type ModelEvent,
  modelRollups,
  noRollups,
  reset,
  someEvents,
  storedRollups,
  undo,
  zones,
} from './model.js'
import { sharedDatabase } from './shared-database.js'

const withDatabase = sharedDatabase()

test('any batches, added and removed in any order, in any zone', { tags: 'property' }, async () => {
  const steps = fc.array(fc.tuple(someEvents, fc.option(fc.nat(), { freq: 3 })), { minLength: 1, maxLength: 6 })
  await withDatabase((db) =>
    assertProperty(
      fc.asyncProperty(fc.constantFrom(...zones), steps, async (zone, plan) => {
        await reset(db, zone)
        const visible = new Map<number, ModelEvent[]>()
        const expectModel = async () =>
          expect(await storedRollups(db)).toEqual(modelRollups([...visible.values()].flat(), zone))
        for (const [events, undoNext] of plan) {
          const batchId = await loadBatch(db, events)
          expect(await complete(db, batchId)).toBe(events.length)
          visible.set(batchId, events)
          await expectModel()
          if (undoNext !== null) {
            const victim = [...visible.keys()][undoNext % visible.size]!
            await undo(db, victim)
            visible.delete(victim)
            await expectModel()
          }
        }
        expect(await verifyRollups(db)).toEqual([])
        for (const batchId of visible.keys()) {
          await undo(db, batchId)
          visible.delete(batchId)
          await expectModel()
        }
      }),
      100,
    ),
  )
})

// Each gap of the history gets one day, several, one at its edge; days before the first and behind the last.
test('a small batch beside a long history, and a long history beside a small batch', async () => {
  const history: ModelEvent[] = Array.from({ length: 120 }, (_, index) => ({
    at: new Date(Date.UTC(2024, 0, 1 + (index % 60) * 2, 12)).toISOString(),
    user: index < 60 ? 'ann' : 'bob',
    type: 'view',
  }))
  const at = (...days: number[]) =>
    days.map((day) => ({ at: new Date(Date.UTC(2024, 0, day, 6)).toISOString(), user: 'ann', type: 'buy' }))
  const batches = [history, at(0, -3), at(2, 3, 4, 8), at(200, 201), at(-10, 119, 121, 300), at(1)]
  for (const order of [batches, [...batches].reverse()]) {
    await withDatabase(async (db) => {
      await reset(db, 'UTC')
      const ids: number[] = []
      for (const [index, events] of order.entries()) {
        ids.push(await loadBatch(db, events))
        await complete(db, ids.at(-1)!)
        expect(await storedRollups(db)).toEqual(modelRollups(order.slice(0, index + 1).flat(), 'UTC'))
      }
      for (const [index, batchId] of ids.entries()) {
        await undo(db, batchId)
        expect(await storedRollups(db)).toEqual(modelRollups(order.slice(index + 1).flat(), 'UTC'))
      }
    })
  }
})

test('a batch without events changes nothing', async () => {
  await withDatabase(async (db) => {
    await reset(db, 'UTC')
    const batchId = await loadBatch(db, [])
    expect(await complete(db, batchId)).toBe(0)
    await undo(db, batchId)
    expect(await storedRollups(db)).toEqual(noRollups)
  })
})

test('undo refuses when the rollups lack what it must take out, and changes nothing', async () => {
  await withDatabase(async (db) => {
    const events: ModelEvent[] = [
      { at: '2024-05-01T10:00:00Z', user: 'ann', type: 'view' },
      { at: '2024-05-02T10:00:00Z', user: 'bob', type: 'buy' },
    ]
    for (const damage of [
      sql`DELETE FROM ${db.t.user_days} WHERE user_id = 'bob'`,
      sql`DELETE FROM ${db.t.days} WHERE day = '2024-05-01'`,
      sql`DELETE FROM ${db.t.event_type_days} WHERE event_type = 'buy'`,
    ]) {
      await reset(db, 'UTC')
      const batchId = await loadBatch(db, events)
      await complete(db, batchId)
      await damage.execute(db.q)
      const before = await storedRollups(db)
      await expect(undo(db, batchId)).rejects.toMatchObject({ code: 'rollups_differ' })
      expect(await storedRollups(db)).toEqual(before)
      const { rows } = await sql<{ left: number }>`SELECT count(*) AS left FROM ${db.t.events}`.execute(db.q)
      expect(rows).toEqual([{ left: 2 }])
    }
  })
})
