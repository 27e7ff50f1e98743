import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Dialect, type DialectOptions, sniff } from '../../../src/lib/import/detect/sniff.js'
import { assertProperty } from '../../support/effort.js'
import { tarOf } from '../../support/import/archives.js'
import { errorOf } from '../../support/temp-dir.js'

const look = (text: string, given: DialectOptions = {}, name = 'events', atEnd = true): Dialect =>
  sniff(Buffer.from(text), atEnd, given, name)

describe('what the content decides', () => {
  const cases: [what: string, text: string, found: Partial<Dialect>][] = [
    ['commas', 'event_id,user_id\n1,2\n', { format: 'csv', delimiter: ',', columns: ['event_id', 'user_id'] }],
    ['semicolons, with commas inside', 'id;price\n1;2,5\n2;3,5\n', { format: 'csv', delimiter: ';' }],
    ['tabs', 'event_id\tuser_id\n1\t2', { format: 'tsv', delimiter: '\t', columns: ['event_id', 'user_id'] }],
    ['bars', 'a|b|c\n1|2|3', { format: 'csv', delimiter: '|' }],
    ['a header and nothing else', 'a,b', { columns: ['a', 'b'], headerBytes: 3, headerLines: 0, lineEnd: 'none' }],
    ['a header and its line end', 'a,b\n', { columns: ['a', 'b'], headerBytes: 4, headerLines: 1, empty: false }],
    [
      'the line in which Excel names the delimiter',
      'sep=;\r\na;b,c\r\n1;2\r\n',
      { delimiter: ';', columns: ['a', 'b,c'], headerBytes: 14, headerLines: 2 },
    ],
    ['names are kept as they are', ' Event ID ,"a ""b""",ä\n1,2,3', { columns: [' Event ID ', 'a "b"', 'ä'] }],
    ['a header over two lines', '"a\nx",b\n1,2\n', { columns: ['a\nx', 'b'], headerBytes: 8, headerLines: 2 }],
    ['blank lines before the header', '\r\n\na,b\r\n1,2', { columns: ['a', 'b'], headerBytes: 8, headerLines: 3 }],
    ['lines that end with CR', 'a,b\r1,2\r', { columns: ['a', 'b'], headerBytes: 4, headerLines: 1, lineEnd: 'cr' }],
    ['lines that end with CRLF', 'a,b\r\n1,2\r\n', { headerBytes: 5, lineEnd: 'crlf' }],
    ['lines that end as they like', 'a,b\r\n1,2\n', { lineEnd: 'mixed' }],
    ['records that break their structure', 'a,b\n1,2,3\n"x"y,1\n"open,1\n', { delimiter: ',', columns: ['a', 'b'] }],
    ['JSON inside of a CSV', 'event_id,properties\n1,"{""a"":1}"\n', { format: 'csv', delimiter: ',' }],
    [
      'one object in each line',
      '{"a":1,"b":{"x":2}}\n{"c":1}\n',
      { format: 'ndjson', keys: ['a', 'b', 'c'], columns: null },
    ],
    ['one single object', '{"a":1}', { format: 'ndjson', keys: ['a'], headerBytes: 0 }],
    ['objects with a broken line among them', 'oops\n{"a":1}\n{"a":2}\n', { format: 'ndjson' }],
    ['an array', '[{"a":"}]"},{"b":[1]}]', { format: 'json-array', keys: ['a', 'b'] }],
    ['an array over many lines', '\n[\n  {"a":1},\n  {"b":2}\n]\n', { format: 'json-array', keys: ['a', 'b'] }],
    ['an empty array', '[]', { format: 'json-array', empty: false }],
  ]
  test.each(cases)('%s', (_, text, found) => {
    expect(look(text)).toMatchObject(found)
  })

  test('every finding has a reason', () => {
    expect(look('a;b\n1;2\n').why.join('\n')).toMatch(/format csv.*\n.*delimiter ;: 2 columns in 2 of the first 2/)
  })

  test('a head that ends in the middle of a record is enough', () => {
    expect(look('{"a":1}\n{"b":', {}, 'x', false)).toMatchObject({ format: 'ndjson' })
    expect(look('a,b\n1,2\n"3', {}, 'x', false)).toMatchObject({ delimiter: ',', columns: ['a', 'b'] })
    expect(look(`{"a":"${'x'.repeat(1000)}`, {}, 'x', false)).toMatchObject({ format: 'ndjson' })
  })
})

