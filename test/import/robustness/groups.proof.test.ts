/**
 * Small files are loaded in groups, one transaction for each. Whatever happens to a group, each file is what it would be had it
 * been imported by itself: complete or not begun, with its own counts, rejects and duplicates.
 */
import { rm } from 'node:fs/promises'
import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { listBatches } from '../../../src/lib/batches/batches.js'
import { undoBatch } from '../../../src/lib/batches/undo.js'
import { armFailpoint } from '../../../src/lib/core/failpoint.js'
import { type Database, withPool } from '../../../src/lib/db/connect.js'
import { importFiles } from '../../../src/lib/import/import.js'
import type { FileOutcome, ImportEvent, ImportOptions } from '../../../src/lib/import/options.js'
import { assertProperty } from '../../support/effort.js'
import { importChild, untilStopped } from '../../support/import/import-child.js'
import { type GivenRecord, records, shuffled, writeCsv } from '../../support/import/import-data.js'
import { clear, dump, expectSound } from '../../support/import/import-state.js'
import { freshDatabase } from '../../support/postgres/database.js'
import { withLossyProxy } from '../../support/postgres/lossy-proxy.js'
import { findPgBouncer, withPgBouncer } from '../../support/postgres/pgbouncer.js'
import { temporaryFolder } from '../../support/postgres/server.js'

const options = { chunkBytes: 20_000, maxRejects: { records: 3 } } as const

let folder: string
let paths: string[]
let url: string
let drop: () => Promise<void>
let singly: Record<string, unknown[]>

const onDatabase = <T>(use: (db: Database) => Promise<T>) => withPool({ url, schema: 'ea', maxConnections: 6 }, use)

beforeAll(async () => {
  folder = await temporaryFolder()
  ;({ url, drop } = await freshDatabase())
  paths = writeFiles()
  singly = await onDatabase(async (db) => {
    await clear(db)
    for (const path of paths) await importFiles(db, [path], options)
    await expectSound(db)
    return dump(db)
  })
})

beforeEach(() => onDatabase(clear))
afterEach(() => armFailpoint(undefined))

afterAll(async () => {
  await drop()
  await rm(folder, { recursive: true, force: true })
})

/** Eleven files with ids in common: one is over its budget, one has no records, one is a copy, one has several chunks. */
function writeFiles(): string[] {
  const plain = Array.from({ length: 8 }, (_, index) =>
    records(index, { count: 12, ids: [0, 60], repeats: 20, broken: 2 }),
  )
  const given: [name: string, GivenRecord[]][] = [
    ...plain.slice(0, 3).map((one, index): [string, GivenRecord[]] => [`a${index}`, one]),
    ['b-bad', records(20, { count: 12, ids: [0, 60], broken: 70 })],
    ['c-empty', []],
    ['d-copy', plain[1]!],
    ['e-large', records(30, { count: 500, ids: [0, 400], repeats: 10 })],
    ...plain.slice(3).map((one, index): [string, GivenRecord[]] => [`f${index}`, one]),
  ]
  return given.map(([name, one]) => writeCsv(`${folder}/${name}.csv`, one))
}

/** Imports all files (again) and compares with what importing each by itself left. */
async function expectAsSingly(db: Database): Promise<void> {
  await importFiles(db, paths, { ...options, waitMs: 20_000 })
  await expectSound(db)
  expect(await dump(db)).toEqual(singly)
}

/** An outcome without its times and its number. */
const plainOf = ({ id, seconds, phases, importedAt, ...rest }: FileOutcome) => rest

/** How many transactions wrote the events. */
async function transactions(db: Database): Promise<number> {
  const { rows } = await sql<{ n: number }>`SELECT count(DISTINCT merged_by) AS n FROM ${db.t.import_chunks}`.execute(
    db.q,
  )
  return rows[0]!.n
}

test('files of one command share transactions and a version; each has its own batch', () =>
  onDatabase(async (db) => {
    const version = async () =>
      (await sql<{ v: number }>`SELECT data_version AS v FROM ${db.t.settings}`.execute(db.q)).rows[0]!.v
    const before = await version()
    const { files } = await importFiles(db, paths.slice(7), options)
    expect(files.map(({ status }) => status)).toEqual(Array(5).fill('completed'))
    expect(await version()).toBe(before + 1)
    expect(await transactions(db)).toBe(1)
    await undoBatch(db, files[0]!.id!)
    await expectSound(db)
    expect((await listBatches(db)).map(({ status }) => status).sort()).toEqual([
      ...Array(4).fill('completed'),
      'undone',
    ])
    await expectAsSinglyWithoutUndone(db)
  }))

