/** The times of event types equal a naive model and the events, after batches in any order, many events or few at once. */
import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { type Database, type Transaction, withTransaction } from '../../src/lib/db/connect.js'
import {
  addSmallTimes,
  addTimes,
  dropTimes,
  fillTimes,
  prepareTimes,
  removeTimes,
  timesFromEvents,
} from '../../src/lib/rollups/on-demand/user-times.js'
import type { EventTypeRollup } from '../../src/lib/rollups/sql/on-demand.js'
import { assertProperty } from '../support/effort.js'
import { loadBatch, type ModelEvent } from './model.js'
import { sharedDatabase } from './shared-database.js'

const withDatabase = sharedDatabase()

/** Runs `use` on a schema without events that keeps the times of these types. */
async function withTimes(types: readonly string[], use: (db: Database, kept: EventTypeRollup[]) => Promise<unknown>) {
  await withDatabase(async (db) => {
    await emptied(db)
    await sql`DELETE FROM ${db.t.optional_rollups}`.execute(db.q)
    const { rows } = await sql<EventTypeRollup>`
      INSERT INTO ${db.t.optional_rollups} (event_type) SELECT unnest(${types}::text[])
      RETURNING id, 'event_type' AS kind, event_type AS "eventType"`.execute(db.q)
    await use(db, rows)
  })
}

async function emptied(db: Database) {
  for (const table of [db.t.events, db.t.import_batches, db.t.user_times]) {
    await sql`DELETE FROM ${table}`.execute(db.q)
  }
}

/** Few users and instants, so that batches interleave and times are equal, also within a batch. */
const someEvents: fc.Arbitrary<ModelEvent[]> = fc.array(
  fc.record({
    at: fc.integer({ min: 0, max: 12 }).map((n) => new Date(Date.UTC(2025, 0, 1, n % 7, 0, 0, n)).toISOString()),
    user: fc.constantFrom('ann', 'bob', 'Ann', 'ґанна'),
    type: fc.constantFrom('view', 'view', 'buy', 'View'),
  }),
  { maxLength: 20 },
)
/** All behind those of `someEvents`, as the next day's file is. */
const laterEvents = someEvents.map((events) =>
  events.map((event) => ({ ...event, at: event.at.replace('2025-01-01', '2025-02-01') })),
)

interface KeptTimes {
  readonly rollup: number
  readonly user_id: string
  readonly times: readonly string[]
}

function modelTimes(events: readonly ModelEvent[], kept: readonly EventTypeRollup[]): KeptTimes[] {
  const rows = new Map<string, KeptTimes & { times: string[] }>()
  for (const { at, user, type } of events) {
    const rollup = kept.find(({ eventType }) => eventType === type)?.id
    if (rollup === undefined) continue
    const row = rows.get(`${rollup} ${user}`) ?? { rollup, user_id: user, times: [] }
    rows.set(`${rollup} ${user}`, row)
    row.times.push(at)
  }
  return [...rows.values()].map((row) => ({ ...row, times: row.times.sort() })).sort(byKey)
}

const byKey = (a: KeptTimes, b: KeptTimes) =>
  a.rollup - b.rollup || Buffer.compare(Buffer.from(a.user_id), Buffer.from(b.user_id))

async function timesIn(db: Database, relation: ReturnType<typeof timesFromEvents>): Promise<KeptTimes[]> {
  const { rows } = await sql<{ rollup: number; user_id: string; times: Date[] }>`
    SELECT rollup, user_id, times FROM ${relation} AS found`.execute(db.q)
  return rows.map((row) => ({ ...row, times: row.times.map((time) => time.toISOString()) })).sort(byKey)
}

/** What is stored is what the model and the events say, in arrays that count from 1. */
async function expectTimes(db: Database, kept: readonly EventTypeRollup[], visible: readonly ModelEvent[]) {
  const stored = await timesIn(db, db.t.user_times)
  expect(stored).toEqual(modelTimes(visible, kept))
  expect(await timesIn(db, sql`(${timesFromEvents(db)})`)).toEqual(stored)
  const { rows } = await sql`SELECT FROM ${db.t.user_times} WHERE array_lower(times, 1) <> 1`.execute(db.q)
  expect(rows).toEqual([])
}

const prepareBatch = (tx: Transaction, batchId: number, kept: readonly EventTypeRollup[]) =>
  prepareTimes(tx, sql`${tx.t.events} WHERE batch_id = ${batchId}::bigint`, kept)

async function complete(db: Database, batchId: number, kept: readonly EventTypeRollup[]) {
  await withTransaction(db, async (tx) => {
    await prepareBatch(tx, batchId, kept)
    await addTimes(tx)
    await sql`UPDATE ${tx.t.import_batches} SET status = 'completed' WHERE id = ${batchId}`.execute(tx.q)
  })
}

async function commitFew(db: Database, batchId: number, events: ModelEvent[], kept: readonly EventTypeRollup[]) {
  await withTransaction(db, async (tx) => {
    const rows = events.flatMap(({ at, user, type }) =>
      kept
        .filter(({ eventType }) => eventType === type)
        .map(({ id }) => ({ rollup: id, user_id: user, occurred_at: at })),
    )
    await addSmallTimes(tx, rows)
    await sql`UPDATE ${tx.t.import_batches} SET status = 'completed' WHERE id = ${batchId}`.execute(tx.q)
  })
}

