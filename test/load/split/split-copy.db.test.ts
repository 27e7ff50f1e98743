/** The promise to COPY: whatever the bytes, it refuses nothing, counts as many rows, and stores what the rules say. */
import { once } from 'node:events'
import fc from 'fast-check'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DelimitedShape, Shape } from '../../../src/lib/load/split/chunk.js'
import { copyOptions } from '../../../src/lib/load/split/copy.js'
import { assertProperty } from '../../support/effort.js'
import { freshDatabase } from '../../support/postgres/database.js'
import { csv, goodOf, latin1, type PlainChunk, splitContent } from './split-content.js'
import { referenceRecords } from './split-reference.js'

const garbage = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('a', ',', '"', '\n', '""') },
      { weight: 2, arbitrary: fc.constantFrom('\r', '\r\n', ' ', '\\', ';', "'", '\t', '{', '}', '{}', '{"k":1}') },
      {
        weight: 1,
        arbitrary: fc.constantFrom('\x00', '\x01', '\x02', '\xff', '\xc3\xa9', '\\.', '\n\\.\n', '[', ']', '|'),
      },
    ),
    { maxLength: 60 },
  )
  .map((parts) => latin1(parts.join('')))

let client: pg.Client
let drop: () => Promise<void>

beforeAll(async () => {
  const fresh = await freshDatabase()
  drop = fresh.drop
  client = new pg.Client({ connectionString: fresh.url })
  await client.connect()
})

afterAll(async () => {
  await client.end()
  await drop()
})

/** What COPY stores of the chunks, in the order of the source; fails when it refuses or counts otherwise. */
async function stored(chunks: readonly PlainChunk[], shape: Shape): Promise<(string | null)[][]> {
  const count = shape.kind === 'delimited' ? shape.fields : 1
  const columns = Array.from({ length: count }, (_, k) => `c${k + 1}`).join(', ')
  await client.query('DROP TABLE IF EXISTS staging')
  await client.query(
    `CREATE TEMP TABLE staging (n int GENERATED ALWAYS AS IDENTITY, ${columns.replaceAll(/c\d+/g, '$& text')})`,
  )
  for (const chunk of chunks) {
    const copy = client.query(copyFrom(`COPY staging (${columns}) FROM STDIN ${copyOptions(shape)}`))
    copy.end(chunk.copyData)
    await once(copy, 'finish')
    expect(copy.rowCount).toBe(chunk.good)
  }
  const { rows } = await client.query({ text: `SELECT ${columns} FROM staging ORDER BY n`, rowMode: 'array' })
  return rows
}

describe('any bytes', () => {
  const delimited = fc.constantFrom<DelimitedShape>(
    csv(1),
    csv(1, { jsonField: 0 }),
    csv(2),
    csv(3),
    csv(2, { delimiter: 0x3b, quote: 0x27 }),
    csv(2, { delimiter: 0x7c }),
    csv(2, { delimiter: 0x20 }),
    csv(2, { delimiter: 0x61 }),
    csv(2, { delimiter: 0x5c }),
    csv(1, { delimiter: 0x5c }),
    csv(2, { delimiter: 0x5c, quote: null }),
    csv(2, { delimiter: 0x09, quote: null }),
    csv(1, { delimiter: 0x09, quote: null }),
    csv(2, { delimiter: 0x01, quote: null }),
  )

  test('COPY stores the fields that the rules give', { tags: 'property' }, async () => {
    await assertProperty(
      fc.asyncProperty(garbage, delimited, fc.constantFrom(1, 10, 1000), async (content, shape, chunkBytes) => {
        const chunks = await splitContent(content, { shape, chunkBytes })
        const expected = referenceRecords(content, shape, 1000).flatMap(({ fields }) => (fields ? [fields] : []))
        expect(await stored(chunks, shape)).toEqual(expected)
      }),
      500,
    )
  })

  test('COPY stores each NDJSON line as one field', { tags: 'property' }, async () => {
    const json = fc.array(fc.oneof(garbage, fc.constant(latin1('\n{"a":","}\n')))).map((parts) => Buffer.concat(parts))
    await assertProperty(
      fc.asyncProperty(json, fc.constantFrom(1, 10, 1000), async (content, chunkBytes) => {
        const shape = { kind: 'lines' } as const
        const chunks = await splitContent(content, { shape, chunkBytes })
        expect(await stored(chunks, shape)).toEqual(goodOf(chunks).map((raw) => [latin1(raw).toString()]))
      }),
      200,
    )
  })

  test('COPY stores each element of an array as one field', { tags: 'property' }, async () => {
    const element = fc.constantFrom('{"a":1}', '{\n"b":\r\n[1]}', '{"c":"\\""}', '{"d":"\x01"}', '{"e":"\xff"}')
    const json = fc
      .tuple(
        fc.constantFrom('[', '[\n', ''),
        fc.array(fc.oneof(element, fc.constantFrom(',', ',\n', '1', '"', '\n'))),
        fc.constantFrom(']', '', ']\nx'),
      )
      .map(([open, parts, close]) => latin1(open + parts.join(',') + close))
    await assertProperty(
      fc.asyncProperty(json, fc.constantFrom(1, 10, 1000), async (content, chunkBytes) => {
        const shape = { kind: 'array' } as const
        const chunks = await splitContent(content, { shape, chunkBytes })
        const spaced = goodOf(chunks).map((raw) => [latin1(raw.replaceAll(/[\r\n]/g, ' ')).toString()])
        expect(await stored(chunks, shape)).toEqual(spaced)
      }),
      200,
    )
  })
})

