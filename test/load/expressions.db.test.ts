/** The grammar of `--map` and `--id-from` as it ends up in events: the same for CSV and NDJSON. */
import { describe, expect, test } from 'vitest'
import type { ImportOptions } from '../../src/lib/import/options.js'
import { parseIdFrom, parseMap } from '../../src/lib/load/mapping/map-parser.js'
import { codesOf, csvOf, importInto } from '../import/import-helpers.js'
import { sharedDatabase } from '../support/postgres/shared-database.js'

const database = sharedDatabase()
const at = '2025-01-31T10:20:30Z'
const id = (n: number) => `a0eebc99-9c0b-4ef8-bb6d-${String(n).padStart(12, '0')}`

type Row = Readonly<Record<string, unknown>>

/** Documents as they are, and as a CSV in which an object or an array is its JSON text. */
async function importBoth(documents: readonly Row[], options: ImportOptions) {
  const columns = [...new Set(documents.flatMap(Object.keys))]
  const cell = (value: unknown) =>
    value === undefined || value === null ? null : typeof value === 'object' ? JSON.stringify(value) : String(value)
  const rows = documents.map((document) => columns.map((column) => cell(document[column])))
  const json = await importInto(
    database(),
    documents.map((document) => JSON.stringify(document)).join('\n'),
    options,
    'events.ndjson',
  )
  return { csv: await importInto(database(), csvOf([columns, ...rows]), options), json }
}

const events = ({ events: stored }: Awaited<ReturnType<typeof importInto>>) =>
  stored.map(({ properties, ...event }) => ({ ...event, properties: JSON.parse(properties) as unknown }))

describe('fields', () => {
  test('constants and joined texts; one part that is not set leaves the next alternative', async () => {
    const map = parseMap(
      "event_id=id,occurred_at=(date + ' ' + time)|day,user_id=shop + '/' + user|device,event_type=kind|'purchase'",
    )
    const { csv, json } = await importBoth(
      [
        { id: id(1), date: '2025-01-31', time: '10:20:30', day: null, shop: 's', user: 'u', device: 'd', kind: 'view' },
        { id: id(2), date: '2025-01-31', time: '', day: '2025-02-01', shop: 's', user: '', device: 'd', kind: null },
      ],
      { map },
    )
    expect(events(json)).toMatchObject([
      { occurred_at: '2025-01-31T10:20:30.000000', user_id: 's/u', event_type: 'view' },
      { occurred_at: '2025-02-01T00:00:00.000000', user_id: 'd', event_type: 'purchase' },
    ])
    expect(events(csv).map(({ properties: _, ...event }) => event)).toEqual(
      events(json).map(({ properties: _, ...event }) => event),
    )
    expect(events(csv).map(({ properties }) => properties)).toEqual([{ device: 'd' }, {}])
  })

  test('a path goes on inside of a text that holds JSON, at any depth', async () => {
    const message = { id: id(1), who: { name: 'ann' }, at, inner: JSON.stringify({ action: 'login' }) }
    const map = parseMap(
      'event_id=message.id,occurred_at=message.at,user_id=message.who.name,event_type=message.inner.action',
    )
    const csv = await importInto(
      database(),
      csvOf([
        ['message', 'host'],
        [JSON.stringify(message), 'h'],
      ]),
      { map },
    )
    const deep = { message: JSON.stringify(message), host: 'h' }
    const json = await importInto(database(), JSON.stringify(deep), { map }, 'events.ndjson')
    for (const imported of [csv, json]) {
      expect(events(imported)).toMatchObject([
        { event_id: id(1), user_id: 'ann', event_type: 'login', properties: { host: 'h' } },
      ])
    }
    const broken = await importInto(database(), '{"message":"{no json"}\n{"message":5}\n', { map }, 'events.ndjson')
    expect(codesOf(broken)).toEqual(['missing_event_id', 'missing_event_id'])
  })

  test('in a CSV the longest column name comes first', async () => {
    const map = parseMap('user_id=ctx.user.id,event_type=ctx.kind')
    const header = ['event_id', 'occurred_at', 'ctx', 'ctx.user']
    const row = [id(1), at, '{"user":{"id":"wrong"},"kind":"view"}', '{"id":"ann"}']
    expect(events(await importInto(database(), csvOf([header, row]), { map }))).toMatchObject([
      { user_id: 'ann', event_type: 'view' },
    ])
  })
})

