/** Bodies of requests: every form that is taken, every fault that is told apart, and digits that stay what they are. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EaError } from '../../../src/lib/core/errors.js'
import { type BodyType, maxRecords, readBody } from '../../../src/lib/ingest/body/body.js'
import type { Chunk } from '../../../src/lib/load/split/chunk.js'
import { assertProperty } from '../../support/effort.js'

const bom = '\ufeff'
const event = '{"event_id":"1","n":2103807459595387724,"price":1.10}'
const pretty = '{\n  "event_id": "1",\r\n  "n": 2103807459595387724,\r  "price": 1.10\n}'

/** What a body holds: its good records in one column, its rejects as index and code. */
async function read(body: string | Buffer, type: BodyType = 'json') {
  const chunk = await readBody(Buffer.from(body), type)
  const copied = Buffer.concat([...chunk.copyData]).toString()
  const rows = copied.split(/\r?\n/).filter((row) => row !== '')
  expect(rows).toHaveLength(chunk.good)
  expect(chunk.records).toBe(chunk.good + chunk.rejects.length)
  return { rows, rejects: rejectsOf(chunk), chunk }
}

const rejectsOf = (chunk: Chunk) => chunk.rejects.map(({ record, code }) => [record - 1, code])

async function fault(body: string | Buffer, type: BodyType = 'json') {
  const error = await readBody(Buffer.from(body), type).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(EaError)
  const { code, details } = error as EaError
  return { code, ...details }
}

describe('forms', () => {
  test.each<[string, string, number]>([
    ['an array', `[${event},${event}]`, 2],
    ['an array with white space', `\r\n [ ${event} ,\n\t${event}\n ] \n`, 2],
    ['an empty array', '[]', 0],
    ['an empty array with white space', ' [ \n ] ', 0],
    ['an envelope', `{"events":[${event}]}`, 1],
    ['an empty envelope', '{"events":[]}', 0],
    ['an envelope with keys before and behind', `{"a":{"events":[5]},"events":[${event}],"b":[[1]],"c":"]}"}`, 1],
    ['an envelope with an escaped key', `{"\\u0065vents":[${event}]}`, 1],
    ['a single event', event, 1],
    ['a single event with white space', ` \n${event}\r\n`, 1],
    ['several events on lines', `${event}\n${event}\r\n\n  ${event}`, 3],
    ['a byte order mark before an array', `${bom}[${event}]`, 1],
    ['a byte order mark before an envelope', `${bom}{"events":[${event}]}`, 1],
    ['a byte order mark before an event', bom + event, 1],
  ])('%s', async (_, body, records) => {
    const { rows, rejects } = await read(body)
    expect(rejects).toEqual([])
    expect(rows.map((row) => row.trim())).toEqual(Array(records).fill(event))
  })

  test('a pretty-printed event keeps its digits', async () => {
    const { rows } = await read(pretty)
    expect(rows).toEqual([pretty.replaceAll(/[\r\n]/g, ' ')])
    expect((await read(`[${pretty},${pretty}]`)).rows).toEqual([...rows, ...rows])
  })

  test.each<[string, string, number]>([
    ['lines', `${event}\n${event}\n`, 2],
    ['without a last line end, with blank lines', `\n${event}\r\n \t\n${event}`, 2],
    ['with a byte order mark', `${bom}${event}\n`, 1],
    ['an event with the key events', '{"events":5}\n{"events":[],"events":[]}', 2],
  ])('NDJSON: %s', async (_, body, records) => {
    const { rows, rejects } = await read(body, 'ndjson')
    expect([rows.length, rejects]).toEqual([records, []])
  })
})

