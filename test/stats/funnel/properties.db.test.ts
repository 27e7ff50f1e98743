/** Random funnels over random events against the naive model, and the forms of the statement against each other. */
import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { type Database, withTransaction } from '../../../src/lib/db/connect.js'
import { exclusionsOf } from '../../../src/lib/stats/funnel/params.js'
import { planFunnel } from '../../../src/lib/stats/funnel/plan.js'
import { recursiveAttempts } from '../../../src/lib/stats/funnel/recursive.js'
import { funnel, funnelStat } from '../../../src/lib/stats/funnel.js'
import { drillDown } from '../../../src/lib/stats/query/drill-down.js'
import { parseParams } from '../../../src/lib/stats/query/params.js'
import { readQueryContext } from '../../../src/lib/stats/query/read-context.js'
import { assertProperty } from '../../support/effort.js'
import { storeEvents } from '../../support/events.js'
import { withFreshDatabase } from '../../support/postgres/database.js'
import {
  bestAttempts,
  type ModelEvent,
  type ModelQuestion,
  type ModelSelector,
  matches,
  rowsOf,
  selectorText,
  usersWithOpenAttempt,
  uuidFrom,
} from './model.js'

// The last minutes of one day and the first of the next, in UTC.
const base = Date.parse('2025-03-01T23:55:00Z')
const day = (time: number, zone: string) =>
  new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' }).format(new Date(time))

const user = fc.constantFrom('u1', 'u2', 'u3', 'u4', 'u5', 'u6', 'u7', 'u8')
const event = fc.record({
  minute: fc.integer({ min: 0, max: 9 }),
  user,
  type: fc.constantFrom('a', 'a', 'b', 'b', 'b', 'c', 'c', 'x', 'x'),
  kind: fc.constantFrom('p', 'q'),
})
const selector: fc.Arbitrary<ModelSelector> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom('a', 'b', 'c') }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('a', 'b', 'c'), kind: fc.constantFrom('p', 'q') }) },
)
const plainSteps = fc
  .constantFrom(['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c'], ['c', 'a', 'b'])
  .map((types) => types.map((type): ModelSelector => ({ type })))
const steps = fc.oneof(plainSteps, fc.array(selector, { minLength: 2, maxLength: 4, size: 'max' }))
const excluded = fc.oneof(fc.constant<ModelSelector>({ type: 'x' }), selector)
interface GivenExclusion {
  readonly selector: ModelSelector
  readonly from: number
  readonly length: number
  readonly isWhole: boolean
}
const exclusion: fc.Arbitrary<GivenExclusion> = fc.record({
  selector: excluded,
  from: fc.nat(9),
  length: fc.nat(9),
  isWhole: fc.constantFrom(true, false, false),
})
const fields = {
  // Many at once: a few events hardly ever make a funnel.
  events: fc.array(event, { minLength: 45, maxLength: 64, size: 'max' }),
  steps,
  order: fc.constantFrom<ModelQuestion['order']>('ordered', 'ordered', 'strict', 'unordered'),
  windowMinutes: fc.integer({ min: 1, max: 8 }),
  exclude: fc.oneof(
    fc.constant<GivenExclusion[]>([]),
    fc.array(exclusion, { minLength: 1, maxLength: 2, size: 'max' }),
  ),
  range: fc.constantFrom(
    ['2025-03-01', '2025-03-02'],
    ['2025-02-28', '2025-03-02'],
    ['2025-03-01', '2025-03-01'],
    ['2025-03-02', '2025-03-02'],
    ['2025-02-01', '2025-03-31'],
  ),
  tz: fc.constantFrom('UTC', 'UTC', 'Europe/Kyiv', 'Africa/Abidjan'),
  segment: fc.constantFrom(undefined, undefined, undefined, undefined, 'p', 'q'),
  asOfMinute: fc.integer({ min: 0, max: 18 }),
}

const scenario = fc.record(fields)
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never

