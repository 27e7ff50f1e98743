/**
 * PostgreSQL really stops in the middle of a load, in each of the ways in which it can, and comes back after a while.
 * Nobody is turned away, and whoever was answered finds every event stored once.
 */
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withPool } from '../../../src/lib/db/connect.js'
import { type EmbeddedStatus, startEmbedded, stopEmbedded } from '../../../src/lib/db/embedded/server.js'
import { migrate } from '../../../src/lib/db/migrate.js'
import { isAlive } from '../../../src/lib/os/process-identity.js'
import { until } from '../../support/import/import-child.js'
import { admin, databaseUrl } from '../../support/postgres/database.js'
import { configOf } from '../../support/postgres/embedded.js'
import { olderPostgres, temporaryFolder } from '../../support/postgres/server.js'
import { startLoad } from '../../support/serve/load.js'
import { withServing } from '../../support/serve/serving.js'
import { expectKept, Sending, untilDrained } from '../http-load.js'

// A server of these tests' own, as durable as one in use: what was committed must survive.
const options = olderPostgres(process.env.EA_TEST_POSTGRES)
let folder: string
let postgres: EmbeddedStatus

const start = async () => {
  postgres = await startEmbedded(configOf(`${folder}/data`), options)
}

beforeAll(async () => {
  folder = await temporaryFolder()
  await start()
})

afterAll(async () => {
  await stopEmbedded(configOf(`${folder}/data`), { ...options, force: true })
  await rm(folder, { recursive: true, force: true })
})

/** What `pg_ctl stop` sends to the postmaster, and what an out-of-memory killer does. */
const ways = [
  ['pg_ctl stop -m fast', 'SIGINT'],
  ['pg_ctl stop -m immediate', 'SIGQUIT'],
  ['kill -9', 'SIGKILL'],
] as const

test.each(ways)('%s in the middle of a load: whoever was answered finds his events stored once', async (_, signal) => {
  const name = `outage_${signal.toLowerCase()}`
  await admin(postgres.url!, `CREATE DATABASE ${name}`)
  const url = databaseUrl(postgres.url!, name)
  await withPool({ url, schema: 'ea' }, (db) => migrate(db))
  await withServing(
    {},
    async (server) => {
      const sending = new Sending({
        seed: ways.findIndex(([, one]) => one === signal),
        contested: 40,
        large: 8,
        impatient: 3,
      })
      const load = startLoad(server.url, { connections: 16, restMs: 40, next: () => sending.next() })
      const answered = (status: number, since = 0) =>
        load.answers.slice(since).filter((answer) => answer.status === status).length

      await until(() => answered(200) >= 150 && answered(207) >= 15)
      const { pid } = postgres
      process.kill(pid!, signal)
      await until(() => !isAlive(pid!, ''))
      await until(() => answered(202) >= 150)
      await sleep(1_000)
      await start()
      const before = load.answers.length
      // The load goes on, and yet the spool is drained and requests are stored at once again.
      await until(() => answered(200, before) >= 100)
      await load.stop()

      expect(load.failures).toEqual([])
      expect(new Set(load.answers.map(({ status }) => status))).toEqual(new Set([200, 202, 207]))
      await untilDrained(server.options.spoolDir)
      await expectKept(server.db, sending.sent, load.answers)

      // Whoever sent twice, because he had no answer, has his events counted as duplicates.
      const { rows } = await sql<{ read: number; inserted: number; stored: number }>`
        SELECT sum(read)::int AS read, sum(inserted)::int AS inserted, (SELECT count(*) FROM ${server.db.t.events}) AS stored
          FROM ${server.db.t.import_batches}`.execute(server.db.q)
      const once = load.answers.reduce((sum, { about }) => sum + about.events.length, 0)
      expect(rows[0]!.stored).toBe(rows[0]!.inserted)
      expect(rows[0]!.read).toBeGreaterThanOrEqual(once)
    },
    { databaseUrl: url },
  )
})
