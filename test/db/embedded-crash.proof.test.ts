/** A command right after a crash of the embedded server, which recovers by itself: it waits until it has. */
import { expect, test } from 'vitest'
import { withDatabase } from '../../src/lib/db/open.js'
import { configOf, withDataDir } from '../support/postgres/embedded.js'

test('a process of the server is killed: the next command waits for the recovery', async () => {
  await withDataDir(async (dataDir) => {
    const config = configOf(dataDir)
    const ask = () =>
      withDatabase(config, async (db) => (await db.pool.query('SELECT count(*) AS n FROM ea.events')).rows)
    await withDatabase(config, async (db) => {
      for (let crash = 0; crash < 3; crash++) {
        const client = await db.pool.connect()
        client.on('error', () => {})
        const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
        process.kill(rows[0].pid, 'SIGKILL')
        expect(await Promise.all([ask(), ask(), ask()])).toEqual(Array(3).fill([{ n: 0 }]))
        client.release(true)
      }
    })
  })
})
