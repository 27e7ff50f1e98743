/** What one commit over HTTP does, against what people were promised: counts, batches, rollups, and nothing twice. */
import fc from 'fast-check'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { listBatches } from '../../src/lib/batches/batches.js'
import { discardBatch, failBatch } from '../../src/lib/batches/complete.js'
import { differencesPage } from '../../src/lib/batches/differences.js'
import { withLease } from '../../src/lib/batches/lease.js'
import { eachReject } from '../../src/lib/batches/rejects.js'
import { undoBatch } from '../../src/lib/batches/undo.js'
import { type Database, withTransaction } from '../../src/lib/db/connect.js'
import { lockVisibility } from '../../src/lib/db/visibility-lock.js'
import type { CommitRequest, RequestResult } from '../../src/lib/ingest/body/request.js'
import { commitGroup } from '../../src/lib/ingest/commit.js'
import { isLockTimeout } from '../../src/lib/ingest/unavailable.js'
import { verifyRollups } from '../../src/lib/rollups/verify.js'
import { assertProperty } from '../support/effort.js'
import { storeEvents } from '../support/events.js'
import { withFreshDatabase } from '../support/postgres/database.js'
import { eventOf, idOf, requestOf } from './ingesting.js'

const timezone = 'UTC'

async function commit(db: Database, ...run: CommitRequest[]): Promise<readonly RequestResult[]> {
  return (await commitGroup(db, run, { timezone }))!
}

/** The answers of stored requests. */
function answersOf(settled: readonly RequestResult[]): unknown[] {
  return settled.map((one) => (one.kind === 'stored' ? { status: one.status, ...one.answer } : one))
}

async function countEvents(db: Database): Promise<number> {
  return (await sql<{ n: number }>`SELECT count(*) AS n FROM ${db.t.events}`.execute(db.q)).rows[0]!.n
}

async function expectSound(db: Database): Promise<void> {
  expect(await verifyRollups(db)).toEqual([])
  const { rows } = await sql`
    SELECT b.id FROM ${db.t.import_batches} b
     WHERE b.status = 'completed' AND b.inserted <> (SELECT count(*) FROM ${db.t.events} e WHERE e.batch_id = b.id)`.execute(
    db.q,
  )
  expect(rows).toEqual([])
}

