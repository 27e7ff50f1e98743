/**
 * Killed anywhere, run again: the import ends as if nothing had happened. Real processes are killed at seeded places, and
 * PostgreSQL's own, and the next import, with another number of jobs, must leave what an undisturbed one leaves.
 */
import { rm } from 'node:fs/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Batch } from '../../../src/lib/batches/batch.js'
import { withLease } from '../../../src/lib/batches/lease.js'
import { undoBatch } from '../../../src/lib/batches/undo.js'
import { type Database, withPool } from '../../../src/lib/db/connect.js'
import { stopEmbedded, withEmbeddedServer } from '../../../src/lib/db/embedded/server.js'
import { migrate } from '../../../src/lib/db/migrate.js'
import { Random } from '../../../src/lib/generate/random.js'
import { importAgain } from '../../../src/lib/import/again.js'
import { importFiles } from '../../../src/lib/import/import.js'
import type { ImportEvent } from '../../../src/lib/import/options.js'
import { type ImportEnded, importChild, until, untilStopped } from '../../support/import/import-child.js'
import { type GivenRecord, records, writeCsv } from '../../support/import/import-data.js'
import { clear, dump, expectSound } from '../../support/import/import-state.js'
import { freshDatabase } from '../../support/postgres/database.js'
import { withLossyProxy } from '../../support/postgres/lossy-proxy.js'
import { olderPostgres, temporaryFolder } from '../../support/postgres/server.js'

/** Small chunks: the file has at least `chunkCount` of them. */
const options = { chunkBytes: 3_000, maxRejects: { records: 100 } } as const
const chunkCount = 26

let folder: string
let earlier: string
let file: string
let url: string
let drop: () => Promise<void>
let undisturbed: Record<string, unknown[]>

const onDatabase = <T>(use: (db: Database) => Promise<T>) => withPool({ url, schema: 'ea' }, use)

beforeAll(async () => {
  folder = await temporaryFolder()
  ;({ url, drop } = await freshDatabase())
  earlier = writeCsv(`${folder}/earlier.csv`, records(1, { count: 200, ids: [0, 150] }))
  file = writeCsv(`${folder}/events.csv`, manyRepeats())
  undisturbed = await onDatabase(async (db) => {
    await importFiles(db, [earlier], options)
    const { files } = await importFiles(db, [file], { ...options, jobs: 1 })
    expect(files[0]!.rejected).toBeGreaterThan(10)
    const { batches, chunks } = (await dump(db)) as Record<string, { batch: number; owned: number }[]>
    expect(chunks!.filter((chunk) => chunk.batch === batches!.length).length).toBeGreaterThanOrEqual(chunkCount)
    const owned = chunks!.reduce((sum, chunk) => sum + Number(chunk.owned), 0)
    expect(owned).toBeGreaterThan(50)
    expect(files[0]!.duplicates - owned).toBeGreaterThan(200)
    return dump(db)
  })
})

beforeEach(() =>
  onDatabase(async (db) => {
    await clear(db)
    await importFiles(db, [earlier], options)
  }),
)

afterAll(async () => {
  await drop()
  await rm(folder, { recursive: true, force: true })
})

/**
 * First new events, of which chunks are plain and go straight into `events`. Then some ids come back in nearly every chunk, each
 * time with another content.
 */
function manyRepeats(): GivenRecord[] {
  const plain = Array.from({ length: 300 }, (_, index) => ({ id: 20_000 + ((index * 7) % 300), content: 5000 + index }))
  const mixed = records(2, { count: 900, ids: [0, 700], repeats: 30, broken: 3 })
  return [
    ...plain,
    ...mixed.map((record, index) => (index % 9 === 0 ? { ...record, id: 10_000 + (index % 5) } : record)),
  ]
}

/** Imports in a process of its own that dies at a place. */
async function dieAt(place: string, jobs = 2, path = file): Promise<void> {
  killed(await importChild({ url, files: [path], options: { ...options, jobs } }, `${place}=kill`).ended)
}

function killed(ended: ImportEnded): void {
  expect(ended).toMatchObject({ signal: 'SIGKILL' })
}

