/** `ea export` as a user runs it: files, streams, signals, and the way from one database to another. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, withPool } from '../../src/lib/db/connect.js'
import { storedEvents } from '../import/import-helpers.js'
import { binary, builtOnce, ea } from '../support/binary.js'
import { storeEvents } from '../support/events.js'
import { freshDatabase, withFreshDatabase } from '../support/postgres/database.js'
import { withScratchFolder } from '../support/temp-dir.js'

let url: string
let drop: () => Promise<void>
let env: Record<string, string>
/** Enough to fill every buffer on the way out. */
const many = 40_000

beforeAll(async () => {
  await builtOnce()
  ;({ url, drop } = await freshDatabase())
  env = { DATABASE_URL: url }
  await withPool({ url, schema: 'ea' }, async (db) => {
    await storeEvents(db, [{ at: '2025-08-01T10:00:00Z', user: 'ann', type: 'purchase', properties: { price: 1.5 } }])
    await storeEvents(db, [{ at: '2025-08-02T10:00:00Z', user: 'bob', properties: { filler: 'x'.repeat(300) } }])
    await sql`INSERT INTO ${db.t.events}
              SELECT gen_random_uuid(), occurred_at, batch_id, user_id, event_type, properties
              FROM ${db.t.events}, generate_series(3, ${many}) WHERE user_id = 'bob'`.execute(db.q)
  })
})

afterAll(() => drop())

const header = 'event_id,occurred_at,user_id,event_type,properties'
const lines = (text: string) => text.split('\n').slice(0, -1)

