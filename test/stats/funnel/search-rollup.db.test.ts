/** A funnel says the same of the times that are kept for each user as of his events, and reads them where it can. */
import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type * as z from 'zod'
import { addDays } from '../../../src/lib/core/time.js'
import { type Database, withTransaction } from '../../../src/lib/db/connect.js'
import { fillTimes } from '../../../src/lib/rollups/on-demand/user-times.js'
import type { EventTypeRollup } from '../../../src/lib/rollups/sql/on-demand.js'
import { funnelStat } from '../../../src/lib/stats/funnel.js'
import { drillDown } from '../../../src/lib/stats/query/drill-down.js'
import { runStat } from '../../../src/lib/stats/query/run-stat.js'
import { assertProperty, size } from '../../support/effort.js'
import { storeBatch, storeEvents } from '../../support/events.js'
import { withFreshDatabase } from '../../support/postgres/database.js'

const types = ['a', 'b', 'c', 'd'] as const
type Given = z.input<typeof funnelStat.params>

/** Midnights, or what stands for them where clocks change then. */
const midnights = fc.constantFrom(
  { tz: 'UTC', at: '2018-11-04T00:00:00Z' },
  { tz: 'Asia/Kathmandu', at: '2018-11-03T18:15:00Z' },
  // It does not exist: from 24:00 the clock goes to 1:00.
  { tz: 'America/Sao_Paulo', at: '2018-11-04T03:00:00Z' },
  // From 24:00 it goes back to 23:00 of the same day.
  { tz: 'America/Sao_Paulo', at: '2018-02-18T02:00:00Z' },
  // The new day is a minute old when the old one comes back for an hour: days are not runs of instants.
  { tz: 'America/St_Johns', at: '2010-11-07T02:31:00Z' },
  // A whole day is left out.
  { tz: 'Pacific/Apia', at: '2011-12-30T10:00:00Z' },
)
const secondsFromMidnight = fc.oneof(
  fc.integer({ min: -8, max: 8 }).map((n) => n * 600),
  fc.integer({ min: -5, max: 5 }).map((n) => n * 30),
  fc.integer({ min: -4, max: 4 }).map((n) => n * 86_400),
)
const scenario = fc.record({
  midnight: midnights,
  events: fc.array(
    fc.record({
      seconds: secondsFromMidnight,
      user: fc.constantFrom('u1', 'u2', 'u3', 'u4', 'u5'),
      type: fc.constantFrom(...types, 'x'),
    }),
    { minLength: 30, maxLength: 60, size: 'max' },
  ),
  steps: fc.tuple(fc.shuffledSubarray([...types], { minLength: 2 }), fc.boolean()),
  window: fc.constantFrom('30s', '1m', '20m', '3h', '2d', '14d'),
  range: fc.oneof(
    fc.record({ from: fc.integer({ min: -3, max: 2 }), days: fc.integer({ min: 0, max: 3 }) }),
    fc.constant({ from: -40, days: 80 }),
    fc.constant(undefined),
  ),
  asOfHours: fc.integer({ min: -30, max: 60 }),
})

test('the same numbers and users from kept times as from events, in zones whose clocks change at midnight', {
  tags: 'property',
}, async () => {
  let converted = 0
  await withFreshDatabase(async (db) => {
    const property = fc.asyncProperty(scenario, async ({ midnight, events, steps, window, range, asOfHours }) => {
      await emptied(db, midnight.tz)
      const atMs = Date.parse(midnight.at)
      await storeEvents(
        db,
        events.map(({ seconds, ...event }) => ({ ...event, at: new Date(atMs + seconds * 1000).toISOString() })),
      )
      const given: Given = { step: steps[0], window, asOf: new Date(atMs + asOfHours * 3_600_000).toISOString() }
      if (range !== undefined) {
        given.from = addDays(midnight.at.slice(0, 10), range.from)
        given.to = addDays(given.from, range.days)
      }
      const fromEvents = await wholeAnswer(db, given)
      await keepTimes(db, types)
      const fromTimes = await wholeAnswer(db, given)
      expect([fromEvents.source, fromTimes.source]).toEqual(['events', 'rollups'])
      expect(fromTimes.answer).toEqual(fromEvents.answer)
      converted += fromEvents.lastUsers
    })
    await assertProperty(property, 60)
  })
  // Three questions of a quick run may have no user who gets to the end.
  expect(converted).toBeGreaterThanOrEqual(size(1, 0))
})

/** All that can be asked about a funnel, and who answered. */
async function wholeAnswer(db: Database, given: Given) {
  const { data, meta } = await runStat(db, funnelStat, given)
  const { source, ...rest } = meta
  const users: Record<string, readonly unknown[]> = {}
  for (const { step } of data) {
    for (const cell of step === 1 ? ['1'] : [`${step}`, `-${step}`]) {
      const found = await drillDown(db, funnelStat, given, cell)
      expect(found.meta.source).toBe(source)
      users[cell] = found.data
    }
  }
  return { source, answer: { data, meta: rest, users }, lastUsers: Number(data.at(-1)?.users ?? 0) }
}