describe('what a person says', () => {
  test('is not doubted', () => {
    expect(look('a;b,c\n1;2,3\n', { delimiter: ';' }).columns).toEqual(['a', 'b,c'])
    expect(look('a,b\tc\n', { format: 'tsv' }).columns).toEqual(['a,b', 'c'])
    expect(look('a,b\n', { delimiter: 'tab', format: 'csv' }).columns).toEqual(['a,b'])
    expect(look("'x,y',b\n", { quote: "'" }).columns).toEqual(['x,y', 'b'])
    expect(look('"x,b\n1,2\n', { quote: 'none' })).toMatchObject({ columns: ['"x', 'b'], quote: null })
    expect(look('only\n1\n', { format: 'csv' }).columns).toEqual(['only'])
    expect(look('not json\n', { format: 'ndjson' }).format).toBe('ndjson')
    expect(look('{"a":1}\n', { format: 'json-array' }).format).toBe('json-array')
  })

  test.each([
    [{ delimiter: ',,' }, /one ASCII character/],
    [{ delimiter: 'é' }, /one ASCII character/],
    [{ delimiter: '' }, /one ASCII character/],
    [{ quote: '\n' }, /one ASCII character/],
    [{ quote: '\\' }, /no backslash/],
    [{ delimiter: '\\' }, /no backslash/],
    [{ delimiter: '"' }, /same character/],
    [{ format: 'ndjson', delimiter: ',' }, /no meaning for ndjson/],
    [{ format: 'json-array', quote: '"' }, /no meaning for json-array/],
  ] as [DialectOptions, RegExp][])('%j makes no sense', async (given, message) => {
    const error = await errorOf(() => look('a,b\n', given))
    expect(error.code).toBe('usage')
    expect(error.message).toMatch(message)
  })
})

describe('a source without anything in it', () => {
  test.each([
    ['', {}, 'x', 'csv'],
    ['\n \r\n', {}, 'x.csv.gz', 'csv'],
    ['', {}, 'x.tsv', 'tsv'],
    ['', {}, 'logs/x.JSONL.gz', 'ndjson'],
    ['', { format: 'json-array' }, 'x.csv', 'json-array'],
  ] as [string, DialectOptions, string, string][])(
    '%j, given %j, called %s: %s with 0 records',
    (text, given, name, format) => {
      expect(look(text, given, name)).toMatchObject({ format, empty: true, headerBytes: 0 })
    },
  )
})

describe('the name breaks ties', () => {
  test('a first line that is broken', async () => {
    expect(look('{"a":\n', {}, 'x.ndjson').format).toBe('ndjson')
    expect((await errorOf(() => look('{"a":\n', {}, 'x'))).code).toBe('not_recognised')
    expect(look('oops\n', {}, 'x.jsonl.gz').format).toBe('ndjson')
    expect((await errorOf(() => look('oops\n', {}, 'x'))).code).toBe('not_recognised')
  })

  test('names in braces are a header', () => {
    expect(look('{created_at},{adid}\n1704190000,a\n', {}, 'x').format).toBe('csv')
  })

  test('content wins over the name', () => {
    expect(look('{"a":1}\n', {}, 'x.csv').format).toBe('ndjson')
    expect(look('a,b\n1,2\n', {}, 'x.tsv').format).toBe('csv')
  })
})

