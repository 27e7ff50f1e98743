/** One bracket for every database: external ones must be migrated, the embedded one migrates itself. */
import { readdirSync } from 'node:fs'
import pg from 'pg'
import { expect, inject, test } from 'vitest'
import { sqlState } from '../../src/lib/db/connect.js'
import { stopEmbedded, withEmbeddedServer } from '../../src/lib/db/embedded/server.js'
import { withDatabase } from '../../src/lib/db/open.js'
import { admin, databaseUrl, freshDatabase } from '../support/postgres/database.js'
import { configOf, isRunning, run, withDataDir } from '../support/postgres/embedded.js'

const one = { schema: 'ea', dataDir: '' }

test('an external database is used as it is', async () => {
  const { url, drop } = await freshDatabase()
  try {
    const name = await withDatabase(
      { ...one, databaseUrl: url },
      async (db) => (await db.pool.query('SHOW application_name')).rows[0].application_name,
      { applicationName: 'ea stats dau' },
    )
    expect(name).toBe('ea stats dau')
  } finally {
    await drop()
  }
})

test('an external database without the tables is refused, unless they are about to be made', async () => {
  const { url, drop } = await freshDatabase()
  try {
    const config = { ...one, databaseUrl: url, schema: 'other' }
    await expect(withDatabase(config, async () => 1)).rejects.toMatchObject({ code: 'database_not_migrated' })
    expect(await withDatabase(config, async () => 1, { migrated: false })).toBe(1)
  } finally {
    await drop()
  }
})

test.each([
  ['a port that nobody listens on', 'postgresql://localhost:1/ea'],
  ['a host that does not exist', 'postgresql://nowhere.invalid/ea'],
  ['a socket that is not there', 'postgresql:///ea?host=/nowhere'],
])('%s is unreachable', async (_, url) => {
  await expect(withDatabase({ ...one, databaseUrl: url }, async () => 1)).rejects.toMatchObject({
    code: 'database_unreachable',
    exitCode: 5,
  })
})

test('a database that does not exist is unreachable', async () => {
  const url = databaseUrl(inject('serverUrl'), 'no_such_database')
  await expect(withDatabase({ ...one, databaseUrl: url }, async () => 1)).rejects.toMatchObject({
    code: 'database_unreachable',
  })
})

test('errors of the caller stay what they are, and a lost connection is one of the database', async () => {
  const { url, drop } = await freshDatabase()
  try {
    const config = { ...one, databaseUrl: url }
    const missing = Object.assign(new Error('no such file'), { code: 'ENOENT', syscall: 'open' })
    await expect(withDatabase(config, () => Promise.reject(missing))).rejects.toBe(missing)
    const refused = await withDatabase(config, (db) => db.pool.query('SELECT 1/0')).catch((error) => error)
    expect(sqlState(refused)).toBe('22012')
    await expect(
      withDatabase(config, (db) => db.pool.query('SELECT pg_terminate_backend(pg_backend_pid())')),
    ).rejects.toMatchObject({ code: 'database_unreachable' })
  } finally {
    await drop()
  }
})

test('the embedded database is there on first use, with its tables, and ends with its use', async () => {
  await withDataDir(async (dataDir) => {
    const config = configOf(dataDir)
    const ask = () =>
      withDatabase(config, async (db) => (await db.pool.query('SELECT count(*) AS n FROM ea.events')).rows)
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(Array(3).fill([{ n: 0 }]))
    expect(await isRunning(dataDir)).toBe(false)
    expect(await withDatabase({ ...config, schema: 'shop "2"' }, async (db) => db.schema)).toBe('shop "2"')
    expect(readdirSync(dataDir).sort()).toEqual(['pg18', 'run', 'server.log'])
  })
})

test('a server that is stopped under a command: an error; the next one finds its data', async () => {
  await withDataDir(async (dataDir) => {
    const config = configOf(dataDir)
    await expect(
      withDatabase(config, async (db) => {
        await stopEmbedded(config, { force: true })
        return db.pool.query('SELECT 1')
      }),
    ).rejects.toMatchObject({ code: 'database_unreachable' })
    expect(await withDatabase(config, async (db) => (await db.pool.query('SELECT 1 AS one')).rows)).toEqual([
      { one: 1 },
    ])
  })
})

test('the URL of the embedded server works for other programs and other processes', async () => {
  await withDataDir(async (dataDir) => {
    await withEmbeddedServer(dataDir, async (url) => {
      await admin(url, 'CREATE TABLE notes (note text)')
      const { said } = await run(dataDir, ['note', 'from outside'])
      expect(said?.url).toBe(url)
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      const { rows } = await client.query('SELECT current_user, note FROM notes')
      await client.end()
      expect(rows).toEqual([{ current_user: 'ea', note: 'from outside' }])
    })
  })
})
