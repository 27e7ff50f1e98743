/**
 * The optional rollups equal the naive model and what verify calls right, whatever happens in whatever order: batches
 * completed and undone, events over HTTP, a rollup added or removed in the middle, another zone.
 */
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { storePending } from '../../src/lib/batches/pending.js'
import { type Database, withTransaction } from '../../src/lib/db/connect.js'
import { commitGroup } from '../../src/lib/ingest/commit.js'
import { rebuildRollups } from '../../src/lib/rollups/rebuild.js'
import { verifyRollups } from '../../src/lib/rollups/verify.js'
import { requestOf } from '../ingest/ingesting.js'
import { assertProperty } from '../support/effort.js'
import {
  complete,
  forget,
  type Kept,
  keep,
  loadBatch,
  type ModelEvent,
  modelRollups,
  reset,
  someEvents,
  someProperties,
  storedRollups,
  takeLock,
  undo,
  zones,
} from './model.js'
import { sharedDatabase } from './shared-database.js'

const withDatabase = sharedDatabase()
const subjects: readonly Kept[] = ['country', 'account.plan', 'view']

/** What a test has done so far, beside what the database says of it. */
class World {
  readonly #db: Database
  readonly visible = new Map<number, readonly ModelEvent[]>()
  readonly kept = new Set<Kept>()
  zone: string

  constructor(db: Database, zone: string) {
    this.#db = db
    this.zone = zone
  }

  async toggle(kept: Kept): Promise<void> {
    await (this.kept.has(kept) ? forget : keep)(this.#db, kept)
    if (!this.kept.delete(kept)) this.kept.add(kept)
  }

  async rebuild(zone: string): Promise<void> {
    await withTransaction(this.#db, async (tx) => {
      await takeLock(tx)
      await rebuildRollups(tx, { reportingTz: zone })
    })
    this.zone = zone
  }

  /** Each commit has a sender of its own, so that each is a batch and can be undone. */
  async commit(events: readonly ModelEvent[], ids?: readonly string[]): Promise<void> {
    if (events.length === 0) return
    const sender = randomUUID()
    await commitGroup(this.#db, [await requestOf(bodyOf(events, ids), { sender })], { timezone: 'UTC' })
    const { id } = await this.#db.q
      .selectFrom('import_batches')
      .select('id')
      .where('file', 'like', `%${sender}%`)
      .executeTakeFirstOrThrow()
    this.visible.set(id, events)
  }

  async expectModel(): Promise<void> {
    const events = [...this.visible.values()].flat()
    expect(await storedRollups(this.#db)).toEqual(modelRollups(events, this.zone, [...this.kept]))
  }
}

const isKept = (one: string): one is Kept => (subjects as readonly string[]).includes(one)

/** JSON by hand: the digits of a number must arrive as they are. */
function bodyOf(events: readonly ModelEvent[], ids?: readonly string[]): string {
  const records = events.map(({ at, user, type, properties }, index) => {
    const fields = JSON.stringify({
      event_id: ids?.[index] ?? randomUUID(),
      occurred_at: at,
      user_id: user,
      event_type: type,
    })
    return `${fields.slice(0, -1)}, "properties": ${properties?.json ?? '{}'}}`
  })
  return `[${records.join(',')}]`
}

const someStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('complete' as const), events: someEvents }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('commit' as const), events: someEvents }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('undo' as const), victim: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('toggle' as const), subject: fc.constantFrom(...subjects) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rebuild' as const), zone: fc.constantFrom(...zones) }) },
)
/** What somebody else does after a delta was prepared and before the lock is taken. */
const someMeanwhile = fc.option(fc.constantFrom(...subjects, ...zones), { freq: 2 })

test('anything in any order', { tags: 'property' }, async () => {
  const plan = fc.array(fc.tuple(someStep, someMeanwhile), { minLength: 2, maxLength: 8 })
  const start = fc.subarray([...subjects])
  await withDatabase((db) =>
    assertProperty(
      fc.asyncProperty(fc.constantFrom(...zones), start, plan, async (zone, keptAtStart, steps) => {
        await reset(db, zone)
        const world = new World(db, zone)
        for (const kept of keptAtStart) await world.toggle(kept)
        for (const [step, other] of steps) {
          const meanwhile = async () => {
            if (other === null) return
            await (isKept(other) ? world.toggle(other) : world.rebuild(other))
          }
          if (step.kind === 'complete') {
            const batchId = await loadBatch(db, step.events)
            expect(await complete(db, batchId, meanwhile)).toBe(step.events.length)
            world.visible.set(batchId, step.events)
          } else if (step.kind === 'commit') await world.commit(step.events)
          else if (step.kind === 'toggle') await world.toggle(step.subject)
          else if (step.kind === 'rebuild') await world.rebuild(step.zone)
          else if (world.visible.size > 0) {
            const victim = [...world.visible.keys()][step.victim % world.visible.size]!
            await undo(db, victim, meanwhile)
            world.visible.delete(victim)
          }
          await world.expectModel()
        }
        expect(await verifyRollups(db)).toEqual([])
      }),
      60,
    ),
  )
})

/** One event for each kind of properties, by turns of users and days. */
const everyKind: ModelEvent[] = [...someProperties, ...someProperties].map((properties, index) => ({
  at: new Date(Date.UTC(2024, 4, 1 + (index % 5), 12)).toISOString(),
  user: index % 3 === 0 ? 'ann' : 'bob',
  type: 'view',
  properties,
}))

