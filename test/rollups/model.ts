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
import { dropProperties, fillProperties } from '../../src/lib/rollups/on-demand/properties.js'
import { dropTimes, fillTimes } from '../../src/lib/rollups/on-demand/user-times.js'
import { removeDelta } from '../../src/lib/rollups/remove.js'

export interface ModelEvent {
  readonly at: string
  readonly user: string
  readonly type: string
  /** None by default. */
  readonly properties?: GivenProperties
}

/** The properties with which rollups are kept in these tests, as `ea rollups add` names them without `properties.`. */
type KeptPath = 'country' | 'account.plan'

/** What has an optional rollup in these tests: such a property, or the event type. */
export type Kept = KeptPath | 'view'

/** Properties as JSON, and the values that a rollup must keep of them. */
export interface GivenProperties {
  readonly json: string
  readonly values: { readonly [path in KeptPath]?: string }
}

/** Numbers, null, missing, nested, empty, too long. JSON as text, because JavaScript does not keep the digits of 1.50. */
export const someProperties: readonly GivenProperties[] = [
  { json: '{}', values: {} },
  { json: '{"country": "UA"}', values: { country: 'UA' } },
  { json: '{"country": "ua", "account": {"plan": "pro"}}', values: { country: 'ua', 'account.plan': 'pro' } },
  { json: '{"country": "UA", "account": {"plan": "UA"}}', values: { country: 'UA', 'account.plan': 'UA' } },
  { json: '{"country": ""}', values: { country: '' } },
  { json: '{"country": null, "account": {"plan": null}}', values: {} },
  { json: '{"country": 1.50, "account": {"plan": 1e2}}', values: { country: '1.50', 'account.plan': '100' } },
  { json: '{"country": true, "account": "pro"}', values: { country: 'true' } },
  { json: '{"country": {"b":[1,2], "a":"x"}}', values: { country: '{"a": "x", "b": [1, 2]}' } },
  { json: '{"account.plan": "pro", "account": [{"plan": "pro"}]}', values: {} },
  { json: `{"country": "${'ґ'.repeat(255)}"}`, values: { country: 'ґ'.repeat(255) } },
  { json: `{"country": "${'x'.repeat(256)}", "account": {"plan": "pro"}}`, values: { 'account.plan': 'pro' } },
]

export interface Rollups {
  readonly user_days: readonly string[]
  readonly days: readonly string[]
  readonly event_type_days: readonly string[]
  readonly property_user_days: readonly string[]
  readonly property_days: readonly string[]
  readonly user_times: readonly string[]
}

