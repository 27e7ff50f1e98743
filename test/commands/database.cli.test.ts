/** `ea db` on servers of others: what it says of an old one, of a newer schema, and of a lease that has to be broken. */
import { beforeAll, expect, test } from 'vitest'
import { builtOnce, ea } from '../support/binary.js'
import { withOddServer } from '../support/postgres/broken-server.js'
import { admin, withFreshDatabase } from '../support/postgres/database.js'

beforeAll(builtOnce)

test('status says that a server is too old', () =>
  withOddServer({ row: { version: { type: 23, text: '150004' }, migrated: { type: 16, text: 'f' } } }, async (url) => {
    const ended = await ea(['db', 'status'], { env: { DATABASE_URL: url } })
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toMatch(/^database {2}PostgreSQL 15\.4$/m)
    expect(ended.stdout).toMatch(/^state {5}too old: ea needs PostgreSQL 16 or newer$/m)
  }))

test('a schema of a newer release: a warning for who asks, and in the status', () =>
  withFreshDatabase(async (_, url) => {
    await admin(url, `INSERT INTO ea.kysely_migration VALUES ('9999_later', '2030-01-01T00:00:00.000Z')`)
    const env = { DATABASE_URL: url }
    const asked = await ea(['batches', 'list', '--json'], { env })
    expect(asked.code).toBe(0)
    expect(JSON.parse(asked.stdout).meta.warnings).toEqual([expect.stringContaining('9999_later')])
    const status = await ea(['db', 'status'], { env })
    expect(status.stdout).toContain('migrated by a newer release of ea (9999_later): update ea')
  }))

test('unlock breaks a lease from the future, with a warning, and says when there is none', () =>
  withFreshDatabase(async (_, url) => {
    await admin(
      url,
      `INSERT INTO ea.import_lease (token, host, boot_id, pid, process_start, doing, heartbeat_at)
       VALUES (1, 'elsewhere ns', '', 7, '', 'import far.csv', now() + interval '1 hour')`,
    )
    const env = { DATABASE_URL: url }
    const broken = await ea(['db', 'unlock'], { env })
    expect(broken.code).toBe(0)
    expect(broken.stdout).toBe(
      'The lease of "import far.csv" (pid 7 on elsewhere) is broken. Run that command again to resume it.\n',
    )
    expect(broken.stderr).toMatch(/^warning: The last heartbeat of that lease is from .* in the future/)
    expect(await ea(['db', 'unlock'], { env })).toMatchObject({
      code: 0,
      stdout: 'Nobody holds the lease.\n',
      stderr: '',
    })
  }))
