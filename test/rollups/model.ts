/**
 * The rollups by brute force, over events in memory, and what the tests of the rollups share: batches put in by plain
 * SQL, completed and undone as the pipeline does it, and all that is stored read back.
 */
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { sql } from 'kysely'
import { type Database, type Transaction, withTransaction } from '../../src/lib/db/connect.js'
import { addDelta } from '../../src/lib/rollups/add.js'
import { prepareDelta } from '../../src/lib/rollups/delta.js'
import { removeDelta } from '../../src/lib/rollups/remove.js'

export interface ModelEvent {
  readonly at: string
  readonly user: string
  readonly type: string
}

export interface Rollups {
  readonly user_days: readonly string[]
  readonly days: readonly string[]
  readonly event_type_days: readonly string[]
}

/** The zones of the tests: no offset, one with summer time, one of 5:45, one whose summer time began at midnight. */
export const zones = ['UTC', 'Europe/Kyiv', 'Asia/Kathmandu', 'America/Sao_Paulo'] as const

/** Few users and days, so that batches meet in the same user-days; instants around midnight, and both clock changes. */
export const someEvents: fc.Arbitrary<ModelEvent[]> = fc.array(
  fc.record({
    at: fc
      .tuple(
        fc.oneof(
          fc.integer({ min: 0, max: 9 }).map((day) => Date.UTC(2018, 10, day)),
          fc.integer({ min: 0, max: 3 }).map((day) => Date.UTC(2018, 2, 24 + day)),
        ),
        fc.constantFrom(0, 1, 2, 3, 6, 12, 18, 21, 22, 23),
        fc.constantFrom(0, 14, 15, 59),
      )
      .map(([day, hours, minutes]) => new Date(day + hours * 3_600_000 + minutes * 60_000).toISOString()),
    user: fc.constantFrom('ann', 'bob', 'Ann', 'ґанна', 'u-1'),
    type: fc.constantFrom('view', 'buy', 'View'),
  }),
  { maxLength: 25 },
)

const formats = new Map<string, Intl.DateTimeFormat>()

function localDay(at: string, zone: string): string {
  let format = formats.get(zone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' })
    formats.set(zone, format)
  }
  return format.format(new Date(at))
}

/** What the rollups must hold for these events, as sorted lines. */
export function modelRollups(events: readonly ModelEvent[], zone: string): Rollups {
  const userDays = new Map<string, Map<string, number>>()
  const typeDays = new Map<string, number>()
  for (const event of events) {
    const day = localDay(event.at, zone)
    const ofUser = userDays.get(event.user) ?? new Map<string, number>()
    userDays.set(event.user, ofUser.set(day, (ofUser.get(day) ?? 0) + 1))
    typeDays.set(`${day} ${event.type}`, (typeDays.get(`${day} ${event.type}`) ?? 0) + 1)
  }
  const rows: string[] = []
  const days = new Map<string, { active: number; fresh: number; events: number }>()
  for (const [user, ofUser] of userDays) {
    const sorted = [...ofUser.keys()].sort()
    for (const [index, day] of sorted.entries()) {
      rows.push(`${user} ${day} first ${sorted[0]} prev ${sorted[index - 1] ?? 'none'} events ${ofUser.get(day)}`)
      const total = days.get(day) ?? { active: 0, fresh: 0, events: 0 }
      days.set(day, {
        active: total.active + 1,
        fresh: total.fresh + (index === 0 ? 1 : 0),
        events: total.events + ofUser.get(day)!,
      })
    }
  }
  return {
    user_days: rows.sort(),
    days: [...days].map(([day, of]) => `${day} active ${of.active} new ${of.fresh} events ${of.events}`).sort(),
    event_type_days: [...typeDays].map(([key, count]) => `${key} ${count}`).sort(),
  }
}

/** What the rollups do hold, in the same form. */
export async function storedRollups(db: Database): Promise<Rollups> {
  const lines = async (query: ReturnType<typeof sql<{ line: string }>>) =>
    (await query.execute(db.q)).rows.map((row) => row.line).sort()
  return {
    user_days: await lines(sql`
      SELECT format('%s %s first %s prev %s events %s', user_id, day, first_day, coalesce(prev_day::text, 'none'), events) AS line
      FROM ${db.t.user_days}`),
    days: await lines(sql`
      SELECT format('%s active %s new %s events %s', day, active_users, new_users, events) AS line FROM ${db.t.days}`),
    event_type_days: await lines(sql`
      SELECT format('%s %s %s', day, event_type, events) AS line FROM ${db.t.event_type_days}`),
  }
}

/** Empties every table, and sets the zone of the days. */
export async function reset(db: Database, zone: string): Promise<void> {
  const { events, user_days, days, event_type_days, import_batches } = db.t
  // DELETE is faster than TRUNCATE for a handful of rows.
  for (const table of [events, user_days, days, event_type_days, import_batches]) {
    await sql`DELETE FROM ${table}`.execute(db.q)
  }
  await db.q.updateTable('settings').set({ reporting_tz: zone }).execute()
}

/** A batch that is still loading, with its events stored. */
export async function loadBatch(db: Database, events: readonly ModelEvent[]): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    INSERT INTO ${db.t.import_batches} (source, file, reading, chunk_bytes) VALUES ('file', 'a.csv', '{}', 1) RETURNING id`.execute(
    db.q,
  )
  const batchId = rows[0]!.id
  await sql`
    INSERT INTO ${db.t.events} (event_id, occurred_at, batch_id, user_id, event_type)
    SELECT e.id, e.at, ${batchId}, e.user_id, e.type
    FROM unnest(${events.map(() => randomUUID())}::uuid[], ${events.map((e) => e.at)}::timestamptz[],
                ${events.map((e) => e.user)}::text[], ${events.map((e) => e.type)}::text[]) AS e(id, at, user_id, type)`.execute(
    db.q,
  )
  return batchId
}

export async function takeLock(tx: Transaction): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(4711)`.execute(tx.q)
}

/** Completes a batch as the pipeline does; `betweenPrepareAndLock` is what others do meanwhile. */
export async function complete(
  db: Database,
  batchId: number,
  betweenPrepareAndLock: () => Promise<unknown> = async () => {},
): Promise<number> {
  return withTransaction(db, async (tx) => {
    const { events } = await prepareDelta(tx, batchId)
    await betweenPrepareAndLock()
    await takeLock(tx)
    await addDelta(tx)
    await sql`UPDATE ${tx.t.import_batches} SET status = 'completed' WHERE id = ${batchId}`.execute(tx.q)
    return events
  })
}

/** Undoes a completed batch as `ea batches undo` does. */
export async function undo(
  db: Database,
  batchId: number,
  betweenPrepareAndLock: () => Promise<unknown> = async () => {},
): Promise<void> {
  await withTransaction(db, async (tx) => {
    await prepareDelta(tx, batchId)
    await betweenPrepareAndLock()
    await takeLock(tx)
    await removeDelta(tx)
    await sql`DELETE FROM ${tx.t.events} WHERE batch_id = ${batchId}`.execute(tx.q)
    await sql`UPDATE ${tx.t.import_batches} SET status = 'undone' WHERE id = ${batchId}`.execute(tx.q)
  })
}