describe('to a file', () => {
  test('the name says the format and whether it is compressed; --format wins', () =>
    withScratchFolder(async (folder) => {
      const one = ['export', '--segment', 'user_id:ann', '-o']
      const read = async (name: string, ...more: string[]) => {
        const file = join(folder, name)
        const ended = await ea([...one, file, ...more], { env })
        const bytes = await readFile(file)
        expect(ended).toEqual({ code: 0, stdout: '', stderr: `${file}: 1 event, ${bytes.length} bytes\n` })
        return name.endsWith('gz') || name.endsWith('GZ') ? gunzipSync(bytes).toString() : bytes.toString()
      }
      const csv = await read('a.csv')
      expect(csv).toMatch(new RegExp(`^${header}\n[^\n]*,ann,purchase,"{""price"": 1.5}"\n$`))
      const ndjson = await read('a.ndjson')
      expect(JSON.parse(ndjson)).toMatchObject({ user_id: 'ann', properties: { price: 1.5 } })
      expect(await read('a.CSV.GZ')).toBe(csv)
      expect(await read('a.jsonl.gz')).toBe(ndjson)
      expect(await read('a.gz')).toBe(csv)
      expect(await read('events')).toBe(csv)
      expect(await read('b.csv', '--format', 'ndjson')).toBe(ndjson)
      expect(await read('b.json', '--format', 'ndjson')).toBe(ndjson)
      expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([])
    }))

  test('--json says what was written; --quiet says nothing', () =>
    withScratchFolder(async (folder) => {
      const file = join(folder, 'events.ndjson.gz')
      const ended = await ea(['export', '-o', file, '--json'], { env })
      expect(ended).toMatchObject({ code: 0, stderr: '' })
      const { size } = await stat(file)
      expect(JSON.parse(ended.stdout)).toEqual({ events: many, file, bytes: size })
      expect(lines(gunzipSync(await readFile(file)).toString())).toHaveLength(many)
      expect(await ea(['export', '-o', file, '--quiet'], { env })).toEqual({ code: 0, stdout: '', stderr: '' })
    }))

  test('a warning is told, also as JSON', () =>
    withScratchFolder(async (folder) => {
      const args = ['export', '--segment', 'event_type:purchse', '-o', join(folder, 'x.csv')]
      expect((await ea(args, { env })).stderr).toMatch(
        /^warning: .*purchse.*purchase.*\n.*x\.csv: 0 events, 51 bytes\n$/,
      )
      const { events, meta } = JSON.parse((await ea([...args, '--json'], { env })).stdout)
      expect(events).toBe(0)
      expect(meta.warnings).toEqual([expect.stringContaining('purchse')])
    }))

  test('what was there stays until the end, as a link or private as it was', () =>
    withScratchFolder(async (folder) => {
      const [file, link] = [join(folder, 'private.csv'), join(folder, 'link.csv')]
      await writeFile(file, 'before')
      await chmod(file, 0o600)
      await symlink('private.csv', link)
      expect((await ea(['export', '-o', link, '--from', '2025-02-30'], { env })).code).toBe(2)
      expect(await readFile(file, 'utf8')).toBe('before')
      expect((await ea(['export', '-o', link, '--to', '2025-08-01'], { env })).code).toBe(0)
      expect(lines(await readFile(file, 'utf8'))).toHaveLength(2)
      expect((await stat(file)).mode & 0o777).toBe(0o600)
      expect((await readdir(folder)).toSorted()).toEqual(['link.csv', 'private.csv'])
    }))

  test('a pipe is written to as it is', () =>
    withScratchFolder(async (folder) => {
      const pipe = join(folder, 'pipe.csv')
      expect(spawnSync('mkfifo', [pipe]).status).toBe(0)
      const [text, ended] = await Promise.all([readFile(pipe, 'utf8'), ea(['export', '-o', pipe], { env })])
      expect(ended.code).toBe(0)
      expect(lines(text)).toHaveLength(many + 1)
    }))

  test('where nothing can be written, the message names the file', () =>
    withScratchFolder(async (folder) => {
      for (const file of [join(folder, 'none', 'x.csv'), folder, '/dev/full']) {
        const ended = await ea(['export', '-o', file, '--json'], { env })
        expect(ended.code).toBe(2)
        const { code, message } = JSON.parse(ended.stdout).error
        expect(code).toBe('output_unwritable')
        expect(message).toContain(`${file} cannot be written: `)
      }
    }))

  test('a disk that fills up: an error, nothing left, and what was there stays', async (context) => {
    await withScratchFolder(async (folder) => {
      const disk = join(folder, 'disk')
      await mkdir(disk)
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk])
      // Only root on Linux can mount a small disk.
      if (mounted.status !== 0) return context.skip()
      try {
        for (const name of ['events.csv', 'events.csv.gz']) {
          await writeFile(join(disk, name), 'before')
          // Random ids do not compress: both are larger than the disk.
          const ended = await ea(['export', '-o', join(disk, name)], { env })
          expect(ended).toMatchObject({
            code: 2,
            stdout: '',
            stderr: expect.stringMatching(/output_unwritable.*ENOSPC/),
          })
          expect(await readFile(join(disk, name), 'utf8')).toBe('before')
        }
        expect(await readdir(disk)).toHaveLength(2)
      } finally {
        spawnSync('umount', [disk])
      }
    })
  })
})

describe('to stdout', () => {
  test('all events, and on stderr how many', async () => {
    const ended = await ea(['export', '--format', 'ndjson'], { env })
    expect(lines(ended.stdout)).toHaveLength(many)
    expect(ended.code).toBe(0)
    const bytes = Buffer.byteLength(ended.stdout).toLocaleString('en-US')
    expect(ended.stderr).toBe(`standard output: 40,000 events, ${bytes} bytes\n`)
  })

  test('a reader that has seen enough is no error', async () => {
    const { child, ended } = start(['export'])
    child.stdout!.once('data', () => child.stdout!.destroy())
    expect(await ended).toEqual({ code: 0, stderr: '' })
    await expectNobodyWorks()
  })

  test('a full disk behind it is an error without a stack', () => {
    const shell = spawnSync('sh', ['-c', `"$0" "${binary}" export > /dev/full`, process.execPath], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    })
    expect(shell.stderr).toMatch(
      /^error output_unwritable: standard output cannot be written: ENOSPC[^\n]*\n {2}- .*\n$/,
    )
    expect(shell.status).toBe(2)
  })

  test('an empty database gives a header', async () => {
    await withFreshDatabase(async (_, url) => {
      const ended = await ea(['export'], { env: { DATABASE_URL: url } })
      expect(ended).toMatchObject({ code: 0, stdout: `${header}\n`, stderr: expect.stringContaining('no events yet') })
    })
  })

  test.for([
    [['--json'], '--format ndjson'],
    [['--tz', 'Europe/Kyiv'], '--tz'],
    [['-o', 'events.json'], '--format ndjson'],
    [['-o', 'events.csv.zst'], '.gz'],
    [['--segment', 'price>1'], '\n  price>1\n  ^'],
    [['--from', '2025-08-02', '--to', '2025-08-01'], '--from 2025-08-02 is after --to 2025-08-01'],
    [['--format', 'xml'], 'csv'],
  ] as [string[], string][])('%o is a usage error', async ([args, hint]) => {
    const ended = await ea(['export', ...args], { env })
    expect(ended.code).toBe(2)
    const told = args.includes('--json') ? JSON.stringify(JSON.parse(ended.stdout).error) : ended.stderr
    expect(told).toContain('usage')
    expect(told).toContain(hint)
  })
})

