/** Which records are events, and why the others are not: the judge behind an import, its borders and its speeds. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RejectCode } from '../../src/lib/core/event.js'
import { parseMap } from '../../src/lib/load/mapping/map-parser.js'
import { codesOf, csvOf, eventHeader, type Imported, importInto } from '../import/import-helpers.js'
import { assertProperty } from '../support/effort.js'
import { sharedDatabase } from '../support/postgres/shared-database.js'
import { nearMisses } from './time-model.js'
import { codeOf, type GivenRecord, isUuid } from './validation-model.js'

const database = sharedDatabase()

/** An hour before the newest instant that is taken, and an hour behind it. */
const soon = new Date(Date.now() + 23 * 3_600_000)
const late = new Date(Date.now() + 25 * 3_600_000)
const latest = new Date(Date.now() + 24 * 3_600_000)

/** The nth uuid: each record has its own, or it would be a duplicate. */
const idOf = (n: number) => `a0eebc99-9c0b-4ef8-bb6d-${String(n).padStart(12, '0')}`

const importCsv = (records: readonly GivenRecord[]): Promise<Imported> =>
  importInto(database(), csvOf([eventHeader, ...records]))

const importJson = (lines: readonly string[]): Promise<Imported> =>
  importInto(database(), `${lines.join('\n')}\n`, { format: 'ndjson' }, 'events.ndjson')

const id = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
const good: GivenRecord = [id, '2025-01-31T10:20:30Z', 'u1', 'view', '{"a":1}']

/** The good record with one field replaced. */
const withField = (field: number, value: string | null): GivenRecord =>
  good.map((given, index) => (index === field ? value : given)) as unknown as GivenRecord