describe('properties', () => {
  const base = { event_id: id(1), occurred_at: at, user_id: 'u', event_type: 'view' }
  const propertiesOf = async (document: Row, properties: string, extra: ImportOptions = {}) => {
    const { csv, json } = await importBoth([{ ...base, ...document }], {
      map: parseMap(`properties=${properties}`),
      ...extra,
    })
    return { csv: events(csv)[0]?.properties ?? codesOf(csv), json: events(json)[0]?.properties ?? codesOf(json) }
  }

  test('a list is merged, the earlier wins, and rest is what is left', async () => {
    const document = { first: { a: 1, b: 1 }, second: { b: 2, c: 2 }, c: 'x', d: 'y' }
    expect((await propertiesOf(document, '[first, second, rest]')).json).toEqual({ a: 1, b: 1, c: 2, d: 'y' })
    expect((await propertiesOf(document, '[first, second, rest]')).csv).toEqual({ a: 1, b: 1, c: 2, d: 'y' })
    expect((await propertiesOf(document, '[rest, second]')).json).toEqual({
      b: 2,
      c: 'x',
      d: 'y',
      first: { a: 1, b: 1 },
    })
    expect((await propertiesOf(document, '[first]')).csv).toEqual({ a: 1, b: 1 })
    expect((await propertiesOf(document, '[]')).json).toEqual({})
    expect((await propertiesOf({ properties: { a: 1 } }, 'rest')).json).toEqual({ properties: { a: 1 } })
    expect((await propertiesOf({ first: null, d: 'y' }, '[first, rest]')).json).toEqual({ d: 'y' })
  })

  test.each([
    [
      'GA4',
      [
        { key: 's', value: { string_value: 'x', int_value: null } },
        { key: 'n', value: { int_value: '12' } },
        { key: 'f', value: { double_value: 1.5 } },
      ],
      { s: 'x', n: 12, f: 1.5 },
    ],
    [
      'OTLP',
      [
        { key: 'a', value: { stringValue: '5' } },
        { key: 'b', value: { intValue: '5' } },
        { key: 'l', value: { arrayValue: { values: [{ stringValue: 'x' }, { intValue: '2' }] } } },
        { key: 'm', value: { kvlistValue: { values: [{ key: 'k', value: { boolValue: true } }] } } },
      ],
      { a: '5', b: 5, l: ['x', 2], m: { k: true } },
    ],
    [
      'DynamoDB',
      {
        s: { S: '5' },
        n: { N: '5.25' },
        m: { M: { ok: { BOOL: true } } },
        l: { L: [{ N: '1' }, { S: 'a' }] },
        nothing: { NULL: true },
      },
      { s: '5', n: 5.25, m: { ok: true }, l: [1, 'a'], nothing: null },
    ],
    ['plain pairs', [{ k: 'a', v: 1 }, { name: 'b', value: 'x' }, { other: 1 }], { a: 1, b: 'x' }],
    ['values that are objects of several members', [{ key: 'a', value: { x: 1, y: 2 } }], { a: { x: 1, y: 2 } }],
    ['a large number', [{ key: 'a', value: { int_value: '9007199254740991' } }], { a: 9007199254740991 }],
    [
      'one member that is null',
      [
        { key: 'a', value: { string_value: null } },
        { key: 'b', value: { int_value: null } },
      ],
      { a: null, b: null },
    ],
    [
      'a number as it is, and what is no number',
      [
        { key: 'a', value: { int_value: 5 } },
        { key: 'b', value: { intValue: 'x' } },
      ],
      { a: 5, b: 'x' },
    ],
    [
      'a text that is empty or digits',
      [
        { key: 'a', value: { string_value: '' } },
        { key: 'b', value: { stringValue: '5' } },
      ],
      { a: '', b: '5' },
    ],
    [
      'a member beside it',
      [{ key: 'a', value: { string_value: 'x', unit: 'm' } }],
      { a: { string_value: 'x', unit: 'm' } },
    ],
    ['an empty list', [], {}],
  ])('pairs of %s', async (_, list, expected) => {
    const { csv, json } = await propertiesOf({ list }, '[pairs(list)]')
    expect([csv, json]).toEqual([expected, expected])
  })

  test('pairs of two arrays, and one key of pairs as a field', async () => {
    const zipped = await propertiesOf(
      { keys: ['a', 'b', null], values: [1, { string_value: 'x' }, 2] },
      'pairs(keys, values)',
    )
    expect(zipped.json).toEqual({ a: 1, b: 'x' })
    expect(zipped.csv).toEqual({ a: 1, b: 'x' })
    const attributes = [{ key: 'user.id', value: { stringValue: 'ann' } }]
    const { csv, json } = await importBoth([{ ...base, attributes }], {
      map: parseMap('user_id=pairs(attributes)."user.id"|user_id'),
    })
    expect([events(csv)[0]?.user_id, events(json)[0]?.user_id]).toEqual(['ann', 'ann'])
  })

  test('pairs of something else is refused, not lost', async () => {
    expect((await propertiesOf({ list: 'x' }, 'pairs(list)')).json).toEqual(['properties_not_an_object'])
    expect((await propertiesOf({ list: 5 }, '[pairs(list), rest]')).json).toEqual(['properties_not_an_object'])
    expect((await propertiesOf({ list: 'x' }, '[list, rest]')).csv).toEqual(['properties_not_an_object'])
  })
})

