import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withPool } from '../../src/lib/db/connect.js'
import { binary, builtOnce, ea, eaProcess } from '../support/binary.js'
import { storeEvents } from '../support/events.js'
import { admin, freshDatabase } from '../support/postgres/database.js'

let url: string
let drop: () => Promise<void>
let env: Record<string, string>
let folder: string

beforeAll(async () => {
  await builtOnce()
  ;({ url, drop } = await freshDatabase())
  env = { DATABASE_URL: url }
  folder = await mkdtemp(join(tmpdir(), 'ea-cli-'))
  const events = ['2025-08-01', '2025-08-03'].map((day) => ({ at: `${day}T10:00:00Z`, user: 'ann' }))
  await withPool({ url, schema: 'ea' }, (db) => storeEvents(db, events))
})

afterAll(async () => {
  await drop()
  await rm(folder, { recursive: true })
})

test('--version, help and a topic need no database', async () => {
  expect(await eaProcess(['--version'])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^ea \d+\.\d+\.\d+/),
  })
  for (const args of [[], ['--help'], ['-h'], ['help'], ['stats']]) {
    const ended = await ea(args)
    expect(ended.code).toBe(0)
    expect(ended.stdout).toContain('USAGE')
  }
  expect((await ea(['help', 'stats', 'dau'])).stdout).toBe((await ea(['stats', 'dau', '--help'])).stdout)
})

test('the version is told however it is asked for', async () => {
  const { stdout } = await ea(['--version'])
  for (const word of ['-v', '-V', 'version']) expect(await ea([word])).toMatchObject({ code: 0, stdout })
})

test('-o - is stdout, for every command that writes a file', async () => {
  const commands = [
    ['stats', 'dau', '--format', 'csv'],
    ['stats', 'dau', '--chart'],
    ['export', '--format', 'ndjson', '--sort'],
    ['generate', '--events', '5'],
    ['report', '--format', 'md', '--as-of', '2025-09-01'],
    ['batches', 'list', '--json'],
  ]
  for (const command of commands) {
    const plain = await ea([...command, '-q'], { env })
    const named = await ea([...command, '-q', '-o', '-'], { env })
    expect(plain.stdout, command.join(' ')).not.toBe('')
    expect(named, command.join(' ')).toEqual(plain)
  }
  expect(existsSync('-')).toBe(false)
  // What needs a file says so, as without the flag.
  const refused = await ea(['export', '--json', '--output', '-'], { env })
  expect(refused.code).toBe(2)
  expect(JSON.parse(refused.stdout).error.message).toContain('--output')
})

test('unknown words are usage errors that name the nearest known one', async () => {
  const command = await ea(['stats', 'dua'])
  expect(command).toMatchObject({ code: 2, stdout: '' })
  expect(command.stderr).toMatch(/^error usage: .*\n.*`ea stats dau`/)
  const flag = await ea(['stats', 'dau', '--fromat', 'csv'], { env })
  expect(flag.code).toBe(2)
  expect(flag.stderr).toContain('--format')
})

const failures: [string, string[], Record<string, string>, string, number][] = [
  ['an unknown flag', ['stats', 'dau', '--nope'], {}, 'usage', 2],
  ['an unknown command', ['stats', 'nope'], {}, 'usage', 2],
  ['a value that is none of the choices', ['stats', 'dau', '--grain', 'year'], {}, 'usage', 2],
  ['a day that is none', ['stats', 'dau', '--from', '2025-02-30'], {}, 'usage', 2],
  ['two formats', ['stats', 'dau', '--json', '--format', 'csv'], {}, 'usage', 2],
  ['a file in no folder', ['stats', 'dau', '--output', '/nowhere/at/all.csv'], {}, 'output_unwritable', 2],
  [
    'a server that is not there',
    ['stats', 'dau'],
    { DATABASE_URL: 'postgresql://x@127.0.0.1:1/x' },
    'database_unreachable',
    5,
  ],
  ['a schema without tables', ['stats', 'dau'], { EA_SCHEMA: 'nothing_here' }, 'database_not_migrated', 5],
]

