/** `--types`: what texts become as properties, and what stays as it was and is counted. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { getBatch } from '../../src/lib/batches/batches.js'
import type { ImportOptions } from '../../src/lib/import/options.js'
import { storedOptions } from '../../src/lib/import/reading/stored-reading.js'
import { parseIdFrom, parseMap, parseNames } from '../../src/lib/load/mapping/map-parser.js'
import { parseTypes } from '../../src/lib/load/mapping/value-types.js'
import { assertProperty } from '../support/effort.js'
import { sharedDatabase } from '../support/postgres/shared-database.js'
import { errorOf } from '../support/temp-dir.js'
import { csvOf, importInto } from './import-helpers.js'

const database = sharedDatabase()
const idOf = (n: number) => `a0eebc99-9c0b-4ef8-bb6d-${String(n).padStart(12, '0')}`
const base = { occurred_at: '2025-01-31T10:20:30Z', user_id: 'u', event_type: 'view' }

/** Records of columns beside an event's. */
const csv = (columns: readonly string[], rows: readonly (readonly (string | null)[])[]) =>
  csvOf([
    ['event_id', ...Object.keys(base), ...columns],
    ...rows.map((row, n) => [idOf(n), ...Object.values(base), ...row]),
  ])
const load = (content: string, types: string, options: ImportOptions = {}, name = 'events.csv') =>
  importInto(database(), content, { types: parseTypes('--types', [types]), ...options }, name)
const loadJson = (records: readonly object[], types: string, options: ImportOptions = {}) =>
  load(
    records.map((record, n) => JSON.stringify({ event_id: idOf(n), ...base, ...record })).join('\n'),
    types,
    options,
    'events.ndjson',
  )
const texts = ({ events }: Awaited<ReturnType<typeof load>>) => events.map(({ properties }) => properties)

describe('what is of a type', () => {
  const numbers = [
    '35.79',
    '1.10',
    '-0.50',
    '0',
    '2103807459595387724',
    '0.000000000000000000000000000001',
    '1e5',
    '2E-3',
  ]
  const noNumbers = [
    'NaN',
    'Infinity',
    '0x10',
    '1,5',
    ' 5',
    '5 ',
    '+5',
    '.5',
    '5.',
    '007',
    '1_000',
    '1e400000',
    '--1',
    'five',
  ]
  const written = numbers.slice(0, 6).concat('100000', '0.002')

  test('numbers keep every digit, and other texts stay', async () => {
    const all = [...numbers, ...noNumbers]
    const imported = await load(
      csv(
        ['n'],
        all.map((text) => [text]),
      ),
      'n=number',
    )
    const expected = [...written, ...noNumbers.map((text) => JSON.stringify(text))].map((text) => `{"n": ${text}}`)
    expect(texts(imported)).toEqual(expected)
    const counted = `n=number (${noNumbers.length} records)`
    expect(imported.outcome.warnings).toEqual([expect.stringContaining(`stay as they are given: ${counted}`)])
    const json = await loadJson(
      all.map((n) => ({ n })),
      'n=number',
    )
    expect([texts(json), json.outcome.warnings]).toEqual([expected, imported.outcome.warnings])
  })

  test('booleans, and JSON of any kind', async () => {
    const booleans = ['true', 'FALSE', 'T', 'f', '1', '0']
    const values = ['{"a":[1.10,null]}', '[]', '"x"', '5', 'null']
    const others = ['yes', '2', '', '{"a":', 'x']
    const rows = [...booleans, ...values, ...others].map((text) => [text, text])
    const imported = await load(csv(['b', 'j'], rows), 'b=boolean,j=json')
    expect(texts(imported).map((text) => JSON.parse(text))).toEqual([
      { b: true, j: true },
      { b: false, j: 'FALSE' },
      { b: true, j: 'T' },
      { b: false, j: 'f' },
      { b: true, j: 1 },
      { b: false, j: 0 },
      { b: values[0], j: { a: [1.1, null] } },
      { b: '[]', j: [] },
      { b: '"x"', j: 'x' },
      { b: '5', j: 5 },
      { b: 'null', j: null },
      { b: 'yes', j: 'yes' },
      { b: '2', j: 2 },
      { b: '', j: '' },
      { b: '{"a":', j: '{"a":' },
      { b: 'x', j: 'x' },
    ])
    expect(imported.outcome.warnings[0]).toContain('b=boolean (9 records), j=json (6 records)')
  })

  test('of JSON also numbers and booleans; what is empty or null says nothing', async () => {
    const values = ['true', 1, 0, true, 2, null, '', [], '1.0']
    const imported = await loadJson(
      values.map((v) => ({ v, n: v })),
      'v=boolean,n=number',
    )
    expect(texts(imported).map((text) => JSON.parse(text))).toEqual([
      { v: true, n: 'true' },
      { v: true, n: 1 },
      { v: false, n: 0 },
      { v: true, n: true },
      { v: 2, n: 2 },
      { v: null, n: null },
      { v: '', n: '' },
      { v: [], n: [] },
      { v: '1.0', n: 1 },
    ])
    expect(imported.outcome.warnings[0]).toContain('n=number (3 records), v=boolean (3 records)')
  })
})