/** Few ones travel as a parameter, many through COPY: the same must come of both. */
describe.each([
  ['few', 0],
  ['many', 600],
])('%s records', (_, extra) => {
  const more = Array.from({ length: extra }, (_, k) => eventOf(10_000 + k))

  test('duplicates with other content are counted and named, and a key that properties hide is said', async () => {
    await withFreshDatabase(async (db) => {
      await commit(db, await requestOf([eventOf(1), eventOf(2, { properties: { a: 1 } }), ...more]))
      const hidden = { country: 'UA', properties: { country: 'PL' } }
      const settled = await commit(
        db,
        await requestOf([eventOf(1), eventOf(2, { properties: { a: 2 } }), eventOf(3), eventOf(3, { user_id: 'x' })]),
        await requestOf([eventOf(1, { event_type: 'click', user_id: 'y' }), eventOf(4, hidden), 5], {
          sender: 'other',
        }),
        await requestOf([eventOf(5), ...more], { sender: 'other' }),
      )
      expect(answersOf(settled)).toMatchObject([
        { received: 4, inserted: 1, duplicates: 3, differing: 2, rejected: [] },
        {
          received: 3,
          inserted: 1,
          duplicates: 1,
          differing: 1,
          warnings: [expect.stringMatching(/country \(1 record\)$/)],
        },
        { received: 1 + extra, inserted: 1, duplicates: extra },
      ])
      expect(answersOf(settled)[2]).not.toHaveProperty('differing')
      const batches = await listBatches(db)
      expect(batches.map(({ differing }) => differing).sort()).toEqual([1, 2])
      const pages = await Promise.all(batches.map(({ id }) => differencesPage(db, id)))
      const rows = pages.flatMap(({ data }) => data).sort((a, b) => Number(a.record) - Number(b.record))
      expect(rows).toMatchObject([
        { event_id: idOf(1), differs_in: 'user_id, event_type' },
        { record: 4 + extra, event_id: idOf(2), differs_in: 'properties' },
        { record: 6 + extra, event_id: idOf(3), differs_in: 'user_id' },
      ])
      await expectSound(db)
    })
  })

  test('a fraction finer than a microsecond is cut, so an event stays on its day', async () => {
    await withFreshDatabase(async (db) => {
      const occurred_at = '2025-01-01T23:59:59.9999999Z'
      await commit(db, await requestOf([eventOf(1, { occurred_at }), ...more]))
      const { rows } = await sql<{ at: string }>`
        SELECT to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS at
          FROM ${db.t.events} WHERE event_id = ${idOf(1)}`.execute(db.q)
      expect(rows).toEqual([{ at: '2025-01-01 23:59:59.999999' }])
    })
  })

  test('each request is told what became of its own records', async () => {
    await withFreshDatabase(async (db) => {
      const settled = await commit(
        db,
        await requestOf([eventOf(1), eventOf(2), eventOf(1), ...more]),
        await requestOf([eventOf(2), { ...eventOf(3), user_id: '' }, 5, eventOf(4)], { sender: 'other' }),
        await requestOf([{ ...eventOf(5), event_id: 'x' }]),
      )
      expect(answersOf(settled)).toEqual([
        { status: 200, received: 3 + extra, inserted: 2 + extra, duplicates: 1, rejected: [] },
        {
          status: 207,
          received: 4,
          inserted: 1,
          duplicates: 1,
          rejected: [
            { index: 1, code: 'missing_user_id', message: 'The user_id is absent or empty.' },
            { index: 2, code: 'not_an_object', message: 'The record is not a JSON object.' },
          ],
        },
        {
          status: 422,
          received: 1,
          inserted: 0,
          duplicates: 0,
          rejected: [
            {
              index: 0,
              code: 'invalid_event_id',
              message: 'The event_id is not a UUID, or it is the nil or max UUID.',
            },
          ],
        },
      ])
      expect(await countEvents(db)).toBe(3 + extra)
      const batches = (await listBatches(db)).map(({ file, source, status, read, inserted, duplicates, rejected }) => ({
        file,
        source,
        status,
        read,
        inserted,
        duplicates,
        rejected,
      }))
      expect(batches).toContainEqual({
        file: 'http:test',
        source: 'http',
        status: 'completed',
        read: 4 + extra,
        inserted: 2 + extra,
        duplicates: 1,
        rejected: 1,
      })
      expect(batches).toContainEqual({
        file: 'http:other',
        source: 'http',
        status: 'completed',
        read: 4,
        inserted: 1,
        duplicates: 1,
        rejected: 2,
      })
      await expectSound(db)
    })
  })

  test('numbers keep their digits', async () => {
    await withFreshDatabase(async (db) => {
      const body = JSON.stringify([eventOf(1), ...more]).replace('{', '{"big":2103807459595387724,"price":1.10,')
      await commit(db, await requestOf(body))
      const { rows } = await sql<{ p: string }>`
        SELECT properties::text AS p FROM ${db.t.events} WHERE event_id = ${idOf(1)}`.execute(db.q)
      expect(rows[0]!.p).toBe('{"big": 2103807459595387724, "price": 1.10}')
    })
  })

  test('a record that PostgreSQL refuses does not harm the others', async () => {
    await withFreshDatabase(async (db) => {
      const bad = `{"event_id":"${idOf(1)}","occurred_at":"2025-10-06","user_id":"u","event_type":"t","n":1e200000}`
      const settled = await commit(
        db,
        await requestOf(`[${bad},${[eventOf(2), ...more].map((e) => JSON.stringify(e))}]`),
      )
      expect(answersOf(settled)).toMatchObject([{ status: 207, inserted: 1 + extra, rejected: [{ index: 0 }] }])
      await expectSound(db)
    })
  })

  test('atomic: all or nothing', async () => {
    await withFreshDatabase(async (db) => {
      const bad = await requestOf([eventOf(1), { ...eventOf(2), event_type: '' }, ...more], { atomic: true })
      expect(answersOf(await commit(db, bad))).toMatchObject([
        {
          status: 422,
          received: 2 + extra,
          inserted: 0,
          duplicates: 0,
          rejected: [{ index: 1, code: 'missing_event_type' }],
        },
      ])
      expect(await countEvents(db)).toBe(0)
      expect(await listBatches(db)).toEqual([])
      const good = await requestOf([eventOf(1), eventOf(2), ...more], { atomic: true })
      expect(answersOf(await commit(db, good))).toMatchObject([{ status: 200, inserted: 2 + extra }])
      await expectSound(db)
    })
  })

  test('what a loading batch owns waits, and is a duplicate when it completes or an event when it does not', async () => {
    for (const ending of ['completed', 'failed', 'discarded'] as const) {
      await withFreshDatabase(async (db) => {
        await withLease(db, { doing: 'test' }, async (lease) => {
          await storeEvents(db, [{ id: idOf(1), at: '2025-10-05T00:00:00Z', user: 'importer' }], 'loading')
          const { id } = (await listBatches(db))[0]!
          const settled = await commit(
            db,
            await requestOf([eventOf(1), eventOf(2), ...more]),
            await requestOf([eventOf(1, { user_id: 'late' })], { sender: 'other' }),
          )
          expect(answersOf(settled)).toEqual([
            { status: 200, received: 2 + extra, inserted: 1 + extra, duplicates: 0, pending: 1, rejected: [] },
            { status: 200, received: 1, inserted: 0, duplicates: 0, pending: 1, rejected: [] },
          ])
          if (ending === 'completed') await complete(db, id)
          else if (ending === 'discarded') await discardBatch(db, lease, id)
          else {
            const failure = { code: 'x', sha256: null, read: 1, rejected: 0, bytes: 0, seconds: 0, rejects: [] }
            await failBatch(db, lease, id, failure)
          }
        })
        const { rows } = await sql<{ user_id: string }>`
          SELECT user_id FROM ${db.t.events} WHERE event_id = ${idOf(1)}`.execute(db.q)
        expect(rows).toEqual([{ user_id: ending === 'completed' ? 'importer' : 'u1' }])
        const stored = ending === 'completed' ? 0 : 1
        const byFile = new Map((await listBatches(db)).map((batch) => [batch.file, batch]))
        expect(byFile.get('http:test')).toMatchObject({
          read: 2 + extra,
          inserted: 1 + extra + stored,
          duplicates: 1 - stored,
        })
        expect(byFile.get('http:other')).toMatchObject({ read: 1, inserted: 0, duplicates: 1 })
        expect((await sql`SELECT FROM ${db.t.pending_events}`.execute(db.q)).rows).toEqual([])
        await expectSound(db)
      })
    }
  })

  test('a part of a spool is stored once', async () => {
    await withFreshDatabase(async (db) => {
      const run = [await requestOf([eventOf(1), ...more])]
      const part = { segment: 's', part: 0 }
      expect(await commitGroup(db, run, { timezone, part })).toMatchObject([{ answer: { inserted: 1 + extra } }])
      expect(await commitGroup(db, run, { timezone, part })).toBe(null)
      expect(await commitGroup(db, run, { timezone, part: { segment: 's', part: 1 } })).toMatchObject([
        { answer: { inserted: 0, duplicates: 1 + extra } },
      ])
      expect((await listBatches(db))[0]).toMatchObject({ read: 2 + 2 * extra, inserted: 1 + extra })
    })
  })
})