describe('a body that is broken as a whole is refused with the place', () => {
  test.each<[string, string, number]>([
    ['empty', '', 0],
    ['white space', ' \r\n\t', 4],
    ['a byte order mark only', bom, 3],
    ['a text', '"events"', 0],
    ['a number', ' 5', 1],
    ['no JSON', 'event_id,user_id\n1,2\n', 0],
    ['an array that is not closed', '[{"a":1}', 8],
    ['an array that ends with a comma', '[{"a":1},]', 9],
    ['an array that begins with a comma', '[,{}]', 1],
    ['an array without a comma', '[{} {}]', 4],
    ['the wrong bracket at the end', '[{}}', 3],
    ['the wrong bracket inside', '[{"a":[1}]', 8],
    ['a string that is not closed', '[{"a":"b}]', 10],
    ['a string with a line break', '[{"a":"b\n"}]', 8],
    ['an element that is no value', '[{},\u00e9]', 4],
    ['text behind an array', '[{}] x', 5],
    ['an array behind an array', '[][]', 2],
    ['an object that is not closed', '{"a":1', 6],
    ['an object without a colon', '{"a" 1}', 5],
    ['an object without a comma', '{"a":1 "b":2}', 7],
    ['an object without a value', '{"a":}', 5],
    ['an object with a comma at the end', '{"a":1,}', 7],
    ['an object with a key that is no string', '{a:1}', 1],
    ['text behind an object', '{} x', 3],
    ['an object behind an object on the same line', '{} {}', 3],
    ['a pretty-printed object and another', '{\n}\n{\n}', 4],
    ['events twice', '{"events":[],"events":[]}', 13],
    ['events that are no array', '{"events":{"a":1}}', 10],
    ['events that are null', '{"events":null}', 10],
    ['an envelope whose array is broken', '{"events":[{]}]}', 12],
    ['an envelope whose array lacks a comma', '{"events":[{} {}]}', 14],
    ['text behind an envelope', '{"events":[]}]', 13],
    ['an envelope that is not closed', '{"events":[]', 12],
    ['two envelopes on lines', '{"events":[]}\n{"events":[]}', 14],
    ['a broken array behind a byte order mark', `${bom}[}`, 4],
  ])('%s', async (_, body, offset) => {
    expect(await fault(body)).toMatchObject({ code: 'malformed_body', byte_offset: offset })
  })

  test.each([
    ['empty', '', 0],
    ['blank', '\n\r\n ', 4],
  ])('NDJSON: %s', async (_, body, offset) => {
    expect(await fault(body, 'ndjson')).toMatchObject({ code: 'malformed_body', byte_offset: offset })
  })

  test('bytes around the array that are not UTF-8', async () => {
    const body = Buffer.from('{"\xff":1,"events":[]}', 'latin1')
    expect(await fault(body)).toMatchObject({ code: 'malformed_body' })
    expect(await fault(Buffer.from('[{},\xff{}]', 'latin1'))).toMatchObject({ code: 'malformed_body', byte_offset: 4 })
    expect(await fault(Buffer.from('\xff\xfe[\0]\0', 'latin1'))).toMatchObject({
      code: 'malformed_body',
      byte_offset: 0,
    })
  })

  test('says what should be there', async () => {
    await expect(readBody(Buffer.from('[{} {}]'), 'json')).rejects.toThrow(
      'At byte 4 of the body there is "{}]", where a comma or ] should be.',
    )
    await expect(readBody(Buffer.from('[{}'), 'json')).rejects.toThrow('At byte 3 of the body the body ends')
  })

  test('every prefix of a good body', async () => {
    for (const body of [`[${pretty}, ${event}]`, `{"a": 1, "events": [${event}], "b": []}`, pretty]) {
      for (let to = 0; to < body.length; to++) expect((await fault(body.slice(0, to))).code).toBe('malformed_body')
    }
  })
})