/** What was undone and stale is imported again: all events are there, whoever owns them. */
async function expectAsSinglyWithoutUndone(db: Database): Promise<void> {
  const { totals } = await importFiles(db, paths.slice(7), options)
  expect(totals.inserted).toBeGreaterThan(0)
  await expectSound(db)
}

test('what is told of each file, and in which order, is what is told of it alone', () =>
  onDatabase(async (db) => {
    const alone: unknown[] = []
    const tell = (told: unknown[]) => (event: ImportEvent) => {
      if (event.type === 'warning') told.push(event)
      if (event.type === 'finished') told.push(plainOf(event.outcome))
    }
    const odd = writeCsv(`${folder}/odd.csv`, [{ id: 1, content: 1 }])
    await import('node:fs/promises').then(({ writeFile }) =>
      writeFile(
        odd,
        'event_id,occurred_at,user_id,event_type\n00000000-0000-4000-8000-000000009999,2025-01-01,NULL,x\n',
      ),
    )
    const all = [...paths.slice(0, 4), odd, ...paths.slice(4)]
    // The advice to a file that fails names it only when there are others.
    for (const path of all) await importFiles(db, [path, `${folder}/none.csv`], { ...options, onEvent: tell(alone) })
    await clear(db)
    const together: unknown[] = []
    await importFiles(db, all, { ...options, onEvent: tell(together) })
    expect(together).toEqual(alone.filter((one) => (one as FileOutcome).file !== `${folder}/none.csv`))
    expect(together).toContainEqual(expect.objectContaining({ type: 'warning', file: odd }))
  }))

describe('killed', () => {
  test.each([
    'lease.taken',
    'group.loaded',
    'group.loaded@3',
    'copy.started@2',
    'merge.inserted@3',
    'merge.recorded@4',
    'complete.prepared',
    'complete.locked',
    'complete.rollups',
    'complete.status',
    'group.before-commit',
    'group.before-commit@2',
    'group.committed',
    'group.committed@2',
    'chunk.done@2',
  ])('%s: each file is complete or not begun, and the next import does the rest', (place) =>
    onDatabase(async (db) => {
      const ended = await importChild({ url, files: paths, options }, `${place}=kill`).ended
      expect(ended.signal).toBe('SIGKILL')
      const loading = (await listBatches(db)).filter(({ status }) => status === 'loading')
      // Only the large file is loaded step by step.
      expect(loading.map(({ file }) => file)).toEqual(place.startsWith('chunk') ? [paths[6]] : [])
      await sql`DELETE FROM ${db.t.import_lease}`.execute(db.q)
      await expectSound(db, { loading: loading.length })
      // The failed file is tried again, as it is when each is imported by itself.
      await sql`DELETE FROM ${db.t.import_batches} WHERE status = 'failed'`.execute(db.q)
      const completed = await listBatches(db, { status: 'completed' })
      const ids = new Map(completed.map(({ file, id }) => [file, id]))
      await importFiles(db, paths, options)
      await expectSound(db)
      const after = await listBatches(db)
      for (const [file, id] of ids)
        expect(after.filter((batch) => batch.file === file).map((batch) => batch.id)).toEqual([id])
      const { events, user_days, days, event_type_days } = await dump(db)
      const contents = (all: unknown[]) => all.map((one) => ({ ...(one as object), batch: 0 }))
      expect(contents(events!)).toEqual(contents(singly.events!))
      expect({ user_days, days, event_type_days }).toEqual({
        user_days: singly.user_days,
        days: singly.days,
        event_type_days: singly.event_type_days,
      })
    }),
  )
})

describe('a group that fails', () => {
  test.each(['merge.inserted@3', 'group.loaded@2', 'complete.rollups', 'group.before-commit'])(
    '%s: its files are imported one at a time',
    (place) =>
      onDatabase(async (db) => {
        armFailpoint(`${place}=error`)
        await expectAsSingly(db)
        expect(await transactions(db)).toBeGreaterThan(3)
      }),
  )

  test('the answer to its COMMIT is lost: what is done is found done, and told as done', () =>
    onDatabase(async (db) => {
      const outcomes = await withLossyProxy(
        url,
        // The first COMMIT is that of the lease.
        (commits) => commits === 2,
        (proxied) => withPool({ url: proxied, schema: 'ea' }, (lossy) => importFiles(lossy, paths.slice(7), options)),
      )
      expect(outcomes.files.map(({ status }) => status)).toEqual(Array(5).fill('completed'))
      expect(await transactions(db)).toBe(1)
      await expectSound(db)
    }))
})

