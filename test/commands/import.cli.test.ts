/** `ea import` as a user runs it: what it says, what it stores, and how it ends. */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { beforeAll, expect, test } from 'vitest'
import { builtOnce } from '../support/binary.js'
import { csvOf, header, record, until, uuidOf, withBench } from './import-content.js'

const example = fileURLToPath(new URL('../../examples/events.csv', import.meta.url))

beforeAll(builtOnce)

test('the example is imported once; copies, gzipped or not, are the same content', () =>
  withBench(async ({ ea, json, path, events }) => {
    const first = await json(['import', example])
    expect(first).toMatchObject({
      code: 0,
      batches: [{ id: 1, file: example, status: 'completed', read: 5000, inserted: 5000, duplicates: 0, rejected: 0 }],
      totals: { files: 1, read: 5000, inserted: 5000 },
    })
    const [batch] = first.batches
    expect(batch.sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(batch.bytes).toBe((await readFile(example)).length)
    expect(batch.seconds).toBeGreaterThan(0)
    expect(Object.keys(batch.phases)).toEqual(['hashing', 'loading', 'completing'])

    const again = await ea(['import', example])
    expect(again.code).toBe(0)
    expect(again.stdout).toMatch(
      /^.*events\.csv: already imported on \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC as batch 1; --force imports it again\n$/,
    )
    await writeFile(path('twin.csv.gz'), gzipSync(await readFile(example)))
    expect(await json(['import', path('twin.csv.gz')])).toMatchObject({
      code: 0,
      batches: [{ id: 1, status: 'already_imported', read: 0, sha256: batch.sha256 }],
    })
    const forced = await ea(['import', example, '--force'])
    expect(forced.stdout).toContain('5,000 read, 0 inserted, 5,000 duplicates, 0 rejected (batch 2, ')
    expect(await events()).toBe(5000)
  }))

test('a twin with other line ends is another content with the same events', () =>
  withBench(async ({ json, path }) => {
    await writeFile(path('lf.csv'), csvOf(0, 50))
    await writeFile(path('crlf.csv'), csvOf(0, 50).replaceAll('\n', '\r\n'))
    const { batches, totals } = await json(['import', path('lf.csv'), path('crlf.csv')])
    expect(batches.map(({ status }: { status: string }) => status)).toEqual(['completed', 'completed'])
    expect(totals).toMatchObject({ files: 2, read: 100, inserted: 50, duplicates: 50 })
  }))

test('standard input is imported once too', () =>
  withBench(async ({ ea, json, events }) => {
    const first = await ea(['import', '-'], { input: csvOf(0, 10) })
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first.stdout).toMatch(
      /^standard input: 10 read, 10 inserted, 0 duplicates, 0 rejected \(batch 1, \d+\.\d s\)\n$/,
    )
    expect(await json(['import', '-'], { input: csvOf(0, 10) })).toMatchObject({
      batches: [{ id: 1, status: 'already_imported' }],
    })
    expect(await events()).toBe(10)
  }))

test('patterns, folders and names with spaces and letters of any script', () =>
  withBench(async ({ ea, folder, path }) => {
    await writeFile(path('März – дані.csv'), csvOf(0, 3))
    await writeFile(path('two words.csv'), csvOf(3, 5))
    await writeFile(path('notes.txt'), 'not for us')
    const both = await ea(['import', path('*.csv')])
    expect(both.code).toBe(0)
    expect(both.stdout).toContain('März – дані.csv: 3 read, 3 inserted')
    expect(both.stdout).toContain('two words.csv: 2 read, 2 inserted')
    expect(both.stdout).toMatch(/\n2 files: 5 read, 5 inserted, 0 duplicates, 0 rejected \(\d+\.\d s\)\n$/)
    expect((await ea(['import', folder])).stdout).toContain('2 files (2 already imported): 0 read')
  }))

test('a missing column is named, with the columns that are there and a flag that helps', () =>
  withBench(async ({ ea, path, events }) => {
    await writeFile(path('other.csv'), csvOf(0, 2).replace('occurred_at', 'ts'))
    const { code, stdout, stderr } = await ea(['import', path('other.csv')])
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' })
    expect(stderr).toContain('error missing_column: The file has no column occurred_at. Its columns: event_id, ts,')
    expect(stderr).toContain('--map occurred_at=ts')
    expect(await events()).toBe(0)
  }))

