import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { guessColumn, nearest } from '../../src/lib/load/mapping/column-guess.js'
import { allNames, type Expression, type SourceName } from '../../src/lib/load/mapping/expression.js'
import { type FieldMap, formatIdFrom, formatMap, parseIdFrom, parseMap } from '../../src/lib/load/mapping/map-parser.js'
import { ordinalRef, resolveMapping } from '../../src/lib/load/mapping/mapping.js'
import { mappedFields, type SourceRef } from '../../src/lib/load/mapping/source-ref.js'
import { assertProperty } from '../support/effort.js'
import { errorOf } from '../support/temp-dir.js'

const name = (text: string) => ({ name: text, path: [text] })

describe('parseMap', () => {
  const names = (map: FieldMap) =>
    Object.fromEntries(
      Object.entries(map).map(([field, sources]) => [field, allNames<SourceName>(sources).map(({ path }) => path)]),
    )

  test.each([
    ['event_id=uuid', { event_id: [['uuid']] }],
    ['event_id=uuid,user_id=user_id|anonymous_id', { event_id: [['uuid']], user_id: [['user_id'], ['anonymous_id']] }],
    [' event_id = my id , user_id = a | b ', { event_id: [['my id']], user_id: [['a'], ['b']] }],
    ['user_id="a,b=c|d"|"say ""hi"""', { user_id: [['a,b=c|d'], ['say "hi"']] }],
    ['user_id=context.user.id', { user_id: [['context', 'user', 'id']] }],
    ['user_id=context."user.x".id|"a.b"', { user_id: [['context', 'user.x', 'id'], ['a.b']] }],
    ['properties=props|context', { properties: [['props'], ['context']] }],
    ['event_type=$name', { event_type: [['$name']] }],
  ])('%s', (text, expected) => {
    expect(names(parseMap(text))).toEqual(expected)
  })

  test.each([
    ['', 1, /a name is missing/],
    ['evnt_id=a', 1, /"evnt_id" is no field of an event \(event_id, /],
    ['event_id', 9, /after event_id comes =/],
    ['event_id=', 10, /a name is missing/],
    ['event_id=a,', 12, /a name is missing/],
    ['event_id=a|', 12, /a name is missing/],
    ['event_id=a..b', 12, /a name is missing/],
    ['event_id=a,event_id=b', 12, /mapped twice/],
    ['event_id="a', 10, /never closed/],
    ['event_id="a"b', 13, /here comes a comma/],
    ['event_id=a=b', 11, /here comes a comma/],
  ])('%s is a mistake at character %i', async (text, at, message) => {
    const error = await errorOf(() => parseMap(text))
    expect(error.code).toBe('usage')
    expect(error.message).toMatch(message)
    expect(error.details).toEqual({ flag: '--map', at })
  })

  test.each([
    ["event_type='purchase'", { event_type: [{ kind: 'constant', text: 'purchase' }] }],
    ["event_type=name|'it''s'", { event_type: [name('name'), { kind: 'constant', text: "it's" }] }],
    [
      "occurred_at=(date + ' ' + time)",
      { occurred_at: [{ kind: 'join', parts: [name('date'), { kind: 'constant', text: ' ' }, name('time')] }] },
    ],
    ['user_id=a + b|c', { user_id: [{ kind: 'join', parts: [name('a'), name('b')] }, name('c')] }],
    [
      'user_id=(a|b) + c',
      { user_id: [{ kind: 'join', parts: [{ kind: 'first', of: [name('a'), name('b')] }, name('c')] }] },
    ],
    [
      'user_id=pairs(attributes)."user.id"',
      { user_id: [{ kind: 'pairs', keys: name('attributes'), path: ['user.id'] }] },
    ],
    [
      'properties=[pairs("meta.key","meta.value"), device, rest]',
      {
        properties: [
          {
            kind: 'merge',
            parts: [
              { kind: 'pairs', keys: name('meta.key'), values: name('meta.value') },
              name('device'),
              { kind: 'rest' },
            ],
          },
        ],
      },
    ],
    ['properties=rest', { properties: [{ kind: 'merge', parts: [{ kind: 'rest' }] }] }],
    ['properties="rest"', { properties: [name('rest')] }],
    ['properties=[]', { properties: [{ kind: 'merge', parts: [] }] }],
    ['event_type=cs(User-Agent),user_id=c-ip', { event_type: [name('cs(User-Agent)')], user_id: [name('c-ip')] }],
    [
      'user_id=(cs(Cookie)|[Amplitude] id)',
      { user_id: [{ kind: 'first', of: [name('cs(Cookie)'), name('[Amplitude] id')] }] },
    ],
    ["user_id=user's id", { user_id: [name("user's id")] }],
  ])('%s is an expression', (text, expected) => {
    expect(parseMap(text)).toEqual(expected)
    expect(parseMap(formatMap(parseMap(text)))).toEqual(expected)
  })

  test.each([
    ["event_type='purchase", 12, /never closed/],
    ['user_id=(a', 11, /here comes \)/],
    ['user_id=a +', 12, /a name is missing/],
    ['user_id=pairs(a)', 9, /one key of it/],
    ["properties='x'", 12, /come from objects/],
    ['properties=[a, b + c]', 15, /come from objects/],
    ['properties=[a', 14, /here comes a comma or \]/],
    ["'x'=a", 1, /a name is written/],
  ])('%s makes no sense, at character %i', async (text, at, message) => {
    const error = await errorOf(() => parseMap(text))
    expect(error.message).toMatch(message)
    expect(error.details).toMatchObject({ at })
  })

  test('reads what formatMap and formatIdFrom write', { tags: 'property' }, () => {
    const source = fc
      .array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 3 })
      .map((path) => ({ name: path.join('.'), path }))
    const constant = fc.string({ unit: 'grapheme' }).map((text) => ({ kind: 'constant' as const, text }))
    const pairs = fc.record({ kind: fc.constant('pairs' as const), keys: source, path: source.map(({ path }) => path) })
    const term: fc.Arbitrary<Expression<SourceName>> = fc.oneof({ weight: 3, arbitrary: source }, constant, pairs)
    const joined = fc.array(term, { minLength: 2, maxLength: 3 }).map((parts) => ({ kind: 'join' as const, parts }))
    const first = fc
      .array(fc.oneof(term, joined), { minLength: 2, maxLength: 3 })
      .map((of) => ({ kind: 'first' as const, of }))
    const nested = fc
      .array(fc.oneof(term, first), { minLength: 2, maxLength: 3 })
      .map((parts) => ({ kind: 'join' as const, parts }))
    const alternatives = fc.array(fc.oneof(term, joined, nested), { minLength: 1, maxLength: 3 })
    const maps = fc.dictionary(fc.constantFrom(...mappedFields), alternatives, { minKeys: 1, noNullPrototype: true })
    const merges = fc
      .array(
        fc.oneof(
          source,
          fc.record({ kind: fc.constant('pairs' as const), keys: source, values: source }),
          fc.constant({ kind: 'rest' as const }),
        ),
      )
      .map((parts) => [{ kind: 'merge' as const, parts }])
    const properties = fc.oneof(fc.array(source, { minLength: 1, maxLength: 3 }), merges)
    assertProperty(
      fc.property(maps, properties, source, (fields, list, id) => {
        const map = { ...fields, properties: list }
        expect(parseMap(formatMap(map))).toEqual(map)
        const idFrom = { sources: [id, ...Object.values(fields).flat()], ordinal: false }
        expect(parseIdFrom(formatIdFrom(idFrom))).toEqual(idFrom)
      }),
      100,
    )
  })
})

