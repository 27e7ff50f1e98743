/** Single cases of the splitter: each code of a reject, addresses, and the borders where things go wrong. */
import { describe, expect, test } from 'vitest'
import type { Chunk, Shape } from '../../../src/lib/load/split/chunk.js'
import { copyOptions } from '../../../src/lib/load/split/copy.js'
import { split } from '../../../src/lib/load/split/split.js'
import { buffersOf, csv, goodOf, latin1, type PlainChunk, recordsOf, rejectsOf, splitContent } from './split-content.js'

const lines: Shape = { kind: 'lines' }
const array: Shape = { kind: 'array' }
const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
const withJson = csv(2, { jsonField: 1 })

describe('each code of a reject', () => {
  test.each<[what: string, shape: Shape, content: string, rejects: string[], good: string[]]>([
    ['too few fields', csv(3), 'a,b,c\nd,e\nf,g,h\n', ['field_count d,e'], ['a,b,c', 'f,g,h']],
    ['too many fields', csv(2), 'a,b,c\nd,e\n', ['field_count a,b,c'], ['d,e']],
    ['too many fields, then a line break in quotes', csv(1), 'a,"b\nc"\n', ['field_count a,"b'], ['c"']],
    ['text behind a quote', csv(2), '"a"b,c\nd,e\n', ['text_after_quote "a"b,c'], ['d,e']],
    ['a space behind a quote', csv(2), '"a" ,c\n', ['text_after_quote "a" ,c'], []],
    ['an open quote at the end', csv(2), 'a,b\nc,"d', ['unclosed_quote c,"d'], ['a,b']],
    ['an open quote costs one line', csv(2), 'a,"b\nc,d\ne,f\n', ['unclosed_quote a,"b'], ['c,d', 'e,f']],
    [
      'an open quote that a later one closes',
      csv(2),
      'a,"b\nc,"d"\ne,f\n',
      ['text_after_quote a,"b'],
      ['c,"d"', 'e,f'],
    ],
    ['invalid UTF-8', csv(2), 'a,\xff\nb,\xc3\xa9\n', ['invalid_utf8 a,\xff'], ['b,\xc3\xa9']],
    ['half a character at the end', csv(1), 'a\n\xc3', ['invalid_utf8 \xc3'], ['a']],
    ['half a surrogate pair in UTF-8', csv(1), 'a\n\xed\xa0\x80\n', ['invalid_utf8 \xed\xa0\x80'], ['a']],
    [
      'invalid UTF-8 in a record of two lines',
      csv(2),
      'a,"b\n\xff"\nc,d\n',
      ['invalid_utf8 a,"b', 'field_count \xff"'],
      ['c,d'],
    ],
    ['a NUL byte', csv(2), 'a,\0\nb,c\n', ['nul_byte a,\0'], ['b,c']],
    [
      'too long',
      csv(1),
      `a\n${'x'.repeat(300)}\n${'y'.repeat(301)}\nb`,
      [`record_too_long ${'y'.repeat(300)}`],
      ['a', 'x'.repeat(300), 'b'],
    ],
    ['too long in quotes', csv(1), `"a\n${'x'.repeat(299)}"\nb`, ['unclosed_quote "a'], [`${'x'.repeat(299)}"`, 'b']],
    [
      'JSON too deep',
      withJson,
      `a,${quoted(nested(100))}\nb,${quoted(nested(101))}\n`,
      [`json_too_deep b,${quoted(nested(101))}`],
      [`a,${quoted(nested(100))}`],
    ],
    ['NDJSON that is an array', lines, '{}\n[1]\n', ['not_an_object [1]'], ['{}']],
    ['NDJSON that is text', lines, 'x\n  {}\n', ['not_an_object x'], ['  {}']],
    [
      'NDJSON with a control character',
      lines,
      '{"a":"\x01"}\n{"\x02":1}\n{}\n',
      ['invalid_json {"a":"\x01"}', 'invalid_json {"\x02":1}'],
      ['{}'],
    ],
    ['NDJSON with a NUL', lines, '{"a":"\0"}\n{}', ['nul_byte {"a":"\0"}'], ['{}']],
    ['NDJSON not UTF-8', lines, '{"a":"\xff"}\n{}', ['invalid_utf8 {"a":"\xff"}'], ['{}']],
    [
      'array: not an object',
      array,
      '[1,"a,]",[2],null,{}]',
      ['not_an_object 1', 'not_an_object "a,]"', 'not_an_object [2]', 'not_an_object null'],
      ['{}'],
    ],
    [
      'array: an open string',
      array,
      '[{"a":"b\n},\n{"c":1}\n]',
      ['invalid_json {"a":"b', 'invalid_json },'],
      ['{"c":1}'],
    ],
    [
      'array: a line break behind a backslash',
      array,
      '[{"a":"\\\n"},\n{}]',
      ['invalid_json {"a":"\\', 'invalid_json "},'],
      ['{}'],
    ],
    ['array: brackets of different kinds', array, '[{"a":[1}\n,{}]', ['invalid_json {"a":[1}'], ['{}']],
    ['array: a comma missing', array, '[{} {}\n{}]', ['invalid_json {}'], ['{}', '{}']],
    ['array: a comma too many', array, '[{},]', ['invalid_json ]'], ['{}']],
    ['array: text behind it', array, '[{}]\nx\n', ['invalid_json x'], ['{}']],
    ['array: not closed', array, '[{},{}', ['invalid_json '], ['{}', '{}']],
    ['array: an element not closed', array, '[{"a":1},\n{"b":', ['invalid_json {"b":'], ['{"a":1}']],
    ['array: no array', array, 'x\n{}', ['invalid_json x'], ['{}']],
    [
      'array: not UTF-8, a control character',
      array,
      '[{"a":"\xff"},{"b":"\x01"},{}]',
      ['invalid_utf8 {"a":"\xff"}', 'invalid_json {"b":"\x01"}'],
      ['{}'],
    ],
  ])('%s', async (_what, shape, content, rejects, good) => {
    const chunks = await splitContent(latin1(content), { shape, maxRecordBytes: shape === withJson ? 2000 : 300 })
    expect(rejectsOf(chunks)).toEqual(rejects)
    expect(goodOf(chunks)).toEqual(good)
  })

  test.each<[Shape]>([[lines], [array]])('JSON too deep, in %o', async (shape) => {
    const records = [nested(100), nested(101), `{"a":"${'['.repeat(300)}"}`]
    const content = shape.kind === 'array' ? `[${records.join(',\n')}]` : records.join('\n')
    const chunks = await splitContent(content, { shape })
    expect(rejectsOf(chunks)).toEqual([`json_too_deep ${nested(101)}`])
    expect(goodOf(chunks)).toEqual([records[0], records[2]])
  })

  test('brackets inside strings do not count', async () => {
    const objects = [{ a: '['.repeat(300) }, { a: `"${'['.repeat(300)}`, b: '\\' }].map((object) =>
      JSON.stringify(object),
    )
    expect(goodOf(await splitContent(objects.join('\n'), { shape: lines }))).toEqual(objects)
    expect(goodOf(await splitContent(`[${objects}]`, { shape: array }))).toEqual(objects)
    const rows = objects.map((object) => `x,${quoted(object)}`)
    expect(goodOf(await splitContent(rows.join('\n'), { shape: withJson }))).toEqual(rows)
    const tsv = objects.map((object) => `x\t${object}`)
    const shape = csv(2, { delimiter: 0x09, quote: null, jsonField: 1 })
    expect(goodOf(await splitContent(tsv.join('\n'), { shape }))).toEqual(tsv)
    const deep = `x\t${nested(101)}`
    expect(rejectsOf(await splitContent(deep, { shape }))).toEqual([`json_too_deep ${deep}`])
  })

  test('the detail says what was found', async () => {
    const details = async (content: string, fields: number) =>
      (await splitContent(content, { shape: csv(fields) })).flatMap(({ rejects }) =>
        rejects.map(({ detail }) => detail),
      )
    expect(await details('a\nb,c,d\n"x","y","z",1\n', 2)).toEqual([
      '1 field instead of 2',
      '3 fields instead of 2',
      '4 fields instead of 2',
    ])
    expect(await details('a,"b"c\n', 2)).toEqual(['field 2'])
    expect(await details('a,"b\n', 2)).toEqual(['field 2'])
  })
})