test.each([
  ['an empty file', ''],
  ['a header and nothing else', `${header}\n`],
])('%s is imported: it has no records', (_, content) =>
  withBench(async ({ json, path }) => {
    await writeFile(path('none.csv'), content)
    expect(await json(['import', path('none.csv')])).toMatchObject({
      code: 0,
      batches: [{ status: 'completed', read: 0, inserted: 0, duplicates: 0, rejected: 0 }],
    })
  }),
)

test('rejects over the budget: nothing of the file is stored, the others are imported, exit 3', () =>
  withBench(async ({ ea, json, path, events }) => {
    await writeFile(path('bad.csv'), `${csvOf(0, 10)}no-uuid,2025-01-01,u1,view,\nshort\n`)
    await writeFile(path('good.csv'), csvOf(20, 25))
    const both = await json(['import', path('bad.csv'), path('good.csv')])
    expect(both).toMatchObject({
      code: 3,
      batches: [
        { status: 'failed', read: 12, inserted: 0, duplicates: 0, rejected: 2 },
        { status: 'completed', inserted: 5 },
      ],
      totals: { files: 2, inserted: 5 },
      error: {
        code: 'rejects_over_budget',
        file: path('bad.csv'),
        batch: 1,
        rejected: 2,
        reasons: [
          { code: 'field_count', count: 1 },
          { code: 'invalid_event_id', count: 1 },
        ],
        rejects: [
          { record: 11, line: 12, code: 'invalid_event_id', text: 'no-uuid,2025-01-01,u1,view,' },
          { record: 12, line: 13, code: 'field_count', text: 'short' },
        ],
      },
    })
    expect(await events()).toBe(5)
    const { code, stdout, stderr } = await ea(['import', path('bad.csv')])
    expect(code).toBe(3)
    expect(stdout).toMatch(/bad\.csv: failed \(rejects_over_budget\), nothing is imported \(batch 3, \d+\.\d s\)\n$/)
    expect(stderr).toContain('line 12: invalid_event_id: no-uuid,2025-01-01,u1,view,')
    expect(stderr).toContain('--max-rejects 2 --rejects-file')
  }))

test('rejects in their file are untouched; mended, they can be imported', () =>
  withBench(async ({ ea, path, events }) => {
    const bad = [`${uuidOf(90)}, yesterday ,u1,view,`, `${uuidOf(91)},2025-01-01T00:00:00Z,u1,"open`]
    await writeFile(path('some.csv'), `${csvOf(0, 8)}${bad[0]}\n${record(8)}\n${bad[1]}\n`)
    const args = ['import', path('some.csv'), '--max-rejects', '20%', '--rejects-file', path('rejects.csv')]
    const { code, stdout } = await ea(args)
    expect(code).toBe(0)
    expect(stdout).toContain('11 read, 9 inserted, 0 duplicates, 2 rejected')
    expect(stdout).toContain('1 × invalid_occurred_at: ')
    expect(stdout).toContain('See them: ea batches rejects 1')
    const rejects = await readFile(path('rejects.csv'), 'utf8')
    expect(rejects).toBe(`${header}\n${bad[0]}\n${bad[1]}\n`)
    await writeFile(path('rejects.csv'), rejects.replace(' yesterday ', '2025-01-02').replace('"open', 'open,'))
    expect((await ea(['import', path('rejects.csv')])).stdout).toContain('2 read, 2 inserted')
    expect(await events()).toBe(11)
  }))

test('a dry run counts what an import would, and writes nothing', () =>
  withBench(async ({ ea, json, path, events, sql }) => {
    await writeFile(path('first.csv'), csvOf(0, 5))
    await ea(['import', path('first.csv')])
    await writeFile(path('more.csv'), `${csvOf(3, 9)}${record(8)}\nbad\n`)
    const counts = { read: 8, inserted: 4, duplicates: 3, rejected: 1 }
    const dry = await json(['import', path('more.csv'), '--dry-run', '--max-rejects', '1'])
    expect(dry).toMatchObject({ code: 0, batches: [{ id: null, status: 'dry_run', ...counts }] })
    expect(await json(['import', path('more.csv'), '--dry-run'])).toMatchObject({
      code: 3,
      batches: [{ status: 'dry_run', ...counts }],
      error: { code: 'rejects_over_budget' },
    })
    const text = await ea(['import', path('more.csv'), '--dry-run'])
    expect(text.code).toBe(3)
    expect(text.stdout).toContain('1 rejected; it would be refused, nothing is written')
    expect(await events()).toBe(5)
    expect(await sql('SELECT id FROM import_batches')).toHaveLength(1)
    const real = await json(['import', path('more.csv'), '--max-rejects', '1'])
    expect(real.batches[0]).toMatchObject({ status: 'completed', ...counts })
  }))

