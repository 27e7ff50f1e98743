/** What a server can say instead of letting somebody in: each has its own text and the exit code 5. */
import { expect, inject, test } from 'vitest'
import type { EaError } from '../../src/lib/core/errors.js'
import { withDatabase } from '../../src/lib/db/open.js'
import { admin, databaseUrl } from '../support/postgres/database.js'

const open = (url: string) =>
  withDatabase({ databaseUrl: url, schema: 'ea', dataDir: '' }, (db) => db.pool.query('SELECT 1'), { migrated: false })

test('each refusal has its text', async () => {
  const serverUrl = inject('serverUrl')
  const role = `ea_limited_${process.pid}`
  await admin(serverUrl, `CREATE ROLE ${role} LOGIN CONNECTION LIMIT 0`)
  try {
    const url = new URL(serverUrl)
    url.username = role
    const failed = async (to: string) => (await open(to).catch((error: EaError) => error)) as EaError
    expect((await failed(url.toString())).message).toMatch(
      /^The server has no connection left: too many connections for role/,
    )
    expect((await failed(databaseUrl(serverUrl, 'no_such'))).message).toMatch(/^The server has no such database: /)
    url.username = 'nobody_here'
    expect((await failed(url.toString())).message).toMatch(/^The server refused the login: role "nobody_here"/)
    expect((await failed('postgresql://nowhere.invalid/ea')).message).toBe('The host "nowhere.invalid" is not known.')
    expect((await failed('postgresql://127.0.0.1:1/ea')).message).toBe(
      'The database cannot be reached at 127.0.0.1 port 1: nothing listens there (connection refused).',
    )
  } finally {
    await admin(serverUrl, `DROP ROLE ${role}`)
  }
})
