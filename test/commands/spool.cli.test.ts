/** `ea spool …` as a user runs it, on a real database. */
import { randomUUID } from 'node:crypto'
import { copyFile, mkdir, readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { beforeAll, expect, test } from 'vitest'
import { parseConfig } from '../../src/lib/core/config.js'
import { withPool } from '../../src/lib/db/connect.js'
import type { SpooledRequest } from '../../src/lib/ingest/body/request.js'
import { withSpool } from '../../src/lib/ingest/spool/spool.js'
import { spoolFolder } from '../../src/lib/ingest/spool/spool-folder.js'
import { spooled } from '../ingest/spool/spool-requests.js'
import { builtOnce, ea } from '../support/binary.js'
import { freshDatabase } from '../support/postgres/database.js'
import { withScratchFolder } from '../support/temp-dir.js'
import { uuidOf } from './import-content.js'

beforeAll(builtOnce)

interface Scene {
  readonly url: string
  /** Of the spool of that database. */
  readonly folder: string
  ea(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }>
  /** The user ids that are stored, in order. */
  users(): Promise<string[]>
}

async function withScene(use: (scene: Scene) => Promise<void>): Promise<void> {
  await withScratchFolder(async (dataDir) => {
    const { url, drop } = await freshDatabase()
    const env = { DATABASE_URL: url, EA_DATA_DIR: dataDir }
    try {
      await use({
        url,
        folder: spoolFolder(parseConfig({}, env)),
        ea: (...args) => ea(args, { env }),
        users: () =>
          withPool({ url, schema: 'ea' }, async (db) => {
            const rows = await db.q.selectFrom('events').select('user_id').orderBy('user_id').execute()
            return rows.map((row) => row.user_id)
          }),
      })
    } finally {
      await drop()
    }
  })
}

/** A request with an event for each user. */
function eventsOf(users: readonly string[], changes: Partial<SpooledRequest> = {}): SpooledRequest {
  const lines = users.map((user) =>
    JSON.stringify({ event_id: randomUUID(), occurred_at: '2025-08-31T10:00:00Z', user_id: user, event_type: 'view' }),
  )
  return spooled({ ...changes, lines: Buffer.from(lines.map((line) => `${line}\n`).join('')), good: users.length })
}

test('status, drain, status', async () => {
  await withScene(async ({ folder, ea, users }) => {
    const never = await ea('spool', 'status')
    expect(never).toMatchObject({ code: 0, stdout: expect.stringMatching(/waiting +nothing\n/) })
    await withSpool(folder, async (spool) => {
      await spool.append(eventsOf(['ann', 'bob']))
      await spool.append(eventsOf(['cid'], { receivedAt: new Date('2025-09-01T00:00:00Z') }))
      // Beside the process that has the spool.
      const beside = JSON.parse((await ea('spool', 'status', '--json')).stdout)
      expect(beside).toEqual({
        folder,
        holder_pid: process.pid,
        segments: 1,
        requests: 2,
        events: 3,
        bytes: spool.state.bytes,
        oldest_at: '2025-08-31T10:20:30.123Z',
        dead_letters: [],
      })
      const busy = await ea('spool', 'drain', '--json')
      expect([busy.code, JSON.parse(busy.stdout).error]).toMatchObject([
        75,
        { code: 'spool_in_use', message: expect.stringContaining(`pid ${process.pid}`) },
      ])
      expect((await ea('spool', 'retry')).code).toBe(75)
    })
    const text = (await ea('spool', 'status')).stdout
    expect(text).toMatch(/waiting +3 events in 2 requests \(1 segment, /)
    expect(text).toMatch(/oldest +2025-08-31 10:20:30 UTC\n/)
    const drained = await ea('spool', 'drain')
    expect(drained).toMatchObject({ code: 0, stdout: 'Delivered 3 events of 2 requests.\n' })
    expect(await users()).toEqual(['ann', 'bob', 'cid'])
    expect(await ea('spool', 'drain')).toMatchObject({ code: 0, stdout: 'The spool is empty.\n' })
  })
})

test('a segment that comes back after it was drained is not stored again', async () => {
  await withScene(async ({ folder, ea, users }) => {
    await withSpool(folder, (spool) => spool.append(eventsOf(['ann'])))
    const [file] = (await readdir(folder)).filter((name) => name.endsWith('.ndjson'))
    const aside = join(folder, 'aside')
    await mkdir(aside)
    await rename(join(folder, file!), join(aside, file!))
    for (let time = 0; time < 2; time++) {
      await copyFile(join(aside, file!), join(folder, file!))
      expect((await ea('spool', 'drain', '--json')).code).toBe(0)
    }
    expect(await users()).toEqual(['ann'])
    const batches = JSON.parse((await ea('batches', 'list', '--json')).stdout).data
    expect(batches).toMatchObject([{ inserted: 1, duplicates: 0 }])
  })
})

test('a time without offset means what the server would have taken it for', async () => {
  await withScene(async ({ url, folder, ea }) => {
    const line = (n: number) =>
      JSON.stringify({ event_id: uuidOf(n), occurred_at: '2025-08-31T10:00:00', user_id: 'ann', event_type: 'view' })
    const drain = async (n: number, ...args: string[]) => {
      const lines = Buffer.from(`${line(n)}\n`)
      await withSpool(folder, (spool) => spool.append(spooled({ lines, good: 1 })))
      return (await ea('spool', 'drain', ...args)).code
    }
    expect(await drain(1)).toBe(0)
    expect(await drain(2, '--timezone', 'Europe/Kyiv')).toBe(0)
    expect(await drain(3, '--timezone', 'Mars/Base')).toBe(2)
    const times = await withPool({ url, schema: 'ea' }, (db) =>
      db.q.selectFrom('events').select(['event_id', 'occurred_at']).orderBy('event_id').execute(),
    )
    expect(times.map(({ event_id, occurred_at }) => [event_id, new Date(occurred_at).toISOString()])).toEqual([
      [uuidOf(1), '2025-08-31T10:00:00.000Z'],
      [uuidOf(2), '2025-08-31T07:00:00.000Z'],
    ])
  })
})

test('a spool in a folder that the server was told', async () => {
  await withScene(async ({ folder, ea, users }) => {
    const elsewhere = join(folder, '..', 'elsewhere')
    await withSpool(elsewhere, (spool) => spool.append(eventsOf(['ann'])))
    expect(JSON.parse((await ea('spool', 'status', '--json')).stdout)).toMatchObject({ folder, events: 0 })
    const there = ['--spool-dir', elsewhere]
    expect(JSON.parse((await ea('spool', 'status', ...there, '--json')).stdout)).toMatchObject({
      folder: elsewhere,
      events: 1,
    })
    expect(await ea('spool', 'retry', ...there)).toMatchObject({ stdout: 'There is nothing to put back.\n' })
    expect((await ea('spool', 'drain', ...there)).code).toBe(0)
    expect(await users()).toEqual(['ann'])
  })
})

test('what the database refuses is a dead letter that can be retried', async () => {
  await withScene(async ({ url, folder, ea, users }) => {
    const refuse = async (text: string) => {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      await client.query(text)
      await client.end()
    }
    await refuse("ALTER TABLE ea.events ADD CONSTRAINT no_ann CHECK (user_id <> 'ann')")
    await withSpool(folder, async (spool) => {
      await spool.append(eventsOf(['ann'], { atomic: true }))
      await spool.append(eventsOf(['bob']))
    })
    const drained = await ea('spool', 'drain', '--json')
    expect([drained.code, JSON.parse(drained.stdout)]).toMatchObject([
      0,
      { folder, parts: 1, requests: 1, events: 1, dead_letters: 1, meta: { warnings: [expect.any(String)] } },
    ])
    expect(await users()).toEqual(['bob'])
    const [letter] = JSON.parse((await ea('spool', 'status', '--json')).stdout).dead_letters
    expect(letter).toMatchObject({ can_retry: true, reason: { code: expect.any(String), attempts: 5 } })
    expect((await ea('spool', 'status')).stdout).toContain(letter.name)
    expect(await ea('spool', 'retry', 'none')).toMatchObject({ code: 2, stderr: expect.stringContaining('none') })
    await refuse('ALTER TABLE ea.events DROP CONSTRAINT no_ann')
    const retried = await ea('spool', 'retry', letter.name, '--json')
    expect(JSON.parse(retried.stdout)).toEqual({ folder, names: [letter.name], requests: 1, events: 1 })
    expect((await ea('spool', 'drain')).code).toBe(0)
    expect(await users()).toEqual(['ann', 'bob'])
    expect((await ea('spool', 'retry')).stdout).toBe('There is nothing to put back.\n')
  })
})

test('a damaged dead letter stays where it is, and is told', async () => {
  await withScene(async ({ folder, ea }) => {
    await mkdir(join(folder, 'dead-letter'), { recursive: true })
    await writeFile(join(folder, 'dead-letter', '000000000001-0123456789ab-at-0.damaged'), 'xyz')
    const retried = await ea('spool', 'retry', '--json')
    expect(JSON.parse(retried.stdout)).toMatchObject({
      names: [],
      meta: { warnings: [expect.stringContaining('damaged')] },
    })
    const { stdout } = await ea('spool', 'status')
    expect(stdout).toMatch(
      /dead letters +1\n.*000000000001-0123456789ab-at-0 .*the reason is lost \(cannot be retried\)/,
    )
  })
})