test.each(failures)('%s: one code, the same exit code with and without --json', async (_, args, more, code, exit) => {
  const plain = await eaProcess(
    args.filter((arg) => arg !== '--json'),
    { env: { ...env, ...more } },
  )
  const json = await ea(args.includes('--json') ? args : [...args, '--json'], { env: { ...env, ...more } })
  if (!args.includes('--json')) {
    expect(plain).toMatchObject({ code: exit, stdout: '' })
    expect(plain.stderr).toMatch(new RegExp(`^error ${code}: `))
  }
  expect(json).toMatchObject({ code: exit, stderr: '' })
  const { error } = JSON.parse(json.stdout)
  expect(error).toMatchObject({ code, message: expect.any(String), suggestions: expect.any(Array) })
  expect(plain.stdout + plain.stderr + json.stdout).not.toMatch(/\n {4}at |\u001b/)
})

test('a role without rights is refused with a code', async () => {
  const role = `ea_cli_${process.pid}`
  await admin(url, `CREATE ROLE ${role} LOGIN PASSWORD 'x'`)
  try {
    const ended = await ea(['stats', 'dau', '--json'], {
      env: { DATABASE_URL: url.replace(/\/\/[^@]*@/, `//${role}:x@`) },
    })
    expect(ended.code).toBe(5)
    expect(JSON.parse(ended.stdout).error).toMatchObject({ code: 'database_refused', sqlstate: '42501' })
  } finally {
    await admin(url, `DROP ROLE ${role}`)
  }
})

test('stdout is data: formats, --output, --sql', async () => {
  const range = ['--from', '2025-08-01', '--to', '2025-08-03']
  expect(await eaProcess(['stats', 'dau', ...range, '--format', 'csv'], { env })).toEqual({
    code: 0,
    stdout: 'date,unique_users,complete\r\n2025-08-01,1,true\r\n2025-08-02,0,true\r\n2025-08-03,1,true\r\n',
    stderr: '',
  })
  const file = join(folder, 'dau.csv')
  expect(await ea(['stats', 'dau', ...range, '--format', 'csv', '-o', file], { env })).toEqual({
    code: 0,
    stdout: '',
    stderr: '',
  })
  expect(readFileSync(file, 'utf8')).toContain('2025-08-02,0,true')
  expect(readdirSync(folder)).toEqual(['dau.csv'])
  const { sql, parameters } = JSON.parse((await ea(['stats', 'dau', ...range, '--sql', '--json'], { env })).stdout)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  expect((await client.query(sql, parameters)).rows).toHaveLength(3)
  await client.end()
})

test('colours: none when piped, with FORCE_COLOR, but never against NO_COLOR or --no-color', async () => {
  const escapes = async (args: string[], more: Record<string, string>) =>
    (await ea(['stats', 'dau', ...args], { env: { ...env, ...more } })).stdout.includes('\u001b')
  expect(await escapes([], {})).toBe(false)
  expect(await escapes([], { FORCE_COLOR: '1' })).toBe(true)
  expect(await escapes([], { FORCE_COLOR: '1', NO_COLOR: '1' })).toBe(false)
  expect(await escapes(['--no-color'], { FORCE_COLOR: '1' })).toBe(false)
})

test('an empty database: no rows, a warning, exit 0', async () => {
  const empty = await freshDatabase()
  try {
    const env = { DATABASE_URL: empty.url }
    expect(await ea(['stats', 'dau'], { env })).toMatchObject({ code: 0, stdout: 'No rows.\n', stderr: /no events/ })
    const { data, meta } = JSON.parse((await ea(['stats', 'top-events', '--json'], { env })).stdout)
    expect(data).toEqual([])
    expect(meta.warnings).toHaveLength(1)
  } finally {
    await empty.drop()
  }
})

