import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { addDays, dayGrains, windowEnd, windowStart } from '../../../src/lib/core/time.js'
import { render } from '../../../src/lib/present/tables/render.js'
import { trend } from '../../../src/lib/stats/trend.js'
import { reset } from '../../rollups/model.js'
import { assertProperty } from '../../support/effort.js'
import { type GivenEvent, storeEvents } from '../../support/events.js'
import { withFreshDatabase } from '../../support/postgres/database.js'
import { byBytes, local } from '../naive-model.js'
import { measuresOf, oddValues } from './model.js'

const at = '2025-08-01T10:00:00Z'
const amounts = (...values: unknown[]): GivenEvent[] =>
  values.map((amount, index) => ({ at, user: `u${index % 2}`, type: 'buy', properties: { amount } }))

test('sums are exact: 100,000 times 0.1 is 10000', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, amounts(0.1))
    await sql`INSERT INTO ${db.t.events} SELECT gen_random_uuid(), occurred_at, batch_id, user_id, event_type, properties
      FROM ${db.t.events} CROSS JOIN generate_series(1, 99999)`.execute(db.q)
    const { data } = await trend(db, { measure: 'sum(properties.amount)' })
    expect(data).toEqual([{ date: '2025-08-01', key: null, value: 10_000, complete: true }])
  })
})

test('a sum has all its digits, in JSON as a number, and what is no number is counted in a warning', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, amounts('9007199254740993', '0.01', 'free', true, { a: 1 }, null, undefined, '1e3'))
    const result = await trend(db, { measure: ['sum(properties.amount)', 'events'] })
    expect(result.data[0]).toMatchObject({ 'sum(properties.amount)': '9007199254740993.01', events: 8 })
    expect(result.meta).toMatchObject({
      measure: ['sum(properties.amount)', 'events'],
      warnings: ['4 events do not count in sum(properties.amount): the value is not a number.'],
    })
    const options = { color: false, isTty: false, width: 80 }
    expect(await render(result, 'json', options)).toContain('"sum(properties.amount)": 9007199254740993.01,')
    expect(await render(result, 'ndjson', options)).toContain('"sum(properties.amount)":9007199254740993.01,')
    expect(await render(result, 'csv', options)).toContain('2025-08-01,9007199254740993.01,8,true')
  })
})

test('numbers beyond a double are measured, and do not end the question', async () => {
  await withFreshDatabase(async (db) => {
    const [huge, tiny] = ['9'.repeat(400), `0.${'0'.repeat(400)}1`]
    await storeEvents(db, amounts(huge, tiny))
    const measure = [
      'max(properties.amount)',
      'min(properties.amount)',
      'p99(properties.amount)',
      'avg(properties.amount)',
    ]
    const { data } = await trend(db, { measure })
    expect(data[0]).toMatchObject({ [measure[0]!]: huge, [measure[1]!]: tiny })
    expect((data[0] as Record<string, unknown>)[measure[2]!]).toBeGreaterThan(1e307)
  })
})

test('without values: null, but 0 for what is counted or added up; before the window begins null', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, [{ at, user: 'ann', type: 'view' }])
    const measure = Object.keys(measuresOf([]))
      .slice(-10)
      .map((text) => `${text} of buy`)
    const { data } = await trend(db, { measure, to: '2025-08-02', asOf: '2025-08-02', from: '2025-08-01' })
    const expected = Object.entries(measuresOf([]))
      .slice(-10)
      .map(([text, value]) => [`${text} of buy`, value] as const)
    expect(data[0]).toEqual({ date: '2025-08-01', key: null, ...Object.fromEntries(expected), complete: true })
    expect(Object.values(data[1]!).filter((value) => typeof value === 'number')).toEqual([])
  })
})

