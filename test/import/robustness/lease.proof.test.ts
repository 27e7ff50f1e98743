/**
 * One import at a time: who else comes is told who holds the lease, or waits. A holder that is dead loses it at once, one
 * that sleeps loses it when its lease is old, and when it wakes it writes nothing more.
 */
import { rm } from 'node:fs/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readHolder } from '../../../src/lib/batches/lease.js'
import { undoBatch } from '../../../src/lib/batches/undo.js'
import type { EaError } from '../../../src/lib/core/errors.js'
import { type Database, withPool } from '../../../src/lib/db/connect.js'
import { importFiles } from '../../../src/lib/import/import.js'
import { type ImportChild, importChild, untilStopped } from '../../support/import/import-child.js'
import { records, writeCsv } from '../../support/import/import-data.js'
import { clear, dump, expectSound } from '../../support/import/import-state.js'
import { freshDatabase } from '../../support/postgres/database.js'
import { temporaryFolder } from '../../support/postgres/server.js'

const options = { chunkBytes: 2_000, maxRejects: { records: 50 }, jobs: 2 } as const

let folder: string
let file: string
let other: string
let url: string
let drop: () => Promise<void>
/** What the file alone leaves. */
let undisturbed: Record<string, unknown[]>

const onDatabase = <T>(use: (db: Database) => Promise<T>) => withPool({ url, schema: 'ea' }, use)

beforeAll(async () => {
  folder = await temporaryFolder()
  ;({ url, drop } = await freshDatabase())
  file = writeCsv(`${folder}/events.csv`, records(1, { count: 300, ids: [0, 250], repeats: 20, broken: 2 }))
  other = writeCsv(`${folder}/other.csv`, records(2, { count: 100, ids: [200, 400] }))
  undisturbed = await onDatabase(async (db) => {
    await importFiles(db, [file], options)
    return dump(db)
  })
})

beforeEach(() => onDatabase(clear))

afterAll(async () => {
  await drop()
  await rm(folder, { recursive: true, force: true })
})

/** An import of the file, stopped (SIGSTOP) at a place: it holds its locks and its lease, and does not answer. */
async function stoppedAt(place: string): Promise<ImportChild> {
  const importing = importChild({ url, files: [file], options }, `${place}=stop`)
  await untilStopped(importing.pid)
  return importing
}

/** As if the holder had not answered for long. */
async function age(db: Database): Promise<void> {
  await sql`UPDATE ${db.t.import_lease} SET heartbeat_at = heartbeat_at - interval '16 seconds'`.execute(db.q)
}

function wake({ pid }: ImportChild): void {
  process.kill(pid, 'SIGCONT')
}

const errorOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: EaError) => error,
  )

describe('two at once', () => {
  test('the second one is told who holds the lease, and exits 75', () =>
    onDatabase(async (db) => {
      const first = await stoppedAt('chunk.done@3')
      const ended = await importChild({ url, files: [other], options }).ended
      expect(ended).toMatchObject({ exit: 75, error: { code: 'import_busy' } })
      expect(ended.error!.message).toContain(`import ${file} (pid ${first.pid} on `)
      expect(await errorOf(undoBatch(db, 1))).toMatchObject({
        code: 'import_busy',
        details: { holder: { doing: `import ${file}`, pid: first.pid } },
      })
      wake(first)
      expect(await first.ended).toMatchObject({ exit: 0 })
      expect(await dump(db)).toEqual(undisturbed)
    }))

  test('the second one waits when it may, says so once, and succeeds', () =>
    onDatabase(async (db) => {
      const first = await stoppedAt('complete.locked')
      const told: string[] = []
      const second = importFiles(db, [other], {
        ...options,
        waitMs: 60_000,
        onEvent: (event) => {
          if (event.type !== 'waiting') return
          told.push(event.holder.doing)
          wake(first)
        },
      })
      const { files } = await second
      expect(told).toEqual([`import ${file}`])
      expect(files[0]!.status).toBe('completed')
      expect(files[0]!.duplicates).toBeGreaterThan(0)
      expect((await first.ended).exit).toBe(0)
      await expectSound(db)
    }))

  test('who waits no longer than it may', () =>
    onDatabase(async (db) => {
      const first = await stoppedAt('chunk.done')
      expect(await errorOf(importFiles(db, [other], { ...options, waitMs: 300 }))).toMatchObject({
        code: 'import_busy',
      })
      first.child.kill('SIGKILL')
      await first.ended
    }))

  test('who waits can be interrupted', () =>
    onDatabase(async (db) => {
      const first = await stoppedAt('chunk.done')
      const interrupt = new AbortController()
      const onEvent = () => interrupt.abort(new Error('enough'))
      const waiting = importFiles(db, [other], { ...options, waitMs: 60_000, signal: interrupt.signal, onEvent })
      expect((await errorOf(waiting))?.message).toBe('enough')
      first.child.kill('SIGKILL')
      await first.ended
    }))
})