test('a reader that goes away is no error', async () => {
  const child = spawn(process.execPath, [binary, 'stats', 'dau', '--from', '2019-01-01'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.on('data', (part) => {
    stderr += part
  })
  expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0)
  expect(stderr).toBe('')
})

test.each([
  ['SIGINT', 'interrupted', 130],
  ['SIGTERM', 'terminated', 143],
] as const)('%s cancels the statement and exits with its code', async (signal, code, exit) => {
  const holder = new pg.Client({ connectionString: url })
  // Apart from the holder: inside its transaction pg_stat_activity stands still.
  const observer = new pg.Client({ connectionString: url })
  await Promise.all([holder.connect(), observer.connect()])
  const waiting = `SELECT count(*)::int AS n FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'`
  const count = async () => (await observer.query(waiting)).rows[0].n as number
  try {
    await holder.query('BEGIN; LOCK TABLE ea.days IN ACCESS EXCLUSIVE MODE')
    let kill: Promise<void> | undefined
    const ended = await ea(['stats', 'dau', '--json'], {
      env,
      onStart: (child) => {
        kill = (async () => {
          while ((await count()) === 0 && child.exitCode === null) await sleep(50)
          child.kill(signal)
        })()
      },
    })
    await kill
    expect(ended.code).toBe(exit)
    expect(JSON.parse(ended.stdout).error.code).toBe(code)
    // The lock is still held: only a cancelled statement can have stopped waiting for it.
    expect(await count()).toBe(0)
  } finally {
    await Promise.all([holder.end(), observer.end()])
  }
})

test('db: migrate, status, verify, rebuild, url', async () => {
  const own = { ...env, EA_SCHEMA: 'second' }
  const json = async (args: string[]) => JSON.parse((await ea([...args, '--json'], { env: own })).stdout)
  expect((await json(['db', 'status'])).pending).toContain('0001_events')
  expect((await json(['db', 'migrate', '--tz', 'Europe/Kyiv'])).applied).toContain('0001_events')
  expect(await json(['db', 'migrate'])).toEqual({ applied: [] })
  expect((await json(['db', 'status'])).pending).toEqual([])
  expect((await json(['stats', 'dau'])).meta.tz).toBe('Europe/Kyiv')
  expect((await json(['db', 'rebuild', '--tz', 'UTC'])).reporting_tz).toBe('UTC')
  expect(await json(['db', 'verify'])).toEqual({ differences: [] })
  expect(await json(['db', 'url'])).toEqual({ url })
  expect((await ea(['db', 'start'], { env: own })).code).toBe(2)
  expect((await ea(['db', 'rebuild', '--tz', '+03:00'], { env: own })).code).toBe(2)
})

test('db verify names a difference and exits 1; db rebuild repairs it', async () => {
  const { url, drop } = await freshDatabase()
  try {
    const env = { DATABASE_URL: url }
    await withPool({ url, schema: 'ea' }, async (db) => {
      await storeEvents(db, [{ at: '2025-08-01T10:00:00Z', user: 'ann' }])
      await db.q.updateTable('days').set({ active_users: 2 }).execute()
    })
    const verified = await ea(['db', 'verify'], { env })
    expect(verified.code).toBe(1)
    expect(verified.stderr).toMatch(/^error rollups_differ: 1 row .*\n {2}days .*2025-08-01/)
    expect((await ea(['db', 'rebuild'], { env })).code).toBe(0)
    expect((await ea(['db', 'verify'], { env })).code).toBe(0)
  } finally {
    await drop()
  }
})

const firstId = readFileSync('examples/events.csv', 'utf8').split('\n')[1]!.split(',')[0]!

test('db verify --content names an altered event and exits 1; files need --content', async () => {
  const { url, drop } = await freshDatabase()
  try {
    const env = { DATABASE_URL: url }
    const file = 'examples/events.csv'
    expect((await ea(['import', file], { env })).code).toBe(0)
    const verified = await ea(['db', 'verify', '--content'], { env })
    expect(verified).toMatchObject({ code: 0, stderr: '' })
    expect(verified.stdout).toBe(
      `The rollups match the events.\nBatch 1 matches ${file}: all 5,000 records compared.\n`,
    )
    await withPool({ url, schema: 'ea' }, (db) =>
      db.q.updateTable('events').set({ properties: '{}' }).where('event_id', '=', firstId).execute(),
    )
    const differing = await ea(['db', 'verify', '--content', '--all', file, '--json'], { env })
    expect(differing.code).toBe(1)
    expect(JSON.parse(differing.stdout).error).toMatchObject({
      code: 'content_differs',
      content_differences: [{ batch: 1, event_id: firstId, column: 'properties', stored: '{}', line: 2 }],
    })
    expect((await ea(['db', 'verify', file], { env })).code).toBe(2)
  } finally {
    await drop()
  }
})