test('a formula works with named measures; dividing by 0 gives null', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, [...amounts(10, 20, 0.5), { at: '2025-08-02T10:00:00Z', user: 'ann', type: 'view' }])
    const lets = ['revenue=sum(properties.amount) of buy', 'buyers=unique_users of buy']
    const ask = async (formula: string) => (await trend(db, { let: lets, formula })).data.map((row) => row.value)
    expect(await ask('revenue / buyers')).toEqual([15.25, null])
    expect(await ask('-(revenue - 2 * buyers) + 0.25')).toEqual([-26.25, 0.25])
    expect(await ask('revenue / 3')).toEqual([30.5 / 3, 0])
    const { data, meta } = await trend(db, { let: lets, formula: 'revenue / buyers', measure: ['revenue', 'events'] })
    expect(data[0]).toEqual({
      date: '2025-08-01',
      key: null,
      revenue: 30.5,
      events: 3,
      'revenue / buyers': 15.25,
      complete: true,
    })
    expect(meta.definition).toContain('revenue / buyers (revenue = sum(properties.amount) of buy')
    expect((await trend(db, { let: lets })).columns.map(({ name }) => name)).toEqual([
      'date',
      'revenue',
      'buyers',
      'complete',
    ])
  })
})

test('what cannot be measured is told at its character, with what was meant', async () => {
  await withFreshDatabase(async (db) => {
    const refused = (given: Parameters<typeof trend>[1]) => expect(trend(db, given)).rejects
    for (const [given, message] of [
      [{ measure: 'p0(properties.a)' }, /p1 to p99.*did you mean min\(properties\.a\)/],
      [{ measure: 'p101(properties.a)' }, /p1 to p99/],
      [{ measure: 'sum()' }, /sum\(properties\.amount\)/],
      [{ measure: 'sum' }, /sum\(properties\.NAME\)/],
      [{ measure: 'mean(properties.a)' }, /did you mean avg\(properties\.a\)/],
      [{ measure: 'sum(amount)' }, /did you mean sum\(properties\.amount\)/],
      [{ measure: 'sum(event_type)' }, /expected properties\.NAME/],
      [{ measure: 'users' }, /did you mean unique_users/],
      [{ measure: 'events of ' }, /event type/],
      [{ measure: 'sum(properties.a' }, /and \)/],
      [{ measure: ['events', 'events'] }, /each measure once/],
      [{ let: ['a=events'], formula: 'a / buyers' }, /defined are a\): define it with --let buyers/],
      [{ formula: 'a +' }, /expected a number/],
      [{ formula: '1 2' }, /expected \+ - \* \/ or the end/],
      [{ formula: '(1' }, /expected \) for this one/],
      [{ let: ['events=events'] }, /another name/],
      [{ let: ['value=events'] }, /another name/],
      [{ let: ['a=events', 'a=unique_users'] }, /define a once/],
      [{ by: ['event_type', 'user_id', 'properties.a'] }, /at most 2 times/],
    ] as const) {
      await refused(given as never).toMatchObject({ code: 'usage', message: expect.stringMatching(message) })
    }
  })
})

const value = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -5000, max: 100_000 }).map((cents) => cents / 100) },
  { weight: 2, arbitrary: fc.integer({ min: -300, max: 900 }).map((cents) => (cents / 100).toFixed(2)) },
  fc.constantFrom<unknown>('many', '', true, null, undefined, [1], '1e2', ' 1'),
)
const scenario = fc.record({
  zone: fc.constantFrom('UTC', 'Europe/Kyiv', 'America/Havana', 'Asia/Kathmandu'),
  grain: fc.constantFrom(...dayGrains),
  events: fc.array(
    fc.record({
      hour: fc.integer({ min: 0, max: 24 * 21 }),
      user: fc.constantFrom('ann', 'bob', 'cid'),
      type: fc.constantFrom('buy', 'view'),
      amount: value,
      plan: fc.constantFrom('pro', 'free', '', undefined),
    }),
    { minLength: 1, maxLength: 50 },
  ),
  loading: fc.boolean(),
  limit: fc.integer({ min: 1, max: 4 }),
})

