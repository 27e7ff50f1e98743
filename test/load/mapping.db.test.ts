/** From columns and keys to fields: mappings, what is left over, and ids that are derived, as they end up stored. */
import { describe, expect, test } from 'vitest'
import type { ImportOptions } from '../../src/lib/import/options.js'
import { parseIdFrom, parseMap } from '../../src/lib/load/mapping/map-parser.js'
import { codesOf, csvOf, eventHeader, importInto } from '../import/import-helpers.js'
import { sharedDatabase } from '../support/postgres/shared-database.js'

const database = sharedDatabase()
const importCsv = (rows: readonly (readonly (string | null)[])[], options: ImportOptions = {}) =>
  importInto(database(), csvOf(rows), options)
const importJson = (documents: readonly object[], options: ImportOptions = {}) =>
  importInto(database(), documents.map((document) => JSON.stringify(document)).join('\n'), options, 'events.ndjson')

const idOf = (n: number) => `a0eebc99-9c0b-4ef8-bb6d-${String(n).padStart(12, '0')}`
const at = '2025-01-31T10:20:30Z'
const fields = ['event_id', 'occurred_at', 'user_id', 'event_type'] as const
const properties = ({ events }: { events: readonly { properties: string }[] }) =>
  events.map((event) => JSON.parse(event.properties))

describe('a field with several sources', () => {
  const map = parseMap('event_id=uuid,occurred_at=ts,user_id=login|device|cookie,event_type=name')

  test('is the first that is set; an empty text is not', async () => {
    const header = ['uuid', 'ts', 'login', 'device', 'cookie', 'name']
    const users = [
      ['a', 'b', 'c'],
      [null, 'b', 'c'],
      ['', 'b', 'c'],
      [null, '', 'c'],
      ['', null, ''],
    ]
    const rows = users.map((user, n) => [idOf(n), at, ...user, 'view'])
    const csv = await importCsv([header, ...rows], { map })
    expect(csv.events.map(({ user_id }) => user_id)).toEqual(['a', 'b', 'b', 'c'])
    expect(codesOf(csv)).toEqual([null, null, null, null, 'missing_user_id'])
    const documents = rows.map((row) => Object.fromEntries(header.map((name, column) => [name, row[column]])))
    const json = await importJson(documents, { map })
    expect([codesOf(json), json.events]).toEqual([codesOf(csv), csv.events])
  })

  test('in JSON what is neither text nor number is passed over', async () => {
    const users: unknown[] = [{ id: 1 }, [1], true, null, 17, 'u']
    const documents = users.map((login, n) => ({ uuid: idOf(n), ts: at, login, device: 'd', name: 'view' }))
    const { events } = await importJson(documents, { map })
    expect(events.map(({ user_id }) => user_id)).toEqual(['d', 'd', 'd', 'd', '17', 'u'])
  })

  test('one source can serve two fields', async () => {
    const { events } = await importCsv([fields, [idOf(0), at, 'u', 'view']], { map: parseMap('event_type=user_id') })
    expect(events).toMatchObject([{ user_id: 'u', event_type: 'u', properties: '{"event_type": "view"}' }])
  })
})