describe('what is refused', () => {
  const id = '25a4b866-040b-466f-945c-148e4720f511'
  const cases: [what: string, head: string | Buffer, code: string, message: RegExp, next?: RegExp][] = [
    ['prose', 'Hello world\nfoo bar\n', 'not_recognised', /no delimiter .* in its first line: "Hello world"/],
    ['a pretty-printed object', '{\n  "a": 1\n}\n', 'not_recognised', /begins with \{/, /jq -c/],
    [
      'events wrapped in an object',
      '{"events": [{"a":1}]}',
      'not_recognised',
      /one JSON object that holds/,
      /--each events/,
    ],
    ['two columns of one name', 'a,b,a\n', 'header_invalid', /repeated: a\b/],
    ['a column without a name', 'a,,b, \n', 'header_invalid', /columns 2, 4 have no name/],
    ['a header whose quote is never closed', '"a,b\n1,2\n', 'header_invalid', /never closed/],
    ['data without a header', `${id},2025-01-01T00:00:00Z,u,t\n`, 'header_invalid', /looks like an event/, /--columns/],
    [
      'a header that is not UTF-8',
      Buffer.from('a,stra\xdfe\n1,2\n', 'latin1'),
      'encoding_error',
      /not UTF-8/,
      /--encoding/,
    ],
    [
      'UTF-16 without a mark',
      Buffer.from('event_id,user_id\n', 'utf16le'),
      'not_recognised',
      /utf-16le without/,
      /--encoding utf-16le/,
    ],
    ['UTF-16, big endian', Buffer.from('event_id,x\n', 'utf16le').swap16(), 'not_recognised', /utf-16be without/],
    ['a workbook', Buffer.from('504b030414000600', 'hex'), 'not_recognised', /ZIP archive or an Excel/, /CSV/],
    ['a tar from a pipe', tarOf({ 'a.csv': '' }), 'not_recognised', /a tar archive/, /not from a pipe/],
    ['Parquet', 'PAR1\u0015\u0004', 'not_recognised', /Parquet/],
    ['gzip in gzip', Buffer.from('1f8b0800', 'hex'), 'not_recognised', /gzip inside/],
    ['a page of HTML', '<!DOCTYPE html><p>403</p>', 'not_recognised', /HTML/],
    ['NUL bytes', Buffer.alloc(1000), 'not_recognised', /1000 of its first 1000 bytes are NUL/],
  ]
  test.each(cases)('%s', async (_, head, code, message, next = /./) => {
    const error = await errorOf(() => sniff(Buffer.from(head as string), true, {}, 'x.dat'))
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
    expect(error.message).toContain('x.dat')
    expect(error.suggestions.join('\n')).toMatch(next)
  })

  test('a header that is longer than the head', async () => {
    const error = await errorOf(() => look('a,b,c'.repeat(100), {}, 'x', false))
    expect(error.message).toMatch(/does not end within 500 bytes/)
  })

  test('one odd record does not make a file binary', () => {
    expect(look(`a,b\n${'1,2\n'.repeat(100)}\0\u0001\u0002,2\n`)).toMatchObject({ format: 'csv' })
  })
})

describe('generated CSVs', () => {
  const quoted = (field: string, delimiter: string) =>
    field === '' || [...'"\r\n ', delimiter].some((char) => field.includes(char))
      ? `"${field.replaceAll('"', '""')}"`
      : field
  const field = fc.string({ unit: fc.constantFrom(...'abcXYZ019 äé.:-_,;|\t"\n'), maxLength: 12 })
  const name = fc.string({ unit: fc.constantFrom(...'abcdefgh_ ,;"'), minLength: 1, maxLength: 8 })
  const tables = fc.integer({ min: 1, max: 5 }).chain((more) =>
    fc.record({
      more: fc.uniqueArray(name, { minLength: more, maxLength: more, selector: (text) => text.trim() }),
      records: fc.array(fc.array(field, { minLength: more + 2, maxLength: more + 2 }), { minLength: 1, maxLength: 20 }),
      delimiter: fc.constantFrom(',', ';', '\t', '|'),
      lineEnd: fc.constantFrom('\n', '\r\n'),
    }),
  )

  test('delimiter, header and the place of the first record are found', { tags: 'property' }, () => {
    assertProperty(
      fc.property(tables, ({ more, records, delimiter, lineEnd }) => {
        fc.pre(more.every((text) => text.trim() !== ''))
        const header = ['event_id', 'occurred_at', ...more]
        const line = (fields: readonly string[]) =>
          fields.map((text) => quoted(text, delimiter)).join(delimiter) + lineEnd
        const text = [header, ...records].map(line).join('')
        const dialect = look(text)
        expect(dialect.delimiter).toBe(delimiter)
        expect(dialect.columns).toEqual(header)
        expect(dialect.headerBytes).toBe(Buffer.byteLength(line(header)))
        const body = Buffer.from(text).subarray(dialect.headerBytes)
        expect(parse(body, { delimiter, record_delimiter: lineEnd })).toEqual(records)
      }),
      300,
    )
  })

  test('objects as lines or as an array are told apart, and their keys are found', { tags: 'property' }, () => {
    const objects = fc.array(fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue(), { minKeys: 1 }), {
      minLength: 1,
    })
    assertProperty(
      fc.property(objects, (records) => {
        fc.pre(!records.some((record) => Array.isArray(record.events)))
        const keys = [...new Set(records.slice(0, 100).flatMap((record) => Object.keys(record)))].sort()
        const lines = look(records.map((record) => JSON.stringify(record)).join('\n'))
        expect([lines.format, [...lines.keys].sort()]).toEqual(['ndjson', keys])
        const array = look(JSON.stringify(records, null, 2))
        expect([array.format, [...array.keys].sort()]).toEqual(['json-array', keys])
      }),
      100,
    )
  })
})
