/**
 * Imports behind PgBouncer in transaction mode, with two server connections for everybody: nothing waits for a third one,
 * and nothing of a session is relied on or left behind. Skipped where the program is not installed (Debian: pgbouncer).
 */
import { rm } from 'node:fs/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { undoBatch } from '../../../src/lib/batches/undo.js'
import { type Database, withPool } from '../../../src/lib/db/connect.js'
import { importFiles } from '../../../src/lib/import/import.js'
import { importChild, untilStopped } from '../../support/import/import-child.js'
import { records, writeCsv } from '../../support/import/import-data.js'
import { clear, dump, expectSound } from '../../support/import/import-state.js'
import { freshDatabase } from '../../support/postgres/database.js'
import { findPgBouncer, poolSize, withPgBouncer } from '../../support/postgres/pgbouncer.js'
import { temporaryFolder } from '../../support/postgres/server.js'

const program = findPgBouncer()
const skipped = program === undefined ? ' (skipped: pgbouncer is not installed)' : ''
const options = { chunkBytes: 2_000, maxRejects: { records: 50 }, jobs: 2 } as const

describe.skipIf(program === undefined)(`behind PgBouncer${skipped}`, () => {
  let folder: string
  let earlier: string
  let file: string
  let direct: string
  let drop: () => Promise<void>
  let undisturbed: Record<string, unknown[]>

  beforeAll(async () => {
    folder = await temporaryFolder()
    ;({ url: direct, drop } = await freshDatabase())
    earlier = writeCsv(`${folder}/earlier.csv`, records(1, { count: 100, ids: [0, 100] }))
    file = writeCsv(`${folder}/events.csv`, records(2, { count: 500, ids: [50, 500], repeats: 25, broken: 3 }))
    undisturbed = await onDatabase(direct, async (db) => {
      await importFiles(db, [earlier, file], { ...options, jobs: 1 })
      return dump(db)
    })
  })

  beforeEach(() =>
    onDatabase(direct, async (db) => {
      await clear(db)
      await importFiles(db, [earlier], options)
    }),
  )

  afterAll(async () => {
    await drop()
    await rm(folder, { recursive: true, force: true })
  })

  const onDatabase = <T>(url: string, use: (db: Database) => Promise<T>) =>
    withPool({ url, schema: 'ea', maxConnections: 6 }, use)

  /** Runs `use` on the test's database behind a PgBouncer of its own. */
  const pooled = (use: (db: Database, url: string) => Promise<void>) =>
    withPgBouncer(program!, inject('serverUrl'), (urlOf) => {
      const url = urlOf(new URL(direct).pathname.slice(1))
      return onDatabase(url, (db) => use(db, url))
    })

  test.each([1, 2, 4])('an import with %d jobs, then the same again, then undo', (jobs) =>
    pooled(async (db) => {
      const before = await dump(db)
      const { files } = await importFiles(db, [file], { ...options, jobs })
      expect(files[0]!.duplicates).toBeGreaterThan(0)
      expect(files[0]!.rejected).toBeGreaterThan(0)
      expect(await dump(db)).toEqual(undisturbed)
      expect((await importFiles(db, [file], options)).files[0]!.status).toBe('already_imported')
      await undoBatch(db, files[0]!.id!)
      await expectSound(db)
      expect((await dump(db)).events).toEqual(before.events)
    }),
  )

  test('an atomic import, a dry run, an import over its budget', () =>
    pooled(async (db) => {
      const dry = await importFiles(db, [file], { ...options, dryRun: true })
      const over = await importFiles(db, [file], { ...options, maxRejects: { records: 2 } })
      expect(over.files[0]!.status).toBe('failed')
      const atomic = await importFiles(db, [file], { ...options, atomic: true })
      const counts = ({ read, inserted, duplicates, rejected }: (typeof dry.files)[number]) => [
        read,
        inserted,
        duplicates,
        rejected,
      ]
      expect(counts(atomic.files[0]!)).toEqual(counts(dry.files[0]!))
      await expectSound(db)
      expect((await dump(db)).user_days).toEqual(undisturbed.user_days)
    }))

  test('a second import is told who is busy', () =>
    pooled(async (db, url) => {
      const first = importChild({ url, files: [file], options: { ...options, jobs: 1 } }, 'chunk.done@3=stop')
      await untilStopped(first.pid)
      await expect(importFiles(db, [earlier], { ...options, force: true })).rejects.toMatchObject({
        code: 'import_busy',
      })
      process.kill(first.pid, 'SIGCONT')
      expect((await first.ended).exit).toBe(0)
      expect(await dump(db)).toEqual(undisturbed)
    }))

  test.each(['copy.started@4', 'merge.inserted@5', 'complete.locked'])('killed at %s, it is resumed', (place) =>
    pooled(async (db, url) => {
      const first = importChild({ url, files: [file], options }, `${place}=kill`)
      expect((await first.ended).signal).toBe('SIGKILL')
      await importFiles(db, [file], options)
      await expectSound(db)
      expect(await dump(db)).toEqual(undisturbed)
    }),
  )

  test.each(['merge.inserted@5', 'complete.locked'])(
    'a sleeper at %s, with one of the two connections, is taken over',
    (place) =>
      pooled(async (db, url) => {
        const sleeper = importChild({ url, files: [file], options: { ...options, jobs: 1 } }, `${place}=stop`)
        await untilStopped(sleeper.pid)
        await sql`UPDATE ${db.t.import_lease} SET heartbeat_at = heartbeat_at - interval '16 seconds'`.execute(db.q)
        await importFiles(db, [file], options)
        expect(await dump(db)).toEqual(undisturbed)
        process.kill(sleeper.pid, 'SIGCONT')
        expect(await sleeper.ended).toMatchObject({ exit: 75, error: { code: 'lease_lost' } })
        await expectSound(db)
      }),
  )

  test('nothing of a session is left in the connections that everybody shares', () =>
    pooled(async (db) => {
      const settings = 'TimeZone DateStyle work_mem jit enable_sort enable_hashjoin lock_timeout'.split(' ')
      const left = async () => {
        const { rows } = await sql<Record<string, unknown>>`
          SELECT pg_backend_pid() AS pid, pg_sleep(0.3),
                 ARRAY(SELECT current_setting(name) FROM unnest(${settings}::text[]) AS name) AS settings,
                 (SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relkind = 'r') AS tables,
                 (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks,
                 (SELECT count(*) FROM pg_prepared_statements) AS statements`.execute(db.q)
        return rows[0]!
      }
      // All server connections at once, so each of them is asked.
      const both = () => Promise.all(Array.from({ length: poolSize }, left))
      const before = await both()
      expect(new Set(before.map(({ pid }) => pid)).size).toBe(poolSize)
      const { files } = await importFiles(db, [file], options)
      await undoBatch(db, files[0]!.id!)
      const after = await both()
      const unlike = ({ settings, tables, locks, statements }: Record<string, unknown>) => ({
        settings,
        tables,
        locks,
        statements,
      })
      expect(after.map(unlike)).toEqual(before.map(unlike))
      expect(unlike(after[0]!)).toMatchObject({ tables: 0, locks: 0, statements: 0 })
    }))
})