describe('where values come from', () => {
  test('explicit properties, lists, pairs, later alternatives, and JSON in a column', async () => {
    const object = { price: '1.50', deep: { n: '2' } }
    const expected = ['{"deep": {"n": 2}, "price": 1.50}']
    const types = 'properties.price=number,properties.deep.n=number'
    expect(texts(await loadJson([{ properties: object }], types))).toEqual(expected)
    expect(texts(await load(csv(['properties'], [[JSON.stringify(object)]]), types))).toEqual(expected)
    const listed = { map: parseMap('properties=[a, rest]') }
    expect(texts(await loadJson([{ a: { x: '1' }, y: '2' }], 'a.x=number,y=number', listed))).toEqual([
      '{"x": 1, "y": 2}',
    ])
    const pairs = { map: parseMap('properties=[pairs(p), rest]') }
    const given = { p: [{ key: 'x', value: '1' }] }
    expect(texts(await loadJson([given], 'p.x=number', pairs))).toEqual(['{"x": 1}'])
    const later = { map: parseMap('user_id=user_id|age') }
    expect(texts(await load(csv(['age'], [['30']]), 'age=number', later))).toEqual(['{"age": 30}'])
    const opened = await load(csv(['c'], [['{"n":"5","m":"x"}']]), 'c.n=number,c=json,c.m=number')
    expect(texts(opened)).toEqual(['{"c": {"m": "x", "n": 5}}'])
    expect(opened.outcome.warnings[0]).toContain('c.m=number (1 record)')
  })

  test('derived ids stay what they are, and a dropped column has no type', async () => {
    const idFrom = parseIdFrom('price')
    const content = csv(['price', 'x'], [['35.79', 'y']])
    const untyped = await importInto(database(), content, { idFrom })
    const typed = await load(content, 'price=number,x=number', { idFrom, drop: parseNames('--drop', 'x') })
    expect(typed.events[0]!.event_id).toBe(untyped.events[0]!.event_id)
    expect(texts(typed)[0]).toContain('"price": 35.79')
    expect(typed.outcome.warnings).toEqual([])
  })

  test('a key that properties hide is named for its value, not for its type', async () => {
    const same = await load(csv(['n', 'properties'], [['5', '{"n":"5"}']]), 'n=number')
    expect([texts(same), same.outcome.warnings]).toEqual([['{"n": 5}'], []])
  })

  test('only events are counted, each time: rejects, duplicates, chunks, a dry run', async () => {
    const rows = ['x', '1', 'y', 'z'].map((n, at) => [at === 3 ? 'bad' : idOf(at), ...Object.values(base), n])
    const content = csvOf([['event_id', ...Object.keys(base), 'n'], ...rows, rows[0]!])
    for (const options of [{}, { chunkBytes: 1 }, { atomic: true }, { dryRun: true }, { load: 'staged' as const }]) {
      const { outcome } = await load(content, 'n=number', options)
      expect(outcome).toMatchObject({ read: 5, duplicates: 1, rejected: 1 })
      expect(outcome.warnings).toEqual([expect.stringContaining('n=number (3 records)')])
    }
  })
})

test('a batch knows how it was read: types, and what is dropped inside of a column', async () => {
  const options = { drop: parseNames('--drop', 'c.secret') }
  const { outcome } = await load(
    csv(['a.b', 'c'], [['1', '{"n":"2","secret":"s"}']]),
    'c.n=number,c=json,a.b=number',
    options,
  )
  const { reading } = await getBatch(database(), outcome.id!)
  expect(reading.types).toEqual({ '"a.b"': 'number', c: 'json', 'c.n': 'number' })
  const again = storedOptions(reading)
  expect(again.drop).toEqual(options.drop)
  const other = await importInto(database(), csv(['a.b', 'c'], [['1', '{"n":"2","secret":"s"}']]), again)
  expect(texts(other)).toEqual(['{"c": {"n": 2}, "a.b": 1}'])
})