export const noRollups: Rollups = {
  user_days: [],
  days: [],
  event_type_days: [],
  property_user_days: [],
  property_days: [],
  user_times: [],
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
    properties: fc.constantFrom(...someProperties),
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
export function modelRollups(events: readonly ModelEvent[], zone: string, kept: readonly Kept[] = []): Rollups {
  const all = modelDays(events, zone)
  const typeDays = new Map<string, number>()
  for (const event of events) {
    const key = `${localDay(event.at, zone)} ${event.type}`
    typeDays.set(key, (typeDays.get(key) ?? 0) + 1)
  }
  const ofValues = kept
    .filter((one) => one !== 'view')
    .flatMap((path) => {
      const ofPath = (event: ModelEvent) => event.properties?.values[path]
      const values = new Set(events.map(ofPath).filter((value) => value !== undefined))
      return [...values].map((value) => {
        const { userDays, days } = modelDays(
          events.filter((event) => ofPath(event) === value),
          zone,
        )
        const named = (line: string) => `${path}=${value} ${line}`
        return { userDays: userDays.map(named), days: days.map(named) }
      })
    })
  return {
    user_days: all.userDays.sort(),
    days: all.days.sort(),
    event_type_days: [...typeDays].map(([key, count]) => `${key} ${count}`).sort(),
    property_user_days: ofValues.flatMap(({ userDays }) => userDays).sort(),
    property_days: ofValues.flatMap(({ days }) => days).sort(),
    user_times: kept.includes('view') ? modelTimes(events.filter(({ type }) => type === 'view')) : [],
  }
}

function modelTimes(events: readonly ModelEvent[]): string[] {
  const users = [...new Set(events.map(({ user }) => user))]
  const timesOf = (one: string) => events.filter(({ user }) => user === one).map(({ at }) => at)
  return users.map((user) => `view ${user} ${timesOf(user).sort().join()}`).sort()
}

function modelDays(events: readonly ModelEvent[], zone: string): { userDays: string[]; days: string[] } {
  const users = new Map<string, Map<string, number>>()
  for (const event of events) {
    const day = localDay(event.at, zone)
    const ofUser = users.get(event.user) ?? new Map<string, number>()
    users.set(event.user, ofUser.set(day, (ofUser.get(day) ?? 0) + 1))
  }
  const userDays: string[] = []
  const days = new Map<string, { active: number; fresh: number; events: number }>()
  for (const [user, ofUser] of users) {
    const sorted = [...ofUser.keys()].sort()
    for (const [index, day] of sorted.entries()) {
      userDays.push(`${user} ${day} first ${sorted[0]} prev ${sorted[index - 1] ?? 'none'} events ${ofUser.get(day)}`)
      const total = days.get(day) ?? { active: 0, fresh: 0, events: 0 }
      days.set(day, {
        active: total.active + 1,
        fresh: total.fresh + (index === 0 ? 1 : 0),
        events: total.events + ofUser.get(day)!,
      })
    }
  }
  return {
    userDays,
    days: [...days].map(([day, of]) => `${day} active ${of.active} new ${of.fresh} events ${of.events}`),
  }
}

/** What the rollups do hold, in the same form. */
export async function storedRollups(db: Database): Promise<Rollups> {
  const lines = async (query: ReturnType<typeof sql<{ line: string }>>) =>
    (await query.execute(db.q)).rows.map((row) => row.line).sort()
  const userDay = sql`format('%s %s first %s prev %s events %s', user_id, day, first_day,
    coalesce(prev_day::text, 'none'), events)`
  const dayLine = sql`format('%s active %s new %s events %s', day, active_users, new_users, events)`
  // A rollup that is not registered has no name: its rows are in no model.
  const named = sql`format('%s=%s ', (SELECT array_to_string(path, '.') FROM ${db.t.optional_rollups} WHERE id = rollup), value)`
  return {
    user_days: await lines(sql`SELECT ${userDay} AS line FROM ${db.t.user_days}`),
    days: await lines(sql`SELECT ${dayLine} AS line FROM ${db.t.days}`),
    event_type_days: await lines(sql`
      SELECT format('%s %s %s', day, event_type, events) AS line FROM ${db.t.event_type_days}`),
    property_user_days: await lines(sql`SELECT ${named} || ${userDay} AS line FROM ${db.t.property_user_days}`),
    property_days: await lines(sql`SELECT ${named} || ${dayLine} AS line FROM ${db.t.property_days}`),
    user_times: await lines(sql`
      SELECT format('%s %s %s', (SELECT event_type FROM ${db.t.optional_rollups} WHERE id = rollup), user_id, (
               SELECT string_agg(to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), ',' ORDER BY nth)
               FROM unnest(times) WITH ORDINALITY AS one (at, nth))) AS line
      FROM ${db.t.user_times}`),
  }
}

/** Empties every table, and sets the zone of the days. */
export async function reset(db: Database, zone: string): Promise<void> {
  const { t } = db
  const rollups = [t.user_days, t.days, t.event_type_days, t.property_user_days, t.property_days, t.user_times]
  // DELETE is faster than TRUNCATE for a handful of rows.
  for (const table of [t.events, ...rollups, t.optional_rollups, t.import_batches]) {
    await sql`DELETE FROM ${table}`.execute(db.q)
  }
  await db.q.updateTable('settings').set({ reporting_tz: zone }).execute()
}

/** Keeps a rollup from now on, as `ea rollups add` does. */
export async function keep(db: Database, kept: Kept): Promise<void> {
  await withTransaction(db, async (tx) => {
    await takeLock(tx)
    const { path, eventType } = subjectOf(kept)
    const { rows } = await sql<{ id: number }>`
      INSERT INTO ${tx.t.optional_rollups} (path, event_type) VALUES (${path}::text[], ${eventType}) RETURNING id`.execute(
      tx.q,
    )
    const { id } = rows[0]!
    if (path !== null) await fillProperties(tx, [{ id, kind: 'property', path }])
    else await fillTimes(tx, [{ id, kind: 'event_type', eventType: kept }])
  })
}

/** Keeps it no longer. */
export async function forget(db: Database, kept: Kept): Promise<void> {
  await withTransaction(db, async (tx) => {
    await takeLock(tx)
    const { path, eventType } = subjectOf(kept)
    const { rows } = await sql<{ id: number }>`
      DELETE FROM ${tx.t.optional_rollups}
      WHERE path IS NOT DISTINCT FROM ${path}::text[] AND event_type IS NOT DISTINCT FROM ${eventType}::text
      RETURNING id`.execute(tx.q)
    const { id } = rows[0]!
    if (path !== null) await dropProperties(tx, [{ id, kind: 'property', path }])
    else await dropTimes(tx, [{ id, kind: 'event_type', eventType: kept }])
  })
}

function subjectOf(kept: Kept): { path: string[] | null; eventType: string | null } {
  return kept === 'view' ? { path: null, eventType: kept } : { path: kept.split('.'), eventType: null }
}

/** A batch that is still loading, with its events stored. */
export async function loadBatch(
  db: Database,
  events: readonly ModelEvent[],
  ids: readonly string[] = events.map(() => randomUUID()),
): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    INSERT INTO ${db.t.import_batches} (source, file, reading, chunk_bytes) VALUES ('file', 'a.csv', '{}', 1) RETURNING id`.execute(
    db.q,
  )
  const batchId = rows[0]!.id
  await sql`
    INSERT INTO ${db.t.events} (event_id, occurred_at, batch_id, user_id, event_type, properties)
    SELECT e.id, e.at, ${batchId}, e.user_id, e.type, e.properties
    FROM unnest(${ids}::uuid[], ${events.map((e) => e.at)}::timestamptz[], ${events.map((e) => e.user)}::text[],
                ${events.map((e) => e.type)}::text[], ${events.map((e) => e.properties?.json ?? '{}')}::jsonb[])
      AS e(id, at, user_id, type, properties)`.execute(db.q)
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
    const { events } = await prepareDelta(tx, [batchId])
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
    await prepareDelta(tx, [batchId])
    await betweenPrepareAndLock()
    await takeLock(tx)
    await removeDelta(tx)
    await sql`DELETE FROM ${tx.t.events} WHERE batch_id = ${batchId}`.execute(tx.q)
    await sql`UPDATE ${tx.t.import_batches} SET status = 'undone' WHERE id = ${batchId}`.execute(tx.q)
  })
}