test('a commit of many records over HTTP, beside stored days', async () => {
  await withDatabase(async (db) => {
    await reset(db, 'UTC')
    const world = new World(db, 'UTC')
    for (const kept of subjects) await world.toggle(kept)
    await world.commit(everyKind.slice(0, 9))
    const many = Array.from({ length: 700 }, (_, index) => everyKind[index % everyKind.length]!)
    await world.commit(many)
    await world.expectModel()
    expect(await verifyRollups(db)).toEqual([])
  })
})

test('events that waited for a batch that was given up', async () => {
  await withDatabase(async (db) => {
    await reset(db, 'UTC')
    const world = new World(db, 'UTC')
    for (const kept of subjects) await world.toggle(kept)
    const ids = everyKind.map(() => randomUUID())
    const ownerId = await loadBatch(db, [...everyKind].reverse(), ids)
    await world.commit(everyKind, ids)
    expect((await storedRollups(db)).user_days).toEqual([])
    await withTransaction(db, async (tx) => {
      await sql`DELETE FROM ${tx.t.events} WHERE batch_id = ${ownerId}`.execute(tx.q)
      await sql`UPDATE ${tx.t.import_batches} SET status = 'undone' WHERE id = ${ownerId}`.execute(tx.q)
      expect(await storePending(tx, ownerId)).toBe(everyKind.length)
    })
    await world.expectModel()
    expect(await verifyRollups(db)).toEqual([])
  })
})

test('undo refuses when the rollups of properties lack what it must take out, and changes nothing', async () => {
  await withDatabase(async (db) => {
    for (const damage of [
      sql`DELETE FROM ${db.t.property_user_days} WHERE user_id = 'bob' AND value = 'UA'`,
      sql`UPDATE ${db.t.property_user_days} SET events = events - 1 WHERE events > 1`,
      sql`DELETE FROM ${db.t.property_days} WHERE value = 'UA'`,
    ]) {
      await reset(db, 'UTC')
      await keep(db, 'country')
      const batchId = await loadBatch(db, [...everyKind, ...everyKind])
      await complete(db, batchId)
      await damage.execute(db.q)
      const before = await storedRollups(db)
      await expect(undo(db, batchId)).rejects.toMatchObject({ code: 'rollups_differ' })
      expect(await storedRollups(db)).toEqual(before)
    }
  })
})

test('verify names every kind of difference, rows of an unknown rollup too, and rebuild repairs it', async () => {
  await withDatabase(async (db) => {
    await reset(db, 'UTC')
    await keep(db, 'country')
    const { id: rollup } = await db.q.selectFrom('optional_rollups').select('id').executeTakeFirstOrThrow()
    const properties = someProperties[1]!
    const events = ['2024-05-01T10:00:00Z', '2024-05-03T10:00:00Z'].map((at) => {
      return { at, user: 'ann', type: 'view', properties }
    })
    await complete(db, await loadBatch(db, events))
    const { property_user_days, property_days } = db.t
    const ann = { rollup, value: 'UA', user_id: 'ann', day: '2024-05-03' }
    const ann3 = { first_day: '2024-05-01', prev_day: '2024-05-01', events: 1 }
    const day = { rollup, value: 'UA', day: '2024-05-01' }
    const day1 = { active_users: 1, new_users: 1, events: 1 }
    const planted = [
      {
        damage: sql`DELETE FROM ${property_user_days} WHERE day = '2024-05-03'`,
        finds: { table: 'property_user_days', key: ann, stored: null, expected: ann3 },
      },
      {
        damage: sql`UPDATE ${property_user_days} SET prev_day = NULL WHERE day = '2024-05-03'`,
        finds: { table: 'property_user_days', key: ann, stored: { ...ann3, prev_day: null }, expected: ann3 },
      },
      {
        damage: sql`INSERT INTO ${property_user_days} (rollup, value, user_id, day, first_day, events)
          VALUES (${rollup + 1}, 'UA', 'ann', '2024-05-01', '2024-05-01', 1)`,
        finds: {
          table: 'property_user_days',
          key: { ...ann, rollup: rollup + 1, day: '2024-05-01' },
          stored: { first_day: '2024-05-01', prev_day: null, events: 1 },
          expected: null,
        },
      },
      {
        damage: sql`UPDATE ${property_days} SET active_users = 9 WHERE day = '2024-05-01'`,
        finds: { table: 'property_days', key: day, stored: { ...day1, active_users: 9 }, expected: day1 },
      },
      {
        damage: sql`INSERT INTO ${property_days} VALUES (${rollup + 1}, '2024-05-01', 1, 0, 1, 'UA')`,
        finds: {
          table: 'property_days',
          key: { ...day, rollup: rollup + 1 },
          stored: { ...day1, new_users: 0 },
          expected: null,
        },
      },
    ]
    for (const { damage, finds } of planted) {
      expect(await verifyRollups(db)).toEqual([])
      await damage.execute(db.q)
      expect(await verifyRollups(db)).toEqual([finds])
      const { changed } = await withTransaction(db, (tx) => rebuildRollups(tx))
      expect(changed).toMatchObject({ user_days: 0, days: 0, [finds.table]: 1 })
      expect(await storedRollups(db)).toEqual(modelRollups(events, 'UTC', ['country']))
    }
  })
})
