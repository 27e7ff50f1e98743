/**
 * `ea serve` killed while its spool is full and while it drains it, and asked to stop while the database is away: the
 * next one stores everything that was answered for, once.
 */
import { rm } from 'node:fs/promises'
import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { type Database, withPool, withTransaction } from '../../../src/lib/db/connect.js'
import { lockVisibility } from '../../../src/lib/db/visibility-lock.js'
import { spoolStatus } from '../../../src/lib/ingest/spool/status.js'
import { builtOnce } from '../../support/binary.js'
import { until } from '../../support/import/import-child.js'
import { freshDatabase } from '../../support/postgres/database.js'
import { withDatabaseGate } from '../../support/postgres/database-gate.js'
import { temporaryFolder } from '../../support/postgres/server.js'
import { type Load, startLoad } from '../../support/serve/load.js'
import { expectKept, Sending, type Sent, untilDrained } from '../http-load.js'
import { type ServeProcess, startServe } from '../serve-process.js'

beforeAll(builtOnce)

interface Scene {
  /** The database, also while the servers cannot reach it. */
  readonly db: Database
  readonly spoolDir: string
  /** Starts a server; it is ended with the scene. */
  readonly serve: (failpoint?: string) => Promise<ServeProcess>
  /** Takes the database away from the servers, and gives it back. */
  readonly shut: () => Promise<void>
  readonly open: () => Promise<void>
}

async function withScene(use: (scene: Scene) => Promise<void>): Promise<void> {
  const { url, drop } = await freshDatabase()
  const spoolDir = await temporaryFolder()
  const servers: ServeProcess[] = []
  try {
    await withPool({ url, schema: 'ea' }, (db) =>
      withDatabaseGate(url, async (gate) => {
        const serve = async (failpoint?: string) => {
          const server = await startServe({ databaseUrl: gate.url, spoolDir, ...(failpoint && { failpoint }) })
          servers.push(server)
          return server
        }
        await use({ db, spoolDir, serve, shut: gate.shut, open: gate.open })
      }),
    )
  } finally {
    for (const { child } of servers) child.kill('SIGKILL')
    await drop()
    await rm(spoolDir, { recursive: true, force: true })
  }
}

/** Sends so many requests from 16 connections, some of them atomic, each of which is a part of the spool by itself. */
function send(url: string, sending: Sending, requests: number): Load<Sent> {
  let left = requests
  return startLoad(url, {
    connections: 16,
    next: () => {
      if (left === 0) return undefined
      left -= 1
      const request = sending.next()
      const isAtomic = left % 40 === 0 && request.about.events.every(({ isBroken }) => !isBroken)
      return isAtomic ? { ...request, path: '/events?mode=atomic' } : request
    },
  })
}

/** Ends a server as an administrator does. */
async function stop({ child, ended, stderr }: ServeProcess): Promise<void> {
  child.kill('SIGTERM')
  expect({ ...(await ended), stderr: stderr() }).toMatchObject({ code: 0 })
}

async function kill({ child, ended }: ServeProcess): Promise<void> {
  child.kill('SIGKILL')
  await ended
}

/** What all batches say together. */
async function totals(db: Database): Promise<{ read: number; inserted: number; stored: number }> {
  const { rows } = await sql<{ read: number; inserted: number; stored: number }>`
    SELECT sum(read)::int AS read, sum(inserted)::int AS inserted, (SELECT count(*) FROM ${db.t.events}) AS stored
      FROM ${db.t.import_batches}`.execute(db.q)
  return rows[0]!
}

/** Nothing was answered but 202, the next server stores it, and the batches count each event exactly once. */
async function expectCountedOnce(scene: Scene, sending: Sending, load: Load<Sent>[], last: ServeProcess) {
  await untilDrained(scene.spoolDir)
  await stop(last)
  const answers = load.flatMap((one) => one.answers)
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
  await expectKept(scene.db, sending.sent, answers)
  const { read, inserted, stored } = await totals(scene.db)
  expect({ read, inserted }).toEqual({ read: sending.sent.length, inserted: stored })
}