test('interrupted, the files before it count, and the same command does the rest', () =>
  onDatabase(async (db) => {
    const interrupt = new AbortController()
    const finished: string[] = []
    const onEvent = (event: ImportEvent) => {
      if (event.type === 'finished') finished.push(event.outcome.file)
      if (event.type === 'progress' && event.file === paths[2]) interrupt.abort()
    }
    const importing = importFiles(db, paths, { ...options, onEvent, signal: interrupt.signal })
    await expect(importing).rejects.toMatchObject({ code: 'interrupted' })
    expect(finished).toEqual(paths.slice(0, 3))
    await expectAsSingly(db)
  }))

test('an import that slept in a group writes nothing more once its lease was taken', () =>
  onDatabase(async (db) => {
    const sleeper = importChild({ url, files: paths, options }, 'group.loaded@3=stop')
    await untilStopped(sleeper.pid)
    await sql`UPDATE ${db.t.import_lease} SET heartbeat_at = heartbeat_at - interval '1 minute'`.execute(db.q)
    await expectAsSingly(db)
    process.kill(sleeper.pid, 'SIGCONT')
    expect((await sleeper.ended).error).toMatchObject({ code: 'lease_lost' })
    await expectSound(db)
    expect(await dump(db)).toEqual(singly)
  }))

test('two imports at once of folders that overlap: the second one finds what the first one stored', () =>
  onDatabase(async (db) => {
    const both = await Promise.all(
      [paths.slice(0, 9), paths.slice(5)].map((files) => importFiles(db, files, { ...options, waitMs: 30_000 })),
    )
    await expectSound(db)
    const statuses = both.flatMap(({ files }) => files.map(({ status }) => status))
    expect(statuses.filter((status) => status === 'completed')).toHaveLength(10)
    await importFiles(db, paths, options)
    // Which record of an id came first depends on which import did.
    const idsIn = (events: unknown[]) => events.map((one) => (one as { event_id: string }).event_id)
    expect(idsIn((await dump(db)).events!)).toEqual(idsIn(singly.events!))
  }))

const program = findPgBouncer()

test.skipIf(program === undefined)('behind PgBouncer in transaction mode', () =>
  onDatabase((direct) =>
    withPgBouncer(program!, inject('serverUrl'), (urlOf) =>
      withPool({ url: urlOf(new URL(url).pathname.slice(1)), schema: 'ea', maxConnections: 6 }, async (db) => {
        await importFiles(db, paths, options)
        expect(await dump(direct)).toEqual(singly)
      }),
    ),
  ),
)

/** How records are spread over files, and what of the files is in one group: the size of a chunk bounds both. */
const arrival = fc.record({
  seed: fc.integer(),
  cuts: fc.array(fc.integer({ min: 1, max: 149 }), { maxLength: 25 }),
  repeated: fc.array(fc.nat(24), { maxLength: 2 }),
  options: fc.record<ImportOptions>({
    chunkBytes: fc.integer({ min: 700, max: 20_000 }),
    jobs: fc.integer({ min: 1, max: 3 }),
    force: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    maxRejects: fc.integer({ min: 0, max: 3 }).map((n) => ({ records: n })),
  }),
})

test(
  'any split of records into files, in any order and any groups, leaves what one file at a time leaves',
  { tags: 'property' },
  () =>
    onDatabase((db) =>
      assertProperty(
        fc.asyncProperty(arrival, async ({ seed, cuts, repeated, options: given }) => {
          const all = shuffled(seed, records(seed, { count: 150, ids: [0, 110], repeats: 15, broken: 4 }))
          const borders = [0, ...[...new Set(cuts)].sort((a, b) => a - b), all.length]
          const written = borders
            .slice(1)
            .map((end, index) => writeCsv(`${folder}/part${index}.csv`, all.slice(borders[index], end)))
          // Also the same content once more, under another name.
          const copies = repeated.flatMap((index) => {
            const [from, to] = [borders[index], borders[index + 1]]
            return to === undefined ? [] : [writeCsv(`${folder}/copy${index}.csv`, all.slice(from, to))]
          })
          const files = shuffled(seed + 1, [...written, ...new Set(copies)])
          const states = []
          for (const steps of [files.map((file) => [file]), [files]]) {
            await clear(db)
            const outcomes: FileOutcome[] = []
            for (const step of steps) outcomes.push(...(await importFiles(db, step, given)).files)
            await expectSound(db)
            const batches = outcomes.map(({ id }) => [...new Set(outcomes.map((one) => one.id))].indexOf(id))
            states.push({ batches, counts: outcomes.map(countsOf), state: await dump(db) })
          }
          expect(states[1]).toEqual(states[0])
        }),
        30,
      ),
    ),
)

const countsOf = ({ file, sha256, status, read, inserted, duplicates, differing, rejected, bytes }: FileOutcome) => ({
  file,
  sha256,
  status,
  counts: [read, inserted, duplicates, differing, rejected, bytes],
})