/** The process alone, its stdout a pipe that nobody reads yet. */
function start(args: readonly string[]): {
  child: ChildProcess
  ended: Promise<{ code: number | null; stderr: string }>
} {
  const child = spawn(process.execPath, [binary, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) =>
    // Not `close`, which waits for the reader of stdout.
    child.on('exit', (code) => resolve({ code, stderr })),
  )
  return { child, ended }
}

const working = async (db: Database) =>
  (
    await sql`SELECT FROM pg_stat_activity
              WHERE datname = current_database() AND application_name = 'ea export' AND query LIKE 'COPY%'`.execute(
      db.q,
    )
  ).rows.length
const withObserver = <T>(use: (db: Database) => Promise<T>) => withPool({ url, schema: 'ea' }, use)

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(20)
}

async function expectNobodyWorks(): Promise<void> {
  await withObserver((db) => until(async () => (await working(db)) === 0))
}

describe('ended by a signal', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s, while nobody reads stdout', async (signal, exit) => {
    const { child, ended } = start(['export'])
    await withObserver((db) => until(async () => (await working(db)) === 1))
    child.kill(signal)
    expect(await ended).toMatchObject({ code: exit, stderr: expect.stringMatching(/^error (interrupted|terminated)/) })
    await expectNobodyWorks()
    child.stdout!.destroy()
  })

  test('while the server waits: no file, no partial file, no statement', () =>
    withScratchFolder(async (folder) => {
      await withObserver((holder) =>
        holder.q.transaction().execute(async (tx) => {
          await sql`LOCK TABLE ${holder.t.events} IN ACCESS EXCLUSIVE MODE`.execute(tx)
          const { child, ended } = start(['export', '-o', join(folder, 'events.csv.gz')])
          await withObserver((db) => until(async () => (await working(db)) === 1))
          expect(await readdir(folder)).toEqual([expect.stringMatching(/^\.ea-.*\.part$/)])
          child.kill('SIGINT')
          expect(await ended).toMatchObject({ code: 130 })
          expect(await readdir(folder)).toEqual([])
        }),
      )
      await expectNobodyWorks()
    }))
})

test('from one database into another: export | import -, and nothing new the second time', async () => {
  const target = await freshDatabase()
  try {
    const { stdout } = await ea(['export', '--format', 'ndjson'], { env })
    const into = async (to: string) => {
      const ended = await ea(['import', '-', '--json'], { env: { DATABASE_URL: to }, input: stdout })
      expect(ended.code).toBe(0)
      return JSON.parse(ended.stdout).totals
    }
    expect(await into(target.url)).toMatchObject({ read: many, inserted: many, duplicates: 0, rejected: 0 })
    expect(await into(url)).toMatchObject({ read: many, inserted: 0, duplicates: many, rejected: 0 })
    const events = (of: string) => withPool({ url: of, schema: 'ea' }, storedEvents)
    expect(await events(target.url)).toEqual(await events(url))
  } finally {
    await target.drop()
  }
})
