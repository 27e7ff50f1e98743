/** The profile of the first records: kinds, shares, values and their order, of a CSV and of JSON. */
import { describe, expect, test } from 'vitest'
import { profileEvents, profileHead } from '../../../src/lib/import/propose/profile.js'
import type { InspectedRecord } from '../../../src/lib/import/validate-head.js'

const byField = (...args: Parameters<typeof profileHead>) =>
  Object.fromEntries(profileHead(...args).fields.map((one) => [one.field, one]))

describe('the fields', () => {
  test('kinds of a CSV, from its texts', () => {
    const fields = byField(
      [
        {
          n: '10',
          mixed: 'a',
          flag: 'true',
          at: '2025-01-02',
          id: 'c0ffee00-0000-4000-8000-000000000001',
          o: '{"a b":{"c":1}}',
        },
        { n: '9.5', mixed: '2025-01-01', flag: 'FALSE', at: '2024-12-31', id: 'x', o: '{}', none: '' },
      ],
      ['n', 'mixed', 'flag', 'at', 'id', 'o', 'none'],
    )
    const kinds = Object.values(fields).map(({ field, kind, records, values }) => [field, kind, records, values])
    expect(kinds).toEqual([
      ['n', 'number', 2, 2],
      ['mixed', 'mixed', 2, 2],
      ['flag', 'boolean', 2, 2],
      ['at', 'time', 2, 2],
      ['id', 'text', 2, 2],
      ['none', 'empty', 0, 0],
      ['o.a b.c', 'number', 1, 1],
    ])
    expect(fields.n).toMatchObject({ min: '9.5', max: '10', first: null, last: null, share: 1 })
    expect(fields.at).toMatchObject({ min: null, max: null, first: '2024-12-31', last: '2025-01-02' })
  })

  test('of JSON: nested keys, types, null and empty texts as no value', () => {
    const fields = byField(
      [
        { a: { b: { c: { d: 1 } } }, n: 3, s: '3', list: [1], both: 1, gone: null, ok: true },
        { a: { b: { c: { d: 2 } } }, n: -2, s: '', list: [2], both: {} },
      ],
      null,
    )
    expect(Object.keys(fields)).toEqual(['a.b.c', 'n', 's', 'list', 'both', 'gone', 'ok'])
    const kinds = Object.values(fields).map(({ kind, share }) => [kind, share])
    expect(kinds).toEqual([
      ['object', 1],
      ['number', 1],
      ['text', 0.5],
      ['array', 1],
      ['mixed', 1],
      ['empty', 0],
      ['boolean', 0.5],
    ])
    expect(fields.n).toMatchObject({ min: '-2', max: '3', examples: ['3', '-2'] })
  })

  test.each([
    [
      ['2025-01-01T10:00:00+05:00', '2025-01-01T06:00:00Z', '2025-01-01 09:00'],
      [0, 2],
    ],
    [
      ['1704232800', '1704232799.5', '1704232800123'],
      [1, 2],
    ],
    [
      ['1706344478248882', '1706344478248881'],
      [1, 0],
    ],
    [['31/01/2025 10:00', '01/02/2025 10:00'], null],
    [['Tue, 02 Jan 2024 22:00:00 GMT', '2024-01-01'], null],
  ])('the first and the last time of %j', (times, order) => {
    const { at } = byField(
      times.map((at) => ({ at })),
      ['at'],
    )
    const [first, last] = order?.map((index) => times[index]) ?? [null, null]
    expect([at!.kind, at!.first, at!.last]).toEqual(['time', first, last])
  })

  test('many values are counted up to 100, long ones are cut and not in the middle of a character', () => {
    const records = Array.from({ length: 500 }, (_, n) => ({
      n: `v${n}`,
      few: n % 100,
      long: `${'x'.repeat(38)}😀😀${n}`,
    }))
    const { n, few, long } = byField(records, null)
    expect([n!.values, n!.hasMoreValues, few!.values, few!.hasMoreValues]).toEqual([100, true, 100, false])
    expect([long!.values, long!.examples[0]]).toEqual([100, `${'x'.repeat(38)}😀…`])
    expect(n!.examples).toEqual(['v0', 'v1', 'v2'])
  })

  test('a few texts among many that happen to look like a date', () => {
    const ids = Array.from({ length: 40 }, (_, n) => ({ id: n === 7 ? '20250107' : `68be3f${n}f` }))
    expect(byField(ids, null).id!.kind).toBe('text')
  })

  test('a text that stands for no value is none', () => {
    expect(byField([{ a: '\\N' }, { a: '1' }], ['a'], ['\\N']).a).toMatchObject({
      kind: 'number',
      records: 1,
      values: 1,
    })
  })
})

test('the events: those that are rejected count only as such, and repeated ids are found', () => {
  const nothing = { line: 1, detail: null, properties: '{}', raw: Buffer.from('') }
  const event = (record: number, eventId: string, occurredAt: string, userId: string, eventType: string) =>
    ({ ...nothing, record, code: null, eventId, occurredAt, userId, eventType }) satisfies InspectedRecord
  const rejected: InspectedRecord = {
    ...event(9, 'z', '1999', 'nobody', 'none'),
    code: 'missing_user_id',
    userId: null,
  }
  expect(
    profileEvents([
      event(1, 'a', '2025-01-02T00:00:00.000000Z', 'u1', 'view'),
      rejected,
      event(2, 'b', '2025-01-01T00:00:00.000000Z', 'u2', 'buy'),
      event(3, 'a', '2025-01-03T00:00:00.000000Z', 'u1', 'view'),
    ]),
  ).toEqual({
    records: 4,
    events: 3,
    rejected: 1,
    repeatedIds: 1,
    users: 2,
    eventTypes: 2,
    topEventTypes: [
      { eventType: 'view', events: 2 },
      { eventType: 'buy', events: 1 },
    ],
    first: '2025-01-01T00:00:00.000000Z',
    last: '2025-01-03T00:00:00.000000Z',
  })
  expect(profileEvents([rejected])).toMatchObject({ events: 0, users: 0, first: null, last: null })
})