describe('--id-from', () => {
  const rows = (key: string, ids: readonly string[]) =>
    ids.map((value) => ({ [key]: value, occurred_at: at, user_id: 'u', event_type: 'view' }))
  const idsOf = async (idFrom: string, ids: readonly string[]) => {
    const { csv, json } = await importBoth(rows('key', ids), { idFrom: parseIdFrom(idFrom) })
    expect(codesOf(csv)).toEqual(codesOf(json))
    expect(events(csv).map(({ event_id }) => event_id)).toEqual(events(json).map(({ event_id }) => event_id))
    return { ids: events(json).map(({ event_id }) => event_id), codes: codesOf(json) }
  }

  test('one source that is a UUID is kept, in any form; anything else is derived', async () => {
    const { ids } = await idsOf('key', [id(1).toUpperCase(), 'b0eebc999c0b4ef8bb6d000000000002', 'ajs-1'])
    expect(ids).toContain(id(1))
    expect(ids).toContain('b0eebc99-9c0b-4ef8-bb6d-000000000002')
    expect(ids.filter((one) => one[14] === '8')).toHaveLength(1)
  })

  test('a UUID that stands for none is refused', async () => {
    expect((await idsOf('key', ['00000000-0000-0000-0000-000000000000'])).codes).toEqual(['invalid_event_id'])
  })

  test('a constant is a namespace, and no source of its own', async () => {
    const [orders, visits, plain] = [
      await idsOf("'orders',key", ['7']),
      await idsOf("'visits',key", ['7']),
      await idsOf('key', ['7']),
    ]
    expect(new Set([orders.ids[0], visits.ids[0], plain.ids[0]]).size).toBe(3)
    expect((await idsOf("'orders',key", [''])).codes).toEqual(['missing_event_id'])
  })

  test('alternatives and joined texts', async () => {
    const one = await importBoth([{ a: null, b: 'x', occurred_at: at, user_id: 'u', event_type: 'v' }], {
      idFrom: parseIdFrom('(a|b)'),
    })
    expect(events(one.csv)[0]?.event_id).toBe((await idsOf('key', ['x'])).ids[0])
  })
})