describe('what COPY reads in its own way', () => {
  const all = async (text: string, shape: Shape) => stored(await splitContent(text, { shape }), shape)

  test('a line that is exactly \\. is data', async () => {
    expect(await all('a\n\\.\nb\n', csv(1))).toEqual([['a'], ['\\.'], ['b']])
    expect(await all('a\r\n\\.\r\nb', csv(1))).toEqual([['a'], ['\\.'], ['b']])
    expect(await all('\\.', csv(1))).toEqual([['\\.']])
    expect(await all('"x\n\\.\ny"\nb\n', csv(1))).toEqual([['x\n\\.\ny'], ['b']])
    expect(await all('\\.,1\n2,\\.\n', csv(2))).toEqual([
      ['\\.', '1'],
      ['2', '\\.'],
    ])
  })

  test('unquoted empty is absent, quoted empty is an empty string', async () => {
    expect(await all(',""\n"",\n', csv(2))).toEqual([
      [null, ''],
      ['', null],
    ])
    expect(await all('a\n""\n\nb\n', csv(1))).toEqual([['a'], [''], ['b']])
  })

  test('a quote inside an unquoted field is an ordinary byte', async () => {
    expect(await all('5" pipe,x"y""z\n,"q"\n', csv(2))).toEqual([
      ['5" pipe', 'x"y""z'],
      [null, 'q'],
    ])
  })

  test('line ends may be mixed, and any may stand inside quotes', async () => {
    expect(await all('a,1\r\nb,2\nc,3\rd,"4\r\n5\n6\r7"', csv(2))).toEqual([
      ['a', '1'],
      ['b', '2'],
      ['c', '3'],
      ['d', '4\r\n5\n6\r7'],
    ])
    expect(await all('a,1\r\nb,"\n"\r\nc,3', csv(2))).toEqual([
      ['a', '1'],
      ['b', '\n'],
      ['c', '3'],
    ])
  })

  test('without quoting every byte but the delimiter and line breaks is data', async () => {
    const tsv = csv(2, { delimiter: 0x09, quote: null })
    expect(await all('"a\tb"\n\x01\t\x01\x01x\n\t\\.\n', tsv)).toEqual([
      ['"a', 'b"'],
      ['\x01', '\x01\x01x'],
      [null, '\\.'],
    ])
  })

  test('hundreds of blank lines and rejects between good records', async () => {
    const text = Array.from({ length: 500 }, (_, k) => `${k},x\n${k % 3 ? '\n' : 'bad\n'}`).join('')
    expect(await all(text, csv(2))).toEqual(Array.from({ length: 500 }, (_, k) => [`${k}`, 'x']))
  })
})