/** Completes a batch that a test stored as loading, by the function that an import uses. */
async function complete(db: Database, id: number): Promise<void> {
  const { completeIn } = await import('../../src/lib/batches/complete.js')
  await sql`
    INSERT INTO ${db.t.import_chunks} (batch_id, chunk, read, inserted, duplicates, rejected, byte_from, byte_to, merged_by)
    VALUES (${id}, 0, 1, 1, 0, 0, 0, 1, pg_current_xact_id())`.execute(db.q)
  await withTransaction(db, (tx) => completeIn(tx, [{ id, sha256: Buffer.alloc(32), chunks: 1, bytes: 1, seconds: 0 }]))
}

test('one batch per sender and hour, undone as a whole, and a new one after that', async () => {
  await withFreshDatabase(async (db) => {
    const at = (time: string) => ({ receivedAt: new Date(`2025-10-06T${time}Z`) })
    await commit(db, await requestOf([eventOf(1)], at('10:00:00')))
    await commit(db, await requestOf([eventOf(2)], at('10:59:59.999')))
    await commit(db, await requestOf([eventOf(3)], at('11:00:00')))
    const hours = await sql`SELECT hour, inserted FROM ${db.t.import_batches} ORDER BY hour`.execute(db.q)
    expect(hours.rows).toEqual([
      { hour: new Date('2025-10-06T10:00:00Z'), inserted: 2 },
      { hour: new Date('2025-10-06T11:00:00Z'), inserted: 1 },
    ])
    const first = (await listBatches(db)).at(-1)!
    expect(await undoBatch(db, first.id)).toMatchObject({ removed: 2 })
    expect(await countEvents(db)).toBe(1)
    await expectSound(db)
    await commit(db, await requestOf([eventOf(1)], at('10:30:00')))
    expect((await listBatches(db)).map(({ status, inserted }) => ({ status, inserted }))).toEqual([
      { status: 'completed', inserted: 1 },
      { status: 'completed', inserted: 1 },
      { status: 'undone', inserted: 2 },
    ])
    await expectSound(db)
  })
})

