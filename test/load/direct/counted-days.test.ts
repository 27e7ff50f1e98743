/** Users and days that the kernel counts are those of a model, for any texts, times, chunks and offsets. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { directReader } from '../../../src/lib/load/direct/direct-reader.js'
import { directPlanOf } from '../../../src/lib/load/direct/plan.js'
import { resolveMapping } from '../../../src/lib/load/mapping/mapping.js'
import { split } from '../../../src/lib/load/split/split.js'
import type { CountedDays, DayZone } from '../../../src/lib/rollups/counted-days.js'
import { assertProperty } from '../../support/effort.js'
import { buffersOf } from '../split/split-content.js'

const latest = new Date('2030-01-01T00:00:00Z')
const year2000 = Date.UTC(2000, 0, 1)
const columns = ['event_id', 'occurred_at', 'user_id', 'event_type', 'properties_json']
const shape = { kind: 'delimited', delimiter: 0x2c, quote: 0x22, fields: 5, jsonField: 4 } as const
const plan = directPlanOf(
  shape,
  { mapping: resolveMapping({ columns }), timeFormat: { kind: 'auto' }, latest },
  'UTC',
  1 << 20,
)!

interface Event {
  readonly at: number
  readonly user: string
  readonly type: string
}

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
const line = ({ at, user, type }: Event, n: number) =>
  `a0eebc99-9c0b-4ef8-bb6d-${n.toString(16).padStart(12, '0')},${new Date(at).toISOString()},${quoted(user)},${quoted(type)},{}\n`

/** Offsets from UTC: the first always, others from an instant on; in milliseconds. */
type Offsets = readonly { readonly from: number; readonly offset: number }[]

const zoneOf = (offsets: Offsets): DayZone => ({
  reportingTz: 'somewhere',
  offsets: offsets.map(({ from, offset }) => ({
    from: BigInt(from - year2000) * 1000n,
    offset: BigInt(offset) * 1000n,
  })),
})

async function counted(
  events: readonly Event[],
  offsets: Offsets,
  chunkBytes: number,
): Promise<CountedDays | undefined> {
  const plain = directReader(plan, zoneOf(offsets))!
  const limits = { chunkBytes, maxRecordBytes: 1 << 20, headerBytes: 0, headerLines: 0 }
  for await (const chunk of split(buffersOf(Buffer.from(events.map(line).join('')), 64 * 1024), {
    shape,
    plain,
    ...limits,
  })) {
    expect(chunk.isPlain).toBe(true)
    chunk.rows({ kind: 'events', batchId: 1 })
    chunk.release()
  }
  return plain.countedDays()
}

/** Rows of COPY in its binary format: a text, then numbers. */
function rowsIn(pieces: Iterable<Buffer>): (string | number | null)[][] {
  const bytes = Buffer.concat([...pieces])
  const rows: (string | number | null)[][] = []
  let at = 19
  while (bytes.readInt16BE(at) !== -1) {
    const fields = bytes.readInt16BE(at)
    at += 2
    rows.push(
      Array.from({ length: fields }, (_, index) => {
        const length = bytes.readInt32BE(at)
        at += 4
        if (length === -1) return null
        const value = index === 0 ? bytes.toString('utf8', at, at + length) : bytes.readInt32BE(at)
        at += length
        return value
      }),
    )
  }
  expect(at + 2).toBe(bytes.length)
  return rows
}

function model(events: readonly Event[], offsets: Offsets): { users: unknown[]; eventTypes: unknown[] } {
  const dayOf = ({ at }: Event) => {
    const { offset } = offsets.findLast(({ from }, index) => index === 0 || from <= at)!
    return Math.floor((at + offset) / 86_400_000) - year2000 / 86_400_000
  }
  const groups = (textOf: (event: Event) => string) => {
    const found = new Map<string, Map<number, number>>()
    for (const event of events) {
      const days = found.get(textOf(event)) ?? new Map<number, number>()
      found.set(textOf(event), days.set(dayOf(event), (days.get(dayOf(event)) ?? 0) + 1))
    }
    const byBytes = [...found].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    return byBytes.map(([text, days]) => ({ text, days: [...days].sort(([a], [b]) => a - b) }))
  }
  const users = groups(({ user }) => user).flatMap(({ text, days }) =>
    days.map(([day, n], index) => [
      text,
      day,
      n,
      days[0]![0],
      days[index - 1]?.[0] ?? null,
      days[index + 1]?.[0] ?? null,
    ]),
  )
  const eventTypes = groups(({ type }) => type).flatMap(({ text, days }) => days.map(([day, n]) => [text, day, n]))
  return { users, eventTypes }
}

const text = fc.oneof(
  fc.constantFrom('a', 'b', 'a"', '"', 'view', 'a'.repeat(8), 'a'.repeat(9), 'ü', '𝒳', 'user-0000001', 'user-0000002'),
  fc.string({ unit: fc.constantFrom('a', 'b', '"', 'é'), minLength: 1, maxLength: 40 }),
)
const nearYear = fc.integer({ min: Date.UTC(2024, 11, 30), max: Date.UTC(2025, 0, 3) })
const time = fc.oneof(nearYear, fc.integer({ min: 0, max: Date.UTC(2029, 0, 1) }))
const events = fc.array(fc.record({ at: time, user: text, type: text }), { minLength: 1, maxLength: 60 })
const hour = 3_600_000
const offset = fc.integer({ min: -14 * 60, max: 14 * 60 }).map((minutes) => minutes * 60_000)
const offsets = fc
  .tuple(offset, fc.array(fc.record({ from: nearYear, offset }), { maxLength: 4 }))
  .map(([first, later]): Offsets => [{ from: 0, offset: first }, ...later.sort((a, b) => a.from - b.from)])

describe('users and days', () => {
  test('are those of a model', { tags: 'property' }, async () => {
    await assertProperty(
      fc.asyncProperty(events, offsets, fc.constantFrom(1, 500, 100_000), async (given, zone, chunkBytes) => {
        const days = (await counted(given, zone, chunkBytes))!
        expect(days.events).toBe(given.length)
        const { users, eventTypes } = model(given, zone)
        expect(rowsIn(days.users())).toEqual(users)
        expect(rowsIn(days.eventTypes())).toEqual(eventTypes)
      }),
      1000,
    )
  })

  test('are right when their tables have grown many times', async () => {
    const many = Array.from({ length: 20_000 }, (_, n) => ({
      at: Date.UTC(2025, 0, 1) + ((n * 7919) % 400) * 24 * hour,
      user: `user ${(n * 31) % 9001}`,
      type: `type ${n % 3001}`,
    }))
    const days = (await counted(many, [{ from: 0, offset: hour }], 1 << 18))!
    const { users, eventTypes } = model(many, [{ from: 0, offset: hour }])
    expect(rowsIn(days.users())).toEqual(users)
    expect(rowsIn(days.eventTypes())).toEqual(eventTypes)
  })

  test('that are too many are left to PostgreSQL', async () => {
    const long = '𝒳'.repeat(190)
    const many = Array.from({ length: 90_000 }, (_, n) => ({ at: 0, user: `${long}${n}`, type: 'view' }))
    expect(await counted(many, [{ from: 0, offset: 0 }], 1 << 22)).toBeUndefined()
  })

  test('that somebody else has begun to count are lost, and not mixed', async () => {
    const zone = zoneOf([{ from: 0, offset: 0 }])
    const first = directReader(plan, zone)!
    const second = directReader(plan, zone)!
    expect(first.countedDays()).toBeUndefined()
    expect(second.countedDays()?.events).toBe(0)
    expect(second.countedDays()).toBeUndefined()
  })
})
