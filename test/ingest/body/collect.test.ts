/** What browsers send: each line that comes out says what a naive reading of the body says, with every digit. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EaError } from '../../../src/lib/core/errors.js'
import { collectMapping, maxCollected, readCollected } from '../../../src/lib/ingest/body/collect.js'
import { allNames } from '../../../src/lib/load/mapping/expression.js'
import type { SourceRef } from '../../../src/lib/load/mapping/source-ref.js'
import { assertProperty } from '../../support/effort.js'

const at = new Date('2025-03-01T12:00:00.123Z')
const clientAddress = '203.0.113.7'
type Json = Record<string, unknown>

/** The lines that go to the database. */
async function lines(body: string | Buffer, address?: string): Promise<string[]> {
  const chunk = await readCollected(Buffer.from(body), { at, clientAddress: address })
  const rows = Buffer.concat([...chunk.copyData])
    .toString()
    .split('\n')
  expect(rows.pop() ?? '').toBe('')
  return rows
}

const isSet = (value: unknown) => value !== undefined && value !== null && value !== ''
const isScalar = (value: unknown) => typeof value === 'string' || typeof value === 'number'

const fieldNames = () => {
  const { event_id, occurred_at, user_id, event_type } = collectMapping.fields
  const names = (sources: typeof event_id) => allNames<SourceRef>(sources)
  return {
    event_id: names(event_id),
    occurred_at: names(occurred_at),
    user_id: names(user_id),
    event_type: names(event_type),
  }
}

/** A line read by the mapping, as the database does it: the first source that is set; the rest are properties. */
function eventOf(line: string): Json {
  const document = JSON.parse(line) as Json
  const fields = fieldNames()
  const properties = allNames<SourceRef>(collectMapping.properties)
  const used = [...Object.values(fields).flat(), ...properties].map(({ name }) => name)
  const rest = Object.fromEntries(Object.entries(document).filter(([key]) => !used.includes(key)))
  const first = (field: keyof typeof fields) =>
    fields[field].map(({ name }) => document[name]).find((value) => isScalar(value) && isSet(value))
  const explicit = properties.map(({ name }) => document[name]).find((value) => value !== undefined && value !== null)
  return {
    event_id: first('event_id'),
    occurred_at: first('occurred_at'),
    user_id: first('user_id'),
    event_type: first('event_type'),
    properties:
      typeof explicit === 'string' ? { ...rest, ...JSON.parse(explicit) } : { ...rest, ...(explicit as Json) },
  }
}

/** What the issue says, naively. */
function modelOf(outer: Json, event: Json, address?: string): Json {
  const own: Json = { ...strip(sharedBy(outer, event)), ...event }
  const pick = (...names: string[]) => names.map((name) => own[name]).find((value) => isScalar(value) && isSet(value))
  const used = [
    'eventId',
    'event_id',
    'timestamp',
    'occurred_at',
    'visitorId',
    'user_id',
    'eventType',
    'event_type',
    'eventData',
    'properties',
  ]
  const rest = Object.fromEntries(Object.entries(own).filter(([key]) => !used.includes(key)))
  return {
    event_id: pick('eventId', 'event_id') ?? expect.stringMatching(generated),
    occurred_at: pick('timestamp', 'occurred_at') ?? at.toISOString(),
    user_id: pick('visitorId', 'user_id', 'sessionId'),
    event_type: pick('eventType', 'event_type'),
    properties: {
      ...rest,
      ...((own.eventData ?? own.properties ?? {}) as Json),
      ...(address === undefined ? {} : { client_address: address }),
    },
  }
}

/** What an event has of what stands beside it: a field where it says nothing of that field, a property under no name of its own. */
function sharedBy(outer: Json, event: Json): Json {
  const fields = [
    ['visitorId', 'user_id'],
    ['timestamp', 'occurred_at'],
    ['eventType', 'event_type'],
  ]
  const properties = (outer.properties ?? {}) as Json
  const inner = [event.eventData, event.properties].flatMap((data) => Object.keys((data ?? {}) as Json))
  const isOwn = (key: string) => (fields.find((names) => names.includes(key)) ?? [key]).some((name) => name in event)
  const all = Object.entries({ ...outer, properties: undefined, ...properties })
  return Object.fromEntries(all.filter(([key]) => !isOwn(key) && !inner.includes(key)))
}