/** Imports the file (again) and compares with what an undisturbed import left. */
async function expectResumed(jobs: number): Promise<void> {
  await onDatabase(async (db) => {
    const { files } = await importFiles(db, [file], { ...options, jobs, waitMs: 20_000 })
    await expectSound(db)
    const now = await dump(db)
    expect(now).toEqual(undisturbed)
    if (files[0]!.status === 'already_imported') return
    const { read, inserted, duplicates, rejected } = files[0]!
    expect({ read, inserted, duplicates, rejected }).toEqual(countsOf(now.batches!.at(-1)))
  })
}

function countsOf(batch: unknown): Record<string, unknown> {
  const { read, inserted, duplicates, rejected } = batch as Record<string, unknown>
  return { read, inserted, duplicates, rejected }
}

/** `count` places, their passes from a seed and spread over the chunks, each with a number of jobs for the second try. */
function places(seed: number, names: readonly string[], count: number): [string, number][] {
  const random = new Random(seed, 3)
  return Array.from({ length: count }, (_, index) => {
    const [from, to] = [index, index + 1].map((step) => Math.floor((step * (chunkCount - 4)) / count))
    return [`${names[index % names.length]}@${1 + from! + random.below(to! - from!)}`, [1, 3, 4][index % 3]!]
  })
}

describe('killed', () => {
  test.each(places(1, ['copy.started', 'copy.ended'], 9))('while it copies: %s, then %d jobs', async (place, jobs) => {
    await dieAt(place)
    await expectResumed(jobs)
  })

  const merging = ['merge.started', 'merge.inserted', 'merge.recorded', 'chunk.before-commit', 'chunk.done']
  test.each(places(2, merging, 10))('while it merges: %s, then %d jobs', async (place, jobs) => {
    await dieAt(place)
    await expectResumed(jobs)
  })

  test.each([
    ['batch.created', 1],
    ['complete.prepared', 3],
    ['complete.locked', 4],
    ['complete.rollups', 1],
    ['complete.status', 3],
    ['complete.committed', 4],
  ])('while it begins or completes: %s, then %d jobs', async (place, jobs) => {
    await dieAt(place)
    await expectResumed(jobs)
  })

  test('again and again: each life goes on from where the last one was', async () => {
    const random = new Random(4, 4)
    for (const [index, name] of ['merge.inserted', 'copy.ended', 'chunk.before-commit', 'merge.recorded'].entries()) {
      await dieAt(`${name}@${2 + random.below(4)}`, 2 + (index % 3))
    }
    await expectResumed(3)
  })

  test('at a moment that nobody chose', async () => {
    const { child, told, ended } = importChild({ url, files: [file], options: { ...options, jobs: 2 } })
    await told('progress', 8)
    child.kill('SIGKILL')
    killed(await ended)
    await expectResumed(4)
  })

  test('while it discards what another import left', async () => {
    const other = writeCsv(`${folder}/other.csv`, records(9, { count: 300, ids: [100, 900] }))
    await dieAt('chunk.done@4', 2, other)
    await dieAt('discard.started')
    await dieAt('discard.removed')
    await dieAt('batch.created')
    await onDatabase(async (db) => {
      const { rows } = await sql<{ status: string }>`SELECT status FROM ${db.t.import_batches} ORDER BY id`.execute(
        db.q,
      )
      expect(rows.map(({ status }) => status)).toEqual(['completed', 'undone', 'loading'])
      // Its row is all that is left of the other one.
      await sql`DELETE FROM ${db.t.import_batches} WHERE status = 'undone'`.execute(db.q)
    })
    await expectResumed(3)
  })

  test('while it imports atomically: nothing of it is left', () =>
    onDatabase(async (db) => {
      const before = await dump(db)
      const atomic = { ...options, atomic: true }
      for (const place of ['merge.recorded@7', 'complete.status']) {
        killed(await importChild({ url, files: [file], options: atomic }, `${place}=kill`).ended)
        expect(await dump(db)).toEqual(before)
      }
      await importFiles(db, [file], { ...atomic, waitMs: 20_000 })
      await expectSound(db)
      expect(await dump(db)).toEqual(undisturbed)
    }))

  test('while it undoes: the batch is there, whole, and can be undone', () =>
    onDatabase(async (db) => {
      const before = await dump(db)
      const { files } = await importFiles(db, [file], options)
      for (const place of ['undo.prepared', 'undo.rollups', 'undo.before-commit']) {
        killed(await importChild({ url, undo: files[0]!.id! }, `${place}=kill`).ended)
        expect(await dump(db)).toEqual(undisturbed)
      }
      await undoBatch(db, files[0]!.id!, { waitMs: 20_000 })
      await expectSound(db)
      const { events, user_days, days, event_type_days } = await dump(db)
      expect({ events, user_days, days, event_type_days }).toEqual({
        events: before.events,
        user_days: before.user_days,
        days: before.days,
        event_type_days: before.event_type_days,
      })
    }))
})

