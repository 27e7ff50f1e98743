/** Failures of a connection as errors for a person, and addresses that cannot be what was meant. */
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { expect, test } from 'vitest'
import { parseConfig } from '../../src/lib/core/config.js'
import type { EaError } from '../../src/lib/core/errors.js'
import { passwordFromFile } from '../../src/lib/db/address/password-file.js'
import { serverAddresses } from '../../src/lib/db/address/server-address.js'
import { sqlState } from '../../src/lib/db/connect.js'
import { asDatabaseError } from '../../src/lib/db/database-error.js'
import { withScratchFolder } from '../support/temp-dir.js'

test.each([
  ['57P03', 'the database system is starting up', /^The server is starting, stopping or recovering/],
  ['57P01', 'terminating connection due to administrator command', /^The server ended the connection/],
])('SQLSTATE %s', (code, message, text) => {
  const error = Object.assign(new pg.DatabaseError(message, 0, 'error'), { code })
  const told = asDatabaseError(error) as EaError
  expect(told).toMatchObject({ code: 'database_unreachable', details: { sqlstate: code } })
  expect(told.message).toMatch(text)
  expect(sqlState(told.cause)).toBe(code)
})

test('a pool whose connections are all busy is a database that cannot be reached', () => {
  const told = asDatabaseError(new Error('timeout exceeded when trying to connect')) as EaError
  expect(told).toMatchObject({
    code: 'database_unreachable',
    message: 'No connection to the database became free in time.',
  })
})

test.each([
  'postgresql://ann:p#ss@db.example/shop',
  'postgresql://ann:12#34@db.example/shop',
  'postgresql://ann:12/34@db.example/shop',
  'postgresql://ann:12?34@db.example/shop',
  'postgresql://ann:p%ss@db.example/shop',
])('%s has a character that must be encoded, and the password is not repeated', (url) => {
  expect(() => parseConfig({ databaseUrl: url, dataDir: '/x' }, {})).toThrow(/percent-encode .* PGPASSWORD/)
  expect(() => parseConfig({ databaseUrl: url, dataDir: '/x' }, {})).not.toThrow(/p#ss|34/)
})

test('an address that looks alike and is right', () => {
  const url = 'postgresql://ann@me:p%23ss@db.example/shop?application_name=a@b'
  expect(parseConfig({ databaseUrl: url, dataDir: '/x' }, {}).databaseUrl).toBe(url)
})

test('passwords come from the file of libpq, when only its owner may read it', () =>
  withScratchFolder(async (folder) => {
    const path = join(folder, 'pgpass')
    await writeFile(path, '# mine\nother:*:*:ann:no\ndb.example:5432:*:ann:s\\:e\\\\cret\n', { mode: 0o600 })
    const login = { host: 'db.example', port: 5432, database: 'shop', user: 'ann' }
    expect(passwordFromFile(login, { PGPASSFILE: path })).toBe('s:e\\cret')
    expect(passwordFromFile({ ...login, user: 'bob' }, { PGPASSFILE: path })).toBeUndefined()
    await chmod(path, 0o644)
    expect(passwordFromFile(login, { PGPASSFILE: path })).toBeUndefined()
  }))

test.each([
  ['postgresql://h/d', {}, 2],
  ['postgresql://h/d?sslmode=disable', { PGSSLMODE: 'require' }, 1],
  ['postgresql://h/d', { PGSSLMODE: 'disable' }, 1],
  ['postgresql:///d?host=/run/postgresql&sslmode=require', {}, 1],
])('%s with %j has %i ways', (url, env, count) => {
  expect(serverAddresses(url, { HOME: '/nowhere', ...env })).toHaveLength(count)
})