test('--again undoes and imports in one step, with the flags of the batch; the undo says how', () =>
  withBench(async ({ ea, json, path, events }) => {
    const local = csvOf(0, 3)
      .replace('event_id', 'uuid')
      .replaceAll(/T(\d\d:\d\d:\d\d)[^,]*/g, ' $1')
    await writeFile(path('a b.csv'), local)
    const first = await json(['import', path('a b.csv'), '--map', 'event_id=uuid', '--timezone', 'Asia/Tokyo'])
    expect(first).toMatchObject({ code: 0, batches: [{ id: 1, inserted: 3 }] })
    expect(first).not.toHaveProperty('undone')

    const dry = await ea(['import', '--again', '1', '--timezone', 'Europe/Kyiv', '--dry-run'])
    expect(dry).toMatchObject({ code: 0, stderr: '' })
    expect(dry.stdout).toMatch(
      /^Batch 1 \(.*\): 3 events would be removed; nothing is changed\.\n.*: 3 read, 3 inserted, 0 duplicates, 0 rejected; so it would be/,
    )
    const again = await ea(['import', '--again', '1', '--timezone', 'Europe/Kyiv'])
    expect(again).toMatchObject({ code: 0, stderr: '' })
    expect(again.stdout).toMatch(
      /^Batch 1 \(.*\): 3 events removed\.\n.*: 3 read, 3 inserted, 0 duplicates, 0 rejected \(batch 2, \d+\.\d s\)\n$/,
    )
    const { reading } = await json(['batches', 'show', '2'])
    expect(reading).toMatchObject({ timezone: 'Europe/Kyiv', fields: { event_id: [{ name: 'uuid' }] } })
    const undone = await ea(['batches', 'undo', '2'])
    expect(undone.stdout).toContain(
      'To import it again: ea import --again 2 --map event_id=uuid --timezone Europe/Kyiv\n',
    )
    expect(await events()).toBe(0)
    expect(await json(['import', '--again', '2', path('a b.csv')])).toMatchObject({
      code: 0,
      undone: null,
      batches: [{ id: 3, status: 'completed', inserted: 3 }],
    })
    expect(await json(['import', '--again', '3', '--timezone', 'Asia/Tokyo'])).toMatchObject({
      code: 0,
      undone: { id: 3, status: 'undone', dry_run: false, removed: 3, stale: [] },
      batches: [{ id: 4 }],
    })
    await writeFile(path('a b.csv'), csvOf(5, 6))
    const changed = await ea(['import', '--again', '4'])
    expect(changed).toMatchObject({ code: 4, stdout: '', stderr: expect.stringContaining('error file_changed: ') })
    expect(await events()).toBe(3)
    for (const words of [['import'], ['import', '--again', 'x'], ['import', '--again', '4', '-']]) {
      expect(await ea(words)).toMatchObject({ code: 2, stderr: expect.stringContaining('error usage: ') })
    }
  }))

test('--atomic stores the same', () =>
  withBench(async ({ json, path, events }) => {
    await writeFile(path('all.csv'), csvOf(0, 300))
    const args = ['import', path('all.csv'), '--atomic', '--chunk-bytes', '4kB']
    expect(await json(args)).toMatchObject({ code: 0, batches: [{ status: 'completed', inserted: 300 }] })
    expect(await events()).toBe(300)
  }))