describe('a source that is set and was not chosen', () => {
  const map = parseMap('user_id=user_id|anonymous_id|device.id,properties=event_properties|user_properties')
  const base = { occurred_at: at, event_type: 'view' }

  test('of JSON becomes a property under its own name', async () => {
    const records = [
      [{ user_id: 'u', anonymous_id: 'a' }, 'u', { anonymous_id: 'a' }],
      [{ user_id: { id: 5, none: null }, anonymous_id: 'a' }, 'a', { user_id: { id: 5, none: null } }],
      [{ user_id: ['x'], anonymous_id: 7 }, '7', { user_id: ['x'] }],
      [{ user_id: 'u', anonymous_id: '' }, 'u', {}],
      [{ user_id: null, anonymous_id: 'a' }, 'a', {}],
      [{ user_id: '', anonymous_id: false, device: { id: 'd' } }, 'd', { anonymous_id: false, device: { id: 'd' } }],
      [
        { user_id: 'u', event_properties: { a: 1 }, user_properties: { b: 2 } },
        'u',
        { a: 1, user_properties: { b: 2 } },
      ],
      [{ user_id: 'u', event_properties: null, user_properties: { b: 2 }, c: 3 }, 'u', { b: 2, c: 3 }],
      [
        { user_id: 'u', event_properties: {}, user_properties: null, properties: { p: 1 } },
        'u',
        { properties: { p: 1 } },
      ],
    ] as const
    const documents = records.map(([given], n) => ({ event_id: idOf(n), ...base, ...given }))
    for (const padding of [{}, { pad: 'x'.repeat(1_100_000) }]) {
      // A record as long as that is judged strictly.
      const imported = await importJson([...documents, { event_id: 'x', ...padding }], { map })
      expect(imported.events.map(({ user_id }) => user_id)).toEqual(records.map(([, user]) => user))
      expect(properties(imported)).toEqual(records.map(([, , left]) => left))
    }
  })

  test('of JSON: properties and properties_json, of which the first is read', async () => {
    const imported = await importJson([
      { event_id: idOf(0), ...base, user_id: 'u', properties: { a: 1 }, properties_json: '{"b":2}' },
      { event_id: idOf(1), ...base, user_id: 'u', properties: null, properties_json: '{"b":2}' },
    ])
    expect(properties(imported)).toEqual([{ a: 1, properties_json: '{"b":2}' }, { b: 2 }])
  })

  test('of a CSV, too, as a text', async () => {
    const header = [
      'event_id',
      'occurred_at',
      'event_type',
      'user_id',
      'anonymous_id',
      'properties',
      'properties_json',
      'c',
    ]
    const rows = [
      [idOf(0), at, 'view', 'u', 'a', '{"a":1}', '{"b":2}', null],
      [idOf(1), at, 'view', null, 'a', null, '{"b":2}', 'c'],
      [idOf(2), at, 'view', 'u', '', '{"a":1}', '', null],
    ]
    const options = { map: parseMap('user_id=user_id|anonymous_id') }
    const imported = await importCsv([header, ...rows], options)
    expect(properties(imported)).toEqual([
      { a: 1, anonymous_id: 'a', properties_json: '{"b":2}' },
      { b: 2, c: 'c' },
      { a: 1 },
    ])
    const strict = await importCsv([header, ...rows, ['bad', ...rows[0]!.slice(1)]], options)
    expect(strict.events).toEqual(imported.events)
  })

  test('stays a field when it is the source of another one', async () => {
    const both = parseMap('user_id=user_id|login,event_type=login|kind')
    const csv = await importCsv(
      [
        ['event_id', 'occurred_at', 'user_id', 'login', 'kind'],
        [idOf(0), at, 'u', 'l', 'k'],
      ],
      { map: both },
    )
    expect(csv.events).toMatchObject([{ user_id: 'u', event_type: 'l', properties: '{"kind": "k"}' }])
    const json = await importJson([{ event_id: idOf(0), occurred_at: at, user_id: 'u', login: 'l', kind: 'k' }], {
      map: both,
    })
    expect(json.events).toEqual(csv.events)
  })
})

