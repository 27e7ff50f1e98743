import fc from 'fast-check'
import { expect, test } from 'vitest'
import { describe } from '../../src/lib/stats/describe.js'
import { reset } from '../rollups/model.js'
import { assertProperty } from '../support/effort.js'
import { type GivenEvent, storeEvents } from '../support/events.js'
import { withFreshDatabase } from '../support/postgres/database.js'
import { byBytes } from './naive-model.js'

test('a type nobody has, and no data at all', async () => {
  await withFreshDatabase(async (db) => {
    expect((await describe(db)).data).toEqual([])
    await storeEvents(db, [{ at: '2025-08-01T10:00:00Z', user: 'ann', type: 'view' }])
    expect((await describe(db, { eventType: 'veiw' })).data).toEqual([])
  })
})

const value = fc.oneof(
  fc.integer({ min: -3, max: 9 }),
  fc.constantFrom<unknown>('', 'a', 'b"c', '12', '-3.50', true, false, null, undefined, [1], { a: 1 }, 2.5),
)
const scenario = fc.record({
  events: fc.array(
    fc.record({
      day: fc.integer({ min: 1, max: 28 }),
      user: fc.constantFrom('ann', 'bob', 'cid'),
      type: fc.constantFrom('buy', 'view', 'Zoom'),
      amount: value,
      plan: value,
    }),
    { minLength: 1, maxLength: 40 },
  ),
  limit: fc.integer({ min: 1, max: 3 }),
})

test('types and properties are those of the model', { tags: 'property' }, async () => {
  await withFreshDatabase(async (db) => {
    const property = fc.asyncProperty(scenario, async ({ events: drawn, limit }) => {
      const events = drawn.map(
        ({ day, user, type, amount, plan }): GivenEvent => ({
          at: `2025-02-${String(day).padStart(2, '0')}T10:00:00Z`,
          user,
          type,
          properties: JSON.parse(JSON.stringify({ amount, plan })),
        }),
      )
      await reset(db, 'UTC')
      await storeEvents(db, events)
      await storeEvents(db, events, 'loading')
      const { data, meta } = await describe(db, { limit })
      const types = [...new Set(events.map(({ type }) => type!))]
        .map((type) => ({ type, own: events.filter((event) => event.type === type) }))
        .sort((a, b) => b.own.length - a.own.length || byBytes(a.type, b.type))
      expect(meta.types_left_out).toBe(Math.max(0, types.length - limit))
      const rows = types
        .slice(0, limit)
        .flatMap(({ type, own }) => [
          typeRow(type, own, events.length),
          ...['amount', 'plan']
            .flatMap((name) => propertyRow(type, name, own))
            .sort((a, b) => b.events - a.events || byBytes(a.property, b.property)),
        ])
      expect(data).toEqual(rows)
    })
    await assertProperty(property, 40)
  })
})

const daysOf = (events: readonly GivenEvent[]) => {
  const days = events.map(({ at }) => at.slice(0, 10)).sort()
  return { first: days[0]!, last: days.at(-1)! }
}

function typeRow(type: string, own: readonly GivenEvent[], all: number) {
  const none = { property: null, kind: null, values: null, top: null, min: null, max: null }
  const users = new Set(own.map(({ user }) => user)).size
  return {
    event_type: type,
    ...none,
    events: own.length,
    share: own.length / all,
    users,
    ...daysOf(own),
    estimated: false,
  }
}

function propertyRow(type: string, name: string, own: readonly GivenEvent[]) {
  const having = own.filter(({ properties }) => (properties?.[name] ?? null) !== null)
  if (having.length === 0) return []
  const values = having.map(({ properties }) => properties![name])
  const texts = values.map((one) => (typeof one === 'string' ? one : JSON.stringify(one).replace(':', ': ')))
  const kinds = [...new Set(values.map(kindOf))].sort()
  const isNumber = values.every(
    (one) => typeof one === 'number' || (typeof one === 'string' && /^-?\d+(\.\d+)?$/.test(one)),
  )
  // A number and a text that look alike are two values.
  const counts = new Map<string, { text: string; n: number }>()
  for (const [index, text] of texts.entries()) {
    const id = `${kindOf(values[index])} ${text}`
    counts.set(id, { text, n: (counts.get(id)?.n ?? 0) + 1 })
  }
  const top = [...counts.values()].sort((a, b) => b.n - a.n || byBytes(a.text, b.text)).slice(0, 3)
  const ordered = isNumber
    ? texts
        .map(Number)
        .sort((a, b) => a - b)
        .map(String)
    : [...texts].sort(byBytes)
  return [
    {
      event_type: type,
      property: name,
      kind: `${kinds.join(' or ')}${isNumber && kinds.includes('text') ? ' (numbers)' : ''}`,
      events: having.length,
      share: having.length / own.length,
      users: null,
      values: counts.size,
      top: JSON.stringify(top.map(({ text }) => text)).replaceAll('","', '", "'),
      min: ordered[0]!,
      max: ordered.at(-1)!,
      ...daysOf(having),
      estimated: false,
    },
  ]
}

function kindOf(value: unknown): string {
  if (typeof value === 'string') return 'text'
  if (typeof value === 'boolean') return 'true/false'
  return Array.isArray(value) ? 'list' : typeof value
}
