/** Which texts are instants, and which: the SQL of times.ts on the server against the model, fast and strict. */
import fc from 'fast-check'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { type Transaction, withPool, withTransaction } from '../../src/lib/db/connect.js'
import { parseTimeFormat, type TimeFormat } from '../../src/lib/load/mapping/time-format.js'
import { instantSql } from '../../src/lib/load/sql/time-sql.js'
import { importInto } from '../import/import-helpers.js'
import { assertProperty, atLeast } from '../support/effort.js'
import { admin, freshDatabase } from '../support/postgres/database.js'
import { sharedDatabase } from '../support/postgres/shared-database.js'
import { instantOf, nearMisses } from './time-model.js'

const auto: TimeFormat = { kind: 'auto' }

/** What the server makes of texts: microseconds since 1970, or null, judged strictly and fast. */
interface Answers {
  readonly strict: readonly (bigint | null)[]
  /** Null where a cast failed, too: then a chunk is judged strictly. */
  readonly fast: readonly (bigint | null)[]
}

async function ask(tx: Transaction, texts: readonly string[], format: TimeFormat, zone: string): Promise<Answers> {
  await sql`SELECT set_config('TimeZone', ${zone}, true), set_config('DateStyle', 'ISO, YMD', true)`.execute(tx.q)
  const fast = instantSql(sql.raw('t'), format, false).compile(tx.q)
  expect(fast.parameters).toEqual([])
  await tx.client.query(`
    CREATE OR REPLACE FUNCTION pg_temp.fast(t text) RETURNS timestamptz LANGUAGE plpgsql AS $fn$
    BEGIN RETURN ${fast.sql}; EXCEPTION WHEN data_exception THEN RETURN NULL; END $fn$`)
  const { rows } = await sql<{ strict: string | null; fast: string | null }>`
    SELECT (extract(epoch FROM strict) * 1000000)::bigint::text AS strict,
           (extract(epoch FROM fast) * 1000000)::bigint::text AS fast
      FROM (SELECT i, ${instantSql(sql.raw('g.t'), format, true)} AS strict, pg_temp.fast(g.t) AS fast
              FROM unnest(${texts}::text[]) WITH ORDINALITY AS g(t, i) OFFSET 0) answers
     ORDER BY i`.execute(tx.q)
  const numbers = (key: 'strict' | 'fast') => rows.map((row) => (row[key] === null ? null : BigInt(row[key])))
  return { strict: numbers('strict'), fast: numbers('fast') }
}

const database = sharedDatabase()

async function withServer(use: (ask: AskServer) => Promise<void>): Promise<void> {
  await withTransaction(database(), (tx) => use((texts, format = auto, zone = 'UTC') => ask(tx, texts, format, zone)))
}
type AskServer = (texts: readonly string[], format?: TimeFormat, zone?: string) => Promise<Answers>

const iso = (micros: bigint | null) => (micros === null ? null : new Date(Number(micros / 1000n)).toISOString())

