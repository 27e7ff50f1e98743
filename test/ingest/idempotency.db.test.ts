/** An answer is given again only to the sender who had it, and only while the events of which it speaks are there. */
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { listBatches } from '../../src/lib/batches/batches.js'
import { failBatch } from '../../src/lib/batches/complete.js'
import { withLease } from '../../src/lib/batches/lease.js'
import { senderText } from '../../src/lib/batches/sender.js'
import { undoBatch } from '../../src/lib/batches/undo.js'
import { type Database, withPool, withTransaction } from '../../src/lib/db/connect.js'
import { commitGroup } from '../../src/lib/ingest/commit.js'
import { rebuildRollups } from '../../src/lib/rollups/rebuild.js'
import { storeBatch } from '../support/events.js'
import { expectSound } from '../support/import/import-state.js'
import { withFreshDatabase } from '../support/postgres/database.js'
import { eventOf, type GivenRequest, idOf, requestOf } from './ingesting.js'

/** Commits one request with the key `k`, and says what its sender is told. */
async function post(db: Database, body: unknown, given: GivenRequest = {}, part?: { segment: string; part: number }) {
  const [one] = (await commitGroup(db, [await requestOf(body, { key: 'k', ...given })], {
    timezone: 'UTC',
    ...(part && { part }),
  }))!
  if (one!.kind === 'refused') return one!.error.code
  const { inserted, duplicates, pending = 0 } = one!.kind === 'stored' ? one!.answer : JSON.parse(one!.body)
  return { kind: one!.kind, inserted, duplicates, pending }
}

const stored = (inserted: number, duplicates = 0, pending = 0) => ({ kind: 'stored', inserted, duplicates, pending })
const replayed = (inserted: number, duplicates = 0) => ({ ...stored(inserted, duplicates), kind: 'replayed' })

async function newestId(db: Database): Promise<number> {
  return (await listBatches(db, { limit: 1 }))[0]!.id
}

/** Stores the event 1 in the batch of a file. */
function storeOne(db: Database, status: 'completed' | 'loading'): Promise<number> {
  return withTransaction(db, async (tx) => {
    const id = await storeBatch(tx, [{ id: idOf(1), at: '2025-10-06T10:00:00Z', user: 'u1' }], status)
    await rebuildRollups(tx)
    return id
  })
}

async function countEvents(db: Database): Promise<number> {
  return (await sql<{ n: number }>`SELECT count(*) AS n FROM ${db.t.events}`.execute(db.q)).rows[0]!.n
}

test('after the undo of its batch the same request is stored again, and answered so from then on', () =>
  withFreshDatabase(async (db) => {
    expect(await post(db, [eventOf(1), eventOf(2)])).toEqual(stored(2))
    expect(await post(db, [eventOf(1), eventOf(2)])).toEqual(replayed(2))
    await undoBatch(db, await newestId(db))
    expect(await post(db, [eventOf(3)])).toBe('idempotency_key_reused')
    expect(await post(db, [eventOf(1), eventOf(2)])).toEqual(stored(2))
    expect(await post(db, [eventOf(1), eventOf(2)])).toEqual(replayed(2))
    expect(await countEvents(db)).toBe(2)
    await expectSound(db)
  }))

test('the undo of a batch that had some of its events before makes it store these', () =>
  withFreshDatabase(async (db) => {
    const file = await storeOne(db, 'completed')
    expect(await post(db, [eventOf(1), eventOf(2)])).toEqual(stored(1, 1))
    await undoBatch(db, file)
    expect(await post(db, [eventOf(1), eventOf(2)])).toEqual(stored(1, 1))
    expect(await countEvents(db)).toBe(2)
    await expectSound(db)
  }))

test('what waited for an import that came to nothing is told truly, and what spoke of no events holds on', () =>
  withFreshDatabase(async (db) => {
    await withLease(db, { doing: 'test' }, async (lease) => {
      const loading = await storeOne(db, 'loading')
      expect(await post(db, [eventOf(1)])).toEqual(stored(0, 0, 1))
      expect(await post(db, [eventOf(1)])).toMatchObject({ kind: 'replayed', pending: 1 })
      const failure = { code: 'x', sha256: null, read: 1, rejected: 0, bytes: 0, seconds: 0, rejects: [] }
      await failBatch(db, lease, loading, failure)
    })
    expect(await post(db, [eventOf(1)])).toEqual(stored(0, 1))
    expect(await post(db, [5], { key: 'nothing' })).toEqual(stored(0))
    await undoBatch(db, await newestId(db))
    expect(await post(db, [5], { key: 'nothing' })).toEqual(replayed(0))
    expect(await post(db, [eventOf(1)])).toEqual(stored(1))
  }))