test('measures are those of the model, in all and by keys; rows by keys add up to the total', {
  tags: 'property',
}, async () => {
  await withFreshDatabase(async (db) => {
    const property = fc.asyncProperty(scenario, async ({ zone, grain, events: drawn, loading, limit }) => {
      const events = drawn.map(
        ({ hour, user, type, amount, plan }): GivenEvent => ({
          at: new Date(Date.UTC(2024, 2, 1, hour)).toISOString(),
          user,
          type,
          properties: { amount, ...(plan === undefined ? {} : { plan }) },
        }),
      )
      await reset(db, 'UTC')
      await storeEvents(db, events)
      if (loading) await storeEvents(db, events, 'loading')
      const [from, to] = ['2024-03-02', '2024-03-20']
      const windowOf = (one: GivenEvent) => windowStart(local(one.at, zone).slice(0, 10), grain, 'monday')
      const starts: string[] = []
      for (let day = windowStart(from, grain, 'monday'); day <= to; day = windowEnd(day, grain)) starts.push(day)
      const inside = events.filter((one) => starts.includes(windowOf(one)))
      const given = { from, to, tz: zone, grain, asOf: addDays('2024-05-01', 0) }
      const measure = Object.keys(measuresOf([]))
      const whole = await trend(db, { ...given, measure: measure.slice(0, 10) })
      const rest = await trend(db, { ...given, measure: measure.slice(10).map((text) => `${text} of buy`) })
      for (const [index, date] of starts.entries()) {
        const own = inside.filter((one) => windowOf(one) === date)
        closeTo(whole.data[index]!, Object.fromEntries(Object.entries(measuresOf(own)).slice(0, 10)))
        const bought = Object.entries(measuresOf(own.filter(({ type }) => type === 'buy'))).slice(10)
        closeTo(rest.data[index]!, Object.fromEntries(bought.map(([text, number]) => [`${text} of buy`, number])))
      }
      const odd = oddValues(inside)
      const warnings = whole.meta.warnings.filter((text) => text.includes('sum(properties.amount)'))
      expect(warnings.map((text) => Number(text.split(' ')[0]))).toEqual(odd === 0 ? [] : [odd])

      const planOf = ({ properties }: GivenEvent) => (properties?.plan as string | undefined) ?? null
      for (const first of ['sum(properties.amount)', 'avg(properties.amount)'] as const) {
        const by = await trend(db, { ...given, by: 'properties.plan', limit, measure: [first, 'events'] })
        const keys = [...new Set(inside.map(planOf))]
          .map((key) => ({ key, total: measuresOf(inside.filter((one) => planOf(one) === key))[first] ?? null }))
          .sort((a, b) => (b.total ?? -Infinity) - (a.total ?? -Infinity) || byBytes(a.key, b.key))
          .map(({ key }) => key)
        const tied = new Set(keys.slice(limit))
        for (const row of by.data as readonly Record<string, unknown>[]) {
          const ofRow = (one: GivenEvent) => (row.others ? tied.has(planOf(one)) : planOf(one) === row.key)
          const own = inside.filter((one) => windowOf(one) === row.date && ofRow(one))
          const { events: count, [first]: number } = measuresOf(own)
          closeTo(row, { events: count!, [first]: row.others && first.startsWith('avg') ? null : number! })
        }
        for (const date of starts) {
          const sum = (by.data as readonly Record<string, unknown>[])
            .filter((row) => row.date === date)
            .reduce((total, row) => total + (row.events as number), 0)
          expect(sum).toBe(inside.filter((one) => windowOf(one) === date).length)
        }
      }
    })
    await assertProperty(property, 30)
  })
})

/** The numbers of a row; what is divided or interpolated may differ in the last digits. */
function closeTo(row: Readonly<Record<string, unknown>>, expected: Readonly<Record<string, number | null>>): void {
  for (const [name, number] of Object.entries(expected)) {
    const found = row[name] as number | null
    if (number === null || /^(events|unique|sum\()/.test(name)) expect([name, found]).toEqual([name, number])
    else
      expect(Math.abs(found! - number), `${name}: ${found}, not ${number}`).toBeLessThan(
        1e-9 * Math.max(1, Math.abs(number)),
      )
  }
}