async function undo(db: Database, batchId: number, kept: readonly EventTypeRollup[]) {
  await withTransaction(db, async (tx) => {
    await prepareBatch(tx, batchId, kept)
    await removeTimes(tx)
    await sql`DELETE FROM ${tx.t.events} WHERE batch_id = ${batchId}`.execute(tx.q)
    await sql`UPDATE ${tx.t.import_batches} SET status = 'undone' WHERE id = ${batchId}`.execute(tx.q)
  })
}

test('any batches, added whole or a few at a time and removed in any order', { tags: 'property' }, async () => {
  const step = fc.record({
    events: fc.oneof(someEvents, laterEvents),
    isFew: fc.boolean(),
    undoNext: fc.option(fc.nat(), { freq: 3 }),
  })
  await withTimes(['view', 'buy', 'nobody'], (db, kept) =>
    assertProperty(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (plan) => {
        await emptied(db)
        const visible = new Map<number, ModelEvent[]>()
        const expectModel = () => expectTimes(db, kept, [...visible.values()].flat())
        for (const { events, isFew, undoNext } of plan) {
          const batchId = await loadBatch(db, events)
          await expectModel()
          await (isFew ? commitFew(db, batchId, events, kept) : complete(db, batchId, kept))
          visible.set(batchId, events)
          await expectModel()
          if (undoNext !== null) {
            const victim = [...visible.keys()][undoNext % visible.size]!
            await undo(db, victim, kept)
            visible.delete(victim)
            await expectModel()
          }
        }
        const before = await timesIn(db, db.t.user_times)
        await withTransaction(db, (tx) => fillTimes(tx, kept))
        expect(await timesIn(db, db.t.user_times)).toEqual(before)
        for (const batchId of [...visible.keys()]) {
          await undo(db, batchId, kept)
          visible.delete(batchId)
          await expectModel()
        }
      }),
      80,
    ),
  )
})

const history: ModelEvent[] = ['10:00', '10:00', '10:00', '11:00'].map((clock) => ({
  at: `2025-01-01T${clock}:00.000Z`,
  user: 'ann',
  type: 'view',
}))

test('a type is filled from completed batches only, and dropped without touching another', async () => {
  await withTimes(['view', 'buy'], async (db, kept) => {
    const [view, buy] = kept as [EventTypeRollup, EventTypeRollup]
    const sold = history.map((event) => ({ ...event, type: 'buy' }))
    const batchId = await loadBatch(db, [...history, ...sold])
    await withTransaction(db, (tx) => fillTimes(tx, kept))
    await expectTimes(db, kept, [])
    await sql`UPDATE ${db.t.import_batches} SET status = 'completed' WHERE id = ${batchId}`.execute(db.q)
    await withTransaction(db, (tx) => fillTimes(tx, [view]))
    expect(await timesIn(db, db.t.user_times)).toEqual(modelTimes(history, [view]))
    await withTransaction(db, (tx) => fillTimes(tx, kept))
    await expectTimes(db, kept, [...history, ...sold])
    await withTransaction(db, (tx) => dropTimes(tx, [view]))
    expect(await timesIn(db, db.t.user_times)).toEqual(modelTimes(sold, [buy]))
  })
})

test('what is prepared twice is added once', async () => {
  await withTimes(['view'], async (db, kept) => {
    const batchId = await loadBatch(db, history)
    await withTransaction(db, async (tx) => {
      await prepareBatch(tx, batchId, kept)
      await prepareBatch(tx, batchId, kept)
      await addTimes(tx)
    })
    expect(await timesIn(db, db.t.user_times)).toEqual(modelTimes(history, kept))
  })
})

test('without any type nothing is kept', async () => {
  await withTimes([], async (db) => {
    const batchId = await loadBatch(db, history)
    await complete(db, batchId, [])
    await expectTimes(db, [], history)
    await undo(db, batchId, [])
    await expectTimes(db, [], [])
  })
})

test('undo refuses when the times lack what it must take out, and changes nothing', async () => {
  await withTimes(['view'], async (db, kept) => {
    const damages = {
      'the row': sql`DELETE FROM ${db.t.user_times}`,
      'one of three equal times': sql`UPDATE ${db.t.user_times} SET times = times[2:]`,
      'the last time': sql`UPDATE ${db.t.user_times} SET times = trim_array(times, 1)`,
      'a time that is another one': sql`UPDATE ${db.t.user_times} SET times = times[1:3] || '2025-01-01 11:30Z'::timestamptz`,
    }
    for (const [what, damage] of Object.entries(damages)) {
      await emptied(db)
      const batchId = await loadBatch(db, history)
      await complete(db, batchId, kept)
      await damage.execute(db.q)
      const before = await timesIn(db, db.t.user_times)
      await expect(undo(db, batchId, kept), what).rejects.toMatchObject({ code: 'rollups_differ' })
      expect(await timesIn(db, db.t.user_times)).toEqual(before)
    }
  })
})
