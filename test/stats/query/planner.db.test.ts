/**
 * Whether a stat is answered from the rollups or from the events, the numbers are the same, and they are those of the
 * naive model: over random events in zones whose clocks change at midnight, by half an hour, or by a whole day, with
 * batches that arrive late and one that is still loading. One property has a rollup of its own.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addDays, dayGrains, type Grain, grains, weekdays } from '../../../src/lib/core/time.js'
import { type Database, withTransaction } from '../../../src/lib/db/connect.js'
import { rebuildRollups } from '../../../src/lib/rollups/rebuild.js'
import { dauStat } from '../../../src/lib/stats/dau.js'
import { lifecycleStat } from '../../../src/lib/stats/lifecycle.js'
import { mauStat } from '../../../src/lib/stats/mau.js'
import { drillDown } from '../../../src/lib/stats/query/drill-down.js'
import { runStat } from '../../../src/lib/stats/query/run-stat.js'
import type { Stat } from '../../../src/lib/stats/query/stat.js'
import { stickinessStat } from '../../../src/lib/stats/stickiness.js'
import { topEventsStat } from '../../../src/lib/stats/top-events.js'
import { trendStat } from '../../../src/lib/stats/trend.js'
import { wauStat } from '../../../src/lib/stats/wau.js'
import { complete, reset } from '../../rollups/model.js'
import { assertProperty } from '../../support/effort.js'
import { type GivenEvent, storeBatch } from '../../support/events.js'
import { withFreshDatabase } from '../../support/postgres/database.js'
import { keepProperties } from '../kept-properties.js'
import { NaiveModel, type Question } from '../naive-model.js'

/** Days on which clocks change, in both directions, or ordinary ones. */
const places = [
  ['UTC', '2024-02-29'],
  ['Asia/Kathmandu', '2024-03-01'],
  ['Asia/Kolkata', '2024-12-31'],
  ['Africa/Cairo', '2024-04-26'],
  ['Africa/Cairo', '2024-11-01'],
  ['America/Sao_Paulo', '2018-11-04'],
  ['America/Sao_Paulo', '2018-02-18'],
  ['Asia/Tehran', '2022-03-22'],
  ['Asia/Tehran', '2022-09-22'],
  ['Asia/Beirut', '2024-03-31'],
  ['America/Havana', '2024-03-10'],
  ['America/Havana', '2024-11-03'],
  ['Australia/Lord_Howe', '2024-10-06'],
  ['Australia/Lord_Howe', '2024-04-07'],
  ['Pacific/Apia', '2011-12-30'],
  ['Europe/Kyiv', '2024-03-31'],
  ['America/New_York', '2024-11-03'],
] as const

interface Filter {
  readonly segment: string[]
  readonly holds: (event: GivenEvent) => boolean
  /** Whether the rollup of the property has its events. */
  readonly isHeld?: boolean
}

const filters: readonly Filter[] = [
  { segment: [], holds: () => true },
  { segment: ['event_type:view,Zoom'], holds: ({ type }) => type === 'view' || type === 'Zoom' },
  { segment: ['event_type!=view'], holds: ({ type }) => type !== 'view' },
  { segment: ['properties.plan:pro'], holds: (event) => planOf(event) === 'pro', isHeld: true },
  { segment: ['properties.plan:""'], holds: (event) => planOf(event) === '', isHeld: true },
  {
    segment: ['properties.plan:pro,free'],
    holds: (event) => planOf(event) === 'pro' || planOf(event) === 'free',
  },
  {
    segment: ['properties.plan:pro', 'user_id!=ann'],
    holds: (event) => planOf(event) === 'pro' && event.user !== 'ann',
  },
]

function planOf({ properties }: GivenEvent): string | null {
  return (properties?.plan as string | undefined) ?? null
}

/** Minutes around a midnight of the place: most days have an event there, and the hours of a change have many. */
const minutes = fc.oneof(
  { weight: 1, arbitrary: fc.integer({ min: -45 * 1440, max: 20 * 1440 }) },
  { weight: 3, arbitrary: fc.integer({ min: -8 * 1440, max: 8 * 1440 }) },
  { weight: 1, arbitrary: fc.integer({ min: -16 * 60, max: 16 * 60 }) },
)

function eventsAround(day: string) {
  return fc.array(
    fc
      .record({
        minute: minutes,
        user: fc.constantFrom('ann', 'bob', 'Cid', 'dän'),
        type: fc.constantFrom('view', 'buy', 'Zoom', 'ä'),
        plan: fc.constantFrom('pro', 'free', '', 'null', undefined),
      })
      .map(({ minute, user, type, plan }): GivenEvent => {
        const at = new Date(Date.parse(`${day}T00:00:00Z`) + minute * 60_000).toISOString()
        return { at, user, type, properties: plan === undefined ? {} : { plan } }
      }),
    { maxLength: 40 },
  )
}