describe('a holder that is killed', () => {
  test.each(['batch.created', 'copy.started@4', 'merge.inserted@4', 'chunk.before-commit@4', 'complete.rollups'])(
    'at %s loses its lease at once',
    (place) =>
      onDatabase(async (db) => {
        const first = await stoppedAt(place)
        expect((await readHolder(db))?.pid).toBe(first.pid)
        first.child.kill('SIGKILL')
        await first.ended
        // Not a moment of waiting is allowed here, though its backends may still be at work.
        await importFiles(db, [file], options)
        await expectSound(db)
        expect(await dump(db)).toEqual(undisturbed)
      }),
  )
})

describe('a holder that sleeps for too long', () => {
  const places = [
    'batch.created',
    'copy.started@4',
    'copy.ended@4',
    'merge.inserted@4',
    'chunk.before-commit@5',
    'chunk.done@6',
    'complete.prepared',
    'complete.locked',
    'complete.status',
  ]

  test.each(places)('at %s is taken over, and writes nothing more when it wakes', (place) =>
    onDatabase(async (db) => {
      const sleeper = await stoppedAt(place)
      expect(await errorOf(importFiles(db, [file], options))).toMatchObject({ code: 'import_busy' })
      await age(db)
      await importFiles(db, [file], { ...options, jobs: 3 })
      await expectSound(db)
      expect(await dump(db)).toEqual(undisturbed)
      wake(sleeper)
      expect(await sleeper.ended).toMatchObject({ exit: 75, error: { code: 'lease_lost' } })
      expect(await dump(db)).toEqual(undisturbed)
    }),
  )

  test.each(['lease.taken', 'chunk.done@6', 'complete.prepared'])(
    'at %s wakes while another file is under way: the other one is not disturbed',
    (place) =>
      onDatabase(async (db) => {
        const sleeper = await stoppedAt(place)
        await age(db)
        const second = importChild({ url, files: [other], options }, 'merge.inserted@2=stop')
        await untilStopped(second.pid)
        const { rows } = await sql<{ id: number }>`SELECT id FROM ${db.t.import_batches} ORDER BY id`.execute(db.q)
        wake(sleeper)
        expect(await sleeper.ended).toMatchObject({ exit: 75, error: { code: 'lease_lost' } })
        const { rows: after } = await sql<{ id: number }>`SELECT id FROM ${db.t.import_batches} ORDER BY id`.execute(
          db.q,
        )
        expect(after).toEqual(rows)
        wake(second)
        expect(await second.ended).toMatchObject({ exit: 0 })
        await importFiles(db, [file], options)
        await expectSound(db)
      }),
  )

  test('while it undoes', () =>
    onDatabase(async (db) => {
      const { files } = await importFiles(db, [file], options)
      const sleeper = importChild({ url, undo: files[0]!.id! }, 'undo.rollups=stop')
      await untilStopped(sleeper.pid)
      await age(db)
      await importFiles(db, [other], options)
      wake(sleeper)
      expect(await sleeper.ended).toMatchObject({ exit: 75, error: { code: 'lease_lost' } })
      await expectSound(db)
      const { rows } = await sql<{ status: string }>`SELECT status FROM ${db.t.import_batches} ORDER BY id`.execute(
        db.q,
      )
      expect(rows.map(({ status }) => status)).toEqual(['completed', 'completed'])
    }))

  test('while it imports atomically', () =>
    onDatabase(async (db) => {
      const sleeper = importChild(
        { url, files: [file], options: { ...options, atomic: true } },
        'merge.recorded@5=stop',
      )
      await untilStopped(sleeper.pid)
      await age(db)
      await importFiles(db, [file], options)
      wake(sleeper)
      expect(await sleeper.ended).toMatchObject({ exit: 75, error: { code: 'lease_lost' } })
      await expectSound(db)
    }))
})

test('a lease that is kept alive is not taken: its heart beats beside the work', () =>
  onDatabase(async (db) => {
    // The holder is busy (its chunk waits for a lock of ours), but awake.
    await withPool({ url, schema: 'ea' }, async (blocker) => {
      const client = await blocker.pool.connect()
      await client.query('BEGIN')
      await client.query(`LOCK TABLE ea.events IN SHARE MODE`)
      const holder = importChild({ url, files: [file], options })
      await holder.told('progress', 2)
      await age(db)
      const { rows: before } = await sql`SELECT heartbeat_at FROM ${db.t.import_lease}`.execute(db.q)
      await expect
        .poll(async () => (await sql`SELECT heartbeat_at FROM ${db.t.import_lease}`.execute(db.q)).rows)
        .not.toEqual(before)
      expect(await errorOf(importFiles(db, [other], options))).toMatchObject({ code: 'import_busy' })
      await client.query('ROLLBACK')
      client.release()
      expect((await holder.ended).exit).toBe(0)
    })
    expect(await dump(db)).toEqual(undisturbed)
  }))
