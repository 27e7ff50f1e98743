/** Whatever `ea serve` has to say, from its start to its end, is a line of its log: a program can read all of it. */
import { once } from 'node:events'
import pg from 'pg'
import { expect, test } from 'vitest'
import { ea } from '../../support/binary.js'
import { freshDatabase } from '../../support/postgres/database.js'
import { withServeCommand } from '../../support/serve/serve-command.js'

/** The lines as objects; fails when one of them is anything else. */
function linesOf(log: string): Record<string, unknown>[] {
  expect(log.endsWith('\n')).toBe(true)
  const lines = log.trimEnd().split('\n')
  const read = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  for (const line of read) {
    expect(line).toMatchObject({ level: expect.any(String), time: expect.any(String), msg: expect.any(String) })
  }
  return read
}

test('warnings and errors are JSON lines like the rest, from the start to SIGTERM', async () => {
  await withServeCommand([], async ({ url, databaseUrl, child, stderr }) => {
    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    await client.query('ALTER TABLE ea.days RENAME TO gone').finally(() => client.end())
    expect((await fetch(`${url}/stats/trend?from=2025-01-01&to=2025-01-02`)).status).toBeGreaterThanOrEqual(500)
    child.kill('SIGTERM')
    await once(child, 'close')
    const lines = linesOf(stderr())
    const messages = (level: string) => lines.filter((line) => line.level === level).map(({ msg }) => msg)
    expect(messages('warn')).toContainEqual(expect.stringMatching(/^No key is required: anyone/))
    expect(messages('error').length).toBeGreaterThan(0)
    expect(messages('info')).toContain('stopping')
  })
})

test.each([
  ['a flag that does not exist', ['--prot', '80'], 'usage', /--prot/],
  ['a flag without its value', ['--host'], 'usage', /^--host has no value: The address/],
  ['a number out of its range', ['--rate-limit', '-1'], 'usage', /^--rate-limit must be a whole number from 0/],
  ['none of the choices', ['--log-level', 'loud'], 'usage', /^--log-level must be one of debug, .*, not "loud"\.$/],
  ['no keys on an open address', ['--host', '0.0.0.0', '--port', '0'], 'no_authentication', /Anyone who can reach/],
  ['an address of others', ['--host', '203.0.113.1', '--insecure'], 'address_in_use', /cannot listen/],
])('the error that ends it is one too: %s', async (_, args, code, message) => {
  const { url, drop } = await freshDatabase()
  try {
    const ended = await ea(['serve', ...args], { env: { DATABASE_URL: url, EA_DATA_DIR: '/nowhere/to/be' } })
    expect(ended.stdout).toBe('')
    const last = linesOf(ended.stderr).at(-1)
    expect(last).toMatchObject({ level: 'error', code, msg: expect.stringMatching(message) })
    expect(ended.code).toBeGreaterThan(0)
  } finally {
    await drop()
  }
})
