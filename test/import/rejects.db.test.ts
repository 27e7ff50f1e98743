/** A reject keeps its address and its untouched bytes, in the database and in the rejects file, and can be mended. */
import { randomUUID } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { RejectCode } from '../../src/lib/core/event.js'
import type { ImportOptions } from '../../src/lib/import/options.js'
import { size } from '../support/effort.js'
import { sharedDatabase } from '../support/postgres/shared-database.js'
import { withScratchFolder } from '../support/temp-dir.js'
import { empty, importInto, importPath } from './import-helpers.js'

const database = sharedDatabase()

const header = 'event_id,occurred_at,user_id,event_type,properties'
const goodLine = () => `${randomUUID()},2025-01-31T10:20:30Z,u1,view,`

describe('structure', () => {
  const at = '2025-01-31'
  const depth = (levels: number) => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`
  const cases: readonly (readonly [RejectCode, string | Buffer, RegExp?])[] = [
    ['field_count', 'too,few', /2 fields instead of 5/],
    ['field_count', `${randomUUID()},${at},u,t,{},more`, /6 fields instead of 5/],
    ['text_after_quote', `${randomUUID()},${at},"u"x,t,{}`, /field 3/],
    [
      'invalid_utf8',
      Buffer.concat([Buffer.from(`${randomUUID()},${at},`), Buffer.from([0xff, 0xfe]), Buffer.from(',t,')]),
    ],
    ['invalid_utf8', Buffer.from(`${randomUUID()},${at},caf\xe9,t,`, 'latin1')],
    ['nul_byte', `${randomUUID()},${at},u\0,t,`],
    ['json_too_deep', `${randomUUID()},${at},u,t,"${depth(101).replaceAll('"', '""')}"`],
    ['record_too_long', `${randomUUID()},${at},${'u'.repeat(5_000)},t,`, /bytes/],
    // Behind it no other quote: the next one would close this one.
    ['unclosed_quote', `${randomUUID()},${at},"u,t,{}`, /field 3/],
  ]
  const ndjson: readonly (readonly [RejectCode, string | Buffer, RegExp?])[] = [
    ['not_an_object', '[1]'],
    ['not_an_object', 'text'],
    ['not_an_object', '"{}"'],
    ['invalid_json', '{"a":'],
    ['invalid_json', '{"a":"\u0001"}', /control character/],
    ['invalid_json', `{"a":1e200000}`],
    ['invalid_utf8', Buffer.from('{"a":"\xe9"}', 'latin1')],
    ['nul_byte', '{"a":"\0"}'],
    ['json_too_deep', depth(101)],
    ['record_too_long', `{"a":"${'x'.repeat(5_000)}"}`, /bytes/],
  ]

  /** Good records with a bad one between every two of them. */
  const between = (bad: readonly (string | Buffer)[], good: () => string) =>
    Buffer.concat(bad.flatMap((line) => [Buffer.from(`${good()}\n`), Buffer.from(line), Buffer.from('\n')]))

  test.each(['csv', 'ndjson'] as const)('each code of %s, its neighbours unharmed', async (format) => {
    const given = format === 'csv' ? cases : ndjson
    const members = () => ({ event_id: randomUUID(), occurred_at: at, user_id: 'u', event_type: 't' })
    const body = between(
      given.map(([, line]) => line),
      format === 'csv' ? goodLine : () => JSON.stringify(members()),
    )
    const content = format === 'csv' ? Buffer.concat([Buffer.from(`${header}\n`), body]) : body
    const { outcome, rejects } = await importInto(database(), content, { maxRecordBytes: 4_096, format }, `e.${format}`)
    expect(outcome).toMatchObject({ read: 2 * given.length, inserted: given.length, rejected: given.length })
    const headerLines = format === 'csv' ? 1 : 0
    for (const [n, [code, line, detail]] of given.entries()) {
      const raw = Buffer.from(line)
      expect(rejects[n]).toMatchObject({ code, record: 2 * n + 2, line: 2 * n + 2 + headerLines })
      expect(rejects[n]!.raw).toEqual(code === 'record_too_long' ? raw.subarray(0, 4_096) : raw)
      expect(rejects[n]!.byteOffset).toBe(content.indexOf(raw))
      if (detail) expect(rejects[n]!.detail).toMatch(detail)
    }
  })

  test.each<ImportOptions>([{}, { chunkBytes: 50_000 }, { atomic: true }])(
    'among records of all lengths each reject is the right one: %o',
    async (options) => {
      const lengths = [0, 5, 90, 1_900, 2_100, 4_000, 7_900, 8_200, 12_000, 30_000]
      const line = (n: number) => {
        // Text that compresses badly, so that it stays as long as it is.
        const text = Array.from({ length: lengths[(n * 7) % 10]! / 5 }, (_, k) =>
          ((n * 7_919 + k * 104_729) % 99_991).toString(36),
        )
        return `${randomUUID()},${at},${n % 7 === 3 ? '' : `u${n}`},${n % 11 === 5 ? 't'.repeat(101) : 't'},"{""n"":""${text.join('')}""}"`
      }
      const lines = Array.from({ length: 1_500 }, (_, n) => line(n))
      const { outcome, rejects } = await importInto(database(), [header, ...lines].join('\n'), options)
      const expected = lines.flatMap((text, n) =>
        n % 7 === 3 ? [[n + 1, 'missing_user_id', text]] : n % 11 === 5 ? [[n + 1, 'invalid_event_type', text]] : [],
      )
      expect(rejects.map(({ record, code, raw }) => [record, code, raw.toString()])).toEqual(expected)
      expect(outcome.inserted).toBe(1_500 - expected.length)
    },
  )

  test('100 levels of JSON are taken', async () => {
    const line = `${randomUUID()},${at},u,t,"${depth(100).replaceAll('"', '""')}"`
    const json = JSON.stringify({ event_id: randomUUID(), occurred_at: at, user_id: 'u', event_type: 't' })
    expect((await importInto(database(), `${header}\n${line}\n`)).outcome.inserted).toBe(1)
    const inner = `${json.slice(0, -1)},"properties":${depth(99)}}`
    expect((await importInto(database(), inner, {}, 'e.ndjson')).outcome.inserted).toBe(1)
  })
})