describe('addresses', () => {
  test('record, line and byte of good records and rejects, behind a header and a byte order mark', async () => {
    const content = 'id,x\r\n1,2\r\n\r\n"3\r\n",4\rbad\n5,6'
    const chunks = await splitContent(content, { shape: csv(2), headerBytes: 6, headerLines: 1, baseOffset: 3 })
    expect(recordsOf(chunks)).toEqual([
      { record: 1, line: 2, byteOffset: 9, raw: '1,2' },
      { record: 2, line: 4, byteOffset: 16, raw: '"3\r\n",4' },
      { record: 3, line: 6, byteOffset: 24, code: 'field_count', raw: 'bad' },
      { record: 4, line: 7, byteOffset: 28, raw: '5,6' },
    ])
    expect(chunks).toMatchObject([{ byteFrom: 9, byteTo: 31, blankLines: 1, records: 4, good: 3 }])
  })

  test('elements of an array', async () => {
    const content = '[\n  {"a":\n 1},\r\n  2,\n  {}\n]\n'
    const chunks = await splitContent(content, { shape: array, chunkBytes: 3 })
    expect(recordsOf(chunks)).toEqual([
      { record: 1, line: 2, byteOffset: 4, raw: '{"a":\n 1}' },
      { record: 2, line: 4, byteOffset: 18, code: 'not_an_object', raw: '2' },
      { record: 3, line: 5, byteOffset: 23, raw: '{}' },
    ])
  })
})

