/** Records that try whatever the kernel vouches for, most of them good: a chunk with one bad record is not plain. */
import fc from 'fast-check'
import type { DelimitedShape, Shape } from '../../../src/lib/load/split/chunk.js'
import { csv } from '../split/split-content.js'

/** The texts of the fields of an event, in their order; null is absent. */
export type HostileRecord = readonly [
  id: string | null,
  time: string | null,
  user: string | null,
  type: string | null,
  properties: string | null,
]

/** Mostly the first, rarely the second. */
const mostly = <T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 60, arbitrary: usual }, { weight: 1, arbitrary: odd })

const pad = (n: number, width: number) => String(n).padStart(width, '0')

/** Ids that share their first bytes with others, or all of them. */
const nearIds = fc
  .tuple(fc.constantFrom('a0eebc99-9c0b-4ef8', 'a0eebc99-0000-7000', '00000000-0000-0000'), fc.nat({ max: 40 }))
  .map(([prefix, n]) => `${prefix}-bb6d-${pad(n, 12)}`)
const ids = mostly<string | null>(
  fc.oneof(
    fc.uuid(),
    fc.uuid().map((id) => id.toUpperCase()),
    nearIds,
  ),
  fc.constantFrom(
    null,
    '',
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    'a0eebc999c0b4ef8bb6d6bb9bd380a11',
    '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g',
    'a0eebc99-9c0b-4ef8-bb6d_6bb9bd380a11',
    ' a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1',
  ),
)

const usualTime = fc
  .tuple(
    fc.integer({ min: 1970, max: 2026 }),
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 28 }),
    fc.integer({ min: 0, max: 86_399 }),
    fc.constantFrom('T', ' '),
    fc.oneof(
      fc.constant(''),
      fc
        .tuple(fc.integer({ min: 1, max: 6 }), fc.nat({ max: 999_999 }))
        .map(([digits, n]) => `.${pad(n, 6).slice(0, digits)}`),
    ),
    fc.oneof(
      { weight: 4, arbitrary: fc.constant('Z') },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.constantFrom('+', '-'), fc.nat({ max: 14 }), fc.constantFrom(0, 30, 45, 59))
          .map(([sign, h, m]) => `${sign}${pad(h, 2)}:${pad(m, 2)}`),
      },
    ),
  )
  .map(
    ([y, mo, d, s, t, f, z]) =>
      `${y}-${pad(mo, 2)}-${pad(d, 2)}${t}${pad(Math.floor(s / 3600), 2)}:${pad(Math.floor(s / 60) % 60, 2)}:${pad(s % 60, 2)}${f}${z}`,
  )
/** Days around the ends of months and years, some of which there are not. */
const edgeTime = fc
  .tuple(
    fc.constantFrom(1970, 1971, 1972, 1999, 2000, 2004, 2023, 2024),
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 27, max: 31 }),
    fc.constantFrom('00:00:00', '23:59:59', '23:59:59.999999', '12:00:00.5'),
  )
  .filter(([y, mo, d]) => d <= new Date(Date.UTC(y, mo, 0)).getUTCDate())
  .map(([y, mo, d, time]) => `${y}-${pad(mo, 2)}-${pad(d, 2)}T${time}Z`)