test('killed with a full spool, of several segments', async () => {
  await withScene(async (scene) => {
    const sending = new Sending({ seed: 1, contested: 30 })
    const loads: Load<Sent>[] = []
    const fill = async () => {
      const server = await scene.serve()
      const url = await server.url
      await scene.shut()
      const load = send(url, sending, 300)
      await load.ended
      expect(load.failures).toEqual([])
      loads.push(load)
      await kill(server)
      await scene.open()
    }
    await fill()
    // While the next one begins, somebody else changes what is visible: it cannot drain what lies there.
    await withTransaction(scene.db, async (tx) => {
      await lockVisibility(tx)
      await fill()
    })
    const { segments, bytes } = await spoolStatus(scene.spoolDir)
    expect(segments).toBeGreaterThanOrEqual(2)
    expect(bytes).toBeGreaterThan(300_000)
    await expectCountedOnce(scene, sending, loads, await scene.serve())
  })
})

test('killed again and again while it drains: no part is stored twice, none is forgotten', async () => {
  await withScene(async (scene) => {
    const sending = new Sending({ seed: 2, contested: 30 })
    const first = await scene.serve()
    const url = await first.url
    await scene.shut()
    const load = send(url, sending, 500)
    await load.ended
    expect(load.failures).toEqual([])
    await kill(first)
    await scene.open()
    const places = ['http.locked', 'http.merged@2', 'http.rollups@2', 'http.before-commit@2', 'http.committed@2']
    let parts = 0
    for (const place of [...places, 'http.committed']) {
      const { ended } = await scene.serve(`${place}=kill`)
      expect(await ended).toMatchObject({ signal: 'SIGKILL' })
      const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM ${scene.db.t.drained_parts}`.execute(
        scene.db.q,
      )
      // Each one gets on, and no further than it was let.
      expect(rows[0]!.n).toBeGreaterThanOrEqual(parts)
      parts = rows[0]!.n
    }
    expect(parts).toBeGreaterThanOrEqual(2)
    await expectCountedOnce(scene, sending, [load], await scene.serve())
  })
})

test('killed under load, with the database there and away: nothing that was answered for is missing', async () => {
  await withScene(async (scene) => {
    const sending = new Sending({ seed: 3, contested: 30 })
    const answers: Load<Sent>['answers'][number][] = []
    for (const isAway of [false, true]) {
      const server = await scene.serve()
      const load = startLoad(await server.url, { connections: 16, restMs: 5, next: () => sending.next() })
      await until(() => load.answers.length >= 100)
      if (isAway) {
        await scene.shut()
        await until(() => load.answers.filter(({ status }) => status === 202).length >= 100)
      }
      await kill(server)
      await load.stop()
      answers.push(...load.answers)
      if (isAway) await scene.open()
    }
    const last = await scene.serve()
    await untilDrained(scene.spoolDir)
    await stop(last)
    await expectKept(scene.db, sending.sent, answers)
  })
})

test('SIGTERM under load while the database is away: each request is answered, and nothing is missing', async () => {
  await withScene(async (scene) => {
    const sending = new Sending({ seed: 4, contested: 30 })
    const server = await scene.serve()
    const load = startLoad(await server.url, { connections: 16, restMs: 5, next: () => sending.next() })
    await until(() => load.answers.length >= 100)
    await scene.shut()
    await until(() => load.answers.filter(({ status }) => status === 202).length >= 100)
    server.child.kill('SIGTERM')
    // It listens no more: only then the clients may be turned away, and at the door.
    await until(() => load.failures.length > 0)
    await load.stop()
    expect(await server.ended).toEqual({ code: 0, signal: null })
    expect(new Set(load.failures.map(({ code }) => code))).toEqual(new Set(['ECONNREFUSED']))
    await scene.open()
    const next = await scene.serve()
    await untilDrained(scene.spoolDir)
    await stop(next)
    await expectKept(scene.db, sending.sent, load.answers)
  })
})

test('SIGTERM while it drains: it ends, and the next one goes on where it was', async () => {
  await withScene(async (scene) => {
    const sending = new Sending({ seed: 5, contested: 30 })
    const server = await scene.serve()
    const url = await server.url
    await scene.shut()
    const load = send(url, sending, 400)
    await load.ended
    await scene.open()
    await until(
      async () => (await sql`SELECT FROM ${scene.db.t.drained_parts} LIMIT 1`.execute(scene.db.q)).rows.length > 0,
    )
    await stop(server)
    await expectCountedOnce(scene, sending, [load], await scene.serve())
  })
})
