/**
 * Locks of others: a command that waits says for whom, an import is not disturbed by one on its lease, and a limit ends
 * the waiting. A lease that cannot expire is broken by hand.
 */
import { rm } from 'node:fs/promises'
import { sql } from 'kysely'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { listBatches } from '../../../src/lib/batches/batches.js'
import { breakLease, readHolder, withLease } from '../../../src/lib/batches/lease.js'
import { undoBatch } from '../../../src/lib/batches/undo.js'
import type { EaError } from '../../../src/lib/core/errors.js'
import { type Database, withPool } from '../../../src/lib/db/connect.js'
import { type OpenOptions, withDatabase } from '../../../src/lib/db/open.js'
import { importFiles } from '../../../src/lib/import/import.js'
import { verifyRollups } from '../../../src/lib/rollups/verify.js'
import { records, writeCsv } from '../../support/import/import-data.js'
import { clear, expectSound } from '../../support/import/import-state.js'
import { freshDatabase } from '../../support/postgres/database.js'
import { temporaryFolder } from '../../support/postgres/server.js'

const options = { chunkBytes: 2_000, jobs: 2 } as const

let folder: string
let file: string
let url: string
let drop: () => Promise<void>

beforeAll(async () => {
  folder = await temporaryFolder()
  ;({ url, drop } = await freshDatabase())
  file = writeCsv(`${folder}/events.csv`, records(1, { count: 300, ids: [0, 250] }))
})

beforeEach(() => withPool({ url, schema: 'ea' }, clear))

afterAll(async () => {
  await drop()
  await rm(folder, { recursive: true, force: true })
})

let unlock: (() => Promise<void>) | undefined
afterEach(() => unlock?.())

/** Holds a lock in a session of its own, called psql, until `unlock`. */
async function lock(statement: string): Promise<number> {
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  return new Promise((resolve, reject) => {
    const holding = withPool({ url, schema: 'ea', applicationName: 'psql' }, async ({ pool }) => {
      const client: pg.PoolClient = await pool.connect()
      await client.query(`BEGIN; ${statement}`)
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
      resolve(rows[0].pid)
      await released
      await client.query('ROLLBACK')
      client.release()
    })
    holding.catch(reject)
    unlock = async () => {
      unlock = undefined
      release()
      await holding
    }
  })
}

const opened = <T>(use: (db: Database) => Promise<T>, given: OpenOptions = {}) =>
  withDatabase({ databaseUrl: url, schema: 'ea', dataDir: '' }, use, { maxConnections: 4, ...given })

describe('who waits for a lock', () => {
  test.each([
    ['an import', 'LOCK TABLE ea.events IN SHARE MODE', (db: Database) => importFiles(db, [file], options)],
    ['verifying', 'LOCK TABLE ea.days', (db: Database) => verifyRollups(db)],
    ['undo', 'LOCK TABLE ea.user_days', async (db: Database) => undoBatch(db, (await listBatches(db))[0]!.id)],
  ])('%s says who holds it, and goes on', async (name, statement, work) => {
    if (name === 'undo') await opened((db) => importFiles(db, [file], options))
    const pid = await lock(statement)
    const told: string[] = []
    await opened<unknown>(work, {
      onBlocked: (text) => {
        told.push(text)
        void unlock?.()
      },
    })
    expect(told).toEqual([
      expect.stringMatching(
        new RegExp(
          `^Waiting for a lock on the table \\w+ for [5-9] s\\. It is held by pid ${pid} \\(application "psql", user \\w+, idle in transaction, its statement began \\d+ s ago\\)\\.`,
        ),
      ),
    ])
    await opened((db) => expectSound(db))
  })

  test('it ends when it was told for how long to wait, and names the holder', async () => {
    const pid = await lock('LOCK TABLE ea.events IN SHARE MODE')
    const error = (await opened((db) => importFiles(db, [file], options), { lockTimeoutMs: 800 }).catch(
      (thrown: EaError) => thrown,
    )) as EaError
    expect(error).toMatchObject({ code: 'lock_timeout', exitCode: 75 })
    expect(error.message).toContain(`It is held by pid ${pid} (application "psql"`)
    await unlock?.()
    await opened((db) => importFiles(db, [file], options))
    await opened((db) => expectSound(db))
  })

  test('the lock of what is visible is no exception', async () => {
    await lock(`SELECT pg_advisory_xact_lock(hashtextextended('event-analytics visibility ea', 0))`)
    await expect(opened((db) => importFiles(db, [file], options), { lockTimeoutMs: 1_500 })).rejects.toMatchObject({
      code: 'lock_timeout',
    })
  })
})