test('an answer is given again to the same key and body, and another body is refused', async () => {
  await withFreshDatabase(async (db) => {
    const body = [eventOf(1), { ...eventOf(2), user_id: '' }]
    const [first] = await commit(db, await requestOf(body, { key: 'k' }))
    const [second, other, stranger] = await commit(
      db,
      await requestOf(body, { key: 'k' }),
      await requestOf([eventOf(3)], { key: 'k2' }),
      await requestOf(body, { key: 'k', sender: 'somebody' }),
    )
    expect(second).toEqual({
      kind: 'replayed',
      status: 207,
      body: JSON.stringify((first as { answer: unknown }).answer),
    })
    expect(answersOf([other!, stranger!])).toMatchObject([
      { status: 200, inserted: 1 },
      { status: 207, inserted: 0, duplicates: 1 },
    ])
    expect(await commit(db, await requestOf([eventOf(4)], { key: 'k' }))).toMatchObject([
      { kind: 'refused', error: { code: 'idempotency_key_reused' } },
    ])
    expect(await countEvents(db)).toBe(2)
    expect((await listBatches(db)).find((batch) => batch.file === 'http:test')).toMatchObject({ read: 3, rejected: 1 })
    await expectSound(db)
  })
})

test('a batch keeps its first thousand rejects, numbered through', async () => {
  await withFreshDatabase(async (db) => {
    const bad = (n: number) => Array.from({ length: n }, () => ({}))
    await commit(db, await requestOf([eventOf(1), ...bad(700)]))
    await commit(db, await requestOf([...bad(400), eventOf(2)]))
    const batch = (await listBatches(db))[0]!
    expect(batch.rejected).toBe(1100)
    const records: number[] = []
    for await (const reject of eachReject(db, batch.id)) records.push(reject.record)
    expect(records).toEqual([
      ...Array.from({ length: 700 }, (_, k) => k + 2),
      ...Array.from({ length: 300 }, (_, k) => k + 702),
    ])
  })
})

test('it does not wait for long for whoever changes what is visible', async () => {
  await withFreshDatabase(async (db) => {
    await withTransaction(db, async (tx) => {
      await lockVisibility(tx)
      const error = await commit(db, await requestOf([eventOf(1)])).catch((thrown: unknown) => thrown)
      expect(isLockTimeout(error)).toBe(true)
    })
    expect(await countEvents(db)).toBe(0)
    expect(answersOf(await commit(db, await requestOf([eventOf(1)])))).toMatchObject([{ inserted: 1 }])
  })
})

test('the rollups are those of the events, whatever comes in which order', { tags: 'property' }, async () => {
  const some = fc.array(
    fc.record({
      n: fc.integer({ min: 0, max: 40 }),
      user_id: fc.constantFrom('ann', 'bob', 'ґанна'),
      event_type: fc.constantFrom('view', 'buy'),
      occurred_at: fc
        .integer({ min: 0, max: 12 * 24 })
        .map((hours) => new Date(Date.UTC(2025, 2, 25) + hours * 3_600_000).toISOString()),
    }),
    { maxLength: 12 },
  )
  const zones = fc.constantFrom('UTC', 'Europe/Kyiv', 'America/Sao_Paulo')
  await withFreshDatabase(async (db) => {
    await assertProperty(
      fc.asyncProperty(
        zones,
        fc.array(fc.array(some, { minLength: 1, maxLength: 3 }), { maxLength: 6 }),
        async (zone, runs) => {
          await sql`TRUNCATE ${db.t.events}, ${db.t.user_days}, ${db.t.days}, ${db.t.event_type_days}`.execute(db.q)
          await sql`TRUNCATE ${db.t.import_batches} CASCADE`.execute(db.q)
          await sql`UPDATE ${db.t.settings} SET reporting_tz = ${zone}`.execute(db.q)
          const contents = new Map<number, string>()
          for (const run of runs) {
            const requests = await Promise.all(
              run.map((events) => requestOf(events.map(({ n, ...e }) => eventOf(n, e)))),
            )
            const settled = await commit(db, ...requests)
            settled.forEach((one, index) => {
              const received = run[index]!.length
              let inserted = 0
              let differing = 0
              for (const { n, ...content } of run[index]!) {
                const text = JSON.stringify(content)
                if (contents.has(n)) differing += contents.get(n) === text ? 0 : 1
                else {
                  contents.set(n, text)
                  inserted += 1
                }
              }
              const counts = { received, inserted, duplicates: received - inserted }
              expect(answersOf([one])).toEqual([
                { status: 200, ...counts, ...(differing > 0 ? { differing } : {}), rejected: [] },
              ])
            })
          }
          expect(await countEvents(db)).toBe(contents.size)
          await expectSound(db)
        },
      ),
      25,
    )
  })
})
