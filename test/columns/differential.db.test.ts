/**
 * The column store gives the answers that PostgreSQL gives, in each row and each warning: over random events with values of
 * every shape, in zones whose clocks change, with batches that came after the files, grew over HTTP, were undone, or are loading.
 */
import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { addColumns } from '../../src/lib/columns/add-remove.js'
import { buildColumns } from '../../src/lib/columns/build.js'
import { addDays, dayGrains, grains, weekdays } from '../../src/lib/core/time.js'
import { type Database, withTransaction } from '../../src/lib/db/connect.js'
import { rebuildRollups } from '../../src/lib/rollups/rebuild.js'
import { stats } from '../../src/lib/stats/catalog.js'
import { runStat } from '../../src/lib/stats/query/run-stat.js'
import { reset } from '../rollups/model.js'
import { assertProperty, atLeast } from '../support/effort.js'
import { type GivenEvent, storeBatch } from '../support/events.js'
import { withFreshDatabase } from '../support/postgres/database.js'
import { withScratchFolder } from '../support/temp-dir.js'

const places = [
  ['UTC', '2024-02-29'],
  ['Asia/Kathmandu', '1970-01-14'],
  ['Africa/Cairo', '2024-04-26'],
  ['America/Sao_Paulo', '2018-02-18'],
  ['America/Havana', '2024-11-03'],
  ['Australia/Lord_Howe', '2024-04-07'],
  ['Pacific/Apia', '2011-12-30'],
  ['Europe/Kyiv', '2024-03-31'],
  ['Africa/Monrovia', '1972-01-07'],
  ['America/Nuuk', '2024-03-31'],
] as const

/** As JSON: numbers keep their digits. */
const values = fc.constantFrom(
  ...[
    '1',
    '1.10',
    '1e-7',
    '-0',
    '12.5',
    '"12.5"',
    '" 12"',
    '"1e3"',
    '""',
    '"pro"',
    '"free"',
    '"ä"',
    '"zoë 🦊"',
    'null',
  ],
  ...['true', '[1,2]', '{"a":1}', '"a,b\\n\\"c\\""', '"\\u2028"', '"+1"', '"007"', '0.1', '999999999999999'],
)
const rareValues = fc.constantFrom('123456789012345678901234567890', '"0.1234567890123456789"', `"${'9'.repeat(1200)}"`)

const event = (day: string) =>
  fc
    .record({
      minute: fc.oneof(
        fc.integer({ min: -40 * 1440, max: 20 * 1440 }),
        fc.integer({ min: -16 * 60, max: 16 * 60 }),
        fc.integer({ min: -2 * 1440, max: 2 * 1440 }),
      ),
      us: fc.constantFrom('', '001', '999999'),
      user: fc.constantFrom('ann', 'bob', 'Cid', 'dän', 'a user with a long name', ''),
      type: fc.constantFrom('view', 'buy', 'Zoom', 'ä'),
      plan: fc.option(values),
      price: fc.option(fc.oneof({ weight: 60, arbitrary: values }, { weight: 1, arbitrary: rareValues })),
    })
    .map(({ minute, us, user, type, plan, price }) => {
      const at = new Date(Date.parse(`${day}T00:00:00Z`) + minute * 60_000)
        .toISOString()
        .replace('000Z', `${us || '000'}Z`)
      const properties = `{${[plan && `"plan":${plan}`, price && `"price":{"net":${price}}`].filter(Boolean).join(',')}}`
      return { at, user, type, properties: properties as unknown as Readonly<Record<string, unknown>> }
    })

const segments = [
  ...[
    'properties.plan:pro',
    'properties.plan:pro,free,""',
    'properties.plan!=pro',
    'properties.plan:*',
    'properties.plan~o',
  ],
  ...[
    'properties.price.net>1',
    'properties.price.net<=12.5',
    'properties.price.net>=1.1',
    'properties.plan>x',
    'user_id!=ann',
  ],
  ...['event_type:view,Zoom', 'properties.price.net<123456789012345678', 'user_id~a', 'properties.plan:"a user"'],
]

const selectors = [
  'view',
  'buy[properties.price.net>1]',
  'Zoom[properties.plan:pro]',
  'Zoom[properties.plan:free]',
  'ä',
]

const scenario = fc.constantFrom(...places).chain(([zone, day]) =>
  fc.record({
    zone: fc.constant(zone),
    batches: fc.array(fc.array(event(day), { maxLength: 25 }), { minLength: 1, maxLength: 4 }),
    /** Into the first batch, after the files were written. */
    grown: fc.array(event(day), { maxLength: 5 }),
    late: fc.array(event(day), { maxLength: 10 }),
    loading: fc.array(event(day), { maxLength: 10 }),
    isUndone: fc.boolean(),
    fileRows: fc.constantFrom(1, 7, 1000),
    from: fc.integer({ min: -12, max: 4 }).map((days) => addDays(day, days)),
    length: fc.integer({ min: 0, max: 20 }),
    asOf: fc.option(
      fc
        .integer({ min: -5 * 24, max: 30 * 24 })
        .map((hours) => new Date(Date.parse(`${day}T00:00:00Z`) + hours * 3_600_000).toISOString()),
      { freq: 3 },
    ),
    weekStart: fc.constantFrom(...weekdays),
    dayGrain: fc.constantFrom(...dayGrains),
    grain: fc.constantFrom(...grains),
    segment: fc.subarray(segments, { maxLength: 2 }),
    measure: fc.constantFrom('events', 'unique_users'),
    by: fc.constantFrom('event_type', 'user_id', 'properties.plan', 'properties.price.net'),
    limit: fc.integer({ min: 1, max: 6 }),
    windows: fc.integer({ min: 1, max: 8 }),
    cohort: fc.constantFrom('first-ever', 'first-matching', 'active'),
    mode: fc.constantFrom('on', 'on-or-after'),
    minReturnEvents: fc.constantFrom(1, 1, 2),
    startEvent: fc.option(fc.constantFrom(...selectors), { nil: undefined }),
    returnEvent: fc.option(fc.constantFrom(...selectors), { nil: undefined }),
    step: fc.shuffledSubarray(selectors, { minLength: 2, maxLength: 4 }),
    window: fc.constantFrom('1h', '3d', '20d', '365d'),
  }),
)
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never