describe('the lease', () => {
  test('a lock on it warns, and neither stops the import nor makes it fail', async () => {
    const warned: string[] = []
    const done = opened(
      (db) =>
        withLease(db, { doing: 'test' }, async () => {
          await lock('LOCK TABLE ea.import_lease IN SHARE MODE')
          await expect.poll(() => warned.length).toBe(1)
          // Beats that wait take no connection from the work.
          await Promise.all(Array.from({ length: 4 }, () => sql`SELECT 1`.execute(db.q)))
          return 'done'
        }),
      { onWarning: (text) => warned.push(text) },
    )
    expect(await done).toBe('done')
    expect(warned[0]).toMatch(/^No heartbeat for \d+ s \(canceling statement due to lock timeout\)/)
  })

  const foreign = (heartbeat: string) =>
    opened((db) =>
      db.pool.query(`INSERT INTO ea.import_lease (token, host, boot_id, pid, process_start, doing, heartbeat_at)
        VALUES (1, 'elsewhere', '', 7, '', 'import far.csv', ${heartbeat})`),
    )

  test('one of another host whose heartbeat is in the future is broken by hand', async () => {
    await foreign(`now() + interval '1 hour'`)
    const busy = (await opened((db) => importFiles(db, [file], options)).catch((error: EaError) => error)) as EaError
    expect(busy).toMatchObject({ code: 'import_busy' })
    expect(busy.suggestions.join()).toContain('ea db unlock')
    const broken = await opened((db) => breakLease(db))
    expect(broken).toMatchObject({ fromTheFuture: true, holder: { doing: 'import far.csv' } })
    expect(await opened((db) => breakLease(db))).toBeUndefined()
    await opened((db) => importFiles(db, [file], options))
  })

  test('one whose holder is alive is not, unless by force', async () => {
    await foreign('now()')
    const beating = setInterval(
      () => void opened((db) => db.pool.query('UPDATE ea.import_lease SET heartbeat_at = clock_timestamp()')),
      1_000,
    )
    await expect(opened((db) => breakLease(db))).rejects.toMatchObject({ code: 'import_busy' })
    clearInterval(beating)
    expect(await opened((db) => breakLease(db, { force: true }))).toMatchObject({ fromTheFuture: false })
    await opened((db) =>
      withLease(db, { doing: 'test' }, () =>
        expect(breakLease(db)).rejects.toMatchObject({
          code: 'import_busy',
          details: { holder: { pid: process.pid } },
        }),
      ),
    )
  })
})

test('a connection that is lost while a batch completes: the error says that the same command goes on', async () => {
  await lock(`SELECT pg_advisory_xact_lock(hashtextextended('event-analytics visibility ea', 0))`)
  const importing = opened((db) => importFiles(db, [file], options)).catch((error: EaError) => error)
  const ended = `SELECT count(pg_terminate_backend(pid))::int AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
  await opened((db) => expect.poll(async () => (await db.pool.query(ended)).rows[0].n).toBe(1))
  const error = (await importing) as EaError
  expect(error).toMatchObject({ code: 'database_unreachable', exitCode: 5, details: { batch_status: 'loading' } })
  expect(error.message).toMatch(/What is merged of batch \d+ is kept/)
  expect(error.suggestions).toEqual(['Run the same command again: it continues where this one stopped.'])
  await unlock?.()
  const { files } = await opened((db) => importFiles(db, [file], options))
  expect(files[0]!.status).toBe('completed')
  await opened((db) => expectSound(db))
})

describe('a lease that was lost', () => {
  const lose = (db: Database, meanwhile: (token: number) => Promise<unknown>) =>
    importFiles(db, [file], {
      ...options,
      onEvent: async (event) => {
        if (event.type !== 'progress' || event.phase !== 'loading' || event.records < 60) return
        const token = (await readHolder(db))?.token
        if (token !== undefined) await meanwhile(token).catch(() => {})
      },
    }).catch((error: EaError) => error) as Promise<EaError>

  test('says that the batch is kept', async () => {
    const error = await opened((db) =>
      lose(db, (token) => db.pool.query(`DELETE FROM ea.import_lease WHERE token = ${token}`)),
    )
    expect(error).toMatchObject({ code: 'lease_lost', details: { batch_status: 'loading' } })
    expect(error.message).toMatch(/What is merged of batch \d+ is kept/)
  })

  test('says that the batch was discarded', async () => {
    const error = await opened((db) =>
      lose(db, (token) =>
        db.pool.query(`DELETE FROM ea.import_lease WHERE token = ${token}; DELETE FROM ea.events; DELETE FROM ea.import_chunks;
          UPDATE ea.import_batches SET status = 'undone', finished_at = now()`),
      ),
    )
    expect(error).toMatchObject({ code: 'lease_lost', details: { batch_status: 'undone' } })
    expect(error.message).toMatch(/Batch \d+ was discarded meanwhile: nothing of it is stored/)
    expect(error.suggestions).toEqual(['Run the same command again: it imports from the beginning.'])
  })
})
