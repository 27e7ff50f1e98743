/** What flags say about lines, columns, values and documents, as it ends up in events and rejects. */
import { describe, expect, test } from 'vitest'
import type { ImportOptions } from '../../src/lib/import/options.js'
import { parseIdFrom, parseMap, parseNames } from '../../src/lib/load/mapping/map-parser.js'
import { sharedDatabase } from '../support/postgres/shared-database.js'
import { errorOf } from '../support/temp-dir.js'
import { codesOf, importInto } from './import-helpers.js'

const database = sharedDatabase()
const id = (n: number) => `a0eebc99-9c0b-4ef8-bb6d-${String(n).padStart(12, '0')}`
const at = '2025-01-31T10:20:30Z'
const load = (content: string, options: ImportOptions = {}, name = 'events.csv') =>
  importInto(database(), content, options, name)
const stored = ({ events }: Awaited<ReturnType<typeof load>>) =>
  events.map(({ user_id, event_type, properties }) => [user_id, event_type, JSON.parse(properties)])

describe('lines and columns', () => {
  const columns = ['event_id', 'occurred_at', 'user_id', 'event_type', 'note']

  test('--columns: there is no header, and the delimiter is found by the number of names', async () => {
    for (const delimiter of [',', '\t', ' ', ';', '|']) {
      const line = (n: number) => [id(n), at, `u${n}`, 'view', '"a, b;c|d"'].join(delimiter)
      const imported = await load(`${line(1)}\n${line(2)}\n`, { columns }, 'events.txt')
      expect(stored(imported)).toEqual([
        ['u1', 'view', { note: 'a, b;c|d' }],
        ['u2', 'view', { note: 'a, b;c|d' }],
      ])
    }
    const error = await errorOf(() => load(`${id(1)},${at},u\n`, { columns, delimiter: ',' }))
    expect(error).toMatchObject({ code: 'header_invalid' })
    expect(error.message).toContain('there are 5 names of columns, and the first record has 3 fields')
  })

  test('--skip-lines and --comment, also in the middle; records keep their lines', async () => {
    const content = `report of May\n\n# made by hand\n${columns.join(',')}\n# one\n${id(1)},${at},u,view,\n#two\nbroken\n${id(2)},${at},#u,view,#x\n# end`
    const { events, rejects, outcome } = await load(content, { skipLines: 2, comment: '#' })
    expect(events.map(({ user_id }) => user_id)).toEqual(['u', '#u'])
    expect(rejects).toMatchObject([{ record: 2, line: 8, code: 'field_count' }])
    expect(outcome).toMatchObject({ read: 3, inserted: 2, rejected: 1 })
  })

  test.each([
    ['tab', '\t'],
    ['blank', ' '],
  ])('a line #Fields: names the columns, separated by a %s', async (_, delimiter) => {
    const line = ['2025-01-31', '10:20:30', '10.0.0.1', 'GET', '-'].join(delimiter)
    const content = `#Version: 1.0\n#Fields: date time c-ip cs(Method) cs-uri\n${line}\n`
    const options = {
      comment: '#',
      nulls: ['-'],
      idFrom: parseIdFrom('*'),
      map: parseMap("occurred_at=(date + ' ' + time),user_id=c-ip,event_type=cs(Method)"),
    }
    const imported = await load(content, options, 'access.log')
    expect(stored(imported)).toEqual([['10.0.0.1', 'GET', {}]])
    expect(imported.events[0]?.occurred_at).toBe('2025-01-31T10:20:30.000000')
  })

  test('--escape: a backslash in front of a quote, in fields of either kind', async () => {
    const content = `event_id,occurred_at,user_id,event_type,a,b\n${id(1)},${at},u,view,"say \\"hi\\", \\\\",x"y\\\n`
    expect(stored(await load(content, { escape: '\\' }))).toEqual([['u', 'view', { a: 'say "hi", \\', b: 'x"y\\' }]])
  })

  test('--format text: as COPY writes it', async () => {
    const header = 'event_id\toccurred_at\tuser_id\tevent_type\ta\tb\tc\n'
    const content = `${header}${id(1)}\t${at}\tu\\\\1\tview\tline\\nbreak\\t.\t\\N\t\n${id(2)}\t${at}\tu\tview\t\\x41\\0\t"q"\tend\\\n\\.\n`
    expect(stored(await load(content, { format: 'text' }, 'events.txt'))).toEqual([
      ['u\\1', 'view', { a: 'line\nbreak\t.', c: '' }],
      ['u', 'view', { a: '\\x41\\0', b: '"q"', c: 'end\\' }],
    ])
  })
})