describe('the code of a record', () => {
  const cases: readonly (readonly [string, RejectCode | null, GivenRecord])[] = [
    ['an event', null, good],
    ['no id', 'missing_event_id', withField(0, null)],
    ['an empty id', 'missing_event_id', withField(0, '')],
    ['no uuid', 'invalid_event_id', withField(0, `${id}0`)],
    ['the nil uuid', 'invalid_event_id', withField(0, '00000000-0000-0000-0000-000000000000')],
    ['the max uuid', 'invalid_event_id', withField(0, '{FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF}')],
    ['a uuid with a blank before it', 'invalid_event_id', withField(0, ` ${id}`)],
    ['no time', 'missing_occurred_at', withField(1, null)],
    ['an empty time', 'missing_occurred_at', withField(1, '')],
    ['now', 'invalid_occurred_at', withField(1, 'now')],
    ['an impossible day', 'invalid_occurred_at', withField(1, '2025-02-30')],
    ['the first instant', null, withField(1, '1970-01-01T00:00:00Z')],
    ['before the first instant', 'occurred_at_out_of_range', withField(1, '1970-01-01T00:00:00+00:01')],
    ['a microsecond before it', 'occurred_at_out_of_range', withField(1, '1969-12-31T23:59:59.999999Z')],
    ['nearly a day from now', null, withField(1, soon.toISOString())],
    ['more than a day from now', 'occurred_at_out_of_range', withField(1, late.toISOString())],
    ['a far year', 'occurred_at_out_of_range', withField(1, '9999999999')],
    ['no user', 'missing_user_id', withField(2, null)],
    ['an empty user', 'missing_user_id', withField(2, '')],
    ['a blank is a user', null, withField(2, ' ')],
    ['255 characters', null, withField(2, 'u'.repeat(255))],
    ['256 characters', 'invalid_user_id', withField(2, 'u'.repeat(256))],
    ['255 characters of 3 bytes', null, withField(2, '€'.repeat(255))],
    ['255 characters of 4 bytes', null, withField(2, '🦊'.repeat(255))],
    ['256 characters of 4 bytes', 'invalid_user_id', withField(2, '🦊'.repeat(256))],
    ['no type', 'missing_event_type', withField(3, null)],
    ['an empty type', 'missing_event_type', withField(3, '')],
    ['100 characters', null, withField(3, 'ї'.repeat(100))],
    ['101 characters', 'invalid_event_type', withField(3, 'ї'.repeat(101))],
    ['no properties', null, withField(4, null)],
    ['an empty text is no JSON', 'invalid_properties', withField(4, '')],
    ['half an object', 'invalid_properties', withField(4, '{"a":')],
    ['a trailing comma', 'invalid_properties', withField(4, '{"a":1,}')],
    ['single quotes', 'invalid_properties', withField(4, "{'a':1}")],
    ['NaN', 'invalid_properties', withField(4, '{"a":NaN}')],
    ['a NUL escape', 'invalid_properties', withField(4, '{"a":"\\u0000"}')],
    ['a NUL escape in a key', 'invalid_properties', withField(4, '{"\\u0000":1}')],
    ['half a surrogate pair', 'invalid_properties', withField(4, '{"a":"\\ud83e"}')],
    ['the other half', 'invalid_properties', withField(4, '{"a":"\\udd8a"}')],
    ['a whole surrogate pair', null, withField(4, '{"a":"\\ud83e\\udd8a"}')],
    ['a number that numeric cannot hold', 'invalid_properties', withField(4, '{"a":1e200000}')],
    ['a raw control character in a string', 'invalid_properties', withField(4, '{"a":"\u0007"}')],
    ['a raw line break in a string', 'invalid_properties', withField(4, '{"a":"x\ny"}')],
    ['white space around it', null, withField(4, ' \t\n{ } \r\n')],
    ['an array', 'properties_not_an_object', withField(4, '[]')],
    ['a text', 'properties_not_an_object', withField(4, '"a"')],
    ['a number', 'properties_not_an_object', withField(4, '1')],
    ['null', 'properties_not_an_object', withField(4, 'null')],
    ['true', 'properties_not_an_object', withField(4, 'true')],
    ['an array of 1e200000', 'invalid_properties', withField(4, '[1e200000]')],
  ]

  test('is that of the first rule that it breaks, none of an event', async () => {
    const records = cases.map(([, , record], n) => (record[0] === id ? [idOf(n), ...record.slice(1)] : record))
    const imported = await importCsv(records as unknown as GivenRecord[])
    const codes = codesOf(imported)
    for (const [n, [what, code, record]] of cases.entries()) {
      expect([what, codes[n]]).toEqual([what, code])
      expect([what, codeOf(record, latest)]).toEqual([what, code])
    }
    expect(imported.outcome.inserted).toBe(codes.filter((code) => code === null).length)
    expect(imported.events).toHaveLength(imported.outcome.inserted)
  })

  test('control characters, C0, DEL and C1, and nothing beside them', async () => {
    const points = [...Array.from({ length: 0x100 }, (_, point) => point), 0x2028, 0xfeff, 0x200b, 0x1f98a].slice(1)
    const records = points.flatMap((point, n) => {
      const character = String.fromCodePoint(point)
      return [
        [idOf(2 * n), good[1], `a${character}b`, 't', null] as const,
        [idOf(2 * n + 1), good[1], 'u', character, null] as const,
      ]
    })
    const csv = codesOf(await importCsv(records))
    const json = codesOf(await importJson(records.map(documentOf)))
    expect(csv).toEqual(records.map((record) => codeOf(record, latest)))
    expect(json).toEqual(csv)
    expect(csv.filter((code) => code === 'invalid_user_id')).toHaveLength(0x1f + 33)
    expect(csv.filter((code) => code === 'invalid_event_type')).toHaveLength(0x1f + 33)
  })

  test('one odd user does not hide behind thousands of plain ones', async () => {
    const records = Array.from({ length: 5_000 }, (_, n): GivenRecord => [idOf(n), good[1], 'u', 't', null])
    records[4_321] = [idOf(4_321), good[1], 'u', 'a\u009fb', null]
    records[4_322] = [idOf(4_322), good[1], 'a\u0085b', 't', null]
    const { rejects, outcome } = await importCsv(records)
    expect(rejects.map(({ record, code }) => [record, code])).toEqual([
      [4_322, 'invalid_event_type'],
      [4_323, 'invalid_user_id'],
    ])
    expect(outcome.inserted).toBe(4_998)
  })

  test('a near miss of a time is one wherever it stands: alone in its chunk, or among others', async () => {
    const records = nearMisses
      .flatMap((text) => [good[1], text, '2025-01-31 10:20:30.123456+02:00'])
      .map((text, n): GivenRecord => [idOf(n), text, 'u', 't', null])
    const expected = records.map((record) => codeOf(record, latest))
    const csv = csvOf([eventHeader, ...records])
    expect(codesOf(await importInto(database(), csv))).toEqual(expected)
    const alone = records.filter((_, n) => n % 3 === 1)
    const imported = await importInto(database(), csvOf([eventHeader, ...alone]), { chunkBytes: 1 })
    expect(codesOf(imported)).toEqual(expected.filter((_, n) => n % 3 === 1))
    expect(codesOf(await importJson(records.map(documentOf)))).toEqual(expected)
  })

  test('a column that is a text and the properties at once is judged as both', async () => {
    const texts = ['{"a":1}', '{"a":\n1}', '{"a":"\u007f"}', '{"a":"\u0085"}', '[]', `{"a":"${'x'.repeat(300)}"}`]
    const rows = texts.map((text, n) => [idOf(n), good[1], 't', text])
    const header = ['event_id', 'occurred_at', 'event_type', 'properties']
    const imported = await importInto(database(), csvOf([header, ...rows]), { map: parseMap('user_id=properties') })
    const bad = 'invalid_user_id'
    expect(codesOf(imported)).toEqual([null, bad, bad, bad, 'properties_not_an_object', bad])
    expect(imported.events).toMatchObject([{ user_id: '{"a":1}', properties: '{"a": 1}' }])
    const alone = csvOf([header, rows[1]!])
    expect(codesOf(await importInto(database(), alone, { map: parseMap('user_id=properties') }))).toEqual([bad])
  })

  const limit = 1024 * 1024
  /** An object of exactly so many bytes, without white space. */
  const ofBytes = (bytes: number, letter: string) => {
    const size = Buffer.byteLength(letter)
    const room = bytes - '{"a":""}'.length
    return `{"a":"${letter.repeat(Math.floor(room / size))}${'x'.repeat(room % size)}"}`
  }
  const sizes = [ofBytes(limit, 'x'), ofBytes(limit + 1, 'x'), ofBytes(limit, '€'), ofBytes(limit + 1, '€')]
  const verdicts = [null, 'properties_too_large', null, 'properties_too_large']

  test('properties may have 1 MB to the byte, as given', async () => {
    const records = sizes.map((text, n): GivenRecord => [idOf(n), good[1], 'u', 't', text])
    expect(codesOf(await importCsv(records))).toEqual(verdicts)
    const plain = { occurred_at: good[1], user_id: 'u', event_type: 't' }
    const documents = sizes.map((text, n) => {
      const document = JSON.stringify({ event_id: idOf(n), ...plain })
      return `${document.slice(0, -1)},"properties":${text}}`
    })
    expect(codesOf(await importJson(documents))).toEqual(verdicts)
    expect(codesOf(await importJson(records.map(documentOf)))).toEqual(verdicts)
  })

  test('white space counts in what is given as text', async () => {
    const padded = (bytes: number) => `{${' '.repeat(bytes - 2)}}`
    const records = [padded(limit), padded(limit + 1)].map((text, n): GivenRecord => [idOf(n), good[1], 'u', 't', text])
    expect(codesOf(await importCsv(records))).toEqual([null, 'properties_too_large'])
    expect(codesOf(await importJson(records.map(documentOf)))).toEqual([null, 'properties_too_large'])
  })

  test('small JSON that PostgreSQL writes large is judged as given', async () => {
    // 12 kB as given; each number has a thousand digits when it is written out.
    const text = `{"a":[${Array.from({ length: 2_000 }, () => '1e999').join(',')}]}`
    const record: GivenRecord = [idOf(1), good[1], 'u', 't', text]
    const document = `${documentOf([idOf(1), good[1], 'u', 't', null]).slice(0, -1)},"properties_json":${text}}`
    expect(codesOf(await importCsv([record]))).toEqual([null])
    expect(codesOf(await importJson([document]))).toEqual([null])
    expect(codesOf(await importJson([documentOf(record)]))).toEqual([null])
  })

  test('what is left over counts for the size, too', async () => {
    const values = [limit, limit + 1].map((bytes) => 'x'.repeat(bytes))
    const columns = ['event_id', 'occurred_at', 'user_id', 'event_type', 'left_over']
    const rows = values.map((value, n) => [idOf(n), good[1], 'u', 't', value])
    expect(codesOf(await importInto(database(), csvOf([columns, ...rows])))).toEqual([null, 'properties_too_large'])
    const documents = rows.map((row) => JSON.stringify(Object.fromEntries(columns.map((name, c) => [name, row[c]]))))
    expect(codesOf(await importJson(documents))).toEqual([null, 'properties_too_large'])
  })
})

