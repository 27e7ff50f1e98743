/**
 * Events over HTTP while files are imported and batches are undone: each id is stored once, what waits is decided when
 * the import ends, however it ends, and no client hears of any of it.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { listBatches } from '../../../src/lib/batches/batches.js'
import { undoBatch } from '../../../src/lib/batches/undo.js'
import { type Database, withTransaction } from '../../../src/lib/db/connect.js'
import { lockVisibility } from '../../../src/lib/db/visibility-lock.js'
import { spoolStatus } from '../../../src/lib/ingest/spool/status.js'
import { type ImportChild, importChild, until, untilStopped } from '../../support/import/import-child.js'
import { eventOf, type GivenRecord, uuidOf, writeCsv } from '../../support/import/import-data.js'
import type { ImportTask } from '../../support/import/import-process.js'
import { expectSound, visibleEvents } from '../../support/import/import-state.js'
import { temporaryFolder } from '../../support/postgres/server.js'
import { startLoad } from '../../support/serve/load.js'
import { type Serving, withServing } from '../../support/serve/serving.js'
import { expectKept, Sending, untilDrained } from '../http-load.js'

interface Scene extends Serving {
  /** Writes a CSV file with these records. */
  readonly file: (name: string, records: readonly GivenRecord[]) => string
  /** Imports a file in chunks of about 20 records, in a process that is ended with the scene. */
  readonly startImport: (file: string, failpoint?: string, options?: ImportTask['options']) => ImportChild
  /** Sends events, and says what was answered. */
  readonly post: (events: readonly GivenRecord[]) => Promise<{ code: number; [field: string]: unknown }>
}

async function withScene(use: (scene: Scene) => Promise<void>): Promise<void> {
  const folder = await temporaryFolder()
  const children: ImportChild[] = []
  try {
    await withServing({}, (serving) =>
      use({
        ...serving,
        file: (name, records) => writeCsv(join(folder, name), records),
        startImport: (file, failpoint, options) => {
          const all = { chunkBytes: 2_000, jobs: 1, waitMs: 30_000, ...options }
          const child = importChild({ url: serving.databaseUrl, files: [file], options: all }, failpoint)
          children.push(child)
          return child
        },
        post: async (events) => {
          const response = await fetch(`${serving.url}/events`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(events.map(asJson)),
          })
          return { code: response.status, ...((await response.json()) as object) }
        },
      }),
    )
  } finally {
    for (const { child } of children) child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
}

function asJson(record: GivenRecord): Record<string, unknown> {
  const { id, at, user, type, content } = eventOf(record)
  return { event_id: id, occurred_at: at, user_id: user, event_type: type, properties: { content } }
}

/** Records with the ids [from, to); the contents of one source lie apart from those of another. */
function range(from: number, to: number, contents: number): GivenRecord[] {
  return Array.from({ length: to - from }, (_, k) => ({ id: from + k, content: contents + from + k }))
}

/** Which content of an id is visible. */
async function contentOf(db: Database, id: number): Promise<number | undefined> {
  return (await visibleEvents(db)).find((event) => event.id === uuidOf(id))?.content
}

