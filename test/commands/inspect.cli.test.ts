/** `ea inspect` as a user runs it: what it finds, why, and what stands in the way. */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { beforeAll, expect, test } from 'vitest'
import { builtOnce } from '../support/binary.js'
import { csvOf, header, uuidOf, withBench } from './import-content.js'

const example = fileURLToPath(new URL('../../examples/events.csv', import.meta.url))

beforeAll(builtOnce, 300_000)

test('the example: source, format, fields, times, and the first records as events', () =>
  withBench(async ({ ea, json, sql }) => {
    const found = await json(['inspect', example])
    expect(found).toMatchObject({
      code: 0,
      file: example,
      source: 'file',
      compression: 'none',
      encoding: 'utf-8',
      format: { name: 'csv', delimiter: ',', quote: '"', line_end: 'lf', header_lines: 1, empty: false },
      mapping: { event_id: ['event_id'], properties: ['properties_json'], unmapped: [], id_from: null },
      times: { timezone: 'UTC', time_format: 'auto', looks_like: 'iso' },
    })
    expect(found.records).toHaveLength(5)
    expect(found.records[0]).toMatchObject({
      record: 1,
      line: 2,
      code: null,
      event_id: '07da10a0-a6a8-4565-b7d6-10f4523dad25',
      occurred_at: '2025-01-01T00:34:45.417000Z',
      user_id: 'u3',
      event_type: 'app_open',
      properties: { country: 'PL', os: 'Android' },
    })
    const { code, stdout, stderr } = await ea(['inspect', example, '--records', '2'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^format +csv, delimiter ","/m)
    expect(stdout).toMatch(/^times +ISO 8601 in all 200 samples/m)
    expect(stdout.trimEnd().split('\n').at(-3)).toMatch(/^2 +3 +- +83c61804-/)
    expect(stdout.trimEnd().split('\n').at(-1)).toBe(`To import it: ea import ${example}`)
    expect(await sql('SELECT 1 FROM import_batches UNION ALL SELECT 1 FROM events')).toEqual([])
  }))

test('a missing column: all that is known all the same, then the column and what may help', () =>
  withBench(async ({ ea, json, path }) => {
    await writeFile(path('other.csv'), csvOf(0, 2).replace('event_id', 'uuid').replace('occurred_at', 'ts'))
    const { code, stdout, stderr } = await ea(['inspect', path('other.csv')])
    expect(code).toBe(4)
    expect(stdout).toMatch(/^columns +uuid, ts, user_id, event_type, properties$/m)
    expect(stderr).toContain('error missing_column: The file has no column event_id, occurred_at.')
    expect(stderr).toContain('--map event_id=uuid,occurred_at=ts')
    expect(await json(['inspect', path('other.csv')])).toMatchObject({
      code: 4,
      format: { columns: ['uuid', 'ts', 'user_id', 'event_type', 'properties'] },
      mapping: null,
      error: { code: 'missing_column', missing: ['event_id', 'occurred_at'] },
    })
  }))

test('all of the records are rejected for one reason: what may help', () =>
  withBench(async ({ ea, json, path }) => {
    const lines = ['A-1', 'A-2'].map((id) =>
      JSON.stringify({ event_id: id, occurred_at: '2025-01-01', user_id: 'u', event_type: 'x' }),
    )
    await writeFile(path('orders.ndjson'), `${lines.join('\n')}\n`)
    const advice = 'Derive the event_id from the column or key that has these ids: --id-from NAME.'
    expect((await ea(['inspect', path('orders.ndjson')])).stdout).toContain(`\n  - ${advice}\n`)
    expect(await json(['inspect', path('orders.ndjson')])).toMatchObject({ code: 0, advice: [advice] })
  }))

test('records are judged as an import judges them, in the order of the file', () =>
  withBench(async ({ json, path }) => {
    const lines = [
      `${uuidOf(1)},2025-01-01,u1,view,`,
      'short',
      `no-uuid,2025-01-01,u1,view,`,
      `${uuidOf(2)},2025-01-01,u1,view,"{""a"":1}"`,
      `${uuidOf(3)},2025-01-01,,view,`,
    ]
    await writeFile(path('mixed.csv'), `${[header, ...lines].join('\n')}\n`)
    const { records, code } = await json(['inspect', path('mixed.csv'), '--records', '9'])
    expect(code).toBe(0)
    const seen = records.map((record: Record<string, unknown>) => [record.record, record.line, record.code])
    expect(seen).toEqual([
      [1, 2, null],
      [2, 3, 'field_count'],
      [3, 4, 'invalid_event_id'],
      [4, 5, null],
      [5, 6, 'missing_user_id'],
    ])
    expect(records.map(({ text }: { text: string }) => text)).toEqual(lines)
    const dry = await json(['import', path('mixed.csv'), '--dry-run', '--max-rejects', '3'])
    expect(dry.totals).toMatchObject({ read: 5, inserted: 2, rejected: 3 })
  }))

test('the form of times is found, and the flag that reads them is named', () =>
  withBench(async ({ ea, json, path }) => {
    const day = (n: number) => `${uuidOf(n)},${n}/01/2025 10:00,u1,view,`
    await writeFile(path('days.csv'), `${[header, day(10), day(31)].join('\n')}\n`)
    const { stdout } = await ea(['inspect', path('days.csv')])
    expect(stdout).toContain('say so: --time-format "DD/MM/YYYY HH24:MI"')
    expect(stdout).toContain('with the day first, as their values show')
    const args = ['inspect', path('days.csv'), '--time-format', 'DD/MM/YYYY HH24:MI', '--timezone', 'Europe/Kyiv']
    expect((await json(args)).records[1]).toMatchObject({ code: null, occurred_at: '2025-01-31T08:00:00.000000Z' })
  }))

test('JSON lines from standard input, and a gzipped array', () =>
  withBench(async ({ json, path }) => {
    const event = (n: number) =>
      JSON.stringify({ event_id: uuidOf(n), occurred_at: 1735689600, user_id: 'u', event_type: 'view', plan: 'pro' })
    const lines = await json(['inspect', '-'], { input: `${event(1)}\n${event(2)}\n` })
    expect(lines).toMatchObject({
      code: 0,
      source: 'stdin',
      bytes: null,
      format: { name: 'ndjson', columns: null },
      mapping: { unmapped: ['plan'] },
      times: { looks_like: 'epoch-s' },
      records: [{ code: null, properties: { plan: 'pro' } }, { record: 2 }],
    })
    await writeFile(path('array.gz'), gzipSync(`[${event(1)}]`))
    expect(await json(['inspect', path('array.gz')])).toMatchObject({
      code: 0,
      compression: 'gzip',
      format: { name: 'json-array' },
      records: [{ code: null, occurred_at: '2025-01-01T00:00:00.000000Z' }],
    })
  }))

test('long records: as many as are asked for, though they fill many chunks', () =>
  withBench(async ({ json, path }) => {
    const long = (n: number) => `${uuidOf(n)},2025-01-01,u1,view,"{""text"":""${'x'.repeat(50_000)}""}"`
    const lines = Array.from({ length: 9 }, (_, n) => long(n))
    await writeFile(path('long.csv'), `${[header, ...lines].join('\n')}\n`)
    const { records } = await json(['inspect', path('long.csv'), '--records', '7'])
    expect(records.map(({ event_id: id, code }: Record<string, unknown>) => [id, code])).toEqual(
      Array.from({ length: 7 }, (_, n) => [uuidOf(n), null]),
    )
  }))

test.each([
  ['an empty file', '', 0, 'It is empty'],
  ['a header and nothing else', `${header}\n`, 0, 'It holds no records.'],
  ['bytes that are no text', '\u0000\u0001\u0002\u0000'.repeat(100), 4, 'not recognised'],
])('%s', (_, content, exit, words) =>
  withBench(async ({ ea, json, path }) => {
    await writeFile(path('odd'), content)
    const { code, stdout } = await ea(['inspect', path('odd')])
    expect({ code, stdout }).toEqual({ code: exit, stdout: expect.stringContaining(words) })
    expect((await json(['inspect', path('odd')])).code).toBe(exit)
  }),
)

test('a file that is not there, and one that is a folder', () =>
  withBench(async ({ ea, json, folder, path }) => {
    expect(await ea(['inspect', path('nowhere')])).toMatchObject({ code: 4, stdout: '' })
    expect(await json(['inspect', folder])).toMatchObject({ code: 4, error: { code: 'file_not_readable' } })
  }))