/** As a JSON object, with its properties as a text that holds JSON: any text fits there. */
function documentOf([event_id, occurred_at, user_id, event_type, properties]: GivenRecord): string {
  return JSON.stringify({ event_id, occurred_at, user_id, event_type, properties })
}

describe('the first rule that is broken gives the code', () => {
  const bad: readonly (readonly [number, string | null, RejectCode])[] = [
    [0, null, 'missing_event_id'],
    [0, 'x', 'invalid_event_id'],
    [1, null, 'missing_occurred_at'],
    [1, 'infinity', 'invalid_occurred_at'],
    [1, '1969-01-01', 'occurred_at_out_of_range'],
    [2, null, 'missing_user_id'],
    [2, '\t', 'invalid_user_id'],
    [3, '', 'missing_event_type'],
    [3, '\u0085', 'invalid_event_type'],
    [4, '[', 'invalid_properties'],
    [4, '[]', 'properties_not_an_object'],
  ]

  test('whatever else is wrong behind it', async () => {
    const pairs = bad.flatMap((first) =>
      bad.filter((second) => second[0] > first[0]).map((second) => [first, second] as const),
    )
    const records = pairs.map(
      ([first, second]) =>
        good.map((given, index) =>
          index === first[0] ? first[1] : index === second[0] ? second[1] : given,
        ) as unknown as GivenRecord,
    )
    const expected = pairs.map(([first]) => first[2])
    expect(codesOf(await importCsv(records))).toEqual(expected)
    expect(codesOf(await importJson(records.map(documentOf)))).toEqual(expected)
  })
})

