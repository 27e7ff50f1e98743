/** `verifyContent`: stored events are what their files say, and one that is not is found. */
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { undoBatch } from '../../src/lib/batches/undo.js'
import type { Database } from '../../src/lib/db/connect.js'
import { importFiles } from '../../src/lib/import/import.js'
import type { ImportOptions } from '../../src/lib/import/options.js'
import { verifyContent } from '../../src/lib/import/verify-content.js'
import { parseIdFrom, parseMap } from '../../src/lib/load/mapping/map-parser.js'
import { sharedDatabase } from '../support/postgres/shared-database.js'
import { errorOf, withScratchFolder } from '../support/temp-dir.js'
import { empty } from './import-helpers.js'

const database = sharedDatabase()
const header = 'event_id,occurred_at,user_id,event_type,properties\n'
const idOf = (n: number) => `a0eebc99-9c0b-4ef8-bb6d-${String(n).padStart(12, '0')}`
const line = (n: number, user = `u${n % 5}`) => `${idOf(n)},2025-01-31T10:20:30.5Z,${user},view,"{""n"": ${n}.10}"\n`

/** Imports a file into an empty database, and hands it on. */
async function withImported(
  content: string | Buffer,
  use: (db: Database, path: string) => Promise<void>,
  options: ImportOptions = {},
  name = 'events.csv',
): Promise<void> {
  const db = database()
  await empty(db)
  await withScratchFolder(async (folder) => {
    const path = join(folder, name)
    await writeFile(path, content)
    await importFiles(db, [path], { maxRejects: { percent: 100 }, ...options })
    await use(db, path)
  })
}

const many = Array.from({ length: 200 }, (_, n) => line(n))

test('one time that was altered is found, with both values; a missing event, too', () =>
  withImported(header + many.join(''), async (db, path) => {
    const [verified] = (await verifyContent(db, [])).verified
    expect(verified).toMatchObject({ file: path, compared: 200, records: 200 })
    await sql`UPDATE ${db.t.events} SET occurred_at = occurred_at + interval '1 hour' WHERE event_id = ${idOf(17)}`.execute(
      db.q,
    )
    await sql`DELETE FROM ${db.t.events} WHERE event_id = ${idOf(18)}`.execute(db.q)
    await sql`UPDATE ${db.t.events} SET properties = '{"n": 19.1}' WHERE event_id = ${idOf(19)}`.execute(db.q)
    const about = { batch: verified!.batch, file: path }
    expect((await verifyContent(db, [], { all: true })).content_differences).toEqual([
      {
        ...about,
        event_id: idOf(17),
        line: 19,
        column: 'occurred_at',
        stored: '2025-01-31T11:20:30.500000Z',
        expected: '2025-01-31T10:20:30.500000Z',
      },
      { ...about, event_id: idOf(18), line: 20, column: 'event_id', stored: null, expected: idOf(18) },
      { ...about, event_id: idOf(19), line: 21, column: 'properties', stored: '{"n": 19.1}', expected: '{"n": 19.10}' },
    ])
  }))

test('the first record of an id is the event, also in another chunk; a later one with other values is no difference', async () => {
  const long = Array.from({ length: 8000 }, (_, n) => line(1000 + n))
  const content = [header, line(1, 'first'), ...long, line(1, 'second'), line(1000, 'third')].join('')
  await withImported(content, async (db) => {
    expect((await verifyContent(db, [], { all: true })).content_differences).toEqual([])
    await sql`UPDATE ${db.t.events} SET user_id = 'second' WHERE event_id = ${idOf(1)}`.execute(db.q)
    expect((await verifyContent(db, [], { all: true })).content_differences).toMatchObject([
      { event_id: idOf(1), line: 2, column: 'user_id', stored: 'second', expected: 'first' },
    ])
  })
})

test('a sample of a large file is compared', () => {
  const user = 'x'.repeat(250)
  const long = Array.from({ length: 36_000 }, (_, n) => line(n, user))
  return withImported(header + long.join(''), async (db) => {
    const [verified] = (await verifyContent(db, [])).verified
    expect(verified!.records).toBe(36_000)
    expect(verified!.compared).toBeGreaterThan(15_000)
    expect(verified!.compared).toBeLessThan(21_000)
  })
})

test('files are read as their batches were: mapping, time zone, compression, rejects', async () => {
  const ndjson = [
    '{"uid": "ann", "ts": "2025-07-01 10:00", "what": "view", "x": 1.50}',
    '{"uid": "", "ts": 5}',
    'x',
    '',
  ].join('\n')
  const options: ImportOptions = {
    map: parseMap('user_id=uid,occurred_at=ts,event_type=what'),
    idFrom: parseIdFrom('uid,ts,#'),
    timezone: 'Europe/Kyiv',
  }
  await withImported(
    gzipSync(ndjson),
    async (db) => {
      expect(await verifyContent(db, [])).toMatchObject({ verified: [{ compared: 3 }], content_differences: [] })
      await sql`UPDATE ${db.t.events} SET event_type = 'click'`.execute(db.q)
      expect((await verifyContent(db, [])).content_differences).toMatchObject([{ stored: 'click', expected: 'view' }])
    },
    options,
    'events.ndjson.gz',
  )
})

test('a file is compared only when it has the content that was imported, wherever it is now', () =>
  withImported(header + line(1), async (db, path) => {
    await rename(path, `${path}.old`)
    expect(await verifyContent(db, [])).toMatchObject({ verified: [], skipped: [{ file: path }] })
    expect(await verifyContent(db, [`${path}.old`])).toMatchObject({ verified: [{ compared: 1 }], skipped: [] })
    await writeFile(path, header + line(2))
    expect(await verifyContent(db, [])).toMatchObject({
      verified: [],
      skipped: [{ why: `${path} has another content now.` }],
    })
    expect((await errorOf(() => verifyContent(db, [path]))).code).toBe('batch_not_found')
  }))

test('what an undo took away is no difference', async () => {
  await withImported(header + line(1), async (db, path) => {
    await writeFile(`${path}2`, header + line(1) + line(2))
    await importFiles(db, [`${path}2`], { format: 'csv' })
    const { rows } = await sql<{ id: number }>`SELECT min(id) AS id FROM ${db.t.import_batches}`.execute(db.q)
    await undoBatch(db, rows[0]!.id)
    expect(await verifyContent(db, [])).toMatchObject({ verified: [{ compared: 2 }], content_differences: [] })
  })
})