describe('a record that is broken by itself is a reject, and the others go on', () => {
  const deep = `${'{"a":'.repeat(101)}1${'}'.repeat(101)}`
  test.each<[string, string, [number, string][]]>([
    [
      'no objects',
      `[1, ${event}, "x", null, [], tru]`,
      [
        [0, 'not_an_object'],
        [2, 'not_an_object'],
        [3, 'not_an_object'],
        [4, 'not_an_object'],
        [5, 'not_an_object'],
      ],
    ],
    ['too deep', `[${event}, ${deep}, ${event}]`, [[1, 'json_too_deep']]],
    ['too deep, alone', deep, [[0, 'json_too_deep']]],
    ['too deep, in an envelope', `{"events":[${deep}]}`, [[0, 'json_too_deep']]],
    ['a control character that COPY minds', `[{"a":"\u0001"},${event}]`, [[0, 'invalid_json']]],
    ['NUL', `[${event},{"a":"\0"}]`, [[1, 'nul_byte']]],
    [
      'on lines',
      `${event}\n${event}\n[]\nx`,
      [
        [2, 'not_an_object'],
        [3, 'not_an_object'],
      ],
    ],
  ])('%s', async (_, body, rejects) => {
    expect((await read(body)).rejects).toEqual(rejects)
  })

  test('what is between balanced brackets is for the database to judge', async () => {
    for (const record of ['{"a":tru}', '{"a":01}', '{"a":"\\x"}', '{"a":{"b" 1}}']) {
      expect((await read(`[${record},${event}]`)).rows).toEqual([record, event])
      expect((await read(record)).rows).toEqual([record])
      expect((await read(`{"events":[${record}]}`)).rows).toEqual([record])
    }
  })

  test('as deep as a record may be, and one deeper, in every form', async () => {
    const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
    for (const form of ['%', '\n%\n', '[%]', '[\n%]', '{"events":[%]}', '%\n{}', '%\n{}\n']) {
      expect((await read(form.replace('%', nested(100)))).rejects).toEqual([])
      expect((await read(form.replace('%', nested(101)))).rejects).toEqual([[0, 'json_too_deep']])
      expect((await read(form.replace('%', nested(5000)))).rejects).toEqual([[0, 'json_too_deep']])
    }
  })

  test('invalid UTF-8', async () => {
    const bad = Buffer.from('{"a":"\xe9"}', 'latin1')
    for (const [before, between, behind] of [
      ['[', ',', ']'],
      ['', '\n', ''],
      ['{"events":[', ',', ']}'],
    ] as const) {
      const body = Buffer.concat([Buffer.from(before + event + between), bad, Buffer.from(between + event + behind)])
      const { rejects, rows } = await read(body)
      expect([rejects, rows.length]).toEqual([[[1, 'invalid_utf8']], 2])
    }
    expect((await read(bad)).rejects).toEqual([[0, 'invalid_utf8']])
  })

  test('longer than a record may be', async () => {
    const long = `{"a":"${'x'.repeat(16 * 1024 * 1024)}"}`
    const spread = `{"a":\n\n"${'x'.repeat(16 * 1024 * 1024)}"}`
    const body = `[${pretty},\n${long},\n  ${spread}, ${event}, 5]`
    const { rejects, rows, chunk } = await read(body)
    expect(rejects).toEqual([
      [1, 'record_too_long'],
      [2, 'record_too_long'],
      [4, 'not_an_object'],
    ])
    expect(rows.map((row) => JSON.parse(row))).toEqual([JSON.parse(pretty), JSON.parse(event)])
    expect(rows.join('')).toContain('2103807459595387724')
    expect(chunk.rejects[0]!.byteOffset).toBeGreaterThan(pretty.length)
    for (const alone of [long, spread]) expect((await read(alone)).rejects).toEqual([[0, 'record_too_long']])
  })

  test('a body is read once, whatever is in it: nesting on many lines', async () => {
    const lines = 300_000
    expect(await fault(`[${'{\n'.repeat(lines)}`)).toMatchObject({ code: 'malformed_body' })
    const nested = `${'{"a":\n'.repeat(lines)}"${'x'.repeat(16 * 1024 * 1024)}"${'}'.repeat(lines)}`
    expect((await read(`[${nested}]`)).rejects).toEqual([[0, 'record_too_long']])
    expect((await read(nested)).rejects).toEqual([[0, 'record_too_long']])
  })

  test('rejects keep their bytes and their place in the body', async () => {
    const { chunk } = await read(`${bom}{"sent":1,"events":[${event}, 5 ]}`)
    expect(chunk.rejects).toMatchObject([{ record: 2, byteOffset: 3 + 20 + event.length + 2 }])
    expect(chunk.rejects[0]!.raw.toString()).toBe('5')
  })
})

describe('too many records', () => {
  test.each<[string, (records: number) => string, BodyType]>([
    ['an array of objects', (records) => `[${'{},'.repeat(records - 1)}{}]`, 'json'],
    ['an array of rejects', (records) => `[${'1,'.repeat(records - 1)}1]`, 'json'],
    ['an envelope', (records) => `{"events":[${'{},'.repeat(records - 1)}{}]}`, 'json'],
    ['lines', (records) => '{}\n'.repeat(records), 'ndjson'],
    ['lines that end with CR', (records) => '{}\r'.repeat(records), 'ndjson'],
  ])('%s', async (_, body, type) => {
    expect((await fault(body(maxRecords + 1), type)).code).toBe('body_too_large')
    if (!body(2).includes('1')) expect((await readBody(Buffer.from(body(maxRecords)), type)).records).toBe(maxRecords)
  })

  test('blank lines are not records', async () => {
    expect((await read(`${'\n'.repeat(3 * maxRecords)}{}`, 'ndjson')).rows).toEqual(['{}'])
  })
})