describe('what is stored', () => {
  test('a uuid in any form that PostgreSQL takes', async () => {
    const forms = [
      id,
      id.toUpperCase(),
      `{${id}}`,
      id.replaceAll('-', ''),
      'a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11',
      'a0eebc999c0b4ef8-bb6d6bb9bd380a11',
    ]
    const records = forms.map((form) => withField(0, form))
    for (const imported of [await importCsv(records), await importJson(records.map(documentOf))]) {
      expect(imported.outcome).toMatchObject({ read: 6, inserted: 1, duplicates: 5, rejected: 0 })
      expect(imported.events[0]!.event_id).toBe(id)
    }
    expect(forms.every(isUuid)).toBe(true)
  })

  const jsons: readonly (readonly [given: string, stored: string])[] = [
    ['{"id":2103807459595387724}', '{"id": 2103807459595387724}'],
    ['{"p":1.10,"e":0.30000000000000000001,"z":0}', '{"e": 0.30000000000000000001, "p": 1.10, "z": 0}'],
    ['{"a":1,"b":2,"a":[3]}', '{"a": [3], "b": 2}'],
    ['{"":1,"a.b":2,"$x":3,"\'":4}', '{"": 1, "\'": 4, "$x": 3, "a.b": 2}'],
    ['{"a":null}', '{"a": null}'],
    ['{"a":"\\ud83e\\udd8a"}', '{"a": "🦊"}'],
    ['{"a":"x\\ny\\\\z\\"q"}', '{"a": "x\\ny\\\\z\\"q"}'],
  ]

  test('JSON as it is given, numbers digit by digit, of duplicate keys the last', async () => {
    const records = jsons.map(([given], n): GivenRecord => [idOf(n), good[1], 'u', 't', given])
    const inside = jsons.map(([given], n) => {
      const document = documentOf([idOf(n), good[1], 'u', 't', null]).replace(
        '"properties":null',
        `"properties":${given}`,
      )
      return document
    })
    const expected = jsons.map(([, stored]) => stored)
    for (const imported of [
      await importCsv(records),
      await importJson(inside),
      await importJson(records.map(documentOf)),
      await importInto(database(), `[${inside.join(',\n')}]`, {}, 'events.json'),
    ]) {
      expect(imported.events.map(({ properties }) => properties)).toEqual(expected)
    }
  })

  test('texts are not trimmed and not changed', async () => {
    const texts = [
      '  Ünï ',
      'a"b',
      "o'hara",
      '\\N',
      '\\.',
      'NULL',
      '$1',
      '%s',
      '{}',
      ' ',
      '\u2028',
      '🦊',
      '00',
      'e\u0301',
    ]
    const records = texts.map((text, n): GivenRecord => [idOf(n), good[1], text, text, JSON.stringify({ text })])
    for (const imported of [await importCsv(records), await importJson(records.map(documentOf))]) {
      expect(imported.events.map(({ user_id }) => user_id)).toEqual(texts)
      expect(imported.events.map(({ event_type }) => event_type)).toEqual(texts)
      expect(imported.events.map(({ properties }) => JSON.parse(properties))).toEqual(texts.map((text) => ({ text })))
    }
  })

  test('of the same id the first record, also when a later rule refuses one between them', async () => {
    const records: GivenRecord[] = [
      [id, good[1], '', 'none', null],
      [id, good[1], 'first', 'view', null],
      [id, good[1], 'second', 'view', null],
    ]
    const { outcome, events } = await importCsv(records)
    expect(outcome).toMatchObject({ read: 3, inserted: 1, duplicates: 1, rejected: 1 })
    expect(events).toMatchObject([{ user_id: 'first' }])
  })
})