describe('killed while it imports a batch again', () => {
  const places = [
    'undo.before-commit',
    'again.undone',
    'batch.created',
    'merge.recorded@9',
    'complete.status',
    'complete.committed',
  ]
  test.each(places)('%s: the same command ends as if nothing had happened', (place) =>
    onDatabase(async (db) => {
      const again = { ...options, timezone: 'Europe/Kyiv' }
      const { files } = await importFiles(db, [file], options)
      const batch = files[0]!.id!
      const before = await dump(db)
      await importAgain(db, batch, [], again)
      await expectSound(db)
      const unkilled = await dump(db)
      expect(unkilled.events).toHaveLength(before.events!.length)
      expect(unkilled.batches!.map((one) => (one as Batch).status)).toEqual(['completed', 'undone', 'completed'])

      await clear(db)
      await importFiles(db, [earlier], options)
      const { files: second } = await importFiles(db, [file], options)
      const task = { url, again: second[0]!.id!, options: { ...again, jobs: 2 } }
      killed(await importChild(task, `${place}=kill`).ended)
      const ended = await importChild({ ...task, options: { ...task.options, waitMs: 20_000 } }).ended
      expect(ended).toMatchObject({ exit: 0, error: undefined })
      await expectSound(db)
      expect(await dump(db)).toEqual(unkilled)
    }),
  )
})

describe('its connections are lost', () => {
  const places = [
    'copy.started@3',
    'copy.ended@6',
    'merge.started@9',
    'merge.inserted@12',
    'merge.recorded@15',
    'chunk.before-commit@18',
  ]
  test.each(places)('at %s: the chunks that were under way are run again', (place) =>
    onDatabase(async (db) => {
      const importing = importChild({ url, files: [file], options: { ...options, jobs: 2 } }, `${place}=stop`)
      await untilStopped(importing.pid)
      const { rows } = await sql<{ ended: number }>`
        SELECT count(pg_terminate_backend(pid)) AS ended FROM unnest(${await merging(db)}::int[]) AS pid`.execute(db.q)
      expect(rows[0]!.ended).toBeGreaterThan(0)
      process.kill(importing.pid, 'SIGCONT')
      expect(await importing.ended).toMatchObject({ error: undefined, exit: 0 })
      await expectSound(db)
      expect(await dump(db)).toEqual(undisturbed)
    }),
  )

  test('the answers to many a COMMIT are lost: what is done is found done', () =>
    withLossyProxy(
      url,
      // Rarer later on: a resumed import has so few transactions that a steady beat would always meet the same one.
      (commits) => commits % (commits < 40 ? 5 : 11) === 3,
      (proxied) =>
        withPool({ url: proxied, schema: 'ea' }, async (db) => {
          let retries = 0
          const onEvent = ({ type }: ImportEvent) => {
            if (type === 'retrying') retries += 1
          }
          await until(() =>
            importFiles(db, [file], { ...options, jobs: 2, waitMs: 20_000, onEvent }).then(
              () => true,
              // Only chunks are run again by themselves; whoever loses the answer elsewhere imports again.
              (error) => {
                if (!/Connection terminated|ECONNRESET/.test(error.message)) throw error
                return onDatabase(async (direct) => {
                  await sql`UPDATE ${direct.t.import_lease} SET heartbeat_at = heartbeat_at - interval '1 minute'`.execute(
                    direct.q,
                  )
                  return false
                })
              },
            ),
          )
          expect(retries).toBeGreaterThan(2)
        }),
    ).then(() => expectResumed(1)))
})