const scenario = fc.constantFrom(...places).chain(([zone, day]) =>
  fc.record({
    zone: fc.constant(zone),
    day: fc.constant(day),
    first: eventsAround(day),
    late: eventsAround(day),
    loading: eventsAround(day),
    from: fc.integer({ min: -12, max: 6 }).map((days) => addDays(day, days)),
    length: fc.integer({ min: 0, max: 24 }),
    // Hours are asked for around the day on which the clock changes.
    hourFrom: fc.integer({ min: -2, max: 0 }).map((days) => addDays(day, days)),
    hourDays: fc.integer({ min: 0, max: 2 }),
    asOf: fc.option(
      fc
        .integer({ min: -10 * 24, max: 30 * 24 })
        .map((hours) => new Date(Date.parse(`${day}T00:00:00Z`) + hours * 3_600_000).toISOString()),
      { freq: 2 },
    ),
    weekStart: fc.constantFrom(...weekdays),
    dayGrain: fc.constantFrom(...dayGrains),
    anyGrain: fc.constantFrom('hour' as const, ...grains),
    filter: fc.constantFrom(filters[0]!, ...filters),
    measure: fc.constantFrom('events' as const, 'unique_users' as const),
    limit: fc.integer({ min: 1, max: 6 }),
    pick: fc.nat(),
  }),
)
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never

/** One question to one stat, what must come back, and when the rollups know it. */
interface Case {
  readonly stat: Stat
  readonly given: Readonly<Record<string, unknown>>
  readonly expected: readonly Readonly<Record<string, unknown>>[]
  readonly rollupsKnow: boolean
  readonly keysLeftOut?: number
  /** Cells with the number of users that must be behind each; null when it must be refused. */
  readonly users?: readonly { readonly cell: string; readonly count: number | null }[]
}