describe('a record that PostgreSQL refuses although nothing is wrong with it', () => {
  // Depth is counted by the splitter where it sees JSON; inside of a text it is PostgreSQL's parser that gives up.
  const bomb = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
  const members = (n: number, properties: unknown) => ({
    event_id: `a0eebc99-9c0b-4ef8-bb6d-${String(n).padStart(12, '0')}`,
    occurred_at: '2025-01-31',
    user_id: 'u',
    event_type: 't',
    properties,
  })
  const linesWith = (bombs: readonly number[], count: number, also: Readonly<Record<number, unknown>> = {}) =>
    Array.from({ length: count }, (_, n) =>
      JSON.stringify(members(n, bombs.includes(n) ? bomb : n in also ? also[n] : { n })),
    )

  test.each<ImportOptions>([{}, { atomic: true }, { chunkBytes: 1 }, { jobs: 1 }])(
    'stands alone: %o',
    async (options) => {
      const bombs = [0, 7, 8, 30, 99]
      const content = linesWith(bombs, 100, { 50: '{"a":"\\u0000"}', 51: [] }).join('\n')
      const { outcome, rejects } = await importInto(database(), content, options, 'events.ndjson')
      expect(outcome).toMatchObject({ read: 100, inserted: 93, rejected: 7 })
      expect(rejects.map(({ record, code, detail }) => [record - 1, code, detail])).toEqual([
        [0, 'record_refused', 'SQLSTATE 54001'],
        [7, 'record_refused', 'SQLSTATE 54001'],
        [8, 'record_refused', 'SQLSTATE 54001'],
        [30, 'record_refused', 'SQLSTATE 54001'],
        [50, 'invalid_properties', undefined],
        [51, 'properties_not_an_object', undefined],
        [99, 'record_refused', 'SQLSTATE 54001'],
      ])
      expect(rejects[1]!.raw.toString()).toBe(JSON.stringify(members(7, bomb)))
    },
  )

  test('many of them in one chunk, and a dry run that says the same', { tags: 'property' }, async () => {
    const count = size(90, 30)
    const small = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
    const content = Array.from({ length: count }, (_, n) => JSON.stringify(members(n, n % 2 ? small : {}))).join('\n')
    const dry = await importInto(database(), content, { dryRun: true }, 'events.ndjson')
    expect(dry.outcome).toMatchObject({ read: count, inserted: count / 2, rejected: count / 2 })
    const { outcome, rejects } = await importInto(database(), content, {}, 'events.ndjson')
    expect(outcome).toMatchObject({ read: count, inserted: count / 2, rejected: count / 2 })
    expect(new Set(rejects.map(({ code }) => code))).toEqual(new Set(['record_refused']))
    expect(outcome.reasons).toEqual(dry.outcome.reasons)
  })

  test('over the budget it is told like any other', async () => {
    const content = linesWith([3], 10).join('\n')
    const { outcome, events } = await importInto(database(), content, { maxRejects: { records: 0 } }, 'events.ndjson')
    expect(outcome).toMatchObject({
      status: 'failed',
      inserted: 0,
      rejected: 1,
      error: { code: 'rejects_over_budget' },
    })
    expect(outcome.error!.message).toContain('line 4: record_refused (SQLSTATE 54001)')
    expect(events).toEqual([])
  })
})

