/** The generator's promises: the same bytes everywhere, exact counts, the order of time, users who come back. */
import { createHash } from 'node:crypto'
import { Writable } from 'node:stream'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EaError } from '../../src/lib/core/errors.js'
import { generate } from '../../src/lib/generate/generate.js'
import { type GenerateOptions, parseGenerateOptions } from '../../src/lib/generate/options.js'
import { eventShapes, words } from '../../src/lib/generate/shapes.js'
import { writeToStream } from '../../src/lib/os/write-to-stream.js'
import { assertProperty } from '../support/effort.js'

interface Event {
  event_id: string
  occurred_at: string
  user_id: string
  event_type: string
  properties: Record<string, unknown>
}

function textOf(options: GenerateOptions): string {
  return Buffer.concat(Array.from(generate(options).bytes, (piece) => Buffer.from(piece))).toString('latin1')
}

function eventsOf(options: GenerateOptions): Event[] {
  return textOf({ ...options, format: 'ndjson' })
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event)
}

const dayOf = (event: Event) => event.occurred_at.slice(0, 10)

describe('same options, same bytes', () => {
  test('the bytes of a seed never change', () => {
    const sha256 = (options: GenerateOptions) => createHash('sha256').update(textOf(options)).digest('hex')
    const options = { events: 20_000, users: 900, days: 45, from: '2025-03-01', seed: 7 }
    expect(sha256(options)).toBe('57e32aa1b1dd37a3d6ba4fcccf8093e3c6d58a4609773b485f0b33967bc3e593')
    expect(sha256({ ...options, format: 'ndjson' })).toBe(
      'c10f5055769bddcb18ec421096ad4f3a11ea10dedae6cf4cb9de9b5f52db3ca8',
    )
  })

  test('another seed or another option gives other events: not one id is shared', () => {
    const ids = [{}, { seed: 2 }, { days: 91 }, { from: '2025-01-02' }, { eventsPerUserDay: 5 }, { users: 40 }].map(
      (other) => eventsOf({ events: 1000, ...other }).map((event) => event.event_id),
    )
    expect(new Set(ids.flat()).size).toBe(6000)
  })
})

describe('what a log holds', () => {
  const options = { events: 60_000, users: 3000, days: 84, from: '2024-12-02', seed: 42 } as const
  const events = eventsOf(options)

  test('exactly the events and users that were asked for, each event with an id of its own', () => {
    expect(events).toHaveLength(60_000)
    expect(new Set(events.map((event) => event.event_id)).size).toBe(60_000)
    expect(new Set(events.map((event) => event.user_id)).size).toBe(3000)
    const uuid4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
    expect(events.filter((event) => !uuid4.test(event.event_id))).toEqual([])
  })

  test('the order of time, from the first day to the last', () => {
    const times = events.map((event) => event.occurred_at)
    expect(times.filter((time, i) => i > 0 && time < times[i - 1]!)).toEqual([])
    expect(dayOf(events[0]!)).toBe('2024-12-02')
    expect(dayOf(events.at(-1)!)).toBe('2025-02-23')
    expect(times.filter((time) => new Date(time).toISOString() !== time)).toEqual([])
  })

  test('the summary tells the user-days before the first byte, about eight events each', () => {
    const userDays = new Set(events.map((event) => `${event.user_id} ${dayOf(event)}`)).size
    const { summary } = generate(options)
    expect(summary).toEqual({ events: 60_000, users: 3000, userDays, from: '2024-12-02', to: '2025-02-23' })
    expect(60_000 / userDays).toBeGreaterThan(7.6)
    expect(60_000 / userDays).toBeLessThan(8.4)
  })

  test('every type occurs, with its own properties', () => {
    const known = eventShapes.map(({ type, properties }) =>
      [type, 'country', 'session_id', ...properties.map(([name]) => name)].join(),
    )
    const found = events.map(({ event_type, properties }) => [event_type, ...Object.keys(properties)].join())
    expect([...new Set(found)].sort()).toEqual(known.sort())
  })

  test('users come back, fewer in each week, and the first week loses most', () => {
    const week = (event: Event) => Math.floor((Date.parse(event.occurred_at) - Date.parse('2024-12-02')) / 604_800_000)
    const weeks = new Map<string, Set<number>>()
    for (const event of events) {
      const seen = weeks.get(event.user_id) ?? new Set()
      weeks.set(event.user_id, seen.add(week(event)))
    }
    // Cohorts of the first six weeks, so that each has six more.
    const cohort = [...weeks.values()].filter((seen) => Math.min(...seen) < 6)
    const retained = [0, 1, 2, 3, 4, 5, 6].map(
      (window) => cohort.filter((seen) => seen.has(Math.min(...seen) + window)).length / cohort.length,
    )
    expect(retained[0]).toBe(1)
    expect(retained[1]).toBeGreaterThan(0.1)
    expect(retained[1]).toBeLessThan(0.5)
    for (const later of [2, 3, 4, 6]) expect(retained[later]!).toBeLessThan(retained[1]!)
    expect(retained[6]).toBeGreaterThan(0.005)
    expect(retained[0]! - retained[1]!).toBeGreaterThan(retained[1]! - retained[6]!)
  })

  test('new users arrive until the end, weekends are quieter, nights too', () => {
    const firstDays = new Map<string, string>()
    for (const event of events) if (!firstDays.has(event.user_id)) firstDays.set(event.user_id, dayOf(event))
    expect([...firstDays.values()].filter((day) => day >= '2025-02-17').length).toBeGreaterThan(100)
    const perWeekday = Array<number>(7).fill(0)
    const perHour = Array<number>(24).fill(0)
    for (const event of events) {
      const at = new Date(event.occurred_at)
      perWeekday[at.getUTCDay()]!++
      perHour[at.getUTCHours()]!++
    }
    expect(perWeekday[0]! + perWeekday[6]!).toBeLessThan(perWeekday[2]! + perWeekday[3]!)
    expect(perHour[3]!).toBeLessThan(perHour[20]! / 4)
  })

  test('a session opens the app first, and buys what lay in the cart', () => {
    const sessions = new Map<string, Event[]>()
    for (const event of events) {
      const key = `${event.user_id} ${event.properties.session_id}`
      sessions.set(key, [...(sessions.get(key) ?? []), event])
    }
    const all = [...sessions.values()]
    expect(all.filter((session) => session[0]!.event_type !== 'app_open')).toEqual([])
    const purchases = all.flatMap((session) =>
      session.flatMap((event, i) => (event.event_type === 'purchase' ? [[session[i - 1]!, event] as const] : [])),
    )
    expect(purchases.length).toBeGreaterThan(100)
    const isOfCart = ([before, { properties }]: (typeof purchases)[number]) =>
      before.event_type === 'add_to_cart' &&
      [1, 2, 3, 4].some((qty) => Math.abs(Number(properties.amount) - qty * Number(before.properties.price)) < 0.005)
    expect(purchases.filter((purchase) => !isOfCart(purchase))).toEqual([])
  })
})