describe('JSON records', () => {
  const members = { event_id: id, occurred_at: '2025-01-31T10:20:30Z', user_id: 'u1', event_type: 'view' }
  const withMember = (name: string, value: unknown) => JSON.stringify({ ...members, [name]: value })

  const cases: readonly (readonly [string, RejectCode | null])[] = [
    [JSON.stringify(members), null],
    ['{', 'invalid_json'],
    ['{}', 'missing_event_id'],
    ['[]', 'not_an_object'],
    ['"text"', 'not_an_object'],
    ['null', 'not_an_object'],
    [withMember('x', '\u0000'), 'invalid_json'],
    [withMember('x', '\ud800'), 'invalid_json'],
    [`${JSON.stringify(members).slice(0, -1)},"x":1e200000}`, 'invalid_json'],
    [`${JSON.stringify(members)} x`, 'invalid_json'],
    [withMember('event_id', {}), 'missing_event_id'],
    [withMember('event_id', [id]), 'missing_event_id'],
    [withMember('event_id', null), 'missing_event_id'],
    [withMember('event_id', 5), 'invalid_event_id'],
    [withMember('occurred_at', 1738318830), null],
    [withMember('occurred_at', 1738318830123), null],
    [withMember('occurred_at', 1738318830.5), 'invalid_occurred_at'],
    [withMember('occurred_at', true), 'missing_occurred_at'],
    [withMember('occurred_at', { $date: '2025-01-31' }), 'missing_occurred_at'],
    [withMember('user_id', 42), null],
    [withMember('user_id', false), 'missing_user_id'],
    [withMember('user_id', ['u']), 'missing_user_id'],
    [withMember('user_id', 'a\u0000'), 'invalid_json'],
    [withMember('user_id', 'a\u0007'), 'invalid_user_id'],
    [withMember('event_type', null), 'missing_event_type'],
    [withMember('event_type', { name: 'view' }), 'missing_event_type'],
    [withMember('event_type', 7), null],
    [withMember('properties', null), null],
    [withMember('properties', '{"a":1}'), null],
    [withMember('properties', ''), 'invalid_properties'],
    [withMember('properties', 'a'), 'invalid_properties'],
    [withMember('properties', '[1]'), 'properties_not_an_object'],
    [withMember('properties', '{"a":"\\u0000"}'), 'invalid_properties'],
    [withMember('properties', '{"a":1e200000}'), 'invalid_properties'],
    [withMember('properties', []), 'properties_not_an_object'],
    [withMember('properties', 5), 'properties_not_an_object'],
    [withMember('properties', true), 'properties_not_an_object'],
    [withMember('properties_json', '{"a":1}'), null],
    [withMember('properties_json', '5'), 'properties_not_an_object'],
  ]

  test('have the codes of their members', async () => {
    const own = (document: string, n: number) => document.replace(id, idOf(n))
    const codes = codesOf(await importJson(cases.map(([document], n) => own(document, n))))
    for (const [n, [document, code]] of cases.entries()) expect([document, codes[n]]).toEqual([document, code])
  })

  test('numbers as ids keep their digits', async () => {
    const document = JSON.stringify(members).replace('"u1"', '2103807459595387724')
    expect((await importJson([document])).events).toMatchObject([{ user_id: '2103807459595387724' }])
  })

  test('a member that stands there twice: the last wins', async () => {
    const document = JSON.stringify(members).replace('"user_id"', '"user_id":"first","user_id"')
    expect((await importJson([document])).events).toMatchObject([{ user_id: 'u1' }])
  })
})