test('a funnel is what the definition says, its users are those of its numbers, and all forms agree', {
  tags: 'property',
}, async () => {
  await withFreshDatabase(async (db) => {
    const property = fc.asyncProperty(scenario, (given) => expectDefinition(db, given))
    await assertProperty(property, 40)
  })
})

test('exclusions that begin behind the first step are what the definition says', { tags: 'property' }, async () => {
  const late = fc.record({
    ...fields,
    steps: fc.constantFrom('abc', 'abca', 'abbc', 'abcb').map((types) => [...types].map((type) => ({ type }))),
    order: fc.constant('ordered' as const),
    windowMinutes: fc.integer({ min: 5, max: 10 }),
    exclude: fc
      .array(fc.record({ selector: fc.constant({ type: 'x' }), from: fc.nat(1), length: fc.nat(9) }), {
        minLength: 1,
        maxLength: 2,
      })
      .map((given) => given.map((one) => ({ ...one, isWhole: false }))),
    range: fc.constant(['2025-03-01', '2025-03-02']),
    segment: fc.constant(undefined),
  })
  await withFreshDatabase(async (db) => {
    const property = fc.asyncProperty(late, (given) => expectDefinition(db, given))
    await assertProperty(property, 40)
  })
})

/** Asks for a funnel over the events, and compares everything that it says with the model. */
async function expectDefinition(db: Database, given: Scenario) {
  const events: ModelEvent[] = given.events
    .map(({ minute, ...rest }, index) => ({ ...rest, id: uuidFrom(index), time: base + minute * 60_000 }))
    // Of one user at most eight events: the model tries every chain.
    .filter((one, index, all) => all.slice(0, index).filter((other) => other.user === one.user).length < 8)
  const stepCount = given.steps.length
  const exclusions = given.exclude.map(({ selector, from, length, isWhole }) => {
    if (isWhole || given.order === 'unordered') return { selector, after: 1, before: stepCount }
    const after = stepCount - 1 - (from % (stepCount - 1))
    return { selector, after, before: after + 1 + (length % (stepCount - after)) }
  })
  const [from, to] = given.range as [string, string]
  const question: ModelQuestion = {
    steps: given.steps,
    order: given.order,
    windowMs: given.windowMinutes * 60_000,
    exclusions,
    counts: ({ kind }) => given.segment === undefined || kind === given.segment,
    starts: ({ time }) => day(time, given.tz) >= from && day(time, given.tz) <= to,
  }
  const asOfMs = base + given.asOfMinute * 60_000
  const before = events.filter(({ time }) => time < asOfMs)
  const best = bestAttempts(before, question)

  await sql`TRUNCATE ${db.t.events}`.execute(db.q)
  await storeEvents(
    db,
    events.map(({ id, time, user, type, kind }) => ({
      id,
      user,
      type,
      at: new Date(time).toISOString(),
      properties: { kind },
    })),
  )
  const params = {
    step: given.steps.map(selectorText),
    window: `${given.windowMinutes}m`,
    order: given.order,
    exclude: exclusions.map(({ selector, after, before }) => `${selectorText(selector)}:${after}-${before}`),
    segment: given.segment === undefined ? [] : [`properties.kind:${given.segment}`],
    from,
    to,
    tz: given.tz,
    asOf: new Date(asOfMs).toISOString(),
  }
  const { data, meta } = await funnel(db, params)
  expect(meta.source).toBe('events')
  const rows = rowsOf(best, stepCount)
  expect(data.map((row) => row.users)).toEqual(rows.map((row) => row.users))
  for (const [index, { median, mean }] of rows.entries()) {
    expect(data[index]!.median_seconds).toEqual(median)
    if (mean === null) expect(data[index]!.mean_seconds).toBeNull()
    else expect(data[index]!.mean_seconds).toBeCloseTo(mean, 6)
  }
  const open = usersWithOpenAttempt(before, question, asOfMs)
  const pending = [...best].filter(([name, { depth }]) => depth < stepCount && open.has(name))
  expect(meta.pending_users).toBe(pending.length)

  for (let step = 1; step <= stepCount; step++) {
    const users = async (cell: string) => (await drillDown(db, funnelStat, params, cell)).data.map((row) => row.user_id)
    const modelUsers = (isOf: (depth: number) => boolean) =>
      [...best]
        .filter(([, { depth }]) => isOf(depth))
        .map(([name]) => name)
        .sort()
    expect(await users(`${step}`)).toEqual(modelUsers((depth) => depth >= step))
    if (step > 1) expect(await users(`-${step}`)).toEqual(modelUsers((depth) => depth === step - 1))
  }
  if (given.order === 'ordered') await expectGeneralForm(db, params, best)
  await expectKeys(db, params, before.filter(question.counts), question, best)
}

