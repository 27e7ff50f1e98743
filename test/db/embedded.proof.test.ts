/** The life of an embedded server that several commands share. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import pg from 'pg'
import { expect, test } from 'vitest'
import { embeddedStatus, startEmbedded, stopEmbedded, withEmbeddedServer } from '../../src/lib/db/embedded/server.js'
import { command, configOf, isRunning, run, until, withDataDir } from '../support/postgres/embedded.js'

test('four commands at once on an empty folder share one cluster, and the last one stops the server', async () => {
  await withDataDir(async (dataDir) => {
    const ended = await Promise.all(['a', 'b', 'c', 'd'].map((note) => run(dataDir, ['note', note])))
    expect(ended.map(({ exit, stderr }) => [exit, stderr])).toEqual(Array(4).fill([0, '']))
    expect(new Set(ended.map(({ said }) => said?.cluster)).size).toBe(1)
    expect(readdirSync(dataDir).filter((name) => name.includes('.new'))).toEqual([])
    expect(await isRunning(dataDir)).toBe(false)
    expect((await run(dataDir, ['note', 'e'])).said?.notes).toEqual(['a', 'b', 'c', 'd', 'e'])
  })
})

test('a command that comes and goes leaves the server to the one that still uses it', async () => {
  await withDataDir(async (dataDir) => {
    const first = command(dataDir, ['hold', 'first'])
    const { started } = await first.said
    const second = await run(dataDir, ['note', 'second'])
    expect(second.said).toMatchObject({ started, notes: ['first', 'second'] })
    expect(await embeddedStatus(configOf(dataDir))).toMatchObject({ running: true, users: [first.child.pid] })
    first.child.stdin?.end()
    expect((await first.ended).exit).toBe(0)
    expect(await isRunning(dataDir)).toBe(false)
  })
})

test('commands that come and go all the time never lose the server under them', async () => {
  await withDataDir(async (dataDir) => {
    const chains = [0, 1, 2].map(async (chain) => {
      for (let round = 0; round < 4; round++) {
        const ended = await run(dataDir, ['note', `${chain}${round}`])
        expect([ended.exit, ended.stderr]).toEqual([0, ''])
      }
    })
    await Promise.all(chains)
    expect((await run(dataDir, ['note'])).said?.notes).toHaveLength(12)
    expect(await isRunning(dataDir)).toBe(false)
  })
})

test('a started server is kept running until it is stopped', async () => {
  await withDataDir(async (dataDir) => {
    const config = configOf(dataDir)
    expect(await embeddedStatus(config)).toMatchObject({ running: false, url: null, pid: null, sizeBytes: 0 })
    const started = await startEmbedded(config)
    expect(started).toMatchObject({ running: true, keptRunning: true, users: [] })
    expect(started.sizeBytes).toBeGreaterThan(1_000_000)
    expect((await startEmbedded(config)).pid).toBe(started.pid)
    expect((await run(dataDir, ['note', 'a'])).said?.url).toBe(started.url)
    expect((await embeddedStatus(config)).pid).toBe(started.pid)
    expect(await stopEmbedded(config)).toEqual({ stopped: true, users: [] })
    expect(await embeddedStatus(config)).toMatchObject({ running: false, keptRunning: false })
    expect(await stopEmbedded(config)).toEqual({ stopped: false, users: [] })
  })
})

test('stopping a server that is used leaves it to its users; by force they lose it', async () => {
  await withDataDir(async (dataDir) => {
    const config = configOf(dataDir)
    const { pid } = await startEmbedded(config)
    const user = command(dataDir, ['hold', 'used'])
    await user.said
    expect(await stopEmbedded(config)).toEqual({ stopped: false, users: [user.child.pid] })
    expect(await embeddedStatus(config)).toMatchObject({ pid, keptRunning: false })
    expect(await stopEmbedded(config, { force: true })).toEqual({ stopped: true, users: [user.child.pid] })
    expect(await isRunning(dataDir)).toBe(false)
    user.child.stdin?.end()
    await user.ended
    expect((await run(dataDir, ['note', 'next'])).said?.notes).toEqual(['next', 'used'])
  })
})

test('a command that exits in the middle stops the server too', async () => {
  await withDataDir(async (dataDir) => {
    expect(await run(dataDir, ['exit', 'gone'])).toMatchObject({ exit: 3, stderr: '' })
    // Asked to stop, but nobody waited for it.
    await until(async () => !(await isRunning(dataDir)))
    expect((await run(dataDir, ['note', 'next'])).said?.notes).toEqual(['gone', 'next'])
  })
})

test('the server is durable, private, and set for this machine', async () => {
  await withDataDir(async (dataDir) => {
    await withEmbeddedServer(dataDir, async (url) => {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      const { rows } = await client.query('SELECT name, setting FROM pg_settings')
      const settings = Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))
      const { rows: databases } = await client.query(
        'SELECT datname, pg_encoding_to_char(encoding) AS encoding FROM pg_database WHERE datname = current_database()',
      )
      await client.end()
      expect(settings).toMatchObject({
        fsync: 'on',
        full_page_writes: 'on',
        synchronous_commit: 'on',
        listen_addresses: '',
        TimeZone: 'UTC',
        wal_level: 'minimal',
        jit: 'off',
      })
      expect(databases).toEqual([{ datname: 'ea', encoding: 'UTF8' }])
      const { socketDir } = await embeddedStatus(configOf(dataDir))
      expect(statSync(socketDir!).mode & 0o777).toBe(0o700)
      expect(statSync(`${dataDir}/pg18`).mode & 0o777).toBe(0o700)
    })
  })
})

test('the log of the server holds no values, though it tells of starts and stops', async () => {
  await withDataDir(async (dataDir) => {
    await withEmbeddedServer(dataDir, async (url) => {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      const refused = (text: string, values: unknown[] = []) => client.query(text, values).catch((error) => error.code)
      expect(await refused("SELECT 'secret-1'::uuid")).toBe('22P02')
      expect(await refused('SELECT $1::text::jsonb', ['{"secret-2": }'])).toBe('22P02')
      await client.query('CREATE TEMP TABLE once (id text PRIMARY KEY)')
      await client.query("INSERT INTO once VALUES ('secret-3')")
      expect(await refused('INSERT INTO once VALUES ($1)', ['secret-3'])).toBe('23505')
      expect(await refused("DO $$ BEGIN RAISE EXCEPTION 'secret-4' USING DETAIL = 'secret-5'; END $$")).toBe('P0001')
      await client.query("DO $$ BEGIN RAISE WARNING 'secret-6'; END $$")
      await client.end()
    })
    const log = readFileSync(`${dataDir}/server.log`, 'utf8')
    expect(log).toContain('ready to accept connections')
    expect(log).not.toContain('secret')
  })
})

test('a data folder whose path is too long for a socket works', async () => {
  await withDataDir(async (folder) => {
    const dataDir = `${folder}/${'long'.repeat(30)}/a,b & "c"`
    const ended = await run(dataDir, ['hold', 'far'])
    expect(ended).toMatchObject({ exit: 0, stderr: '' })
    expect(ended.said?.url).toContain('?host=/')
    expect(ended.said?.notes).toEqual(['far'])
  })
})