describe('the rejects file', () => {
  const bad = (mark: string) => `bad-${mark},2025-01-31T10:20:30Z,u1,view,`

  /** Imports `content` with a rejects file, then the same file with each `bad-…` made a uuid. */
  async function mendAndImport(content: Buffer | string, name: string, options: ImportOptions = {}) {
    return withScratchFolder(async (folder) => {
      await empty(database())
      const path = join(folder, name)
      const rejectsFile = join(folder, `rejects-${name.replace('.gz', '')}`)
      await writeFile(path, content)
      const first = await importPath(database(), path, { ...options, rejectsFile })
      const written = await readFile(rejectsFile)
      const mended = written.toString('latin1').replaceAll(/bad-\d+/g, () => randomUUID())
      await writeFile(rejectsFile, mended, 'latin1')
      return { first, written, again: await importPath(database(), rejectsFile) }
    })
  }

  test.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
  ])('is header and untouched lines, with %s as in the source', async (_, lineEnd) => {
    const lines = [header, goodLine(), bad('1'), goodLine(), bad('2'), bad('3')]
    const { first, written, again } = await mendAndImport(lines.map((line) => line + lineEnd).join(''), 'events.csv')
    expect(first.outcome).toMatchObject({ status: 'completed', inserted: 2, rejected: 3 })
    expect(written.toString()).toBe([header, bad('1'), bad('2'), bad('3')].map((line) => line + lineEnd).join(''))
    expect(again.outcome).toMatchObject({ status: 'completed', inserted: 3, rejected: 0 })
  })

  test('of a source without a line end behind its last record, with a byte order mark, or compressed', async () => {
    const text = [header, goodLine(), bad('1')].join('\n')
    const expected = `${header}\n${bad('1')}\n`
    for (const [name, content] of [
      ['events.csv', text],
      ['events.csv', `\ufeff${text}`],
      ['events.csv.gz', gzipSync(text)],
    ] as const) {
      const { written, again } = await mendAndImport(content, name)
      expect(written.toString()).toBe(expected)
      expect(again.outcome.inserted).toBe(1)
    }
  })

  test('keeps quotes, line breaks inside of them, and another delimiter', async () => {
    const head = 'event_id;occurred_at;user_id;event_type;properties'
    const record = `bad-1;2025-01-31;"a;""b""";view;"{""a""\n:1}"`
    const { written, again } = await mendAndImport(`${head}\n${record}\n`, 'events.csv')
    expect(written.toString()).toBe(`${head}\n${record}\n`)
    expect(again.events).toMatchObject([{ user_id: 'a;"b"', properties: '{"a": 1}' }])
  })

  test('of NDJSON has the lines, of a JSON array is an array', async () => {
    const document = (id: string) => `{"event_id":"${id}","occurred_at":"2025-01-31", "user_id":"u","event_type":"t"}`
    const lines = await mendAndImport(
      `${document('bad-1')}\n${document(randomUUID())}\n${document('bad-2')}`,
      'e.ndjson',
    )
    expect(lines.written.toString()).toBe(`${document('bad-1')}\n${document('bad-2')}\n`)
    expect(lines.again.outcome.inserted).toBe(2)
    const array = await mendAndImport(
      `[${document('bad-1')},\n${document(randomUUID())},${document('bad-2')}]`,
      'e.json',
    )
    expect(array.written.toString()).toBe(`[\n${document('bad-1')},\n${document('bad-2')}\n]\n`)
    expect(array.again.outcome.inserted).toBe(2)
  })

  test('of an array that is cut off can be read again', async () => {
    const document = (id: string) => `{"event_id":"${id}","occurred_at":"2025-01-31","user_id":"u","event_type":"t"}`
    const cut = await mendAndImport(`[${document('bad-1')},${document(randomUUID())}`, 'events.json')
    expect(cut.first.rejects.map(({ code, detail }) => [code, detail])).toEqual([
      ['invalid_event_id', undefined],
      ['invalid_json', 'the array is not closed'],
    ])
    expect(JSON.parse(cut.written.toString())).toHaveLength(1)
    expect(cut.again.outcome).toMatchObject({ inserted: 1, rejected: 0 })
  })

  test('of another encoding is UTF-8, and says so, for who gives the same flags again', async () => {
    const source = Buffer.from(
      `${header}\n${randomUUID()},2025-01-31,ren\xe9,view,\nbad-1,2025-01-31,caf\xe9,view,\n`,
      'latin1',
    )
    const { written, again } = await mendAndImport(source, 'events.csv', { encoding: 'windows-1252' })
    expect(written.toString()).toBe(`\ufeff${header}\nbad-1,2025-01-31,café,view,\n`)
    expect(again.events.map(({ user_id }) => user_id).toSorted()).toEqual(['café', 'rené'])
  })

  test('is written for a batch that fails, too, and replaces what was there; without rejects it has the header', async () => {
    await withScratchFolder(async (folder) => {
      await empty(database())
      const [path, rejectsFile] = [join(folder, 'events.csv'), join(folder, 'rejects.csv')]
      await writeFile(rejectsFile, 'what was there before')
      await writeFile(path, `${header}\n${goodLine()}\n${bad('1')}\n`)
      const failed = await importPath(database(), path, { rejectsFile, maxRejects: { records: 0 } })
      expect(failed.outcome.status).toBe('failed')
      expect(await readFile(rejectsFile, 'utf8')).toBe(`${header}\n${bad('1')}\n`)
      await writeFile(path, `${header}\n${goodLine()}\n`)
      await importPath(database(), path, { rejectsFile })
      expect(await readFile(rejectsFile, 'utf8')).toBe(`${header}\n`)
      expect((await stat(rejectsFile)).isFile()).toBe(true)
    })
  })
})