describe('what is left over becomes properties', () => {
  test('columns as texts; an absent one is left out, an empty text is kept', async () => {
    const imported = await importCsv([
      [...fields, 'plan', 'price'],
      [idOf(0), at, 'u', 'view', 'pro', '1.10'],
      [idOf(1), at, 'u', 'view', null, ''],
      [idOf(2), at, 'u', 'view', null, null],
    ])
    expect(properties(imported)).toEqual([{ plan: 'pro', price: '1.10' }, { price: '' }, {}])
  })

  test('explicit properties win on the same key, and must be an object all the same', async () => {
    const imported = await importCsv([
      [...eventHeader, 'plan', 'country'],
      [idOf(0), at, 'u', 'view', '{"plan":{"name":"pro"}}', 'free', 'UA'],
      [idOf(1), at, 'u', 'view', null, 'free', 'UA'],
      [idOf(2), at, 'u', 'view', '[]', 'free', 'UA'],
      [idOf(3), at, 'u', 'view', '{', 'free', 'UA'],
      [idOf(4), at, 'u', 'view', '{"plan":null}', 'free', null],
    ])
    expect(properties(imported)).toEqual([
      { plan: { name: 'pro' }, country: 'UA' },
      { plan: 'free', country: 'UA' },
      { plan: null },
    ])
    expect(codesOf(imported)).toEqual([null, null, 'properties_not_an_object', 'invalid_properties', null])
  })

  test('keys of JSON with their types, and explicit properties win there, too', async () => {
    const base = { occurred_at: at, user_id: 'u', event_type: 'view' }
    const imported = await importJson([
      { event_id: idOf(0), ...base, plan: 'free', price: 1.1, tags: ['a'], on: true, none: null },
      { event_id: idOf(1), ...base, plan: 'free', price: 2, properties: { plan: 'pro' } },
      { event_id: idOf(2), ...base, plan: 'free', properties_json: '{"plan":"pro"}' },
    ])
    expect(properties(imported)).toEqual([
      { plan: 'free', price: 1.1, tags: ['a'], on: true, none: null },
      { plan: 'pro', price: 2 },
      { plan: 'pro' },
    ])
  })

  test('names that mean something elsewhere are only names', async () => {
    const names = [
      `a"b`,
      `it's`,
      '{x}',
      '{"a","b"}',
      'back\\slash',
      '\\x41',
      '$1',
      '$$',
      '%s',
      ':name',
      '?',
      '--',
      "'; DROP TABLE events; --",
      'NULL',
      'n',
      'c1',
      'code',
      'document',
      'ключ',
      '🦊',
      ' blank ',
      'a,b',
      'line\nbreak',
      '__proto__',
      'x'.repeat(300),
      '#',
      '*',
    ]
    const values = names.map((name, n) => `${n} ${name}`)
    const expected = names.map((name, n) => [name, values[n]])
    const csv = await importCsv([
      [...fields, ...names],
      [idOf(0), at, 'u', 'view', ...values],
    ])
    const sorted = (entries: readonly (readonly unknown[])[]) => entries.toSorted((a, b) => (a[0]! < b[0]! ? -1 : 1))
    expect(sorted(Object.entries(properties(csv)[0]))).toEqual(sorted(expected))
    const json = await importJson([
      Object.fromEntries([...fields.map((field, n) => [field, [idOf(0), at, 'u', 'view'][n]]), ...expected]),
    ])
    expect(json.events).toEqual(csv.events)

    for (const name of ['a"b', "it's", '{"a","b"}', 'back\\slash', '$1', 'NULL', 'n', 'c1', 'ключ', '__proto__', '#']) {
      const [source] = [{ name, path: [name] }]
      const mapped = await importCsv(
        [
          ['event_id', 'occurred_at', 'event_type', name],
          [idOf(0), at, 'view', 'me'],
        ],
        { map: { user_id: [source] } },
      )
      expect([name, mapped.events]).toMatchObject([name, [{ user_id: 'me', properties: '{}' }]])
      const document = { event_id: idOf(0), occurred_at: at, event_type: 'view', [name]: 'me' }
      const asJson = await importInto(database(), `${JSON.stringify(document)}\n`, {
        map: { user_id: [source] },
        format: 'ndjson',
      })
      expect([name, asJson.events]).toEqual([name, mapped.events])
    }
  })

  test.each([120, 400])('%i columns', async (count) => {
    const names = Array.from({ length: count }, (_, n) => `column ${n}`)
    const row = (n: number) => [idOf(n), at, 'u', 'view', ...names.map((_, column) => `${n}.${column}`)]
    const rows = Array.from({ length: 50 }, (_, n) => row(n))
    const imported = await importCsv([[...fields, ...names], ...rows, ['not a uuid', ...row(50).slice(1)]])
    expect(imported.outcome).toMatchObject({ inserted: 50, rejected: 1 })
    expect(properties(imported)[7]).toEqual(Object.fromEntries(names.map((name, column) => [name, `7.${column}`])))
  })
})

describe('paths into JSON', () => {
  test('a dot goes down one level; quotes keep a key with a dot together', async () => {
    const map = parseMap('event_id=meta.id,user_id=context.user.id|"user.id",event_type=data.0.name')
    const imported = await importJson(
      [
        {
          meta: { id: idOf(0) },
          occurred_at: at,
          context: { user: { id: 'deep' }, ip: '::1' },
          data: [{ name: 'view' }],
        },
        { meta: { id: idOf(1) }, occurred_at: at, 'user.id': 'flat', data: [{ name: 'view' }] },
        { meta: { id: idOf(2) }, occurred_at: at, user: { id: 'no' }, data: [{ name: 'view' }] },
        { meta: [], occurred_at: at },
      ],
      { map },
    )
    expect(imported.events.map(({ user_id }) => user_id)).toEqual(['deep', 'flat'])
    expect(codesOf(imported)).toEqual([null, null, 'missing_user_id', 'missing_event_id'])
    // A path takes a copy: what it leads through stays whole.
    expect(properties(imported)[0]).toMatchObject({ context: { user: { id: 'deep' }, ip: '::1' } })
    expect(properties(imported)[1]).not.toHaveProperty(['user.id'])
  })

  test('properties from a path', async () => {
    const map = parseMap('properties=payload.props|payload.text')
    const base = { occurred_at: at, user_id: 'u', event_type: 'view' }
    const imported = await importJson(
      [
        { event_id: idOf(0), ...base, payload: { props: { a: 1 } } },
        { event_id: idOf(1), ...base, payload: { text: '{"a":2}' } },
        { event_id: idOf(2), ...base, payload: { props: 5 } },
      ],
      { map },
    )
    expect(codesOf(imported)).toEqual([null, null, 'properties_not_an_object'])
    expect(properties(imported)).toMatchObject([{ a: 1 }, { a: 2 }])
  })
})