test('csv and ndjson describe the same events, and csv-parse reads the csv', () => {
  const options = { events: 5000, seed: 3 }
  const records = parse(textOf(options), { columns: true }) as Record<string, string>[]
  const events = records.map(({ properties_json, ...fields }) => ({
    ...fields,
    properties: JSON.parse(properties_json!),
  }))
  expect(events).toEqual(eventsOf(options))
})

test('any options give exactly the events and users that they name', { tags: 'property' }, () => {
  const anyOptions = fc
    .record({
      events: fc.integer({ min: 1, max: 3000 }),
      userShare: fc.integer({ min: 1, max: 100 }),
      days: fc.integer({ min: 1, max: 400 }),
      seed: fc.integer({ min: 0, max: 4_294_967_295 }),
      eventsPerUserDay: fc.constantFrom(1, 1.5, 8, 100_000),
      from: fc.constantFrom('1970-01-01', '2024-02-28', '1969-12-31', '2025-12-31'),
    })
    .map(({ userShare, ...rest }) => ({ ...rest, users: Math.ceil((rest.events * userShare) / 100) }))
  assertProperty(
    fc.property(anyOptions, (options) => {
      const events = eventsOf(options)
      const { summary } = generate(options)
      expect(events).toHaveLength(options.events)
      expect(new Set(events.map((event) => event.user_id)).size).toBe(options.users)
      expect(dayOf(events[0]!) >= options.from && dayOf(events.at(-1)!) <= summary.to).toBe(true)
      expect(new Set(events.map((event) => `${event.user_id} ${dayOf(event)}`)).size).toBe(summary.userDays)
    }),
    150,
  )
})

test('values are drawn from sixteen words each', () => {
  for (const choices of Object.values(words)) expect(choices).toHaveLength(16)
  for (const shape of eventShapes) {
    expect(Object.values(shape.next).reduce((total, places) => total + places, 0)).toBe(64)
  }
})

describe('options', () => {
  test('a user for twenty events when nobody says how many', () => {
    expect(parseGenerateOptions({ events: 1001 }).users).toBe(51)
  })

  test('every problem at once, by the names of the flags', () => {
    const attempt = () => parseGenerateOptions({ events: 0, from: '2025-02-30', eventsPerUserDay: Number.NaN })
    expect(attempt).toThrow(EaError)
    expect(attempt).toThrow(/--events .*; --from .*; --events-per-user-day /)
    expect(() => parseGenerateOptions({ events: 10, users: 11 })).toThrow(/--users must not be more than events/)
    expect(() => parseGenerateOptions({ events: 1_000_000_000, days: 1 })).toThrow(/--days must be more/)
  })
})

describe('pour', () => {
  test('no faster than the stream: a piece is asked for when the one before it is written', async () => {
    let made = 0
    let written = 0
    function* pieces() {
      for (; made < 100; made++) {
        expect(written).toBe(made)
        yield new Uint8Array(10)
      }
    }
    const slow = new Writable({
      write(_chunk, _encoding, done) {
        setImmediate(() => {
          written++
          done()
        })
      },
    })
    expect(await writeToStream(pieces(), slow)).toBe(1000)
  })

  test('a reader that goes away ends it, another error is thrown, a signal stops it', async () => {
    const failing = (code: string) =>
      new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })) }).on(
        'error',
        () => {},
      )
    const { bytes } = generate({ events: 10_000 })
    expect(await writeToStream(bytes, failing('EPIPE'))).toBe(0)
    await expect(writeToStream(generate({ events: 10_000 }).bytes, failing('ENOSPC'))).rejects.toThrow('ENOSPC')
    const open = new Writable({ write: (_chunk, _encoding, done) => done() })
    const stopped = AbortSignal.abort(new Error('stop'))
    await expect(writeToStream(generate({ events: 10_000 }).bytes, open, stopped)).rejects.toThrow('stop')
  })
})