const oddTime = fc.constantFrom(
  null,
  '',
  '2023-02-29T00:00:00Z',
  '1900-02-29T00:00:00Z',
  '2024-04-31T00:00:00Z',
  '2024-00-10T00:00:00Z',
  '2024-13-10T00:00:00Z',
  '2024-01-00T00:00:00Z',
  '2024-01-10T24:00:00Z',
  '2024-01-10T23:60:00Z',
  '2024-01-10T23:59:60Z',
  '1969-12-31T23:59:59.999999Z',
  '1970-01-01T00:00:00+00:01',
  '1969-12-31T23:00:00-02:00',
  '2099-01-01T00:00:00Z',
  '2024-01-10T10:00:00.1234567Z',
  '2024-01-10T10:00:00.Z',
  '2024-01-10T10:00:00',
  '2024-01-10 10:00',
  '2024-01-10T10:00:00z',
  '2024-01-10T10:00:00+15:00',
  '2024-01-10T10:00:00+15:59',
  '2024-01-10T10:00:00+16:00',
  '2024-01-10T10:00:00-0200',
  '2024-01-10T10:00:00+02:60',
  '2024-01-10T10:00:00+02',
  '2024-01-10T10:00:00 +02:00',
  '12024-01-10T10:00:00Z',
  '1700000000',
  '2024-01-10T10:00:00Zjunk',
)
const times = mostly<string | null>(
  fc.oneof({ weight: 4, arbitrary: usualTime }, { weight: 1, arbitrary: edgeTime }),
  oddTime,
)

/** Pieces of one to four bytes, some of which mean something to a CSV. */
const piece = fc.constantFrom(
  'a',
  'Z',
  ' ',
  '0',
  "'",
  ',',
  ';',
  '"',
  '""',
  '{',
  '}',
  '[',
  '\\',
  'é',
  'ї',
  '€',
  '🦊',
  '\u00a0',
  '\u00ff',
)
const shortText = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: fc.constantFrom('a', 'b', '7', '_', '-'), minLength: 1, maxLength: 12 }) },
  { weight: 3, arbitrary: fc.array(piece, { minLength: 1, maxLength: 8 }).map((parts) => parts.join('')) },
)
const longText = (chars: number) =>
  fc
    .tuple(fc.constantFrom('u', 'ї', '€', '🦊', '"'), fc.integer({ min: -2, max: 2 }))
    .map(([char, more]) => char.repeat(chars + more))
const oddText = (chars: number) =>
  fc.oneof<fc.Arbitrary<string | null>[]>(
    fc.constantFrom(null, '', '\u0001', 'a\tb', 'a\u007f', '\u0080', 'x\u009f', 'a\nb', 'a\r', '\u0000', '\ud83e'),
    longText(chars),
  )

const deep = fc
  .tuple(fc.integer({ min: 96, max: 102 }), fc.constantFrom('[]', '{}'), fc.boolean())
  .map(([depth, kind, isWide]) => {
    const inner = kind === '[]' ? ['[', ']'] : ['{"a":', '}']
    const core = isWide ? '"[[[[{{{{"' : '1'
    return `{"d":${inner[0]!.repeat(depth - 1)}${core}${inner[1]!.repeat(depth - 1)}}`
  })
const someObject = fc
  .dictionary(
    fc.oneof(fc.constantFrom('country', 'a b', 'ключ', '"', '\\'), fc.string({ maxLength: 5 })),
    fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom('it "says"', 'a\\b', '€🦊', 'tab\there', '', 1.1e-7, -0)),
    { maxKeys: 4 },
  )
  .filter((object) => !JSON.stringify(object).includes('\\u0000'))
  .map((object) => JSON.stringify(object))
/** Numbers of which jsonb keeps every digit. */
const numbers = fc
  .constantFrom('1.10', '-0', '0.1000000000000000000000001', '1e2', '1E-7', '123456789012345678901234567890', '-1.5e+3')
  .map((number) => `{"n":${number}, "l" : [ ${number} ]}`)