async function emptied(db: Database, tz: string) {
  for (const table of [db.t.events, db.t.import_batches, db.t.optional_rollups, db.t.user_times]) {
    await sql`DELETE FROM ${table}`.execute(db.q)
  }
  await db.q.updateTable('settings').set({ reporting_tz: tz }).execute()
}

async function keepTimes(db: Database, eventTypes: readonly string[]) {
  await withTransaction(db, async (tx) => {
    const { rows } = await sql<EventTypeRollup>`
      INSERT INTO ${tx.t.optional_rollups} (event_type) SELECT unnest(${eventTypes}::text[])
      RETURNING id, 'event_type' AS kind, event_type AS "eventType"`.execute(tx.q)
    await fillTimes(tx, rows)
  })
}

const visit = { user: 'ann', properties: { plan: 'pro' } }

test('the kept times answer what they hold, and the events everything else', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, [
      { ...visit, type: 'a', at: '2025-03-01T10:00:00Z' },
      { ...visit, type: 'b', at: '2025-03-01T11:00:00Z' },
      { ...visit, type: 'c', at: '2025-03-01T12:00:00Z' },
    ])
    await keepTimes(db, ['a', 'b'])
    const sourceOf = async (given: Partial<Given>) => {
      const { data, meta } = await runStat(db, funnelStat, { step: ['a', 'b'], ...given })
      expect(data[0]!.users).toBe(1)
      return meta.source
    }
    expect(await sourceOf({})).toBe('rollups')
    expect(await sourceOf({ step: ['b', 'a'], window: '30s', from: '2025-03-01' })).toBe('rollups')
    expect(await sourceOf({ tz: 'UTC' })).toBe('rollups')
    expect(await sourceOf({ tz: 'Europe/Kyiv' })).toBe('events')
    expect(await sourceOf({ step: ['a', 'c'] })).toBe('events')
    expect(await sourceOf({ step: ['a', 'b', 'a'] })).toBe('events')
    expect(await sourceOf({ step: ['a', 'b[properties.plan:pro]'] })).toBe('events')
    expect(await sourceOf({ exclude: ['c'] })).toBe('events')
    expect(await sourceOf({ order: 'strict' })).toBe('events')
    expect(await sourceOf({ order: 'unordered' })).toBe('events')
    expect(await sourceOf({ segment: ['properties.plan:pro'] })).toBe('events')
    expect(await sourceOf({ segment: ['event_type:a,b'] })).toBe('events')
  })
})

test('funnels of many steps, those that are tried before they are searched and longer ones', async () => {
  await withFreshDatabase(async (db) => {
    const many = Array.from({ length: 8 }, (_, index) => `t${index + 1}`)
    // Rounds of all steps: u1 takes them hour by hour, the others slower, with a hole, or only at the second try.
    const hoursBetween = { u1: 1, u2: 9, u3: 30, u4: 5 }
    const events = Object.entries(hoursBetween).flatMap(([user, hours], nth) =>
      [0, 1].flatMap((round) =>
        many
          .filter((_, index) => !(round === 0 && nth === 3 && index === 4))
          .map((type, index) => ({
            user,
            type,
            at: new Date(Date.UTC(2025, 2, 1 + 20 * round, index * (round === 0 ? hours : 2))).toISOString(),
          })),
      ),
    )
    await storeEvents(db, events)
    const lengths = [5, 6, 7, 8]
    const asked = lengths.map(
      (length): Given => ({ step: many.slice(0, length), window: '40h', asOf: '2025-04-01T00:00:00Z' }),
    )
    const fromEvents = await Promise.all(asked.map((given) => wholeAnswer(db, given)))
    await keepTimes(db, many)
    for (const [index, given] of asked.entries()) {
      const { source, answer } = await wholeAnswer(db, given)
      expect(source).toBe('rollups')
      expect(answer, `${lengths[index]} steps`).toEqual(fromEvents[index]!.answer)
      expect(fromEvents[index]!.lastUsers).toBe(4)
    }
  })
})

test('a batch that is still loading does not count', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, [{ user: 'ann', type: 'a', at: '2025-03-01T10:00:00Z' }])
    await withTransaction(db, (tx) =>
      storeBatch(tx, [{ user: 'ann', type: 'b', at: '2025-03-01T11:00:00Z' }], 'loading'),
    )
    await keepTimes(db, ['a', 'b'])
    const { data, meta } = await runStat(db, funnelStat, { step: ['a', 'b'] })
    expect(meta.source).toBe('rollups')
    expect(data.map(({ users }) => users)).toEqual([1, 0])
  })
})

test('without any data there is nothing to count', async () => {
  await withFreshDatabase(async (db) => {
    await keepTimes(db, ['a', 'b'])
    const { data } = await runStat(db, funnelStat, { step: ['a', 'b'], from: '2025-03-01', to: '2025-03-31' })
    expect(data.map(({ users }) => users)).toEqual([0, 0])
    expect((await runStat(db, funnelStat, { step: ['a', 'b'] })).data).toEqual([])
  })
})