/** By a property: each user has the key of the event that is their first step, and the rows add up to the funnel. */
async function expectKeys(
  db: Database,
  params: Parameters<typeof funnel>[1],
  events: readonly ModelEvent[],
  { steps, order }: ModelQuestion,
  best: ReturnType<typeof bestAttempts>,
) {
  const firstSteps = order === 'unordered' ? steps : steps.slice(0, 1)
  const keyOf = (name: string, time: number) =>
    events
      .filter((one) => one.user === name && one.time === time && firstSteps.some((selector) => matches(selector, one)))
      .sort((a, b) => (a.id < b.id ? -1 : 1))[0]!.kind
  const byKey = new Map<string, Map<string, { depth: number; times: readonly number[] }>>()
  for (const [name, attempt] of best) {
    const key = keyOf(name, attempt.times[0]!)
    byKey.set(key, (byKey.get(key) ?? new Map()).set(name, attempt))
  }
  const ranked = [...byKey].sort(([a, one], [b, other]) => other.size - one.size || (a < b ? -1 : 1))
  for (const limit of [1, 2]) {
    const { data, meta } = await funnel(db, { ...params, by: 'properties.kind', limit })
    const rest = new Map(ranked.slice(limit).flatMap(([, users]) => [...users]))
    const expected = [
      ...ranked.slice(0, limit).map(([key, users]) => ({ key, others: false, users })),
      ...(rest.size === 0 ? [] : [{ key: null, others: true, users: rest }]),
    ].flatMap(({ key, others, users }) =>
      rowsOf(users, steps.length).map((row, index) => [key, others, index + 1, row.users, row.median]),
    )
    expect(data.map((row) => [row.key, row.others, row.step, row.users, row.median_seconds])).toEqual(expected)
    if (ranked.length > 0) expect(meta.keys_left_out).toBe(Math.max(0, ranked.length - limit))
  }
  for (const [key, users] of ranked) {
    const listed = await drillDown(db, funnelStat, { ...params, by: 'properties.kind' }, `1:${key}`)
    expect(listed.data.map((row) => row.user_id)).toEqual([...users.keys()].sort())
  }
}

/** The general form of an ordered funnel gives the model's attempts, also where the one with arrays answers. */
async function expectGeneralForm(db: Database, given: object, best: ReturnType<typeof bestAttempts>) {
  const params = parseParams(funnelStat.params, given)
  const rows = await withTransaction(db, async (s) => {
    const { context } = await readQueryContext(s, params, funnelStat.range(params))
    const plan = planFunnel(params.step, exclusionsOf(params))
    const question = { plan, windowMs: params.window.ms, context: { ...context, source: 'events' as const } }
    const found = await sql<{ user_id: string; depth: number; times: number[] }>`
      WITH RECURSIVE ${recursiveAttempts(question)}
      SELECT DISTINCT ON (user_id) user_id, depth,
        (SELECT jsonb_agg(extract(epoch FROM at) * 1000 ORDER BY n) FROM unnest(reached) WITH ORDINALITY AS u(at, n)) AS times
      FROM attempts
      ORDER BY user_id, depth DESC, reached`.execute(s.q)
    return found.rows
  })
  expect(new Map(rows.map(({ user_id, ...attempt }) => [user_id, attempt]))).toEqual(best)
}