describe('parseIdFrom', () => {
  test('columns, the whole record, the ordinal', () => {
    expect(parseIdFrom('a,b.c').sources).toEqual([
      { name: 'a', path: ['a'] },
      { name: 'b.c', path: ['b', 'c'] },
    ])
    expect(parseIdFrom('*')).toEqual({ sources: '*', ordinal: false })
    expect(parseIdFrom('a,#')).toMatchObject({ sources: [{ name: 'a' }], ordinal: true })
    expect(parseIdFrom('*,#')).toEqual({ sources: '*', ordinal: true })
    expect(parseIdFrom('"#","*"')).toMatchObject({ sources: [{ name: '#' }, { name: '*' }], ordinal: false })
  })

  test.each([
    ['#', /# alone/],
    ['*,a', /nothing can be named beside it/],
    ['', /a name is missing/],
    ["'orders'", /A constant alone/],
  ])('%s makes no sense', async (text, message) => {
    const error = await errorOf(() => parseIdFrom(text))
    expect(error.code).toBe('usage')
    expect(error.message).toMatch(message)
  })
})

describe('resolveMapping of a CSV', () => {
  const own = ['event_id', 'occurred_at', 'user_id', 'event_type']
  const at = (columns: string[], ...names: string[]) => names.map((name) => ({ name, index: columns.indexOf(name) }))

  test('columns with the names of the fields, in any order', () => {
    const columns = ['event_type', 'properties_json', 'user_id', 'event_id', 'occurred_at']
    expect(resolveMapping({ columns })).toEqual({
      fields: {
        event_id: at(columns, 'event_id'),
        occurred_at: at(columns, 'occurred_at'),
        user_id: at(columns, 'user_id'),
        event_type: at(columns, 'event_type'),
      },
      properties: at(columns, 'properties_json'),
      unmapped: [],
      idFrom: null,
    })
  })

  test('every column that is not mapped becomes a property', () => {
    const columns = [...own, 'country', 'uuid', 'properties']
    const mapping = resolveMapping({ columns, map: parseMap('event_id=uuid,user_id=user_id|country') })
    expect(mapping.fields.event_id).toEqual(at(columns, 'uuid'))
    expect(mapping.fields.user_id).toEqual(at(columns, 'user_id', 'country'))
    expect(mapping.properties).toEqual(at(columns, 'properties'))
    expect(mapping.unmapped).toEqual(at(columns, 'event_id'))
  })

  test('each column is used or unmapped, and never both', { tags: 'property' }, () => {
    const anyColumns = fc.uniqueArray(fc.constantFrom(...own, 'properties', 'properties_json', 'a', 'b', 'c', 'd.e'), {
      minLength: 4,
    })
    assertProperty(
      fc.property(
        anyColumns.chain((columns) =>
          fc.tuple(fc.constant(columns), fc.shuffledSubarray(columns, { minLength: 4, maxLength: 4 })),
        ),
        ([columns, chosen]) => {
          const map = Object.fromEntries(
            mappedFields.map((field, index) => [field, [{ name: chosen[index]!, path: [chosen[index]!] }]]),
          )
          const { fields, properties, unmapped } = resolveMapping({ columns, map })
          const all = [...allNames<SourceRef>(Object.values(fields).flat()), ...(unmapped as SourceRef[])].map(
            ({ index }) => index,
          )
          const left = allNames<SourceRef>(properties)
            .filter(({ index }) => !all.includes(index))
            .map(({ index }) => index)
          expect([...all, ...left].sort((a, b) => a! - b!)).toEqual(columns.map((_, index) => index))
        },
      ),
      100,
    )
  })

  test('a name with a dot is one column', () => {
    const columns = [...own.slice(1), 'event.id']
    expect(resolveMapping({ columns, map: parseMap('event_id=event.id') }).fields.event_id).toEqual(
      at(columns, 'event.id'),
    )
  })

  test('an id from columns: they stay properties', () => {
    const columns = ['order', 'line', ...own.slice(1)]
    const mapping = resolveMapping({ columns, idFrom: parseIdFrom('order,line,#') })
    expect(mapping.fields.event_id).toEqual([])
    expect(mapping.idFrom).toEqual([...at(columns, 'order', 'line'), ordinalRef])
    expect(mapping.unmapped).toEqual(at(columns, 'order', 'line'))
    expect(resolveMapping({ columns, idFrom: parseIdFrom('*') }).idFrom).toBe('*')
    expect(resolveMapping({ columns, idFrom: parseIdFrom('*,#') }).idFrom).toEqual([
      ...at(columns, ...columns),
      ordinalRef,
    ])
  })

  test('what is missing is said at once, with a flag that mends it', async () => {
    const columns = ['uuid', 'event_time', 'distinct_id', 'Event Name', 'country']
    const error = await errorOf(() => resolveMapping({ columns }))
    expect(error.code).toBe('missing_column')
    expect(error.message).toBe(
      'The file has no column event_id, occurred_at, user_id, event_type. Its columns: uuid, event_time, distinct_id, Event Name, country.',
    )
    const suggestion = /--map '(.*)'/.exec(error.suggestions[0]!)![1]!
    expect(resolveMapping({ columns, map: parseMap(suggestion) }).unmapped).toEqual(at(columns, 'country'))
  })

  test('no column looks like an id: derive one', async () => {
    const error = await errorOf(() => resolveMapping({ columns: own.slice(1) }))
    expect(error.suggestions.join('\n')).toContain("--id-from '*'")
  })

  const uuids = ['0b9c6a3e-4a3e-4a70-9d52-0f3a6a0f7a01', '{0B9C6A3E4A3E4A709D520F3A6A0F7A02}', '']
  test.each([
    ['UUIDs', { id: uuids }, '--map event_id=id'],
    ['distinct ids of another form', { id: ['A-1', 'A-2'] }, '--id-from id'],
    ['ids that repeat', { id: ['A-1', 'A-1'] }, "If the records have no id of their own: --id-from '*'"],
    ['a better name for other ids', { uuid: ['1', '2'], id: uuids }, '--map event_id=id'],
    ['nothing to look at', { id: [] }, '--map event_id=id'],
  ] as [string, Record<string, string[]>, string][])(
    'an id is guessed by values, too: %s',
    async (_, values, advice) => {
      const columns = [...own.filter((name) => name !== 'event_id'), ...Object.keys(values)]
      const valuesOf = (column: string) => values[column] ?? []
      const error = await errorOf(() => resolveMapping({ columns, valuesOf }))
      expect(error.suggestions[0]).toContain(advice)
      if (!advice.includes('event_id=')) expect(error.suggestions.join()).not.toContain('event_id=')
      const typo = await errorOf(() => resolveMapping({ columns, valuesOf, map: parseMap('event_id=idd') }))
      const isMapped = Object.values(values).some((ids) => ids.length === 0 || ids === uuids)
      expect(typo.suggestions[0]).toBe(isMapped ? 'Perhaps: --map event_id=id' : 'Perhaps: --id-from id')
    },
  )

  test('a flag that names a column that is not there', async () => {
    const columns = [...own, 'uuid']
    const map = await errorOf(() => resolveMapping({ columns, map: parseMap('event_id=uid') }))
    expect(map.message).toContain('--map event_id= names a column that the file does not have: uid')
    expect(map.suggestions).toEqual(['Perhaps: --map event_id=uuid'])
    const idFrom = await errorOf(() => resolveMapping({ columns, idFrom: parseIdFrom('user_ids,nowhere') }))
    expect(idFrom.details.missing).toEqual(['user_ids', 'nowhere'])
    expect(idFrom.suggestions).toEqual(['Perhaps: --id-from user_id'])
  })

  test('an id is mapped or derived, not both', async () => {
    const both = { columns: own, map: parseMap('event_id=user_id'), idFrom: parseIdFrom('*') }
    expect((await errorOf(() => resolveMapping(both))).code).toBe('usage')
  })
})

describe('resolveMapping of JSON', () => {
  test('names and paths, never checked: each record has its own keys', () => {
    const mapping = resolveMapping({ columns: null, map: parseMap('user_id=context.user.id|"a.b",event_type=event') })
    expect(mapping).toEqual({
      fields: {
        event_id: [{ name: 'event_id', index: null }],
        occurred_at: [{ name: 'occurred_at', index: null }],
        user_id: [
          { name: 'context.user.id', index: null, path: ['context', 'user', 'id'] },
          { name: 'a.b', index: null },
        ],
        event_type: [{ name: 'event', index: null }],
      },
      properties: [
        { name: 'properties', index: null },
        { name: 'properties_json', index: null },
      ],
      unmapped: 'rest',
      idFrom: null,
    })
  })

  test('the ordinal needs keys beside it', async () => {
    const idFrom = (text: string) => resolveMapping({ columns: null, idFrom: parseIdFrom(text) }).idFrom
    expect(idFrom('a,#')).toEqual([{ name: 'a', index: null }, ordinalRef])
    expect(idFrom('*')).toBe('*')
    expect((await errorOf(() => idFrom('*,#'))).code).toBe('usage')
    expect((await errorOf(() => idFrom('"#"'))).code).toBe('usage')
  })
})

describe('guesses', () => {
  test.each([
    ['event_id', ['x', 'messageId'], 'messageId'],
    ['occurred_at', ['created_at', 'event_timestamp'], 'event_timestamp'],
    ['occurred_at', ['ocurred_at', 'x'], 'ocurred_at'],
    ['user_id', ['USER-ID', 'user'], 'USER-ID'],
    ['event_type', ['country', 'price'], null],
  ] as const)('%s among %j: %s', (field, columns, column) => {
    expect(guessColumn(field, columns)).toBe(column)
  })

  test('a name is near with few typos only', () => {
    expect(nearest('uid', ['uuid', 'user_id'])).toBe('uuid')
    expect(nearest('country', ['county', 'city'])).toBe('county')
    expect(nearest('country', ['price'])).toBeNull()
  })
})
