/** `ea inspect` as a user runs it: what it finds, why, and what stands in the way. */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { beforeAll, expect, test } from 'vitest'
import { builtOnce } from '../support/binary.js'
import { csvOf, header, uuidOf, withBench } from './import-content.js'

const example = fileURLToPath(new URL('../../examples/events.csv', import.meta.url))

beforeAll(builtOnce)

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

test('what is in the file, before and after the mapping', () =>
  withBench(async ({ ea, json, path }) => {
    const lines = Array.from({ length: 1500 }, (_, n) =>
      JSON.stringify({
        event_id: uuidOf(n % 900),
        occurred_at: `2025-01-${String(1 + (n % 28)).padStart(2, '0')}`,
        user_id: n === 3 ? null : `u${n % 7}`,
        event_type: `t${n % 6}`,
        properties: { plan: n % 2 ? 'pro' : 'f\u001bree', page: { url: `/${n}` } },
      }),
    )
    await writeFile(path('many.ndjson'), lines.join('\n'))
    const { profile, events, proposal, records } = await json(['inspect', path('many.ndjson'), '--records', '2'])
    expect(records).toHaveLength(2)
    expect(profile.records).toBe(1000)
    expect(profile.fields.map(({ field }: { field: string }) => field)).toEqual(
      'event_id occurred_at user_id event_type properties.plan properties.page.url'.split(' '),
    )
    const nothing = { min: null, max: null, first: null, last: null }
    expect(profile.fields[1]).toEqual({
      ...{ field: 'occurred_at', kind: 'time', records: 1000, share: 1, values: 28, has_more_values: false },
      ...{ ...nothing, first: '2025-01-01', last: '2025-01-28', examples: ['2025-01-01', '2025-01-02', '2025-01-03'] },
    })
    expect(profile.fields[2]).toMatchObject({ kind: 'text', records: 999, share: 0.999, values: 7 })
    expect(profile.fields[5]).toMatchObject({ values: 100, has_more_values: true, ...nothing })
    const counts = { records: 1000, events: 999, rejected: 1, repeated_ids: 99, users: 7, event_types: 6 }
    const top = ['t0', 't1', 't2', 't3', 't4'].map((type) => ({
      event_type: type,
      events: ['t3', 't4'].includes(type) ? 166 : 167,
    }))
    expect(events).toEqual({
      ...counts,
      top_event_types: top,
      first: '2025-01-01T00:00:00.000000Z',
      last: '2025-01-28T00:00:00.000000Z',
    })
    expect(proposal.events).toMatchObject({ records: 200, events: 199, rejected: 1 })
    const { stdout } = await ea(['inspect', path('many.ndjson'), '--records', '1'])
    expect(stdout).toContain(
      'events       999 of 7 users and 6 types (t0 167, t1 167, t2 167, t3 166, t4 166, …), from',
    )
    expect(stdout).toMatch(/^What is in the first 1000 records:\nfield +kind +share +values +from +to +examples\n/m)
    expect(stdout).toMatch(/^properties\.plan +text +100\.0% +2 +- +- +f\\u001bree, pro$/m)
    expect(stdout).toMatch(/^properties\.page\.url +text +100\.0% +100\+ /m)
  }))

test('a file that needs flags: its fields, and what the proposed command makes of it', () =>
  withBench(async ({ ea, json, path }) => {
    const visits = 'visited;who;what\n2025-01-02 10:00;ann;view\n2025-01-01 10:00;bob;view\n'
    await writeFile(path('visits.csv'), visits)
    const { profile, events, proposal } = await json(['inspect', path('visits.csv')])
    expect(profile.fields.map(({ field, kind }: Record<string, string>) => [field, kind])).toEqual([
      ['visited', 'time'],
      ['who', 'text'],
      ['what', 'text'],
    ])
    expect(events).toBe(null)
    expect(proposal.events).toMatchObject({ events: 2, users: 2, first: '2025-01-01T10:00:00.000000Z' })
    expect((await ea(['inspect', path('visits.csv')])).stdout).toContain(
      'Read like this: 2 of 2 users and 1 type (view 2), from 2025-01-01T10:00:00Z to 2025-01-02T10:00:00Z',
    )
  }))

test('hundreds of keys: the first in the table, all in JSON', () =>
  withBench(async ({ ea, json, path }) => {
    const wide = Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`k${n}`, n]))
    await writeFile(path('wide.ndjson'), JSON.stringify(wide))
    const { stdout } = await ea(['inspect', path('wide.ndjson')])
    expect(stdout).toContain('What is in the first record:')
    expect(stdout).toContain('\n30 more fields: --json\n')
    expect((await json(['inspect', path('wide.ndjson')])).profile.fields).toHaveLength(90)
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