describe('ids that are derived', () => {
  const header = ['occurred_at', 'user_id', 'event_type', 'a', 'b']
  const row = (a: string | null, b: string | null) => [at, 'u', 'view', a, b]
  const idsOf = async (rows: readonly (readonly (string | null)[])[], idFrom: string) => {
    const imported = await importCsv([header, ...rows], { idFrom: parseIdFrom(idFrom) })
    expect(imported.outcome.rejected).toBe(0)
    return imported
  }
  const ids = ({ events }: { events: readonly { event_id: string }[] }) => events.map(({ event_id }) => event_id)

  test('differ when a value differs, whatever the values look like side by side', async () => {
    const different = [
      row('ab', 'c'),
      row('a', 'bc'),
      row('abc', null),
      row('abc', ''),
      row(null, 'abc'),
      row('', 'abc'),
      row('-', ''),
      row('1:a', ''),
      row('a1:b', null),
      row('ї', ''),
      row('A', 'bc'),
    ]
    const imported = await idsOf(different, 'a,b')
    expect(imported.outcome).toMatchObject({ inserted: different.length, duplicates: 0 })
    for (const id of ids(imported))
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
    expect((await idsOf(different, '*')).outcome.inserted).toBe(different.length)
  })

  test('are the same for the same content in another file, with other columns around it', async () => {
    const rows = [row('x', 'y'), row('ї', null)]
    const first = ids(await idsOf(rows, 'a,b'))
    expect(ids(await idsOf([row('other', 'record'), ...rows], 'a,b'))).toEqual(expect.arrayContaining(first))
    const turned = rows.map(([time, user, type, a, b]) => [b!, 'more', a!, type!, user!, time!])
    const other = await importCsv([['b', 'extra', 'a', 'event_type', 'user_id', 'occurred_at'], ...turned], {
      idFrom: parseIdFrom('a,b'),
    })
    expect(ids(other)).toEqual(first)
    expect(ids(await idsOf(rows, '*'))).toEqual(ids(await idsOf(rows, '*')))
    expect(ids(await idsOf(rows, 'b,a'))).not.toEqual(first)
  })

  test('identical records are one event, and with their ordinal several', async () => {
    const rows = [row('x', 'y'), row('x', 'y'), row('z', 'y'), row('x', 'y')]
    expect((await idsOf(rows, 'a,b')).outcome).toMatchObject({ inserted: 2, duplicates: 2 })
    expect((await idsOf(rows, '*')).outcome).toMatchObject({ inserted: 2, duplicates: 2 })
    const numbered = await idsOf(rows, 'a,b,#')
    expect(numbered.outcome).toMatchObject({ inserted: 4, duplicates: 0 })
    expect((await idsOf(rows, '*,#')).outcome).toMatchObject({ inserted: 4, duplicates: 0 })
    // Neither the size of a chunk nor a record that is rejected by a field moves the numbers of the others.
    const small = await importInto(database(), csvOf([header, ...rows]), {
      idFrom: parseIdFrom('a,b,#'),
      chunkBytes: 1,
    })
    expect(ids(small)).toEqual(ids(numbered))
    const bad = rows.map((fields, n) => (n === 2 ? ['bad time', ...fields.slice(1)] : fields))
    const withBad = await importCsv([header, ...bad], { idFrom: parseIdFrom('a,b,#') })
    expect(codesOf(withBad)).toEqual([null, null, 'invalid_occurred_at', null])
    expect(ids(numbered)).toEqual(expect.arrayContaining(ids(withBad)))
  })

  test('columns that are named # and * can be used in quotes', async () => {
    const named = ['occurred_at', 'user_id', 'event_type', '#', '*']
    const rows = [row('1', '1'), row('1', '2'), row('2', '1')]
    const outcomeOf = async (idFrom: string) =>
      (await importCsv([named, ...rows], { idFrom: parseIdFrom(idFrom) })).outcome
    expect(await outcomeOf('"#"')).toMatchObject({ inserted: 2, duplicates: 1 })
    expect(await outcomeOf('"#","*"')).toMatchObject({ inserted: 3, duplicates: 0 })
  })

  test('are not derived from nothing: such a record is a reject', async () => {
    const rows = [
      row(null, null),
      row('', ''),
      row(null, ''),
      row('  ', '\t'),
      row('', 'b'),
      row(null, 'b'),
      row('a', ''),
    ]
    for (const idFrom of ['a,b', 'a,b,#']) {
      const imported = await importCsv([header, ...rows], { idFrom: parseIdFrom(idFrom) })
      expect(codesOf(imported)).toEqual([...Array.from({ length: 4 }, () => 'missing_event_id'), null, null, null])
      expect(imported.outcome).toMatchObject({ inserted: 3, duplicates: 0 })
    }
    const base = { occurred_at: at, user_id: 'u', event_type: 'view' }
    const values: unknown[] = [null, '', ' \n', {}, [], { id: null }]
    const documents = [base, ...values.map((key) => ({ ...base, key, 'ctx.id': 'literal' }))]
    for (const name of ['key', 'key,other', 'ctx.id', 'key.id', 'kye']) {
      if (name === 'key') documents.pop()
      const imported = await importJson(documents, { idFrom: parseIdFrom(name) })
      expect([name, codesOf(imported)]).toEqual([name, documents.map(() => 'missing_event_id')])
      expect(imported.outcome.duplicates).toBe(0)
    }
    const quoted = await importJson(documents.slice(1, 2), { idFrom: parseIdFrom('"ctx.id"') })
    expect(quoted.outcome).toMatchObject({ inserted: 1, rejected: 0 })
  })

  test('with # are those of the records by their numbers, broken ones counted', async () => {
    const lines = ['u1,x', 'u1', 'u2,x', '"u3,x', 'u3,x', 'u3,x'].map((line) =>
      line.includes(',') ? `${at},${line}` : line,
    )
    const broken = `occurred_at,user_id,event_type\n${lines.join('\n')}\n`
    const fixed = broken.replace('\nu1\n', `\n${at},u1,y\n`).replace('"u3', 'u3')
    const options = { idFrom: parseIdFrom('user_id,#') }
    for (const chunkBytes of [1, 40, 1_000_000]) {
      const before = await importInto(database(), broken, { ...options, chunkBytes })
      expect(before.outcome).toMatchObject({ read: 6, inserted: 4, rejected: 2 })
      const after = await importInto(database(), fixed, { ...options, chunkBytes })
      expect(after.outcome).toMatchObject({ read: 6, inserted: 6, rejected: 0 })
      expect(ids(after)).toEqual(expect.arrayContaining(ids(before)))
    }
    // Of JSON, too: a line that is not JSON has a number.
    const json = (two: string) =>
      [
        `{"k":1,"occurred_at":"${at}","user_id":"u","event_type":"t"}`,
        two,
        `{"k":1,"occurred_at":"${at}","user_id":"u","event_type":"t"}`,
      ].join('\n')
    const jsonOptions = { idFrom: parseIdFrom('k,#') }
    const some = await importInto(database(), json('nonsense'), jsonOptions, 'a.ndjson')
    const all = await importInto(
      database(),
      json(`{"k":2,"occurred_at":"${at}","user_id":"u","event_type":"t"}`),
      jsonOptions,
      'a.ndjson',
    )
    expect(some.outcome).toMatchObject({ inserted: 2, rejected: 1 })
    expect(ids(all)).toEqual(expect.arrayContaining(ids(some)))
  })

  test('from JSON: any value that says something counts', async () => {
    const base = { occurred_at: at, user_id: 'u', event_type: 'view' }
    const values: unknown[] = ['x', 1, 2, true, false, { a: 1 }, { a: 2 }, [1], [2], { b: 1, a: 1 }]
    const documents = values.map((key) => ({ ...base, key }))
    const options = { idFrom: parseIdFrom('key') }
    expect((await importJson(documents, options)).outcome).toMatchObject({ inserted: documents.length, duplicates: 0 })
    const whole = await importJson(documents, { idFrom: parseIdFrom('*') })
    expect(whole.outcome).toMatchObject({ inserted: documents.length, duplicates: 0 })
    const turned = documents.map((document) => Object.fromEntries(Object.entries(document).reverse()))
    expect(ids(await importJson(turned, { idFrom: parseIdFrom('*') }))).toEqual(ids(whole))
    const twice = await importJson([...documents, ...documents], { idFrom: parseIdFrom('key,#') })
    expect(twice.outcome).toMatchObject({ inserted: 2 * documents.length, duplicates: 0 })
  })

  test('from a text or a number the same in CSV and in JSON', async () => {
    const csv = await idsOf([row('x', '17')], 'a,b')
    const document = { occurred_at: at, user_id: 'u', event_type: 'view', a: 'x', b: 17 }
    expect(ids(await importJson([document], { idFrom: parseIdFrom('a,b') }))).toEqual(ids(csv))
  })
})