test('an array that is not closed is a reject without bytes, where its end should be', async () => {
  const chunks = await splitContent('[{}\r', { shape: array })
  expect(recordsOf(chunks)[1]).toEqual({ record: 2, line: 2, byteOffset: 4, code: 'invalid_json', raw: '' })
})

describe('borders', () => {
  test('nothing, a header only, no line end at the end', async () => {
    for (const shape of [csv(2), lines, array]) expect(await splitContent('', { shape })).toEqual([])
    expect(await splitContent('a,b\n', { shape: csv(2), headerBytes: 4, headerLines: 1 })).toEqual([])
    expect(goodOf(await splitContent('a,b\nc,d', { shape: csv(2), headerBytes: 4, headerLines: 1 }))).toEqual(['c,d'])
    expect(await splitContent('[]', { shape: array })).toMatchObject([{ byteFrom: 0, byteTo: 2, records: 0 }])
    expect(await splitContent('\n\n', { shape: csv(2) })).toMatchObject([{ records: 0, blankLines: 2, byteTo: 2 }])
  })

  test('a chunk ends behind the first line end at or behind chunkBytes; blank lines there belong to the next', async () => {
    const borders = async (content: string, chunkBytes: number) =>
      (await splitContent(content, { shape: csv(1), chunkBytes, bufferBytes: 1 })).map(({ byteTo }) => byteTo)
    expect(await borders('ab\ncd\nef\n', 3)).toEqual([3, 6, 9])
    expect(await borders('ab\ncd\nef\n', 4)).toEqual([6, 9])
    expect(await borders('ab\r\ncd\r\nef\r\n', 3)).toEqual([4, 8, 12])
    expect(await borders('ab\n\n\ncd\n', 3)).toEqual([3, 8])
    expect(await borders('"a\nb"\nc', 1)).toEqual([6, 7])
  })

  // With chunks of 100 bytes 362 bytes are read at first, then as much again: these lengths end at each such edge.
  const lengths = Array.from({ length: 420 }, (_, k) => 340 + k)

  test('line ends, quotes and characters wherever two buffers or two reads meet', async () => {
    const rows = lengths.map((length) => `${'x'.repeat(length)},"a""é\r\n${length}"`)
    for (const lineEnd of ['\n', '\r', '\r\n']) {
      const content = rows.join(lineEnd)
      for (const bufferBytes of [1, 7, 4096]) {
        const chunks = await splitContent(content, { shape: csv(2), chunkBytes: 100, bufferBytes })
        expect(goodOf(chunks)).toEqual(rows.map((row) => Buffer.from(row).toString('latin1')))
        expect(recordsOf(chunks).map(({ line }) => line)).toEqual(rows.map((_, k) => 2 * k + 1))
        expect(chunks.every(({ blankLines }) => blankLines === 0)).toBe(true)
      }
    }
  })

  test.each<[what: string, shape: Shape, row: (length: number) => string, open: string, between: string]>([
    ['a reject', csv(3), (length) => `${'x'.repeat(length)},`, '', ''],
    ['an NDJSON line', lines, (length) => `{"a":"${'x'.repeat(length)}"}`, '', ''],
    ['an NDJSON reject', lines, (length) => `["${'x'.repeat(length)}"]`, '', ''],
    ['an element', array, (length) => `{"a":"${'x'.repeat(length)}"}`, '[', ','],
    ['a reject in an array', array, (length) => `"${'x'.repeat(length)}"`, '[', ','],
    ['a broken element', array, (length) => `{"${'x'.repeat(length)}`, '[', ''],
  ])('the end of %s there', async (_what, shape, row, open, between) => {
    const rows = lengths.map(row)
    for (const lineEnd of ['\n', '\r', '\r\n']) {
      const content = open + rows.join(between + lineEnd)
      const chunks = await splitContent(content, { shape, chunkBytes: 100 })
      const found = recordsOf(chunks).slice(0, rows.length)
      expect(found.map(({ line, raw }) => [line, raw])).toEqual(rows.map((raw, k) => [k + 1, raw]))
      expect(chunks.every(({ blankLines }) => blankLines === 0)).toBe(true)
    }
  })

  test('a record exactly as long as allowed, with CRLF there', async () => {
    for (const shape of [csv(1), lines] as Shape[]) {
      for (const bytes of lengths) {
        const rows = [`{${'x'.repeat(bytes - 1)}`, '{}']
        const chunks = await splitContent(rows.join('\r\n'), { shape, chunkBytes: 100, maxRecordBytes: bytes })
        expect(goodOf(chunks)).toEqual(rows)
        expect(chunks.every(({ blankLines }) => blankLines === 0)).toBe(true)
      }
    }
  })

  test('one open quote in 10,000 lines costs its line', async () => {
    const rows = Array.from({ length: 10_000 }, (_, k) =>
      (k === 2 ? 'id-2,"open' : `id-${k},"v ${k}"`).replace(/"v (\d+)"/, 'v $1'),
    )
    const chunks = await splitContent(rows.join('\n'), { shape: csv(2), chunkBytes: 4096 })
    expect(rejectsOf(chunks)).toEqual(['unclosed_quote id-2,"open'])
    expect(goodOf(chunks)).toEqual(rows.filter((_, k) => k !== 2))
    expect(recordsOf(chunks).every(({ record, line }) => record === line)).toBe(true)
  })
})