const strip = (object: Json) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
/** A uuid of version 7 of the time of receipt. */
const generated = new RegExp(
  `^${at
    .getTime()
    .toString(16)
    .padStart(12, '0')
    .replace(/(.{8})/, '$1-')}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`,
)

async function events(body: string, address?: string): Promise<Json[]> {
  return (await lines(body, address)).map(eventOf)
}

describe('forms', () => {
  const click = { eventType: 'click', visitorId: 'v1', sessionId: 's1', siteId: 'shop' }
  const expected = modelOf({}, click)

  test.each([
    ['a single event', JSON.stringify(click), 1],
    ['pretty-printed', JSON.stringify(click, null, 2), 1],
    ['with CRLF', JSON.stringify(click, null, 2).replaceAll('\n', '\r\n'), 1],
    ['a batch', JSON.stringify({ events: [click, click] }), 2],
    ['a pretty-printed batch', JSON.stringify({ events: [click, click] }, null, 2), 2],
    ['an array', JSON.stringify([click, click]), 2],
    ['an empty batch', '{"events":[]}', 0],
  ])('%s', async (_, body, count) => {
    expect(await events(body)).toEqual(Array(count).fill(expected))
  })

  test('digits stay', async () => {
    const [line] = await lines('{"eventType":"buy","sessionId":2103807459595387724,"eventData":{"price":1.10}}')
    expect(line).toContain('"@session":2103807459595387724,')
    expect(line).toContain('"sessionId":2103807459595387724,"eventData":{"price":1.10}}')
  })

  test('an empty event is whole JSON, too', async () => {
    expect(await events('{}')).toEqual([modelOf({}, {})])
    expect(await events('{"events":[{}, { }]}', clientAddress)).toEqual(Array(2).fill(modelOf({}, {}, clientAddress)))
  })

  test('each event without an id gets one of its own', async () => {
    const ids = (await events(JSON.stringify(Array(100).fill({})))).map(({ event_id }) => event_id)
    expect(new Set(ids).size).toBe(100)
  })
})

describe('the address of the client', () => {
  test.each<[string, string]>([
    ['is not there', '{}'],
    ['is a key', '{"client_address":"1.1.1.1"}'],
    ['is an escaped key', '{"client\\u005faddress":"1.1.1.1"}'],
    ['is in eventData', '{"eventData":{"client_address":"1.1.1.1"}}'],
    ['is in eventData with white space', '{"eventData":{\n"client_address":"1.1.1.1"\n} }'],
    ['is in escaped eventData', '{"event\\u0044ata":{"client_address":"1.1.1.1"}}'],
    ['is in the second eventData', '{"eventData":{},"eventData":{"client_address":"1.1.1.1"}}'],
    ['is in properties', '{"properties":{"client_address":"1.1.1.1"}}'],
    ['is in properties behind null', '{"properties":{"client_address":"1.1.1.1"},"eventData":null}'],
    ['is in both', '{"properties":{"client_address":"1.1.1.1"},"eventData":{"client_address":"2.2.2.2"}}'],
    ['is in a text', '{"eventData":"{\\"client_address\\":\\"1.1.1.1\\"}"}'],
    ['is in a text with white space', '{"eventData":" {\\"a\\":{},\\"client_address\\":\\"1.1.1.1\\"}\\n"}'],
    ['is an empty text', '{"eventData":"{ }"}'],
  ])('is the one that was seen, when what the client says %s', async (_, body) => {
    const [event] = await events(body, clientAddress)
    expect((event!.properties as Json).client_address).toBe(clientAddress)
    for (const line of await lines(body)) expect(line).not.toContain(clientAddress)
  })

  test('a text keeps its digits', async () => {
    const [line] = await lines('{"eventData":"{\\"n\\":2103807459595387724,\\"p\\":1.10}"}', clientAddress)
    expect(JSON.parse(line!).eventData).toBe(`{"n":2103807459595387724,"p":1.10,"client_address":"${clientAddress}"}`)
  })

  test.each(['[]', '5', 'true', '"x"', '"}"', '"[]"'])('eventData that is no object stays one: %s', async (value) => {
    const [line] = await lines(`{"eventData":${value}}`, clientAddress)
    expect(line).toContain(value === '"}"' ? '"eventData":",' : `"eventData":${value}`)
    expect(() => JSON.parse(line!)).not.toThrow()
  })
})