/** The backends that are in the middle of an import's transaction. */
async function merging(db: Database): Promise<number[]> {
  const { rows } = await sql<{ pid: number }>`
    SELECT pid FROM pg_locks WHERE relation = 'ea.import_lease'::regclass AND mode = 'RowShareLock'
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`.execute(db.q)
  return rows.map(({ pid }) => pid)
}

describe('PostgreSQL itself is killed', () => {
  const server = { settings: { shared_buffers: '32MB' }, ...olderPostgres(process.env.EA_TEST_POSTGRES) }

  /** A server of the test's own, durable as a user's, with the earlier file imported: no other test is on it. */
  async function withOwnServer(use: (dataDir: string) => Promise<void>): Promise<void> {
    const dataDir = await temporaryFolder()
    try {
      await onServer(dataDir, async (db) => {
        await migrate(db)
        await importFiles(db, [earlier], options)
        await use(dataDir)
      })
    } finally {
      await stopEmbedded({ schema: 'ea', dataDir }, { force: true })
      await rm(dataDir, { recursive: true, force: true })
    }
  }

  function onServer<T>(dataDir: string, use: (db: Database, url: string) => Promise<T>): Promise<T> {
    return withEmbeddedServer(dataDir, (own) => withPool({ url: own, schema: 'ea' }, (db) => use(db, own)), server)
  }

  test('a backend that merges: the server recovers, and the import goes on', () =>
    withOwnServer((dataDir) =>
      onServer(dataDir, async (db, own) => {
        const importing = importChild({ url: own, files: [file], options: { ...options, jobs: 2 } })
        await importing.told('progress', 5)
        await until(async () => {
          const pid = (await merging(db))[0]
          if (pid !== undefined) process.kill(pid, 'SIGKILL')
          return pid !== undefined
        })
        // All connections are lost and refused for a while: by itself it goes on when that is short.
        await importing.ended
        await importFiles(db, [file], { ...options, jobs: 4, waitMs: 20_000 })
        await expectSound(db)
        expect(await dump(db)).toEqual(undisturbed)
      }),
    ))

  test('a backend that runs a single statement: an error of that statement, not the end of the process', () =>
    withOwnServer((dataDir) =>
      onServer(dataDir, async (db) => {
        const beside = withLease(db, { doing: 'sleep' }, () => sql`SELECT pg_sleep(60)`.execute(db.q))
        const failed = expect(beside).rejects.toThrow()
        const sleeping = () =>
          sql<{ pid: number }>`SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'`.execute(db.q)
        await until(async () => (await sleeping()).rows.length > 0)
        process.kill((await sleeping()).rows[0]!.pid, 'SIGKILL')
        await failed
        // Its lease could not be given back while the server recovered: it has to grow old.
        const recovered = sql`UPDATE ${db.t.import_lease} SET heartbeat_at = heartbeat_at - interval '16 seconds'`
        await until(() =>
          recovered.execute(db.q).then(
            () => true,
            () => false,
          ),
        )
        await importFiles(db, [file], options)
        expect(await dump(db)).toEqual(undisturbed)
      }),
    ))

  test('the postmaster: the next import starts a server that recovers, and goes on', () =>
    withOwnServer(async (dataDir) => {
      const ended = await onServer(dataDir, async (db, own) => {
        const importing = importChild(
          { url: own, files: [file], options: { ...options, jobs: 2 } },
          'merge.inserted@9=stop',
        )
        const { rows } = await sql<{ pid: number }>`
          SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int AS pid`.execute(db.q)
        await until(async () => (await merging(db)).length > 0)
        await importing.told('progress', 9)
        process.kill(rows[0]!.pid, 'SIGKILL')
        process.kill(importing.pid, 'SIGCONT')
        return importing.ended
      })
      expect(ended.exit).not.toBe(0)
      await onServer(dataDir, async (db) => {
        await importFiles(db, [file], { ...options, jobs: 3, waitMs: 20_000 })
        await expectSound(db)
        expect(await dump(db)).toEqual(undisturbed)
      })
    }))
})