describe('long records', () => {
  const mebibyte = 1024 * 1024

  test('a field of 1 MB', async () => {
    const big = `a,"${'lorem\nipsum""'.repeat(80_000)}"`
    const content = `b,c\n${big}\nd,e\n`
    for (const chunkBytes of [10, 4 * mebibyte]) {
      const chunks = await splitContent(content, { shape: csv(2), chunkBytes, bufferBytes: 10_000 })
      expect(goodOf(chunks)).toEqual(['b,c', big, 'd,e'])
    }
  })

  const oneField: Shape[] = [csv(1), lines]

  test('a record of 16 MB is good, with one byte more it is not', async () => {
    for (const [bytes, rejects] of [
      [16 * mebibyte, 0],
      [16 * mebibyte + 1, 1],
    ] as const) {
      const content = Buffer.concat([Buffer.from('a\n'), Buffer.alloc(bytes, 'x'), Buffer.from('\nb\n')])
      for (const shape of oneField) {
        const prefixed = Buffer.from(content)
        if (shape === lines) for (const at of [0, 2, bytes + 3]) prefixed[at] = 0x7b
        const [chunk, ...more]: PlainChunk[] = await splitContent(prefixed, {
          shape,
          chunkBytes: 64 * mebibyte,
          bufferBytes: mebibyte,
        })
        expect(more).toEqual([])
        expect([chunk?.good, chunk?.rejects.length]).toEqual([3 - rejects, rejects])
        if (rejects > 0) {
          expect(chunk?.rejects[0]).toMatchObject({
            record: 2,
            line: 2,
            byteOffset: 2,
            code: 'record_too_long',
            detail: `${bytes} bytes`,
          })
          expect(chunk?.rejects[0]?.raw.length).toBe(16 * mebibyte)
        }
      }
    }
  })

  test('a line without end is dropped as it comes: what is kept of it, and what follows', async () => {
    const shapes: [Shape, string, string][] = [
      [csv(1), 'a', 'b'],
      [lines, '{}', '{"b":1}'],
      [csv(1), '\xff', 'b'],
    ]
    for (const [shape, before, after] of shapes) {
      for (const lineEnd of ['\n', '\r', '\r\n']) {
        for (const bytes of [290, 300, 2000, 65_500, ...Array.from({ length: 40 }, (_, k) => 65_780 + k)]) {
          const content = latin1([before, 'x'.repeat(bytes), after].join(lineEnd))
          const chunks = await splitContent(content, { shape, chunkBytes: 10, maxRecordBytes: 100, bufferBytes: 1000 })
          const found = recordsOf(chunks)
          expect(found.map(({ raw, line }) => [raw, line])).toEqual([
            [before, 1],
            ['x'.repeat(100), 2],
            [after, 3],
          ])
          expect(found[0]?.code).toBe(before === '\xff' ? 'invalid_utf8' : undefined)
          expect(found[1]?.code).toBe('record_too_long')
          expect(found[2]?.byteOffset).toBe(content.length - after.length)
          expect(chunks.at(-1)?.byteTo).toBe(content.length)
          expect(chunks.flatMap(({ rejects }) => rejects).at(-1)?.detail).toBe(`${bytes} bytes`)
        }
      }
    }
  })

  test('a quote that stays open for longer than a record may be costs one line', async () => {
    const rest = Array.from({ length: 3000 }, (_, k) => `${k},x`)
    const chunks = await splitContent(`a,"b\n${rest.join('\n')}`, {
      shape: csv(2),
      chunkBytes: 500,
      maxRecordBytes: 5000,
    })
    expect(rejectsOf(chunks)).toEqual(['unclosed_quote a,"b'])
    expect(goodOf(chunks)).toEqual(rest)
  })

  test('every line opens a quote that the next one cannot close: work stays in proportion', async () => {
    const content = 'a","\n'.repeat(20_000)
    const chunks = await splitContent(content, { shape: csv(3), chunkBytes: 10_000 })
    expect(chunks.reduce((sum, { records }) => sum + records, 0)).toBe(20_000)
  })
})