describe('defaults of a batch', () => {
  test('go to each event, and what the event says wins', async () => {
    const outer = { sessionId: 's1', visitorId: 'v1', siteId: 7, timestamp: 1740830400000 }
    const inner = [{}, { visitorId: 'v2' }, { sessionId: 's2', visitorId: null }, { timestamp: '2025-01-01' }]
    const body = JSON.stringify({ ...outer, other: { x: 1 }, events: inner })
    expect(await events(body)).toEqual(inner.map((event) => modelOf({ ...outer, other: { x: 1 } }, event)))
  })

  test.each(['{}', '[1]', 'tru', '01', `"${'x'.repeat(1024)}"`])('are refused when they are %s', async (value) => {
    const body = Buffer.from(`{"siteId":${value},"events":[]}`)
    const error = await readCollected(body, { at }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(EaError)
    expect(error).toMatchObject({ code: 'malformed_body', details: { byte_offset: 10 } })
  })
})

describe('what stands beside the events', () => {
  const shared = async (outer: string, ...inner: Json[]) =>
    events(`{${outer},"events":${JSON.stringify(inner)}}`).catch((error: EaError) => error.code)

  test('is shared by them: fields by either name, properties, and every other key', async () => {
    const outer =
      '"user_id":"u1","event_type":"view","occurred_at":"2025-01-02","plan":{"a":[1.10,\n2]},"properties":{"x":1,"plan":2}'
    expect(
      await shared(outer, {}, { visitorId: 'v', eventType: 'buy', timestamp: 5, x: null, properties: { plan: 3 } }),
    ).toMatchObject([
      { user_id: 'u1', event_type: 'view', occurred_at: '2025-01-02', properties: { x: 1, plan: 2 } },
      { user_id: 'v', event_type: 'buy', occurred_at: 5, properties: { x: null, plan: 3 } },
    ])
    const [line] = await lines('{"price":1.10,"events":[{"eventType":"a"}]}')
    expect(line).toContain(',"price":1.10,"eventType":"a"')
  })

  test.each([
    ['an id', '"eventId":"00000000-0000-4000-8000-000000000001"'],
    ['an id by its other name', '"event_id":"00000000-0000-4000-8000-000000000001"'],
    ['what the server gives', '"@event_id":"00000000-0000-4000-8000-000000000001"'],
    ['one field by two names', '"visitorId":"v","user_id":"u"'],
    ['properties by two names', '"eventData":{},"properties":{}'],
    ['properties that are no object', '"properties":5'],
    ['a field among the properties', '"properties":{"timestamp":5}'],
    ['no JSON', '"plan":tru'],
    ['too much', `"plan":"${'x'.repeat(9_000)}"`],
  ])('is refused when it is %s', async (_, outer) => expect(await shared(outer, {})).toBe('malformed_body'))

  test('and when it comes to too much in all of them', async () => {
    const inner = Array(maxCollected).fill({}) as Json[]
    expect(await shared(`"plan":"${'x'.repeat(8_000)}"`, ...inner)).toBe('body_too_large')
  })
})

describe('faults', () => {
  test.each([
    '',
    'hello',
    '5',
    '{"a":1',
    '{"eventType" "x"}',
    '[{} {}]',
    '{"events":5}',
    '{"events":[}]}',
    '{}\n{}',
    '[] x',
  ])('a body that is no JSON: %j', async (body) => {
    await expect(readCollected(Buffer.from(body), { at })).rejects.toMatchObject({ code: 'malformed_body' })
  })

  test('an event that is no object, or broken inside, is a reject; the others go on', async () => {
    const body = Buffer.from('{"events":[{"eventType":"a"}, 5, {"a" 1}, {"b":"\xe9"}, {"c":tru}]}', 'latin1')
    const chunk = await readCollected(body, { at, clientAddress })
    expect(chunk.rejects.map(({ record, code }) => [record - 1, code])).toEqual([
      [1, 'not_an_object'],
      [3, 'invalid_utf8'],
    ])
    expect(chunk.goodRecord(2).raw.toString()).toBe('{"a" 1}')
    expect(chunk.goodRecord(3).raw.toString()).toMatch(/"c":tru,"client_address":"203.0.113.7"}$/)
  })

  test('too many events', async () => {
    const body = (count: number) => Buffer.from(`[${'{},'.repeat(count - 1)}{}]`)
    expect((await readCollected(body(maxCollected), { at })).records).toBe(maxCollected)
    await expect(readCollected(body(maxCollected + 1), { at })).rejects.toMatchObject({ code: 'body_too_large' })
  })
})