const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/)
const number = fc.oneof(
  fc.constantFrom('2103807459595387724', '1.10', '-0', '1e3', '0.000000000000000000001', '-1.50E+10'),
  fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
)
const text = fc.string({ unit: 'grapheme', maxLength: 12 }).map((value) => JSON.stringify(value))
/** JSON texts of any value, with any white space; numbers that a double does not hold. */
const { value: jsonText, object: objectText } = fc.letrec<{ value: string; object: string; array: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    number,
    text,
    fc.constantFrom('true', 'null'),
    tie('object'),
    tie('array'),
  ),
  object: fc
    .tuple(space, fc.array(fc.tuple(text, space, space, tie('value'), space), { maxLength: 4 }))
    .map(
      ([before, members]) =>
        `{${before}${members.map(([key, a, b, value, c]) => `${key}${a}:${b}${value}${c}`).join(`,${before}`)}}`,
    ),
  array: fc
    .tuple(space, fc.array(fc.tuple(space, tie('value'), space), { maxLength: 3 }))
    .map(([before, values]) => `[${before}${values.map((value) => value.join('')).join(',')}]`),
}))

/** A JSON text without the white space between its tokens: what two texts have in common that say the same. */
const tokens = (json: string) => json.match(/"(?:[^"\\]|\\.)*"|[^\s"]/gsu)!.join('')

const arrays = fc
  .tuple(space, fc.array(fc.tuple(space, objectText, space), { maxLength: 6 }))
  .map(([before, elements]) => ({
    objects: elements.map(([, object]) => object),
    body: `[${before}${elements.map((element) => element.join('')).join(',')}]`,
  }))

describe('any JSON', () => {
  test('an array gives its objects, token for token', { tags: 'property' }, async () => {
    await assertProperty(
      fc.asyncProperty(space, arrays, space, async (before, { objects, body }, behind) => {
        const { rows, rejects } = await read(before + body + behind)
        expect(rejects).toEqual([])
        expect(rows.map(tokens)).toEqual(objects.map(tokens))
      }),
      500,
    )
  })

  test('an envelope gives its events whatever other keys it has, in whatever order', { tags: 'property' }, async () => {
    const key = text.filter((name) => name !== '"events"')
    const others = fc.array(fc.tuple(key, space, jsonText), { maxLength: 4 })
    await assertProperty(
      fc.asyncProperty(others, others, space, arrays, async (before, behind, blank, { objects, body }) => {
        const members = [...before, ['"events"', blank, body] as const, ...behind]
        const envelope = `${blank}{${blank}${members.map(([name, white, value]) => `${name}${white}:${value}`).join(`${blank},`)}${blank}}${blank}`
        const { rows, rejects } = await read(envelope)
        expect(rejects).toEqual([])
        expect(rows.map(tokens)).toEqual(objects.map(tokens))
      }),
      500,
    )
  })

  test('a single object is one record', { tags: 'property' }, async () => {
    const single = objectText.filter((object) => !Object.hasOwn(JSON.parse(object), 'events'))
    await assertProperty(
      fc.asyncProperty(space, single, space, async (before, object, behind) => {
        expect((await read(before + object + behind)).rows.map(tokens)).toEqual([tokens(object)])
      }),
      500,
    )
  })

  test('any bytes are records or a malformed body, and what JSON.parse takes is not malformed', {
    tags: 'property',
  }, async () => {
    const part = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '"a"',
      '1',
      'tru',
      '"events"',
      ' ',
      '\n',
      '{}',
      '\ufeff',
      '{"a":1}',
      '{"events":[',
    )
    await assertProperty(
      fc.asyncProperty(fc.array(part, { maxLength: 12 }), async (parts) => {
        const body = parts.join('')
        const result = await readBody(Buffer.from(body), 'json').catch((error: unknown) => error)
        if (result instanceof EaError) expect(result.code).toBe('malformed_body')
        else expect((result as Chunk).records).toBeGreaterThanOrEqual(0)
        const value = parsed(body)
        if (value === undefined || value === null || typeof value !== 'object') return
        const isEnvelope = !Array.isArray(value) && 'events' in value
        if (isEnvelope && (!Array.isArray(value.events) || body.split('"events"').length > 2)) return
        expect(result).not.toBeInstanceOf(EaError)
        const records = Array.isArray(value) ? value.length : isEnvelope ? (value.events as unknown[]).length : 1
        expect((result as Chunk).records).toBe(records)
      }),
      3000,
    )
  })
})

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