function questionsOf(s: Scenario): [stat: string, given: Record<string, unknown>][] {
  const common = {
    tz: s.zone,
    weekStart: s.weekStart,
    from: s.from,
    to: addDays(s.from, s.length),
    segment: s.segment,
    ...(s.asOf === null ? {} : { asOf: s.asOf }),
  }
  const { measure, grain, by, limit } = s
  const { from: _, ...asked } = common
  return [
    ['dau', { ...common, grain: s.dayGrain }],
    ['wau', common],
    ['mau', common],
    ['trend', { ...common, measure, grain }],
    ['trend', { ...common, measure, grain, by, limit }],
    ['top-events', { ...common, limit, uniqueUsers: true }],
    [
      'retention',
      {
        ...asked,
        startDate: s.from,
        windowType: s.dayGrain,
        ...pick(s, 'cohort', 'mode', 'minReturnEvents', 'windows', 'startEvent', 'returnEvent'),
      },
    ],
    ['lifecycle', { ...common, grain: s.dayGrain }],
    ['stickiness', { ...common, grain }],
    ['funnel', { ...common, step: s.step, window: s.window }],
  ]
}

const pick = <K extends keyof Scenario>(s: Scenario, ...keys: K[]) =>
  Object.fromEntries(keys.map((key) => [key, s[key]]))

/** Stores events whose properties are texts of JSON. */
async function store(db: Database, events: readonly GivenEvent[], status: 'completed' | 'loading'): Promise<number> {
  return withTransaction(db, async (tx) => {
    const id = await storeBatch(tx, events, status)
    await sql`UPDATE ${tx.t.events} SET properties = (properties #>> '{}')::jsonb
      WHERE batch_id = ${id} AND jsonb_typeof(properties) = 'string'`.execute(tx.q)
    return id
  })
}

test('columns and events give the same rows and warnings', { tags: 'property' }, async () => {
  let answered = 0
  await withScratchFolder(async (folder) => {
    await withFreshDatabase(async (plain) => {
      const db = { ...plain, columnsFolder: `${folder}/columns` }
      await assertProperty(
        fc.asyncProperty(scenario, async (s) => {
          await reset(db, 'UTC')
          const ids = []
          for (const events of s.batches) ids.push(await store(db, events, 'completed'))
          await addColumns(db, [['plan'], ['price', 'net']])
          await buildColumns(db, { fileRows: s.fileRows })
          if (s.isUndone && ids.length > 1) await undo(db, ids.at(-1)!)
          if (s.grown.length > 0) await grow(db, ids[0]!, await store(db, s.grown, 'completed'))
          if (s.late.length > 0) await store(db, s.late, 'completed')
          if (s.loading.length > 0) await store(db, s.loading, 'loading')
          await withTransaction(db, (tx) => rebuildRollups(tx))
          for (const [name, given] of questionsOf(s)) {
            const stat = stats.find((one) => one.name === name)!
            const events = await runStat(db, stat, given, { source: 'events' })
            const columns = await runStat(db, stat, given, { source: 'columns' }).catch((error: Error) => {
              expect(error.message).toMatch(
                /15 digits|no events|it is empty|compared as a number|ids decide|only PostgreSQL/,
              )
              return undefined
            })
            if (columns === undefined) continue
            answered++
            const { source, column_files, tail_events, ...meta } = columns.meta as Record<string, unknown>
            expect({ name, given, data: columns.data, meta }).toEqual({
              name,
              given,
              data: events.data,
              meta: { ...events.meta, source: undefined, as_of: meta.as_of },
            })
            expect(['columns', 'events']).toContain(source)
          }
        }),
        100,
      )
    })
  })
  expect(answered).toBeGreaterThanOrEqual(atLeast(400))
})

async function undo({ q, t }: Database, id: number): Promise<void> {
  await sql`DELETE FROM ${t.events} WHERE batch_id = ${id}`.execute(q)
  await sql`UPDATE ${t.import_batches} SET status = 'undone' WHERE id = ${id}`.execute(q)
}

/** The events of one batch become those of another, as a batch over HTTP grows. */
async function grow({ q, t }: Database, id: number, by: number): Promise<void> {
  await sql`UPDATE ${t.events} SET batch_id = ${id} WHERE batch_id = ${by}`.execute(q)
  await sql`UPDATE ${t.import_batches} b SET inserted = b.inserted + other.inserted, read = b.read + other.read
    FROM ${t.import_batches} other WHERE b.id = ${id} AND other.id = ${by}`.execute(q)
  await sql`DELETE FROM ${t.import_batches} WHERE id = ${by}`.execute(q)
}