test('columns by other names, with fallbacks; what is left becomes properties', () =>
  withBench(async ({ ea, path, sql }) => {
    const lines = ['id,when,user,anonymous,what,plan', `${uuidOf(1)},2025-01-01 12:00,u1,a1,buy,pro`]
    await writeFile(path('export.csv'), `${[...lines, `${uuidOf(2)},2025-01-01 12:00,,a2,buy,`].join('\n')}\n`)
    const map = 'event_id=id,occurred_at=when,user_id=user|anonymous,event_type=what'
    const { code, stderr } = await ea(['import', path('export.csv'), '--map', map, '--timezone', 'Europe/Kyiv'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(await sql('SELECT user_id, occurred_at, properties FROM events ORDER BY event_id')).toEqual([
      { user_id: 'u1', occurred_at: new Date('2025-01-01T10:00:00Z'), properties: { anonymous: 'a1', plan: 'pro' } },
      { user_id: 'a2', occurred_at: new Date('2025-01-01T10:00:00Z'), properties: {} },
    ])
  }))

test('ids from the content: stable over files; an ordinal keeps identical records apart', () =>
  withBench(async ({ json, path }) => {
    const lines = ['occurred_at,user_id,event_type', '2025-01-01,u1,view', '2025-01-01,u1,view', '2025-01-02,u1,view']
    await writeFile(path('a.csv'), `${lines.join('\n')}\n`)
    await writeFile(path('b.csv'), `${[lines[0], lines[3]].join('\n')}\n`)
    const plain = await json(['import', path('a.csv'), path('b.csv'), '--id-from', '*'])
    expect(plain.totals).toMatchObject({ read: 4, inserted: 2, duplicates: 2 })
    const apart = await json(['import', path('a.csv'), '--force', '--id-from', 'user_id,occurred_at,#'])
    expect(apart.totals).toMatchObject({ read: 3, inserted: 3 })
  }))

test('other encodings', () =>
  withBench(async ({ ea, json, path, sql }) => {
    const text = csvOf(1, 3).replace('u1,view', 'Zoë,view')
    await writeFile(path('marked.csv'), Buffer.from(`\ufeff${text}`, 'utf16le'))
    await writeFile(path('bare.csv'), Buffer.from(text.replaceAll('-0000000000', '-1000000000'), 'utf16le'))
    await writeFile(path('latin1.csv'), Buffer.from(text.replaceAll('-0000000000', '-2000000000'), 'latin1'))
    expect(await json(['import', path('marked.csv')])).toMatchObject({ code: 0, totals: { inserted: 2 } })
    expect((await ea(['import', path('bare.csv')])).code).toBe(4)
    expect((await ea(['import', path('bare.csv'), '--encoding', 'utf-16le'])).code).toBe(0)
    expect((await ea(['import', path('latin1.csv'), '--encoding', 'latin1'])).code).toBe(0)
    expect(await sql("SELECT count(*)::int AS n FROM events WHERE user_id = 'Zoë'")).toEqual([{ n: 3 }])
  }))

test('JSON lines and a JSON array are found, or said to be JSON', () =>
  withBench(async ({ json, path }) => {
    const event = (n: number) =>
      JSON.stringify({ event_id: uuidOf(n), occurred_at: 1735689600, user_id: 'u', event_type: 'view' })
    await writeFile(path('lines.data'), `${event(1)}\n${event(2)}\n`)
    await writeFile(path('array.data'), `[${event(3)},\n${event(4)}]`)
    const both = await json(['import', path('lines.data'), path('array.data'), '--format', 'json'])
    expect(both).toMatchObject({ code: 0, totals: { read: 4, inserted: 4 } })
    const found = await json(['import', path('lines.data'), path('array.data')])
    expect(found.batches.map(({ status }: { status: string }) => status)).toEqual(Array(2).fill('already_imported'))
  }))

test.each([
  ['a file that is not there', ['nowhere.csv'], 4, 'file_not_found'],
  ['--atomic beside --jobs', ['x.csv', '--atomic', '--jobs', '2'], 2, 'usage'],
  ['--dry-run beside --rejects-file', ['x.csv', '--dry-run', '--rejects-file', 'y'], 2, 'usage'],
  ['--rejects-file for two files', [example, fileURLToPath(import.meta.url), '--rejects-file', 'y'], 2, 'usage'],
  ['a --rejects-file in no folder', ['x.csv', '--rejects-file', '/nowhere/at/all.csv'], 2, 'output_unwritable'],
  ['a --rejects-file that is a folder', ['x.csv', '--rejects-file', '/'], 2, 'output_unwritable'],
  ['a budget that is none', ['x.csv', '--max-rejects', '200%'], 2, 'usage'],
  ['a duration that is none', ['x.csv', '--wait', '5 minutes'], 2, 'usage'],
  ['a size that is none', ['x.csv', '--max-record-bytes', 'big'], 2, 'usage'],
  ['a time zone that is none', ['x.csv', '--timezone', 'Mars/Base'], 2, 'usage'],
  ['a map that is none', ['x.csv', '--map', 'event_id'], 2, 'usage'],
  ['no file', [], 2, 'usage'],
])('%s: the same code with and without --json', (_, args, exit, code) =>
  withBench(async ({ ea, json }) => {
    const text = await ea(['import', ...args])
    expect({ code: text.code, stdout: text.stdout }).toEqual({ code: exit, stdout: '' })
    expect(text.stderr).toMatch(new RegExp(`^error ${code}: `))
    expect(await json(['import', ...args])).toMatchObject({ code: exit, error: { code } })
  }),
)

test('one import at a time: the second is told who is busy, or waits', () =>
  withBench(async ({ ea, json, path, locked, sql }) => {
    await writeFile(path('a.csv'), csvOf(0, 10))
    await writeFile(path('b.csv'), csvOf(5, 15))
    await locked('LOCK TABLE import_chunks IN EXCLUSIVE MODE', async (release) => {
      const first = ea(['import', path('a.csv')])
      await until(async () => (await sql('SELECT 1 FROM import_lease')).length === 1)
      const busy = await ea(['import', path('b.csv')])
      expect(busy.code).toBe(75)
      expect(busy.stderr).toContain(
        `error import_busy: Another process is busy in this schema: import ${path('a.csv')}`,
      )
      expect(await json(['batches', 'undo', '1'])).toMatchObject({ code: 75, error: { code: 'import_busy' } })
      const waits = ea(['import', path('b.csv'), '--wait', '5m'], {
        onStart: (child) =>
          child.stderr?.on('data', (text) => String(text).startsWith('Waiting for') && void release()),
      })
      expect(await first).toMatchObject({ code: 0 })
      const { code, stdout, stderr } = await waits
      expect({ code, stderr }).toMatchObject({
        code: 0,
        stderr: expect.stringContaining('Waiting for another process'),
      })
      expect(stdout).toContain('10 read, 5 inserted, 5 duplicates')
    })
  }))

test.each([
  ['SIGINT', 130, 'interrupted'],
  ['SIGTERM', 143, 'terminated'],
] as const)('%s keeps what is merged, and the same command goes on there', (signal, exit, code) =>
  withBench(async ({ ea, json, path, locked, sql, events }) => {
    await writeFile(path('long.csv'), csvOf(0, 4000))
    const args = ['import', path('long.csv'), '--chunk-bytes', '4kB', '--jobs', '2']
    await locked('LOCK TABLE import_chunks IN EXCLUSIVE MODE', async (release) => {
      const running = json(args, {
        onStart: async (child) => {
          const waiting = `SELECT 1 FROM pg_locks WHERE NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
          await until(async () => (await sql(waiting)).length === 2)
          child.kill(signal)
          await new Promise((resolve) => setTimeout(resolve, 200))
          await release()
        },
      })
      expect(await running).toMatchObject({
        code: exit,
        batches: [],
        error: { code, suggestions: ['Run the same command again: it goes on there.'] },
      })
    })
    const kept = await events()
    expect(kept).toBeGreaterThan(0)
    expect(kept).toBeLessThan(4000)
    expect((await json(['stats', 'top-events'])).data).toEqual([])
    const again = await ea(args)
    expect(again.code).toBe(0)
    expect(again.stderr).toContain(`Going on with batch 1: ${kept.toLocaleString('en-US')} records in `)
    expect(again.stdout).toContain('4,000 read, 4,000 inserted, 0 duplicates, 0 rejected (batch 1, ')
  }),
)

test('Ctrl-C is heard while standard input is silent', () =>
  withBench(async ({ ea, sql }) => {
    let said = ''
    const { code } = await ea(['import', '-'], {
      onStart: async (child) => {
        // The test writes and never ends it, so the import can only wait.
        child.stdin!.end = () => child.stdin!
        child.stdin!.write(csvOf(0, 10))
        child.stderr!.on('data', (text) => {
          said += text
        })
        await until(async () => (await sql('SELECT 1 FROM import_lease')).length === 1)
        child.kill('SIGINT')
      },
    })
    expect(code).toBe(130)
    expect(said).toContain('Standard input cannot be resumed')
  }))

test('--quiet says nothing on stderr; a later import removes what an interrupted one left', () =>
  withBench(async ({ ea, path, sql }) => {
    await sql("INSERT INTO import_batches (source, file, reading, chunk_bytes) VALUES ('file', 'gone.csv', '{}', 1)")
    await writeFile(path('a.csv'), csvOf(0, 10))
    await writeFile(path('b.csv'), csvOf(0, 10).replaceAll('view', 'buy'))
    expect((await ea(['import', path('a.csv')])).stderr).toBe(
      'Removed what an interrupted import of gone.csv had left (batch 1).\n',
    )
    await sql("INSERT INTO import_batches (source, file, reading, chunk_bytes) VALUES ('file', 'gone.csv', '{}', 1)")
    expect(await ea(['import', path('b.csv'), '--quiet'])).toMatchObject({ code: 0, stderr: '' })
  }))
