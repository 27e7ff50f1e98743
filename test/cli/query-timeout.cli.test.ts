/** A question that takes too long ends, by `--query-timeout` or by Ctrl-C, and nothing of it goes on in the server. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { beforeAll, expect, test } from 'vitest'
import { withPool } from '../../src/lib/db/connect.js'
import { builtOnce, ea } from '../support/binary.js'
import { storeEvents } from '../support/events.js'
import { freshDatabase } from '../support/postgres/database.js'

beforeAll(builtOnce)

/** Every statement that reads events waits for as long as `use` runs: a question that takes for ever. */
async function withLockedEvents(
  use: (env: { DATABASE_URL: string }, running: () => Promise<string[]>) => Promise<void>,
) {
  const { url, drop } = await freshDatabase()
  const client = new pg.Client({ connectionString: url })
  // Not the one that holds the lock: inside a transaction, what was seen of others at first stays.
  const watcher = new pg.Client({ connectionString: url })
  try {
    await withPool({ url, schema: 'ea' }, (db) =>
      storeEvents(db, [{ at: '2025-08-01T10:00:00Z', user: 'ann', type: 'view', properties: { country: 'UA' } }]),
    )
    await client.connect()
    await watcher.connect()
    await client.query('BEGIN')
    await client.query('LOCK TABLE ea.events IN ACCESS EXCLUSIVE MODE')
    await use({ DATABASE_URL: url }, async () => {
      const { rows } = await watcher.query(
        `SELECT query FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND wait_event_type = 'Lock'`,
      )
      return rows.map(({ query }) => query)
    })
  } finally {
    await watcher.end()
    await client.end()
    await drop()
  }
}

async function untilRunning(running: () => Promise<string[]>): Promise<void> {
  while ((await running()).length === 0) await sleep(50)
}

const questions = [
  ['stats', 'dau', '--segment', 'properties.country:UA'],
  ['stats', 'dau', '--segment', 'properties.country:UA', '--users', '2025-08-01'],
  ['check', '--stat', 'dau', '--segment', 'properties.country:UA', '--assert', 'count() > 0'],
  ['report', '--segment', 'properties.country:UA'],
  ['export'],
]

test('--query-timeout ends what takes longer', () =>
  withLockedEvents(async (env, running) => {
    for (const question of questions) {
      const ended = await ea(
        [...question, '--query-timeout', '300ms', '--json', ...(question[0] === 'export' ? ['-o', '/dev/null'] : [])],
        { env },
      )
      expect([question[0], ended.code]).toEqual([question[0], 5])
      expect(JSON.parse(ended.stdout).error).toMatchObject({
        code: 'query_timeout',
        message: 'The database took longer than 0.3 s for the question.',
      })
      expect(await running()).toEqual([])
    }
    const wrong = await ea(['stats', 'dau', '--query-timeout', 'soon'], { env })
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--query-timeout must be a duration')])
  }))

test('Ctrl-C ends the statement in the server', () =>
  withLockedEvents(async (env, running) => {
    for (const question of [questions[0]!, questions[4]!]) {
      const ended = await ea(question, {
        env,
        onStart: (child) => void untilRunning(running).then(() => child.kill('SIGINT')),
      })
      expect([question[0], ended.code]).toEqual([question[0], 130])
      expect(await running()).toEqual([])
    }
  }))