describe('instants', () => {
  test.each([
    ['2025-01-31', '2025-01-31T00:00:00.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['2000-02-29T12:00', '2000-02-29T12:00:00.000Z'],
    ['2025-01-31T10:20', '2025-01-31T10:20:00.000Z'],
    ['2025-01-31 10:20', '2025-01-31T10:20:00.000Z'],
    ['2025-01-31T10:20Z', '2025-01-31T10:20:00.000Z'],
    ['2025-01-31 10:20 UTC', '2025-01-31T10:20:00.000Z'],
    ['2025-01-31T10:20:30 UTC', '2025-01-31T10:20:30.000Z'],
    ['2025-01-31 10:20:30.5', '2025-01-31T10:20:30.500Z'],
    ['2025-01-31T10:20:30.123456789+02', '2025-01-31T08:20:30.123Z'],
    ['2025-01-31T23:59:59.9999999Z', '2025-01-31T23:59:59.999Z'],
    ['2025-01-31 23:59:59.999999999', '2025-01-31T23:59:59.999Z'],
    ['2025-01-31T23:59:59.9999995+0000', '2025-01-31T23:59:59.999Z'],
    ['2025-01-31T23:59:59.1234+0000', '2025-01-31T23:59:59.123Z'],
    ['2025-01-31T10:20:30+0530', '2025-01-31T04:50:30.000Z'],
    ['2025-01-31T10:20:30+05:30', '2025-01-31T04:50:30.000Z'],
    ['2025-01-31T10:20-11', '2025-01-31T21:20:00.000Z'],
    ['2025-01-31T10:20:30+15:59', '2025-01-30T18:21:30.000Z'],
    ['1738318830', '2025-01-31T10:20:30.000Z'],
    ['1738318830123', '2025-01-31T10:20:30.123Z'],
    ['1738318830123456', '2025-01-31T10:20:30.123Z'],
    ['0000000000', '1970-01-01T00:00:00.000Z'],
    ['9999999999', '2286-11-20T17:46:39.000Z'],
    ['0001-01-01', '0001-01-01T00:00:00.000Z'],
  ])('%s', async (text, expected) => {
    await withServer(async (askServer) => {
      const { strict, fast } = await askServer([text])
      expect(iso(strict[0]!)).toBe(expected)
      expect(fast).toEqual(strict)
      expect(instantOf(text, auto)).toBe(strict[0])
    })
  })

  test('near misses are no instants, and PostgreSQL would have taken many', async () => {
    await withServer(async (askServer) => {
      const { strict, fast } = await askServer(nearMisses)
      for (const [index, text] of nearMisses.entries()) {
        expect([text, strict[index], fast[index]]).toEqual([text, null, null])
        expect([text, instantOf(text, auto)]).toEqual([text, null])
      }
    })
  })

  test('without offset the zone decides; a gap is read with the clock before it, an overlap with the one after', async () => {
    await withServer(async (askServer) => {
      const cases: readonly (readonly [zone: string, text: string, expected: string])[] = [
        ['Europe/Berlin', '2025-03-30 01:59:59', '2025-03-30T00:59:59.000Z'],
        ['Europe/Berlin', '2025-03-30 02:30:00', '2025-03-30T01:30:00.000Z'],
        ['Europe/Berlin', '2025-03-30 03:00:00', '2025-03-30T01:00:00.000Z'],
        ['Europe/Berlin', '2025-10-26 02:30:00', '2025-10-26T01:30:00.000Z'],
        ['Europe/Berlin', '2025-10-26 03:00:00', '2025-10-26T02:00:00.000Z'],
        ['America/Sao_Paulo', '2018-11-04', '2018-11-04T03:00:00.000Z'],
        ['Europe/Kyiv', '2025-07-01', '2025-06-30T21:00:00.000Z'],
        ['Asia/Kolkata', '2025-07-01T00:00', '2025-06-30T18:30:00.000Z'],
        ['Europe/Kyiv', '2025-07-01T10:00Z', '2025-07-01T10:00:00.000Z'],
        ['Europe/Kyiv', '2025-07-01T10:00 UTC', '2025-07-01T10:00:00.000Z'],
        ['Europe/Kyiv', '1738318830', '2025-01-31T10:20:30.000Z'],
      ]
      for (const [zone, text, expected] of cases) {
        const { strict, fast } = await askServer([text], auto, zone)
        expect([zone, text, iso(strict[0]!), iso(fast[0]!)]).toEqual([zone, text, expected, expected])
        expect(instantOf(text, auto, zone)).toBe(strict[0])
      }
    })
  })
})

describe('other forms', () => {
  test.each([
    ['wide', '2024-01-02 22:00:00,123', '2024-01-02T22:00:00.123Z'],
    ['wide', '2024-01-02t22:00:00z', '2024-01-02T22:00:00.000Z'],
    ['wide', '2024-01-02 22:00:00 +0200', '2024-01-02T20:00:00.000Z'],
    ['wide', '2024-01-02 22:00:00 GMT', '2024-01-02T22:00:00.000Z'],
    ['wide', '2024/1/2 9:05 PM', '2024-01-02T21:05:00.000Z'],
    ['wide', '20240102T220000Z', '2024-01-02T22:00:00.000Z'],
    ['wide', '20240102T220000.5+0530', '2024-01-02T16:30:00.500Z'],
    ['wide', 'Tue, 02 Jan 2024 22:00:00 GMT', '2024-01-02T22:00:00.000Z'],
    ['wide', 'Tue, 2 Jan 2024 22:00:00 +0200 (EET)', '2024-01-02T20:00:00.000Z'],
    ['wide', '02-Jan-2024 22:00:00', '2024-01-02T22:00:00.000Z'],
    ['wide', '02-JAN-2024', '2024-01-02T00:00:00.000Z'],
    ['wide', '[17/May/2015:10:05:03 +0000]', '2015-05-17T10:05:03.000Z'],
    ['wide', 'Jan 2, 2024, 12:00:00 AM', '2024-01-02T00:00:00.000Z'],
    ['wide', 'Tue Jan 02 2024 22:00:00 GMT+0100 (Central European Standard Time)', '2024-01-02T21:00:00.000Z'],
    ['wide', 'Tue Jan  2 22:00:00 UTC 2024', '2024-01-02T22:00:00.000Z'],
    ['wide', '1704232800.123456789', '2024-01-02T22:00:00.123Z'],
    ['wide', '1704232800123.5', '2024-01-02T22:00:00.123Z'],
    ['wide', '1704232800123456789', '2024-01-02T22:00:00.123Z'],
    ['wide', '2025-01-31T10:20:30Z', '2025-01-31T10:20:30.000Z'],
    ['wide', '01/02/2024', null],
    ['wide', '31-Feb-2024', null],
    ['wide', '02-Jan-2024 13:00 PM', null],
    ['wide', 'Foo 02-Xyz-2024', null],
    ['wide', '2024-01-02 24:00:00,1', null],
    ['M/D/YYYY H24:MI', '12/1/2010 8:26', '2010-12-01T08:26:00.000Z'],
    ['M/D/YYYY H12:MI AM', '1/2/2024 12:05 AM', '2024-01-02T00:05:00.000Z'],
    ['DD-Mon-YY HH12.MI.SS.FF AM', '02-JAN-24 10.00.00.123456 PM', '2024-01-02T22:00:00.123Z'],
    ['DD/MM/YYYY HH24:MI:SS TZ', '02/01/2024 22:00:00 +02', '2024-01-02T20:00:00.000Z'],
    ['M/D/YYYY', '2/30/2024', null],
    ['epoch-ns', '1704232800123456789', '2024-01-02T22:00:00.123Z'],
  ])('%s: %s', async (format, text, expected) => {
    await withServer(async (askServer) => {
      const { strict, fast } = await askServer([text], parseTimeFormat(format))
      expect([iso(strict[0]!), iso(fast[0]!)]).toEqual([expected, expected])
    })
  })

  test('digits of a clock that shows local time', async () => {
    await withServer(async (askServer) => {
      const { strict } = await askServer(
        ['1718000000', '1704232800123456789'],
        parseTimeFormat('epoch-local'),
        'Europe/Kyiv',
      )
      expect(strict.map(iso)).toEqual(['2024-06-10T03:13:20.000Z', '2024-01-02T20:00:00.123Z'])
    })
  })
})

test('a fraction finer than a microsecond is cut in every format, and the limits hold for what is left', async () => {
  const times = ['2025-01-01T23:59:59.9999999Z', '2025-01-01 23:59:59.999999999', '1969-12-31T23:59:59.9999999Z']
  const records = times.map((time, n) => [`a0eebc99-9c0b-4ef8-bb6d-00000000000${n}`, time, 'u', 't'])
  const names = ['event_id', 'occurred_at', 'user_id', 'event_type']
  const csv = [names, ...records].map((fields) => `${fields.join(',')}\n`).join('')
  const ndjson = records.map((fields) => `${JSON.stringify(Object.fromEntries(fields.map((f, n) => [names[n], f])))}\n`)
  for (const [content, name] of [
    [csv, 'events.csv'],
    [ndjson.join(''), 'events.ndjson'],
  ] as const) {
    const { events, rejects } = await importInto(database(), content, {}, name)
    const last = '2025-01-01T23:59:59.999999'
    expect(events.map(({ occurred_at }) => occurred_at)).toEqual([last, last])
    expect(rejects.map(({ record, code }) => [record, code])).toEqual([[3, 'occurred_at_out_of_range']])
  }
})

test('an import reads times in its own zone, whatever the database prefers', async () => {
  const { url, drop } = await freshDatabase()
  try {
    const name = new URL(url.replace(/^postgres(ql)?:/, 'http:')).pathname.slice(1)
    for (const setting of [`"DateStyle" = 'ISO, DMY'`, `"TimeZone" = 'America/New_York'`]) {
      await admin(url, `ALTER DATABASE ${name} SET ${setting}`)
    }
    await withPool({ url, schema: 'ea' }, async (db) => {
      // Of a form that COPY reads, of one that only the judge reads, and one with an offset.
      const texts = [
        '2025-03-05 10:00:00',
        '2025-03-05T10:00',
        '2025-03-05T10:00:00Z',
        '2025-03-30 03:30:00',
        '1741168800',
      ]
      const rows = texts.map((text, n) => `a0eebc99-9c0b-4ef8-bb6d-00000000000${n},${text},u,t\n`)
      for (const chunkBytes of [1, 1_000_000]) {
        const content = `event_id,occurred_at,user_id,event_type\n${rows.join('')}`
        const { events } = await importInto(db, content, { timezone: 'Europe/Kyiv', chunkBytes })
        expect(events.map(({ occurred_at }) => occurred_at)).toEqual([
          '2025-03-05T08:00:00.000000',
          '2025-03-05T08:00:00.000000',
          '2025-03-05T10:00:00.000000',
          '2025-03-30T01:30:00.000000',
          '2025-03-05T10:00:00.000000',
        ])
      }
    })
  } finally {
    await drop()
  }
})

describe('a format takes its own form only', () => {
  const formats = [
    'iso',
    'epoch-s',
    'epoch-ms',
    'epoch-us',
    'DD/MM/YYYY',
    'MM/DD/YYYY',
    'YYYYMMDD',
    'DD/MM/YYYY HH24:MI:SS',
    'YYYY-MM-DD HH24:MI:SS.US',
    'DD.MM.YYYY HH24:MI:SS.MS',
    'YYYYMMDDTHH24MISS',
    'YYYYMMDDHH24MISSMS',
    'YYYY, MM; DD',
    'DD-MM-YYYY HH24',
    'SS:MI:HH24 DD-MM-YYYY',
    'YYYY-MM-DDTHH24:MI',
  ]
  const texts = [
    '2025-01-31',
    '2025-01-31 10:20:30.123456',
    '2025-01-31T10:20:30Z',
    '2025-01-31T10:20',
    '31/01/2025',
    '01/02/2025',
    '31/01/2025 10:20:30',
    '31/01/2025 24:00:00',
    '31/01/2025 10:20:60',
    '29/02/2024',
    '29/02/2025',
    '31/01/0000',
    '20250131',
    '20251301',
    '20250131T102030',
    '20250131T102060',
    '20250131102030123',
    '31.01.2025 10:20:30.123',
    '31.01.2025 10:20:60.123',
    '31.01.2025 10:20:30,123',
    '2025, 01; 31',
    '31-01-2025 10',
    '31-01-2025 24',
    '30:20:10 31-01-2025',
    '60:20:10 31-01-2025',
    '1738318830',
    '1738318830123',
    '1738318830123456',
    '3//1/2025/',
    '/1/01/2025',
    '٣١/٠١/٢٠٢٥',
    ' 31/01/2025',
    '31/01/2025\n',
    '2025-01-31\n',
    '',
  ]

  test.each(formats)('%s', async (name) => {
    const format = parseTimeFormat(name)
    await withServer(async (askServer) => {
      const { strict, fast } = await askServer(texts, format, 'Europe/Kyiv')
      const expected = texts.map((text) => instantOf(text, format, 'Europe/Kyiv'))
      expect(strict).toEqual(expected)
      expect(fast).toEqual(expected)
      expect(expected.some((instant) => instant !== null)).toBe(true)
    })
  })
})

describe('any text', () => {
  // Zones whose rules ICU and PostgreSQL tell alike: with a half hour, with a gap at midnight, without summer time.
  const zones = [
    'UTC',
    'Europe/Kyiv',
    'America/New_York',
    'America/Sao_Paulo',
    'Australia/Lord_Howe',
    'Asia/Kolkata',
    'Pacific/Auckland',
  ]
  /** Before it, what the clocks of a zone showed is told in different ways. */
  const firstCommonMicros = BigInt(Date.UTC(1975, 0, 1)) * 1000n
  /** Behind it, in the year 2106, seconds as floating point miss a microsecond: far outside of what is taken. */
  const lastExactMicros = 2n ** 32n * 1_000_000n
  const digits = (count: number) =>
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: count, maxLength: count }).map((all) => all.join(''))
  const padded = (min: number, max: number) => fc.integer({ min, max }).map((number) => String(number).padStart(2, '0'))
  /** Mostly within the limits, at times just outside of them. */
  const two = (min: number, max: number) =>
    fc.oneof({ weight: 9, arbitrary: padded(min + 1, max - 1) }, { weight: 1, arbitrary: padded(min, max) })
  const year = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1975, max: 2025 }) },
    { weight: 1, arbitrary: fc.constantFrom(0, 1, 99, 1969, 1970, 2100, 9999) },
  )
  const date = fc
    .tuple(year, two(0, 13), two(0, 32))
    .map(([y, month, day]) => `${String(y).padStart(4, '0')}-${month}-${day}`)
  const time = fc
    .tuple(
      two(0, 25),
      two(0, 61),
      fc.option(fc.tuple(two(0, 61), fc.option(fc.integer({ min: 1, max: 10 }).chain(digits)))),
    )
    .map(([hour, minute, rest]) => `${hour}:${minute}${rest ? `:${rest[0]}${rest[1] ? `.${rest[1]}` : ''}` : ''}`)
  const offset = fc.oneof(
    fc.constantFrom('', '', 'Z', 'Z', ' UTC', ' EST', ' BC', 'z'),
    fc
      .tuple(fc.constantFrom('+', '-'), two(0, 17), fc.constantFrom('', ':'), two(0, 61))
      .map(([sign, hours, colon, minutes]) => `${sign}${hours}${colon}${minutes}`),
    fc.tuple(fc.constantFrom('+', '-'), two(0, 17)).map(([sign, hours]) => sign + hours),
  )
  const isoText = fc.oneof(
    date,
    fc
      .tuple(date, fc.constantFrom('T', ' ', 'T', ' ', 'T', ' ', '  ', 't'), time, offset)
      .map((parts) => parts.join('')),
  )
  const epochText = fc.oneof(
    fc.constantFrom(10, 13, 16).chain(digits),
    fc.integer({ min: 0, max: 2_000_000_000 }).map((seconds) => `${String(seconds).padStart(10, '0')}123456`),
    fc.integer({ min: 8, max: 18 }).chain(digits),
  )
  const slashed = fc
    .tuple(two(0, 32), two(0, 13), fc.integer({ min: 1975, max: 2025 }), fc.option(time))
    .map(([day, month, y, t]) => `${day}/${month}/${y}${t ? ` ${t}` : ''}`)
  const oddCharacter = fc.constantFrom(...'0123456789-:.TZ +/_%eE,\n\t٣３–Ｔ', 'UTC', ' UTC', '\u00a0')
  const mutated = (texts: fc.Arbitrary<string>) =>
    fc
      .tuple(texts, fc.constantFrom('replace', 'insert', 'delete', 'swap'), fc.nat(), oddCharacter)
      .map(([text, how, where, odd]) => {
        const at = where % (text.length + 1)
        const rest = text.slice(at + 1)
        if (how === 'replace') return text.slice(0, at) + odd + rest
        if (how === 'insert') return text.slice(0, at) + odd + text.slice(at)
        if (how === 'delete') return text.slice(0, at) + rest
        return text.slice(0, at) + (rest[0] ?? '') + (text[at] ?? '') + rest.slice(1)
      })
  const given = fc.oneof(isoText, epochText, slashed)
  const text = fc.oneof(
    { weight: 4, arbitrary: given },
    { weight: 4, arbitrary: mutated(given) },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 30 }).map((any) => any.replaceAll('\0', '')) },
  )
  const format = fc.constantFrom(
    auto,
    auto,
    parseTimeFormat('iso'),
    parseTimeFormat('epoch-ms'),
    parseTimeFormat('DD/MM/YYYY'),
    parseTimeFormat('DD/MM/YYYY HH24:MI:SS'),
    parseTimeFormat('YYYY-MM-DDTHH24:MI'),
  )

  test('the server, fast and strict, and the model agree', { tags: 'property' }, async () => {
    let instants = 0
    await withServer(async (askServer) => {
      await assertProperty(
        fc.asyncProperty(
          fc.array(text, { minLength: 100, maxLength: 200 }),
          format,
          fc.constantFrom(...zones),
          async (texts, chosen, zone) => {
            const { strict, fast } = await askServer(texts, chosen, zone)
            const expected = texts.map((given) => instantOf(given, chosen, zone))
            for (const [index, given] of texts.entries()) {
              const [seen, instant] = [strict[index]!, expected[index]!]
              expect([given, fast[index]]).toEqual([given, seen])
              const isOutside = instant !== null && instant > lastExactMicros
              const isDisputed = instant !== null && zone !== 'UTC' && instant < firstCommonMicros
              if (isOutside || isDisputed) expect(seen).not.toBeNull()
              else expect([given, seen]).toEqual([given, instant])
            }
            instants += strict.filter((instant) => instant !== null).length
          },
        ),
        120,
        { endOnFailure: true },
      )
    })
    expect(instants).toBeGreaterThan(atLeast(1_000))
  })
})