describe('values', () => {
  test('--null: in fields, in alternatives and in columns that become properties', async () => {
    const options = { nulls: ['\\N', '-'], map: parseMap('user_id=login|ip') }
    const header = 'event_id,occurred_at,login,ip,event_type,a,b\n'
    const imported = await load(
      `${header}${id(1)},${at},-,1.2.3.4,view,\\N,x\n${id(2)},${at},-,\\N,view,1,-\n`,
      options,
    )
    expect(stored(imported)).toEqual([['1.2.3.4', 'view', { b: 'x' }]])
    expect(codesOf(imported)).toEqual([null, 'missing_user_id'])
    const json = JSON.stringify({ event_id: id(1), occurred_at: at, login: '-', ip: 'x', event_type: 'view' })
    expect(stored(await load(json, options, 'events.ndjson'))[0]?.[0]).toBe('x')
  })

  test('a user that is called like nothing is told in a warning', async () => {
    const header = 'event_id,occurred_at,user_id,event_type\n'
    const { outcome } = await load(
      `${header}${id(1)},${at},undefined,view\n${id(2)},${at},NULL,view\n${id(3)},${at},u,view\n`,
    )
    expect(outcome.warnings).toEqual([
      '2 events belong to users that are called NULL, undefined. If these stand for no user: --null NULL --null undefined.',
    ])
    expect((await load(`${header}${id(1)},${at},nullable,view\n`)).outcome.warnings).toEqual([])
  })

  test('--drop: columns, keys, and what lies inside of them', async () => {
    const drop = parseNames('--drop', 'email,context.ip,properties.secret')
    const document = { email: 'a@b', context: { ip: 1, os: 'x' }, properties: { secret: 1, plan: 'pro' }, kept: 'y' }
    const event = { event_id: id(1), occurred_at: at, user_id: 'u', event_type: 'view' }
    const expected = { context: { os: 'x' }, plan: 'pro', kept: 'y' }
    expect(stored(await load(JSON.stringify({ ...event, ...document }), { drop }, 'e.ndjson'))[0]?.[2]).toEqual(
      expected,
    )
    const columns = Object.keys({ ...event, ...document })
    const cells = Object.values({ ...event, ...document }).map((value) =>
      typeof value === 'string' ? value : `"${JSON.stringify(value).replaceAll('"', '""')}"`,
    )
    const csv = stored(await load(`${columns.join(',')}\n${cells.join(',')}\n`, { drop }))[0]?.[2]
    expect(csv).toEqual({ ...expected, context: '{"os": "x"}' })
    const fallback = { drop: parseNames('--drop', 'b'), map: parseMap('user_id=user_id|b') }
    expect(stored(await load(JSON.stringify({ ...event, b: 'x' }), fallback, 'e.ndjson'))[0]?.[2]).toEqual({})
    expect(await errorOf(() => load(`${columns.join(',')}\n`, { drop: parseNames('--drop', 'nope') }))).toMatchObject({
      code: 'missing_column',
    })
  })
})

describe('--each', () => {
  const each = (path: string) => ({ each: parseNames('--each', path)[0]! })
  const event = (n: number, more: object = {}) => ({
    event_id: id(n),
    occurred_at: at,
    user_id: 'u',
    event_type: 'v',
    ...more,
  })

  test('documents in lines, in an array, one after the other, in many lines; fields around the events are theirs', async () => {
    const documents = [
      { data: [event(1, { a: 1 }), event(2, { page: 'own' })], page: 'x', big: '12345678901234567890' },
      { data: [event(3)], page: null },
      { data: [] },
      { other: 1 },
    ]
    const expected = [
      ['u', 'v', { a: 1, big: '12345678901234567890', page: 'x' }],
      ['u', 'v', { big: '12345678901234567890', page: 'own' }],
      ['u', 'v', { page: null }],
    ]
    const forms = [
      documents.map((one) => JSON.stringify(one)).join('\n'),
      JSON.stringify(documents),
      JSON.stringify(documents, null, 2),
      documents.map((one) => JSON.stringify(one, null, 2)).join('\r\n'),
    ]
    for (const form of forms) {
      const imported = await load(form, each('data'), 'events.json')
      expect(stored(imported)).toEqual(expected)
      expect(imported.outcome).toMatchObject({ read: 3, inserted: 3 })
    }
  })

  test('arrays inside of arrays, and an object on the way', async () => {
    const content = {
      r: {
        list: [
          { x: 1, inner: [event(1), event(2)] },
          { x: 2, inner: [event(3)] },
        ],
      },
      top: true,
    }
    expect(stored(await load(JSON.stringify(content), each('r.list.inner'), 'events.json'))).toEqual([
      ['u', 'v', { x: 1, top: true }],
      ['u', 'v', { x: 1, top: true }],
      ['u', 'v', { x: 2, top: true }],
    ])
  })

  test('a reject names its document, and what is broken costs no more than itself', async () => {
    const lines = [
      JSON.stringify({ data: [event(1)] }),
      '{"data": [',
      JSON.stringify({ data: [event(2), { ...event(3), user_id: '' }, 5] }),
    ]
    const { events, rejects, outcome } = await load(lines.join('\n'), each('data'), 'events.json')
    expect(events).toHaveLength(2)
    expect(outcome).toMatchObject({ read: 5, inserted: 2, rejected: 3 })
    expect(rejects.map(({ record, line, code, detail }) => [record, line, code, detail])).toEqual([
      [2, 2, 'invalid_json', 'document 2'],
      [4, 3, 'missing_user_id', 'document 3'],
      [5, 3, 'not_an_object', 'document 3'],
    ])
  })

  test('of a CSV and of documents that have nothing there is an error', async () => {
    expect(await errorOf(() => load('a,b\n1,2\n', each('data')))).toMatchObject({ code: 'usage' })
    const error = await errorOf(() => load('{"items":[]}', each('data'), 'events.json'))
    expect(error).toMatchObject({ code: 'missing_column', details: { keys: ['items'] } })
  })
})