test.each([
  ['user_id=number', 'which is the user_id of events'],
  ['properties=json', 'name what is inside of it'],
  ['c.n=number', 'give c the type json, too'],
])('%s is refused: %s', async (types, why) => {
  const error = await errorOf(() => load(csv(['c', 'properties'], [['{}', '{}']]), types))
  expect(error).toMatchObject({ code: 'usage', message: expect.stringContaining(why) })
})

test('names that no record has: a CSV is refused, JSON is warned of', async () => {
  const error = await errorOf(() => load(csv(['price'], [['1']]), 'prise=number'))
  expect(error).toMatchObject({ code: 'missing_column', suggestions: ['Perhaps: --types price=number'] })
  const left = { map: parseMap('properties=[a]') }
  const { message } = await errorOf(() => loadJson([{ a: {}, n: '1' }], 'n=number', left))
  expect(message).toContain('the mapping of properties leaves it out')
  const { outcome } = await loadJson([{ price: '1' }], 'prise=number')
  expect(outcome.warnings).toEqual([
    expect.stringMatching(/^--types names a key that .*: prise\. Perhaps: --types price$/),
  ])
})

test('any values are what a model says, from CSV and JSON, whatever the chunks', { tags: 'property' }, async () => {
  const text = fc.oneof(
    fc.stringMatching(/^[-+]?[0-9]{1,31}([.][0-9]{1,31})?([eE][-+]?[0-9]{1,2})?$/),
    fc.constantFrom(
      'true',
      'False',
      't',
      '1',
      '0',
      'NaN',
      ' 1',
      '1 ',
      '1\n',
      '[1]',
      '{"a":"1"}',
      '{',
      '"',
      'null',
      '\\',
      '',
    ),
    fc.string({ unit: 'grapheme', maxLength: 5 }).map((one) => one.replace(/\p{Cc}/gu, '?')),
  )
  const row = fc.tuple(text, text, text, text)
  const columns = ['n', 'b', 'j', 'plain'] as const
  const isNumber = (value: string) => /^[-\d]/.test(value) && /\d$/.test(value) && typeof parsed(value) === 'number'
  const modelOf: Readonly<Record<string, (value: string) => unknown>> = {
    n: (value) => (isNumber(value) ? Number(value) : undefined),
    b: (value) => (/^(true|t|1)$/i.test(value) ? true : /^(false|f|0)$/i.test(value) ? false : undefined),
    j: parsed,
    plain: (value) => value,
  }
  await assertProperty(
    fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 8 }),
      fc.constantFrom(1, 200, 100_000),
      fc.boolean(),
      async (rows, chunkBytes, isJson) => {
        const options = { chunkBytes, maxRejects: { records: 0 } }
        const types = 'n=number,b=boolean,j=json'
        const imported = isJson
          ? await loadJson(
              rows.map((values) => Object.fromEntries(columns.map((name, at) => [name, values[at]]))),
              types,
              options,
            )
          : await load(csv(columns, rows), types, options)
        const counts = new Map<string, number>()
        const expected = rows.map((values) =>
          Object.fromEntries(
            columns.map((name, at) => {
              const value = values[at]!
              const typed = modelOf[name]!(value)
              if (typed === undefined && value !== '') counts.set(name, (counts.get(name) ?? 0) + 1)
              return [name, typed === undefined ? value : typed]
            }),
          ),
        )
        expect(texts(imported).map((one) => JSON.parse(one))).toEqual(expected)
        const plain = /^-?[0-9]+([.][0-9]+)?$/
        for (const [at, [n]] of rows.entries()) {
          if (!isNumber(n) || !plain.test(n) || /^-[0.]+$/.test(n)) continue
          expect(texts(imported)[at]).toContain(`"n": ${n}`)
        }
        const warned = imported.outcome.warnings.join()
        const named = [...warned.matchAll(/(\w)=\w+ \((\d+) record/g)].map(([, name, count]) => [name, Number(count)])
        expect(new Map(named as [string, number][])).toEqual(counts)
      },
    ),
    150,
  )
})

/** JSON that PostgreSQL takes; undefined when it is none. */
function parsed(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return undefined
  }
}
