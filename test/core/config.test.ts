/** Where the events live: what flags and variables say, and what is refused. */
import { expect, test } from 'vitest'
import { type GivenConfig, parseConfig } from '../../src/lib/core/config.js'
import { EaError } from '../../src/lib/core/errors.js'

const url = 'postgresql://ann:secret@db.example/shop'

test('flags win over the environment, and an empty variable counts as unset', () => {
  const env = { DATABASE_URL: url, EA_SCHEMA: 'from_env', EA_DATA_DIR: '/srv/env' }
  expect(parseConfig({}, env)).toEqual({ databaseUrl: url, schema: 'from_env', dataDir: '/srv/env' })
  expect(parseConfig({ databaseUrl: 'postgres://other/db', schema: 'flag', dataDir: '/srv/flag' }, env)).toEqual({
    databaseUrl: 'postgres://other/db',
    schema: 'flag',
    dataDir: '/srv/flag',
  })
  expect(parseConfig({}, { DATABASE_URL: '', EA_SCHEMA: '', EA_DATA_DIR: '/srv/env' })).toEqual({
    schema: 'ea',
    dataDir: '/srv/env',
  })
})

test('every problem is told at once, by the name under which it was given, and never with its value', () => {
  const refused = refusalOf({ schema: 'pg_mine' }, { DATABASE_URL: 'mysql://ann:secret@db/shop', EA_DATA_DIR: '\0' })
  expect(refused.code).toBe('usage')
  expect(refused.details.problems).toEqual([
    'DATABASE_URL must be a URL that begins with postgresql://',
    '--schema must not be a name of PostgreSQL itself',
    'EA_DATA_DIR must not contain NUL',
  ])
  expect(refused.message).not.toContain('secret')
})

test.each(['', 'é'.repeat(32), 'a\0b', 'pg_catalog', 'information_schema'])('the schema %j is refused', (schema) => {
  expect(refusalOf({ schema }, { EA_DATA_DIR: '/srv' }).code).toBe('usage')
})

test.each(['é'.repeat(31), 'My "Shop"', 'pgdata'])('the schema %j is taken', (schema) => {
  expect(parseConfig({ schema }, { EA_DATA_DIR: '/srv' }).schema).toBe(schema)
})

test.each(['postgres://db/shop', 'postgresql:///shop?host=/run/postgresql', 'postgresql://[::1]:5433/shop'])(
  'the URL %s is taken',
  (databaseUrl) => {
    expect(parseConfig({ databaseUrl }, {}).databaseUrl).toBe(databaseUrl)
  },
)

test.each(['', 'db/shop', 'http://db/shop', 'postgresql://a b/shop'])('the URL %j is refused', (databaseUrl) => {
  expect(refusalOf({ databaseUrl }, {}).code).toBe('usage')
})

test('a relative data folder is one of the working directory', () => {
  expect(parseConfig({ dataDir: 'events' }, {}).dataDir).toBe(`${process.cwd()}/events`)
})

test.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)('root on Linux keeps it in /var/lib/ea', () => {
  expect(parseConfig({ defaultDataDir: '/root/.local/share/ea' }, { HOME: '/root' }).dataDir).toBe('/var/lib/ea')
})

test('others keep it where the platform keeps data, also without HOME', () => {
  asUser(() => {
    const told = { defaultDataDir: '/home/ann/told' }
    expect(parseConfig(told, { HOME: '/home/ann' }).dataDir).toBe('/home/ann/told')
    expect(parseConfig({}, { HOME: '/home/ann', XDG_DATA_HOME: '/data' }).dataDir).toBe('/data/ea')
    // Without a home oclif would tell a folder below /tmp.
    const without = parseConfig({ defaultDataDir: '/tmp/.local/share/ea' }, { HOME: '' }).dataDir
    expect(without).toMatch(/^\/.*ea$/)
    expect(without).not.toMatch(/^\/tmp/)
  })
})

function refusalOf(given: GivenConfig, env: NodeJS.ProcessEnv): EaError {
  try {
    parseConfig(given, env)
  } catch (error) {
    if (error instanceof EaError) return error
    throw error
  }
  throw new Error('it was taken')
}

/** Runs `body` as an ordinary user would see it. */
function asUser(body: () => void): void {
  const { getuid } = process
  process.getuid = () => 1000
  try {
    body()
  } finally {
    process.getuid = getuid!
  }
}