test.each(['completed', 'failed', 'killed'] as const)(
  'what a file holds too waits, and is decided when its import is %s',
  async (ending) => {
    await withScene(async ({ db, file, startImport, post }) => {
      const records = range(0, 200, 10_000)
      if (ending === 'failed') records.push({ id: 900, content: 1, broken: true })
      const importing = startImport(file('a.csv', records), 'chunk.done@3=stop')
      await untilStopped(importing.pid)
      const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM ${db.t.events}`.execute(db.q)
      const merged = rows[0]!.n
      expect(merged).toBeGreaterThan(20)
      expect(merged).toBeLessThan(150)

      // The first ones are the import's already, the last ones are not, and 500 will never be.
      expect(await post([...range(0, 10, 20_000), { id: 500, content: 1 }])).toMatchObject({
        code: 200,
        received: 11,
        inserted: 1,
        duplicates: 0,
        pending: 10,
      })
      expect(await post([...range(5, 15, 30_000), { id: 5, content: 2 }])).toMatchObject({ pending: 11, inserted: 0 })
      expect(await post(range(190, 200, 20_000))).toMatchObject({ inserted: 10, duplicates: 0 })
      expect(await contentOf(db, 0)).toBeUndefined()
      expect(await contentOf(db, 195)).toBe(20_195)

      if (ending === 'killed') {
        importing.child.kill('SIGKILL')
        await importing.ended
        // The import of another file takes away what it left.
        expect(await startImport(file('b.csv', range(600, 620, 0))).ended).toMatchObject({ exit: 0 })
      } else {
        process.kill(importing.pid, 'SIGCONT')
        expect(await importing.ended).toMatchObject({ outcome: { files: [{ status: ending }] } })
      }
      const isFile = ending === 'completed'
      expect(await contentOf(db, 0)).toBe(isFile ? 10_000 : 20_000)
      expect(await contentOf(db, 14)).toBe(isFile ? 10_014 : 30_014)
      expect(await contentOf(db, 195)).toBe(20_195)
      const overHttp = (await listBatches(db)).find(({ source }) => source === 'http')
      const inserted = isFile ? 11 : 26
      expect(overHttp).toMatchObject({ read: 32, inserted, duplicates: 32 - inserted, rejected: 0 })
      expect((await sql`SELECT FROM ${db.t.pending_events}`.execute(db.q)).rows).toEqual([])
      if (ending === 'completed') {
        expect((await importing.ended).outcome?.files[0]).toMatchObject({ read: 200, inserted: 190, duplicates: 10 })
      }
      if (ending === 'failed') await expectKeptRejects(db)
      else await expectSound(db)
    })
  },
)

/** A failed batch keeps its rejects and nothing else. */
async function expectKeptRejects(db: Database): Promise<void> {
  const failed = (await listBatches(db)).find(({ status }) => status === 'failed')
  expect(failed).toMatchObject({ inserted: 0, rejected: 1 })
  await expectSound(db)
}

test('while a big import completes, requests are answered after a second and stored when it is done', async () => {
  await withScene(async ({ db, file, startImport, post, options }) => {
    const importing = startImport(file('a.csv', range(0, 60, 10_000)), 'complete.locked=stop')
    await untilStopped(importing.pid)
    expect(await post([{ id: 1000, content: 1 }])).toMatchObject({ code: 202, received: 1 })
    // The others need not wait to find out.
    expect(await Promise.all(range(1001, 1031, 0).map((event) => post([event])))).toEqual(
      Array(30).fill({ code: 202, status: 'queued', received: 1, rejected: [] }),
    )
    expect(await post([{ id: 3, content: 2 }])).toMatchObject({ code: 202 })
    process.kill(importing.pid, 'SIGCONT')
    expect(await importing.ended).toMatchObject({ exit: 0 })
    await untilDrained(options.spoolDir)
    expect(await contentOf(db, 1000)).toBe(1)
    expect(await contentOf(db, 3)).toBe(10_003)
    await until(async () => (await post([{ id: 1031, content: 1 }])).code === 200)
    await expectSound(db)
  })
})

test('while a batch is discarded, its ids go to the spool, and are stored when they are free', async () => {
  await withScene(async ({ db, file, startImport, post, options }) => {
    const killed = startImport(file('a.csv', range(0, 60, 10_000)), 'chunk.done@2=kill')
    await killed.ended
    const next = startImport(file('b.csv', range(600, 640, 0)), 'discard.removed=stop')
    await untilStopped(next.pid)
    expect(await post([{ id: 0, content: 1 }])).toMatchObject({ code: 202 })
    process.kill(next.pid, 'SIGCONT')
    expect(await next.ended).toMatchObject({ exit: 0 })
    await untilDrained(options.spoolDir)
    expect(await contentOf(db, 0)).toBe(1)
    await expectSound(db)
  })
})

test.each([
  ['discards what another one left', 'discard.removed=stop', false],
  ['stores everything in one transaction', 'complete.prepared=stop', true],
])('an import that %s is not ended by a commit that waits for its ids', async (_, place, atomic) => {
  await withScene(async ({ db, file, startImport }) => {
    if (!atomic) await startImport(file('a.csv', range(0, 60, 10_000)), 'chunk.done@2=kill').ended
    const next = startImport(file('b.csv', range(atomic ? 0 : 600, 640, 0)), place, { atomic })
    await untilStopped(next.pid)
    // What a commit does, slowly: it has the lock for a while before it comes to that id.
    const commit = withTransaction(db, async (tx) => {
      await sql`SET LOCAL lock_timeout = 900`.execute(tx.q)
      await lockVisibility(tx)
      process.kill(next.pid, 'SIGCONT')
      await until(async () => {
        const { rows } = await sql`
          SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`.execute(db.q)
        return rows.length > 0
      })
      await sleep(500)
      await sql`
        INSERT INTO ${tx.t.events} (event_id, occurred_at, batch_id, user_id, event_type)
        VALUES (${uuidOf(0)}, now(), 1, 'u', 't') ON CONFLICT DO NOTHING`.execute(tx.q)
    })
    await expect(commit).rejects.toMatchObject({ code: '55P03' })
    const { exit, error } = await next.ended
    expect({ exit, error }).toEqual({ exit: 0, error: undefined })
    await expectSound(db)
  })
})

test('imports and requests with the same ids at the same time: each id once, and everything adds up', async () => {
  await withScene(async ({ db, file, startImport, url, options }) => {
    const ids = 1_200
    const sending = new Sending({ seed: 11, contested: ids, large: 4 })
    const load = startLoad(url, { connections: 16, restMs: 2, next: () => sending.next() })
    await until(() => load.answers.length >= 100)
    const contents = new Map<number, number>()
    const endings = []
    // Forwards and backwards, so that both sides come first to some ids, with one connection and with three.
    for (const [index, order] of [1, -1, 1].entries()) {
      const records = range(index * 350, index * 350 + 500, 1_000_000 * (index + 1))
      for (const { id, content } of records) if (!contents.has(id)) contents.set(id, content)
      const sorted = order === 1 ? records : [...records].reverse()
      endings.push(await startImport(file(`${index}.csv`, sorted), undefined, { jobs: index === 2 ? 3 : 1 }).ended)
    }
    await load.stop()
    expect(endings.map(({ exit, stderr }) => [exit, stderr])).toEqual(Array(3).fill([0, '']))
    expect(load.failures).toEqual([])
    expect(load.answers.filter(({ status }) => ![200, 202, 207].includes(status))).toEqual([])
    await untilDrained(options.spoolDir)
    await expectKept(db, sending.sent, load.answers, await fileContents(db, contents))
  })
})

/** Of the contents of files those that may be stored: an id that two files hold has the first one's, or HTTP's. */
async function fileContents(db: Database, first: ReadonlyMap<number, number>): Promise<Map<number, number>> {
  const fromFiles = (await visibleEvents(db)).filter(({ content }) => content >= 1_000_000)
  for (const { id, content } of fromFiles) expect(first.get(Number.parseInt(id.slice(-12), 16))).toBe(content)
  return new Map(first)
}

test("the hour's batch is undone under load, again and again: what is left adds up", async () => {
  await withScene(async ({ db, url, options }) => {
    const sending = new Sending({ seed: 12, contested: 50 })
    const load = startLoad(url, { connections: 16, restMs: 5, next: () => sending.next() })
    for (let round = 1; round <= 4; round++) {
      const before = load.answers.length
      await until(() => load.answers.length >= before + 120)
      const growing = (await listBatches(db)).find(({ source, status }) => source === 'http' && status === 'completed')!
      const { removed } = await undoBatch(db, growing.id)
      expect(removed).toBeGreaterThan(0)
    }
    await until(() => load.answers.at(-1)!.status === 200)
    await load.stop()
    expect(load.failures).toEqual([])
    expect(load.answers.filter(({ status }) => ![200, 202, 207].includes(status))).toEqual([])
    await untilDrained(options.spoolDir)
    expect((await spoolStatus(options.spoolDir)).events).toBe(0)
    const batches = (await listBatches(db)).filter(({ source }) => source === 'http')
    // An hour that ends in the middle begins one more.
    expect(batches.filter(({ status }) => status === 'undone')).toHaveLength(4)
    await expectSound(db)
  })
})
