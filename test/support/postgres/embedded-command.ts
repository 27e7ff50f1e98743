/**
 * A command that uses the embedded server, for tests that start, kill and race real processes:
 * `node --import tsx test/support/postgres/embedded-command.ts DATA_DIR note TEXT` writes a note and prints what it sees as JSON;
 * `hold` prints that it uses the server and goes on until its stdin ends; `exit` leaves by process.exit in the middle;
 * `lock FILE` counts up a number in a file under the lock, many times.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import pg from 'pg'
import { EaError } from '../../../src/lib/core/errors.js'
import { withEmbeddedServer } from '../../../src/lib/db/embedded/server.js'
import { withLock } from '../../../src/lib/os/numbered-lock.js'

const [dataDir, what, text] = process.argv.slice(2) as [string, string, string]
const settings = { shared_buffers: '32MB' }
const native = process.env.EA_TEST_NATIVE

try {
  if (what === 'lock') await countUp()
  else await withEmbeddedServer(dataDir, use, { settings, ...(native ? { native } : {}) })
} catch (error) {
  if (!(error instanceof EaError)) throw error
  process.stdout.write(`${JSON.stringify({ code: error.code, message: error.message, hints: error.suggestions })}\n`)
  process.exitCode = error.exitCode
}

async function use(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(`SELECT pg_advisory_lock(1)`)
    await client.query('CREATE TABLE IF NOT EXISTS notes (note text)')
    await client.query(`SELECT pg_advisory_unlock(1)`)
    if (text) await client.query('INSERT INTO notes VALUES ($1)', [text])
    const { rows } = await client.query(
      `SELECT system_identifier AS cluster, pg_postmaster_start_time()::text AS started,
              (SELECT array_agg(note ORDER BY note) FROM notes) AS notes FROM pg_control_system()`,
    )
    process.stdout.write(`${JSON.stringify({ ...rows[0], url })}\n`)
    if (what === 'exit') process.exit(3)
    if (what === 'hold') await untilStdinEnds()
  } finally {
    await client.end().catch(() => {})
  }
}

function untilStdinEnds(): Promise<void> {
  return new Promise((resolve) => process.stdin.resume().once('end', resolve))
}

/** Not atomic by itself: two holders at once would lose counts. */
async function countUp(): Promise<void> {
  mkdirSync(dataDir, { recursive: true })
  for (let round = 0; round < 40; round++) {
    await withLock(dataDir, async () => {
      const count = Number(readFileSync(text, 'utf8'))
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 3))
      if (process.env.EA_TEST_DIE === String(round)) process.kill(process.pid, 'SIGKILL')
      writeFileSync(text, String(count + 1))
    })
  }
}