function casesOf(s: Scenario): Case[] {
  const asOf = s.asOf ?? new Date().toISOString()
  const visible = [...s.first, ...s.late].filter(({ at }) => Date.parse(at) < Date.parse(asOf))
  const counts = visible.filter(s.filter.holds)
  const isHeld = s.filter.segment.length === 0 || s.filter.isHeld === true
  const onlyTypes = s.filter.segment.every((text) => text.startsWith('event_type'))
  const asked = (grain: Grain) => {
    const from = grain === 'hour' ? s.hourFrom : s.from
    const to = addDays(from, grain === 'hour' ? s.hourDays : s.length)
    const question: Question = {
      zone: s.zone,
      weekStart: s.weekStart,
      grain,
      from,
      to,
      asOf,
    }
    const given = {
      tz: s.zone,
      weekStart: s.weekStart,
      from,
      to,
      segment: s.filter.segment,
      ...(s.asOf === null ? {} : { asOf: s.asOf }),
    }
    return { model: new NaiveModel(visible, question), given, hasRollups: grain !== 'hour' }
  }
  const pick = <T>(rows: readonly T[]) => rows[s.pick % rows.length]!
  // Mostly one with somebody in it.
  const pickBusy = <T>(rows: readonly T[], users: (row: T) => number | null) => {
    const busy = rows.filter((row) => (users(row) ?? 0) > 0)
    return pick(busy.length === 0 || s.pick % 5 === 0 ? rows : busy)
  }
  const daily = asked('day')
  const byDays = asked(s.dayGrain)
  const any = asked(s.anyGrain)

  const dau = byDays.model.dau(counts)
  const wau = daily.model.trailing(7, counts)
  const mau = daily.model.trailing(30, counts)
  const lifecycle = byDays.model.lifecycle(counts)
  const stickiness = any.model.stickiness(counts)
  const trend = any.model.trend(s.measure, counts)
  const byPlan = any.model.trendBy(s.measure, s.limit, planOf, counts)
  const byType = any.model.trendBy(s.measure, s.limit, ({ type }) => type!, counts)
  const topEvents = daily.model.topEvents(s.limit, counts)
  const ofDate = (row: { date: string; unique_users: number | null }) => [{ cell: row.date, count: row.unique_users }]
  const usersOf = (row: { unique_users: number | null }) => row.unique_users
  const ofStates = (['new', 'returning', 'resurrecting', 'dormant'] as const).map((state) => {
    const row = pickBusy(lifecycle, (row) => row[state])
    return { cell: `${row.date}:${state}`, count: row[state] }
  })
  // The day that Apia left out has no hours.
  const ofNumber = stickiness.length === 0 ? undefined : pickBusy(stickiness, ({ users }) => users)
  const trendRow = trend.length === 0 ? undefined : pickBusy(trend, ({ value }) => value)
  const ofTrend = (row: { date: string; value: number | null } | undefined, key: string) =>
    row === undefined || s.measure === 'events' ? {} : { users: [{ cell: `${row.date}${key}`, count: row.value }] }
  const keyed = <R extends { others: boolean }>(rows: readonly R[]) => rows.filter(({ others }) => !others)
  const planRow = byPlan.rows.length === 0 ? undefined : pickBusy(keyed(byPlan.rows), ({ value }) => value)
  const typeRow = byType.rows.length === 0 ? undefined : pickBusy(keyed(byType.rows), ({ value }) => value)
  const topType = topEvents.length === 0 ? undefined : pick(topEvents)
  const planKey = planRow === undefined || planRow.key === null ? '' : planRow.key === '' ? '""' : planRow.key
  return [
    {
      stat: dauStat,
      given: { ...byDays.given, grain: s.dayGrain },
      expected: dau,
      rollupsKnow: isHeld,
      users: ofDate(pickBusy(dau, usersOf)),
    },
    { stat: wauStat, given: daily.given, expected: wau, rollupsKnow: isHeld, users: ofDate(pickBusy(wau, usersOf)) },
    { stat: mauStat, given: daily.given, expected: mau, rollupsKnow: isHeld, users: ofDate(pickBusy(mau, usersOf)) },
    {
      stat: lifecycleStat,
      given: { ...byDays.given, grain: s.dayGrain },
      expected: lifecycle,
      rollupsKnow: isHeld,
      users: ofStates,
    },
    {
      stat: stickinessStat,
      given: { ...any.given, grain: s.anyGrain },
      expected: stickiness,
      rollupsKnow: isHeld && any.hasRollups,
      users: ofNumber === undefined ? [] : [{ cell: String(ofNumber.periods_active), count: ofNumber.users }],
    },
    {
      stat: trendStat,
      given: { ...any.given, grain: s.anyGrain, measure: s.measure },
      expected: trend,
      rollupsKnow: any.hasRollups && (isHeld || (s.measure === 'events' && onlyTypes)),
      ...ofTrend(trendRow, ''),
    },
    {
      stat: trendStat,
      given: { ...any.given, grain: s.anyGrain, measure: s.measure, by: 'properties.plan', limit: s.limit },
      expected: byPlan.rows,
      keysLeftOut: byPlan.left,
      rollupsKnow: false,
      ...ofTrend(planRow, `:${planKey}`),
    },
    {
      stat: trendStat,
      given: { ...any.given, grain: s.anyGrain, measure: s.measure, by: 'event_type', limit: s.limit },
      expected: byType.rows,
      keysLeftOut: byType.left,
      rollupsKnow: any.hasRollups && s.measure === 'events' && onlyTypes,
      ...ofTrend(typeRow, `:${typeRow?.key}`),
    },
    {
      stat: topEventsStat,
      given: { ...daily.given, limit: s.limit, uniqueUsers: true },
      expected: topEvents,
      rollupsKnow: false,
      ...(topType === undefined ? {} : { users: [{ cell: topType.event_type, count: topType.unique_users }] }),
    },
    {
      stat: topEventsStat,
      given: { ...daily.given, limit: s.limit },
      rollupsKnow: onlyTypes,
      expected: topEvents.map(({ unique_users: _, ...row }) => row),
    },
  ]
}

async function check(db: Database, one: Case, inReportingZone: boolean): Promise<void> {
  const { stat, given, expected, rollupsKnow, users, keysLeftOut } = one
  const { data, meta } = await runStat(db, stat, given)
  const about = `${stat.name} ${JSON.stringify(given)} from ${meta.source}`
  expect(data, about).toEqual(expected)
  expect(meta.source, about).toBe(rollupsKnow && inReportingZone ? 'rollups' : 'events')
  if (keysLeftOut !== undefined && expected.length > 0) expect(meta.keys_left_out, about).toBe(keysLeftOut)
  for (const { cell, count } of users ?? []) {
    const listed = drillDown(db, stat, given, cell)
    if (count === null) {
      await expect(listed, about).rejects.toMatchObject({ code: 'usage' })
      continue
    }
    const ids = (await listed).data.map(({ user_id }) => user_id)
    expect(ids, `${about}, users of ${cell}`).toHaveLength(count)
    expect(new Set(ids).size).toBe(ids.length)
  }
}

test('rollups, events and the naive model agree', { tags: 'property' }, async () => {
  await withFreshDatabase(async (db) => {
    const property = fc.asyncProperty(scenario, async (s) => {
      await reset(db, s.zone)
      await keepProperties(db, [['plan']])
      for (const events of [s.first, s.late]) await complete(db, await storeBatch(db, events, 'loading'))
      await storeBatch(db, s.loading, 'loading')
      const cases = casesOf(s)
      for (const one of cases) await check(db, one, true)
      await withTransaction(db, (tx) => rebuildRollups(tx, { reportingTz: 'Asia/Tokyo' }))
      for (const one of cases) await check(db, one, false)
    })
    await assertProperty(property, 30)
  })
})
