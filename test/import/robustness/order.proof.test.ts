/**
 * The order in which chunks are merged decides nothing: within a file the first record of an id wins, between files the
 * one that was imported first, whatever the sizes of chunks and the number of jobs.
 */

import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import fc from 'fast-check'
import { sql } from 'kysely'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { differencesPage } from '../../../src/lib/batches/differences.js'
import { type Database, withPool } from '../../../src/lib/db/connect.js'
import { importFiles } from '../../../src/lib/import/import.js'
import { assertProperty } from '../../support/effort.js'
import { until } from '../../support/import/import-child.js'
import { eventOf, type GivenRecord, shuffled, uuidOf, writeCsv } from '../../support/import/import-data.js'
import { clear, expectSound, visibleEvents } from '../../support/import/import-state.js'
import { freshDatabase } from '../../support/postgres/database.js'
import { temporaryFolder } from '../../support/postgres/server.js'

let folder: string
let url: string
let drop: () => Promise<void>

const onDatabase = <T>(use: (db: Database) => Promise<T>) => withPool({ url, schema: 'ea', maxConnections: 8 }, use)

beforeAll(async () => {
  folder = await temporaryFolder()
  ;({ url, drop } = await freshDatabase())
})

beforeEach(() => onDatabase(clear))

afterAll(async () => {
  await drop()
  await rm(folder, { recursive: true, force: true })
})

/** What importing files in this order must store: of each id the first record, owned by the file that it is in. */
function model(files: readonly (readonly GivenRecord[])[]): { events: object[]; inserted: number[] } {
  const winners = new Map<number, { record: GivenRecord; file: number }>()
  for (const [file, records] of files.entries()) {
    for (const record of records) if (!winners.has(record.id)) winners.set(record.id, { record, file })
  }
  const sorted = [...winners.values()].sort((a, b) => a.record.id - b.record.id)
  return {
    events: sorted.map(({ record, file }) => ({ ...eventOf(record), file })),
    inserted: files.map((_, index) => sorted.filter(({ file }) => file === index).length),
  }
}

/** 200 records; about a third repeat an id with another content. */
const givenRecords = fc
  .array(fc.nat(160), { minLength: 200, maxLength: 200 })
  .map((ids) => ids.map((id, content): GivenRecord => ({ id, content })))

/** How the same records arrive: in which order, in which files, and how each file is imported. */
const arrival = fc.record({
  seed: fc.integer(),
  cuts: fc.array(fc.integer({ min: 1, max: 199 }), { maxLength: 2 }),
  options: fc.array(
    fc.record({
      chunkBytes: fc.integer({ min: 800, max: 8_000 }),
      jobs: fc.integer({ min: 1, max: 4 }),
      atomic: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    }),
    { minLength: 3, maxLength: 3 },
  ),
})

test(
  'any order and any split of the same records: the first one wins, and the rollups are true',
  { tags: 'property' },
  () =>
    onDatabase((db) =>
      assertProperty(
        fc.asyncProperty(givenRecords, arrival, async (given, { seed, cuts, options }) => {
          await clear(db)
          const order = shuffled(seed, given)
          const borders = [0, ...[...new Set(cuts)].sort((a, b) => a - b), order.length]
          const files = borders.slice(1).map((end, index) => order.slice(borders[index], end))
          const expected = model(files)
          const numbers: number[] = []
          for (const [index, records] of files.entries()) {
            const path = writeCsv(`${folder}/file${index}.csv`, records)
            const outcome = (await importFiles(db, [path], options[index]!)).files[0]!
            expect(outcome).toMatchObject({
              status: 'completed',
              read: records.length,
              inserted: expected.inserted[index],
              duplicates: records.length - expected.inserted[index]!,
            })
            numbers.push(outcome.id!)
          }
          const stored = await visibleEvents(db)
          expect(stored.map(({ batch, ...event }) => ({ ...event, file: numbers.indexOf(batch) }))).toEqual(
            expected.events,
          )
          await expectSound(db)
        }),
        100,
      ),
    ),
)

/** A file in which one id comes back in every chunk, each time with another content. */
const comesBack = 7_000
const repeating = Array.from({ length: 120 }, (_, index) => ({
  id: index % 3 === 0 ? comesBack : index,
  content: index,
}))
const options = { chunkBytes: 1_000, jobs: 3 }