const scalar = fc.oneof(fc.string({ maxLength: 8 }), fc.integer(), fc.constant(null), fc.boolean())
const keys = [
  'eventId',
  'event_id',
  'timestamp',
  'occurred_at',
  'visitorId',
  'user_id',
  'sessionId',
  'siteId',
  'eventType',
  'event_type',
  'client_address',
  'other',
  '"',
  '\u0001é',
]
const members = (names: readonly string[], value: fc.Arbitrary<unknown>) =>
  fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 6 })
const data = fc.oneof(fc.constant(null), members(['client_address', 'siteId', 'a', 'b'], fc.jsonValue({ maxDepth: 2 })))
const anyEvent = fc
  .tuple(
    members(keys, fc.oneof(scalar, fc.jsonValue({ maxDepth: 1 }))),
    fc.option(data, { nil: undefined }),
    fc.option(data, { nil: undefined }),
  )
  // As it is when it was sent: JSON has no -0 of JavaScript's.
  .map(([event, eventData, properties]): Json => JSON.parse(JSON.stringify({ ...event, eventData, properties })))
const anyOuter = fc
  .tuple(
    members(['sessionId', 'visitorId', 'siteId', 'timestamp', 'event_type', 'other', '"'], scalar),
    fc.option(members(['a', 'other', 'siteId', '\u0001é'], scalar), { nil: undefined }),
  )
  .map(([outer, properties]): Json => JSON.parse(JSON.stringify({ ...outer, properties })))
const indent = fc.constantFrom(undefined, 1, '\t')
const anyAddress = fc.option(fc.constantFrom(clientAddress, '2001:db8::1'), { nil: undefined })

test('any event says what the naive model says', { tags: 'property' }, async () => {
  await assertProperty(
    fc.asyncProperty(anyEvent, indent, anyAddress, async (event, space, address) => {
      expect(await events(JSON.stringify(event, null, space), address)).toEqual([modelOf({}, event, address)])
    }),
    1000,
  )
})

test('any batch says what the naive model says', { tags: 'property' }, async () => {
  await assertProperty(
    fc.asyncProperty(
      anyOuter,
      fc.array(anyEvent, { maxLength: 4 }),
      indent,
      anyAddress,
      fc.boolean(),
      async (outer, inner, space, address, isBehind) => {
        const batch = isBehind ? { events: inner, ...outer } : { ...outer, events: inner }
        const expected = inner.map((event) => modelOf(outer, event, address))
        expect(await events(JSON.stringify(batch, null, space), address)).toEqual(expected)
      },
    ),
    1000,
  )
})