describe('the budget', () => {
  const content = (bad: number, good: number) =>
    [header, ...Array.from({ length: bad }, (_, n) => `bad-${n},,,,`), ...Array.from({ length: good }, goodLine)].join(
      '\n',
    )
  const statusOf = async (bad: number, good: number, options: ImportOptions) =>
    (await importInto(database(), content(bad, good), options)).outcome.status

  test('is a number, kept to the record', async () => {
    expect(await statusOf(3, 10, { maxRejects: { records: 3 } })).toBe('completed')
    expect(await statusOf(4, 10, { maxRejects: { records: 3 } })).toBe('failed')
  })

  test('or a share of the records', async () => {
    expect(await statusOf(1, 9, { maxRejects: { percent: 10 } })).toBe('completed')
    expect(await statusOf(11, 89, { maxRejects: { percent: 10 } })).toBe('failed')
    expect(await statusOf(0, 0, { maxRejects: { percent: 0 } })).toBe('completed')
    expect(await statusOf(3, 0, { maxRejects: { percent: 100 } })).toBe('completed')
  })

  test('a failed batch keeps the first 1,000 rejects and counts all', async () => {
    const { outcome, rejects, events } = await importInto(database(), content(2_500, 10), {
      maxRejects: { records: 5 },
      chunkBytes: 2_000,
    })
    expect(outcome).toMatchObject({ status: 'failed', read: 2_510, inserted: 0, rejected: 2_500 })
    expect(outcome.reasons).toEqual([{ code: 'invalid_event_id', count: 2_500 }])
    expect(rejects.map(({ record }) => record)).toEqual(Array.from({ length: 1_000 }, (_, n) => n + 1))
    expect(events).toEqual([])
  })
})