describe('what a consumer may do', () => {
  const content = Buffer.from(Array.from({ length: 1000 }, (_, k) => `${k},"x"\n`).join(''))
  const options = { chunkBytes: 500, maxRecordBytes: 1000, shape: csv(2), headerBytes: 0, headerLines: 0 }

  test('chunks that are held and never released keep their bytes', async () => {
    const held: Chunk[] = []
    for await (const chunk of split(buffersOf(content, 64), options)) held.push(chunk)
    expect(Buffer.concat(held.flatMap(({ copyData }) => [...copyData])).equals(content)).toBe(true)
    expect(
      held.flatMap((chunk) => Array.from({ length: chunk.good }, (_, n) => chunk.goodRecord(n + 1).record)),
    ).toEqual(Array.from({ length: 1000 }, (_, k) => k + 1))
  })

  test('well-formed bytes are passed on as one slice, without a copy', async () => {
    for await (const chunk of split(buffersOf(content, 64), options)) {
      const pieces = [...chunk.copyData]
      expect(pieces.length).toBe(1)
      expect(pieces[0]?.equals(content.subarray(chunk.byteFrom, chunk.byteTo))).toBe(true)
    }
  })

  test('what has been released cannot be read by mistake, and what was taken before stays', async () => {
    for await (const chunk of split(buffersOf(content, 64), options)) {
      const record = chunk.goodRecord(1)
      const raw = record.raw.toString()
      chunk.release()
      chunk.release()
      expect(() => chunk.copyData).toThrow('released')
      expect(() => chunk.goodRecord(1)).toThrow('released')
      expect(record.raw.toString()).toBe(raw)
    }
  })

  test('a record that is not there is an error', async () => {
    for await (const chunk of split(buffersOf(content, 64), options)) {
      for (const n of [0, chunk.good + 1, 1.5]) expect(() => chunk.goodRecord(n)).toThrow(RangeError)
    }
  })

  test('a consumer that stops closes the source; a source that fails fails the split', async () => {
    let isClosed = false
    async function* closing() {
      try {
        yield* buffersOf(content, 64)
      } finally {
        isClosed = true
      }
    }
    for await (const _ of split(closing(), options)) break
    expect(isClosed).toBe(true)

    async function* failing() {
      yield content
      throw new Error('the disk is gone')
    }
    await expect(async () => {
      for await (const chunk of split(failing(), options)) chunk.release()
    }).rejects.toThrow('the disk is gone')
  })

  test('options that make no sense are refused', async () => {
    const first = (more: object) => split(buffersOf(content, 64), { ...options, ...more }).next()
    await expect(first({ chunkBytes: 0 })).rejects.toThrow(RangeError)
    await expect(first({ maxRecordBytes: 0 })).rejects.toThrow(RangeError)
    for (const shape of [
      csv(2, { delimiter: 10 }),
      csv(2, { quote: 0x2c }),
      csv(2, { delimiter: 0xa7 }),
      csv(2, { quote: 0x5c }),
    ]) {
      await expect(first({ shape })).rejects.toThrow(RangeError)
    }
  })

  test('what COPY is told', () => {
    expect(copyOptions(csv(2))).toBe(
      "WITH (FORMAT csv, DELIMITER E'\\x2c', QUOTE E'\\x22', ESCAPE E'\\x22', NULL '', ENCODING 'UTF8')",
    )
    expect(copyOptions(csv(2, { delimiter: 1, quote: null }))).toContain("DELIMITER E'\\x01', QUOTE E'\\x02'")
    expect(copyOptions(lines)).toBe(copyOptions(array))
  })
})