const oddProperties = fc.oneof<fc.Arbitrary<string | null>[]>(
  fc.constantFrom(
    '',
    '[]',
    'null',
    '"{}"',
    '1',
    '{"a":1',
    '{"a":1}}',
    '{"a":1} ',
    ' {"a":1}',
    '{a:1}',
    "{'a':1}",
    '{"a":1,}',
    '{"a":"\\u0000"}',
    '{"a":"\\ud83e"}',
    '{"a":"\\q"}',
    '{"a":1e200000}',
    '{"a":01}',
    '{"a":]}',
    '{"a":"\u0007"}',
    '{"a":"\n"}',
    '{\n"a":1}',
  ),
  deep,
)
const properties = mostly<string | null>(
  fc.oneof(
    { weight: 6, arbitrary: someObject },
    { weight: 1, arbitrary: fc.constantFrom(null, '{}', '{"a":1,"a":2}', '{"a":"\\ud83e\\udd8a"}', '{"long":"x"}') },
    { weight: 1, arbitrary: numbers },
    {
      weight: 1,
      arbitrary: fc
        .integer({ min: 150, max: 700 })
        .map((length) => `{"x":"${'"{[é'.replace('"', '')}${'y'.repeat(length)}"}`),
    },
  ),
  oddProperties,
)

export const hostileRecord: fc.Arbitrary<HostileRecord> = fc.tuple(
  ids,
  times,
  mostly<string | null>(shortText, oddText(255)),
  mostly<string | null>(shortText, oddText(100)),
  properties,
)

/** How records are written. */
export interface Writing {
  readonly format: 'csv' | 'ndjson'
  readonly delimiter: string
  readonly quote: string
  /** Whether each field is quoted, or only those that must be. */
  readonly quotesAll: boolean
  readonly lineEnd: '\n' | '\r\n'
  readonly endsWithLine: boolean
  /** The fields of an event in the order of the columns or keys. */
  readonly order: readonly number[]
  /** Between the tokens of JSON. */
  readonly blank: string
}

export const writing: fc.Arbitrary<Writing> = fc.record({
  format: fc.constantFrom('csv', 'ndjson'),
  delimiter: fc.constantFrom(',', ',', ';', '\t', '|'),
  quote: fc.constantFrom('"', '"', "'"),
  quotesAll: fc.boolean(),
  lineEnd: fc.constantFrom('\n', '\n', '\r\n'),
  endsWithLine: fc.boolean(),
  order: fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
  blank: fc.constantFrom('', '', ' ', '\t '),
})

export const names = ['event_id', 'occurred_at', 'user_id', 'event_type', 'properties'] as const

/** The records as a file has them, without a header. */
export function written(records: readonly HostileRecord[], how: Writing): string {
  const lines = records.map((record) => (how.format === 'csv' ? csvLine(record, how) : jsonLine(record, how)))
  return lines.join(how.lineEnd) + (how.endsWithLine && lines.length > 0 ? how.lineEnd : '')
}

export function shapeOf(how: Writing): Shape {
  if (how.format === 'ndjson') return { kind: 'lines' }
  const more: Partial<DelimitedShape> = {
    delimiter: how.delimiter.charCodeAt(0),
    quote: how.quote.charCodeAt(0),
    crEndsRecords: false,
    timeField: how.order.indexOf(1),
    textFields: [how.order.indexOf(2), how.order.indexOf(3)],
    jsonField: how.order.indexOf(4),
  }
  return csv(5, more)
}

function csvLine(record: HostileRecord, { delimiter, quote, quotesAll, order }: Writing): string {
  const field = (text: string | null) => {
    if (text === null) return ''
    const must = text === '' || [delimiter, quote, '\n', '\r'].some((one) => text.includes(one))
    return quotesAll || must ? `${quote}${text.replaceAll(quote, quote + quote)}${quote}` : text
  }
  return order.map((index) => field(record[index]!)).join(delimiter)
}

function jsonLine(record: HostileRecord, { order, blank }: Writing): string {
  const members = order.flatMap((index) => {
    const text = record[index]!
    if (text === null) return []
    const isNumber = index === 2 && /^\d{1,20}$/.test(text)
    const value = index === 4 ? text : isNumber ? text : JSON.stringify(text)
    return [`${JSON.stringify(names[index])}${blank}:${blank}${value}`]
  })
  return `{${blank}${members.join(`${blank},${blank}`)}${blank}}`
}