test('a part of the spool is stored again after an undo, and its other body does not take the key over', () =>
  withFreshDatabase(async (db) => {
    expect(await post(db, [eventOf(1)])).toEqual(stored(1))
    await undoBatch(db, await newestId(db))
    expect(await post(db, [eventOf(1)], {}, { segment: 's', part: 0 })).toEqual(stored(1))
    expect(await post(db, [eventOf(2)], {}, { segment: 's', part: 1 })).toEqual(stored(1))
    expect(await post(db, [eventOf(1)])).toEqual(replayed(1))
  }))

test('a key, a token of its name and a later key of its name are three senders', () =>
  withFreshDatabase(async (db) => {
    const senders = [
      senderText({ kind: 'key', issuer: '1', name: 'site' }),
      senderText({ kind: 'token', issuer: 'https://id.example', name: 'site' }),
      senderText({ kind: 'token', issuer: 'https://other.example', name: 'site' }),
      senderText({ kind: 'key', issuer: '2', name: 'site' }),
      'site',
    ]
    for (const [n, sender] of senders.entries()) expect(await post(db, [eventOf(n)], { sender })).toEqual(stored(1))
    for (const [n, sender] of senders.entries()) expect(await post(db, [eventOf(n)], { sender })).toEqual(replayed(1))
    const batches = await listBatches(db)
    expect(batches.map(({ file }) => file)).toEqual(senders.map(() => 'http:site'))
    expect(batches.map(({ reading }) => reading.sender).reverse()).toEqual([
      ...['key 1', 'token of https://id.example', 'token of https://other.example', 'key 2', undefined],
    ])
  }))

test('answers and batches of an older release go on to belong to who had them', () =>
  withFreshDatabase((_, url) =>
    withPool({ url, schema: 'older' }, async (db) => {
      const migrations = async (names: readonly string[], schema: string) => {
        for (const name of names) {
          await db.pool.query((await readFile(`migrations/${name}.sql`, 'utf8')).replaceAll(':schema', schema))
          await db.pool.query(`INSERT INTO ${schema}.kysely_migration VALUES ('${name}')`)
        }
      }
      await db.pool.query('CREATE SCHEMA older; CREATE TABLE older.kysely_migration (name text)')
      await migrations(['0001_events', '0002_serve', '0003_optional_rollups'], 'older')
      await db.pool.query(`
      INSERT INTO older.api_keys (name, scopes, start, secret_sha256, created_at, revoked_at)
      VALUES ('a "b"', '{write}', 'x', sha256('1'), now() - interval '2 days', now() - interval '1 day'),
             ('a "b"', '{write}', 'x', sha256('2'), now() - interval '3 hours', NULL);
      INSERT INTO older.import_batches (source, file, hour, status, reading, chunk_bytes, finished_at)
      SELECT 'http', 'http:' || name, date_trunc('hour', now()), status, '{}', 1, now()
        FROM (VALUES ('a "b"', 'completed'), ('token', 'undone'), ('anonymous', 'completed')) AS b (name, status);
      INSERT INTO older.http_answers (sender, key, body_sha256, status, body)
      SELECT name, 'k', sha256('body'), 200, '{}' FROM (VALUES ('a "b"'), ('token'), ('anonymous')) AS a (name)`)
      const later = readdirSync('migrations').map((file) => file.replace(/\.sql$/, ''))
      await migrations(later.sort().slice(3), 'older')
      const key = senderText({ kind: 'key', issuer: '2', name: 'a "b"' })
      const former = senderText({ kind: 'former', issuer: '', name: 'token' })
      const { rows } = await sql`SELECT sender, batch_ids FROM ${db.t.http_answers} ORDER BY batch_ids`.execute(db.q)
      expect(rows).toEqual([
        { sender: key, batch_ids: ['1'] },
        { sender: former, batch_ids: ['2'] },
        { sender: 'anonymous', batch_ids: ['3'] },
      ])
      const batches = await sql`SELECT sender FROM ${db.t.import_batches} ORDER BY id`.execute(db.q)
      expect(batches.rows).toEqual([{ sender: key }, { sender: former }, { sender: 'anonymous' }])
      const sender = senderText({ kind: 'token', issuer: 'https://id.example', name: 'token' })
      const body = await requestOf([eventOf(1)], { key: 'k', sender })
      await sql`UPDATE ${db.t.http_answers} SET body_sha256 = ${body.idempotency!.bodySha256}`.execute(db.q)
      // Its batch was undone: stored again, under the token's own name.
      expect(await commitGroup(db, [body], { timezone: 'UTC' })).toMatchObject([{ kind: 'stored', status: 200 }])
      expect(await commitGroup(db, [body], { timezone: 'UTC' })).toMatchObject([{ kind: 'replayed', status: 200 }])
      const ofKey = await requestOf([eventOf(1)], { key: 'k', sender: key })
      expect(await commitGroup(db, [ofKey], { timezone: 'UTC' })).toMatchObject([{ kind: 'replayed', body: '{}' }])
    }),
  ))