/** Holds ids of the file's chunks back: a merge that wants to insert one waits until it is let go. */
async function holdBack(
  db: Database,
  ids: readonly number[],
): Promise<{ client: pg.PoolClient; letGo: () => Promise<void> }[]> {
  return Promise.all(
    ids.map(async (id) => {
      const client = await db.pool.connect()
      await client.query('BEGIN')
      await client.query(`INSERT INTO ea.events VALUES ($1, now(), 0, 'u', 'view', '{}')`, [uuidOf(id)])
      const letGo = async () => {
        await client.query('ROLLBACK')
        client.release()
      }
      return { client, letGo }
    }),
  )
}

/** How many merges wait for a lock, those left out that wait for what is held back. */
async function waiting(db: Database, held: readonly { client: pg.PoolClient }[]): Promise<number> {
  const holders = held.map(({ client }) => (client as unknown as { processID: number }).processID)
  const { rows } = await sql<{ n: number }>`
    SELECT count(*) AS n FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock' AND NOT pg_blocking_pids(pid) && ${holders}::int[]`.execute(
    db.q,
  )
  return rows[0]!.n
}

/** Waits until all chunks but the first `missing` are merged. */
async function untilMerged(db: Database, chunks: number, missing: number): Promise<void> {
  await until(async () => {
    const { rows } = await sql`SELECT FROM ${db.t.import_chunks} WHERE chunk >= ${missing}`.execute(db.q)
    return rows.length === chunks - missing
  })
}

/** How many chunks the file has, and an id of its own for each. */
async function idsOfChunks(db: Database, path: string): Promise<number[]> {
  await importFiles(db, [path], options)
  const { rows } = await sql<{ from: number; to: number }>`
    SELECT byte_from AS from, byte_to AS to FROM ${db.t.import_chunks} ORDER BY chunk`.execute(db.q)
  await clear(db)
  const text = readFileSync(path, 'utf8')
  return rows.map(
    ({ from, to }) =>
      repeating.find(({ id }) => id !== comesBack && text.indexOf(uuidOf(id)) >= from && text.indexOf(uuidOf(id)) < to)!
        .id,
  )
}

async function expectFirstWon(db: Database, importing: ReturnType<typeof importFiles>): Promise<void> {
  const { files } = await importing
  const expected = model([repeating])
  const duplicates = 120 - expected.inserted[0]!
  // Each of them has a content of its own, also those that were stored at first.
  expect(files[0]).toMatchObject({ read: 120, inserted: expected.inserted[0], duplicates, differing: duplicates })
  const page = await differencesPage(db, files[0]!.id!)
  expect(page.meta).toMatchObject({ differing: duplicates, listed: duplicates })
  const stored = await visibleEvents(db)
  expect(stored.map(({ batch, ...event }) => ({ ...event, file: 0 }))).toEqual(expected.events)
  await expectSound(db)
}

test('the first chunk is merged last: it takes its event back from a later one', () =>
  onDatabase(async (db) => {
    const path = writeCsv(`${folder}/repeating.csv`, repeating)
    const ids = await idsOfChunks(db, path)
    expect(ids.length).toBeGreaterThan(5)
    const [first] = await holdBack(db, [ids[0]!])
    const importing = importFiles(db, [path], options)
    await untilMerged(db, ids.length, 1)
    await first!.letGo()
    await expectFirstWon(db, importing)
  }))

test.each([0, 1])('the first two chunks take the same event back at once, chunk %d is the first to ask', (early) =>
  onDatabase(async (db) => {
    const path = writeCsv(`${folder}/repeating.csv`, repeating)
    const ids = await idsOfChunks(db, path)
    const held = await holdBack(db, ids.slice(0, 2))
    const importing = importFiles(db, [path], options)
    await untilMerged(db, ids.length, 2)
    // The event itself is locked too, so that both stand in line before either can have it.
    const lock = await db.pool.connect()
    await lock.query('BEGIN')
    await lock.query('SELECT FROM ea.events WHERE event_id = $1 FOR UPDATE', [uuidOf(comesBack)])
    for (const [others, chunk] of [early, 1 - early].entries()) {
      await held[chunk]!.letGo()
      await until(async () => (await waiting(db, held)) === others + 1)
    }
    await lock.query('ROLLBACK')
    lock.release()
    await expectFirstWon(db, importing)
  }),
)