describe('any record', () => {
  const uuidText = fc.oneof(
    { weight: 6, arbitrary: fc.uuid() },
    { weight: 2, arbitrary: fc.uuid().map((uuid) => `{${uuid.toUpperCase().replaceAll('-', '')}}`) },
    { weight: 1, arbitrary: fc.constantFrom(null, '', 'x', `{${id}`, `${id}}`, id.slice(1), ` ${id}`, `${id}-`) },
    {
      weight: 1,
      arbitrary: fc.uuid().chain((uuid) => fc.nat(35).map((at) => `${uuid.slice(0, at)}-${uuid.slice(at)}`)),
    },
  )
  const instantText = fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .date({ min: new Date('1970-01-01'), max: latest, noInvalidDate: true })
        .map((date) => date.toISOString()),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        null,
        '',
        'now',
        '2025-02-30',
        '2025-02-30T00:00:00Z',
        '01/02/2025',
        '1969-12-31',
        '2099-01-01',
        '1738318830',
        '9999999999999999',
      ),
    },
  )
  const nameText = (max: number) =>
    fc.oneof(
      { weight: 5, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 }) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          null,
          '',
          ' ',
          'a\tb',
          '\u007f',
          '\u0085',
          'ї'.repeat(max),
          'ї'.repeat(max + 1),
          '🦊'.repeat(max),
        ),
      },
    )
  const propertiesText = fc.oneof(
    { weight: 5, arbitrary: fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value)) },
    { weight: 2, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.string() },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        null,
        '',
        '{',
        '{"a":1e200000}',
        '{"a":"\\u0000"}',
        '["\\ud800"]',
        ' {} ',
        '{"a":1,"a":2}',
        'null',
      ),
    },
  )
  const storable = (text: string | null) => (text === null ? null : text.replaceAll('\0', '\u0001'))
  const record = fc
    .tuple(uuidText, instantText, nameText(255), nameText(100), propertiesText)
    .map((fields) => fields.map(storable) as unknown as GivenRecord)

  /** Their values cannot be cast: where one comes, the chunk is judged strictly. */
  const uncastable: readonly (RejectCode | null)[] = [
    'missing_event_id',
    'invalid_event_id',
    'invalid_occurred_at',
    'invalid_properties',
  ]
  const uncastableRecord: GivenRecord = ['no uuid', good[1], 'u', 't', null]

  test('the model and the server agree, fast and strict, CSV, NDJSON and arrays', { tags: 'property' }, async () => {
    const seen = new Set<RejectCode | null>()
    await assertProperty(
      fc.asyncProperty(fc.array(record, { minLength: 60, maxLength: 120 }), async (records) => {
        const expected = records.map((given) => codeOf(given, latest))
        for (const code of expected) seen.add(code)
        const csv = await importCsv(records)
        expect(codesOf(csv)).toEqual(expected)
        const json = await importJson(records.map(documentOf))
        expect([codesOf(json), json.events]).toEqual([expected, csv.events])
        const array = `[${records.map(documentOf).join(' ,\n')}]`
        const asArray = await importInto(database(), array, { format: 'json-array' }, 'events.json')
        expect([codesOf(asArray), asArray.events]).toEqual([expected, csv.events])

        const castable = records.filter((_, n) => !uncastable.includes(expected[n]!))
        const castableCodes = castable.map((given) => codeOf(given, latest))
        const fast = await importCsv(castable)
        const strict = await importCsv([uncastableRecord, ...castable])
        const byEach = await importInto(database(), csvOf([eventHeader, ...castable]), { chunkBytes: 1 })
        expect(codesOf(fast)).toEqual(castableCodes)
        expect(codesOf(strict)).toEqual(['invalid_event_id', ...castableCodes])
        expect(codesOf(byEach)).toEqual(castableCodes)
        expect(fast.events).toEqual(csv.events)
        expect(strict.events).toEqual(csv.events)
        expect(byEach.events).toEqual(csv.events)
      }),
      8,
      { endOnFailure: true },
    )
    expect(seen.size).toBeGreaterThanOrEqual(10)
  })
})
