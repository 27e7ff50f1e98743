/**
 * With a rollup of a property every answer is what it is without one: data, footer, warnings and all of meta, and the
 * users behind a number. Only `meta.source` changes, and only for what the rollup holds.
 */
import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { addDays, dayGrains, grains, weekdays } from '../../src/lib/core/time.js'
import { type Database, withTransaction } from '../../src/lib/db/connect.js'
import { rebuildRollups } from '../../src/lib/rollups/rebuild.js'
import { dauStat } from '../../src/lib/stats/dau.js'
import { lifecycleStat } from '../../src/lib/stats/lifecycle.js'
import { mauStat } from '../../src/lib/stats/mau.js'
import { drillDown } from '../../src/lib/stats/query/drill-down.js'
import { explain, runStat } from '../../src/lib/stats/query/run-stat.js'
import type { Stat } from '../../src/lib/stats/query/stat.js'
import { retentionStat } from '../../src/lib/stats/retention.js'
import { stickinessStat } from '../../src/lib/stats/stickiness.js'
import { topEventsStat } from '../../src/lib/stats/top-events.js'
import { trendStat } from '../../src/lib/stats/trend.js'
import { wauStat } from '../../src/lib/stats/wau.js'
import { reset } from '../rollups/model.js'
import { assertProperty } from '../support/effort.js'
import { type GivenEvent, storeBatch, storeEvents } from '../support/events.js'
import { withFreshDatabase } from '../support/postgres/database.js'
import { keepProperties } from './kept-properties.js'

/** JSON cannot be written with these digits by JavaScript. */
const tenWithDigits = '@10.0'
const emoji = '💥'
const values = [
  ...['UA', 'UA', 'UA', 'PL', '', 'null', 'true', '10', true, false, 10, tenWithDigits, null, undefined],
  ...[{ a: 1 }, ['UA'], { p: 'UA' }, 'x'.repeat(255), 'x'.repeat(256), emoji.repeat(255), emoji.repeat(256)],
]
const askedValues = [
  ...['UA', 'UA', 'UA', 'PL', '', 'null', 'true', 'false', '10', '10.0', '{"a": 1}', '["UA"]', 'nobody', "';--"],
  ...['x'.repeat(255), 'x'.repeat(256), emoji.repeat(255), emoji.repeat(256)],
]
const quoted = (value: string) => `"${value.replaceAll('"', '""')}"`

interface Segment {
  readonly texts: readonly string[]
  /** The property whose rollup has just these events; undefined where none can. */
  readonly heldBy?: string
}

const heldSegment = fc
  .tuple(fc.constantFrom('p', 'p', 'deep.p', 'items.0', 'nowhere'), fc.constantFrom(...askedValues))
  .map(([path, value]): Segment => {
    return { texts: [`properties.${path}=${quoted(value)}`], ...([...value].length <= 255 ? { heldBy: path } : {}) }
  })
const otherSegment = fc.constantFrom<Segment>(
  ...[[], ['event_type:view'], ['event_type:view', 'properties.p:UA'], ['properties.p:UA', 'properties.p:UA']].map(
    (texts) => ({ texts }),
  ),
  ...['properties.p:UA,PL', 'properties.p!=UA', 'properties.p:*', 'properties.p~UA', 'properties.p>=10'].map(
    (text) => ({
      texts: [text],
    }),
  ),
  ...['user_id:ann', 'properties.p:UA and properties.deep.p:UA', 'properties.items.1:UA'].map((text) => ({
    texts: [text],
  })),
)

const someEvents = fc.array(
  fc
    .record({
      minute: fc.integer({ min: -45 * 1440, max: 45 * 1440 }),
      user: fc.constantFrom('ann', 'bob', 'Cid', 'dän'),
      type: fc.constantFrom('view', 'buy'),
      p: fc.constantFrom(...values),
      deep: fc.constantFrom(...values),
      item: fc.constantFrom(...values),
    })
    .map(({ minute, user, type, p, deep, item }): GivenEvent => {
      const at = new Date(Date.parse('2024-03-31T00:00:00Z') + minute * 60_000).toISOString()
      return { at, user, type, properties: { p, deep: { p: deep }, items: [item] } }
    }),
  { maxLength: 60 },
)

const someDay = fc.integer({ min: -50, max: 50 }).map((days) => addDays('2024-03-31', days))

const scenario = fc.record({
  reportingZone: fc.constantFrom('UTC', 'Europe/Kyiv', 'America/Sao_Paulo'),
  askedZone: fc.constantFrom(undefined, undefined, undefined, 'same', 'Asia/Tokyo'),
  events: someEvents,
  loading: someEvents,
  kept: fc.oneof(
    { weight: 3, arbitrary: fc.constant<string[]>(['p', 'deep.p', 'items.0']) },
    { weight: 1, arbitrary: fc.subarray(['nowhere', 'items.0', 'deep.p', 'p']) },
  ),
  segment: fc.oneof({ weight: 3, arbitrary: heldSegment }, { weight: 1, arbitrary: otherSegment }),
  range: fc.oneof(
    fc.tuple(someDay, fc.integer({ min: 0, max: 40 })).map(([from, days]) => ({ from, to: addDays(from, days) })),
    someDay.map((from) => ({ from })),
    someDay.map((to) => ({ to })),
    fc.constant({}),
  ),
  asOf: fc.oneof(
    fc.constantFrom('2024-06-01', '2026-01-01T12:00:00Z'),
    fc.integer({ min: -60 * 24, max: 60 * 24 }).map((hours) => {
      return new Date(Date.parse('2024-03-31T00:00:00Z') + hours * 3_600_000).toISOString()
    }),
  ),
  weekStart: fc.constantFrom(...weekdays),
  dayGrain: fc.constantFrom(...dayGrains),
  anyGrain: fc.constantFrom(...grains, ...dayGrains),
  measure: fc.constantFrom('events' as const, 'unique_users' as const),
  by: fc.constantFrom(undefined, undefined, 'properties.p', 'event_type'),
  windowType: fc.constantFrom(...grains, ...dayGrains, ...dayGrains),
  windows: fc.integer({ min: 1, max: 5 }),
  cohort: fc.constantFrom('first-ever' as const, 'first-matching' as const, 'active' as const),
  mode: fc.constantFrom('on' as const, 'on', 'on-or-after'),
  clock: fc.constantFrom('calendar' as const, 'calendar', 'calendar', 'rolling'),
  minReturnEvents: fc.constantFrom(1, 1, 2, 3),
  startEvent: fc.constantFrom(undefined, undefined, undefined, 'view'),
  pick: fc.nat(),
})
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never

interface Question {
  readonly stat: Stat
  readonly given: Readonly<Record<string, unknown>>
  /** Whether days and user-days say it, of all events or of a segment; null: whatever is kept changes nothing. */
  readonly isOfUserDays: boolean | null
  /** The same for the users, where it is not. */
  readonly usersAreOfUserDays?: boolean
  /** Where a number over zero may stand. */
  readonly cells?: (row: Row) => (readonly [cell: string, users: unknown])[]
}
type Row = Readonly<Record<string, unknown>>

function questionsOf(s: Scenario): Question[] {
  const given = {
    ...s.range,
    segment: s.segment.texts,
    weekStart: s.weekStart,
    asOf: s.asOf,
    ...(s.askedZone === undefined ? {} : { tz: s.askedZone === 'same' ? s.reportingZone : s.askedZone }),
  }
  const { from, ...rest } = given as typeof given & { from?: string }
  const byDays = { ...given, grain: s.dayGrain }
  const byAny = { ...given, grain: s.anyGrain }
  const hasDays = s.anyGrain !== 'hour'
  const ofDate = (row: Row): [string, unknown][] => [[row.date as string, row.unique_users]]
  const isOfTypes = s.segment.texts.every((text) => text.startsWith('event_type:'))
  const onTypesAlone = s.measure === 'events' && isOfTypes && (s.by === 'event_type' || s.segment.texts.length > 0)
  const isPlain = s.windowType !== 'hour' && s.clock === 'calendar' && s.startEvent === undefined
  return [
    { stat: dauStat, given: byDays, isOfUserDays: true, cells: ofDate },
    { stat: wauStat, given, isOfUserDays: true, cells: ofDate },
    { stat: mauStat, given, isOfUserDays: true, cells: ofDate },
    {
      stat: lifecycleStat,
      given: byDays,
      isOfUserDays: true,
      cells: (row) =>
        ['new', 'returning', 'resurrecting', 'dormant'].map((state) => [`${row.date}:${state}`, row[state]]),
    },
    {
      stat: stickinessStat,
      given: byAny,
      isOfUserDays: hasDays,
      cells: (row) => [[String(row.periods_active), row.users]],
    },
    {
      stat: trendStat,
      given: { ...byAny, measure: s.measure, ...(s.by === undefined ? {} : { by: s.by }) },
      isOfUserDays: onTypesAlone ? null : hasDays && s.by === undefined,
      usersAreOfUserDays: hasDays && s.by === undefined,
      cells: (row) =>
        s.measure === 'events'
          ? []
          : [[`${row.date}${s.by === undefined ? '' : `:${JSON.stringify(row.key)}`}`, row.value]],
    },
    { stat: topEventsStat, given, isOfUserDays: null },
    {
      stat: retentionStat,
      given: {
        ...rest,
        ...(from === undefined ? {} : { startDate: from }),
        windowType: s.windowType,
        windows: s.windows,
        cohort: s.cohort,
        mode: s.mode,
        clock: s.clock,
        minReturnEvents: s.minReturnEvents,
        ...(s.startEvent === undefined ? {} : { startEvent: s.startEvent }),
      },
      isOfUserDays: isPlain && !(s.cohort === 'first-ever' && s.segment.texts.length > 0),
      cells: (row) => (row.users as unknown[]).map((users, number) => [`${row.cohort}:${number}`, users]),
    },
  ]
}

/** Answers without what may differ, and from where they came. */
async function answersOf(db: Database, s: Scenario) {
  const answers = []
  for (const question of questionsOf(s)) {
    const { stat, given, cells } = question
    const { meta, ...rest } = await runStat(db, stat, given)
    const answer = { ...rest, meta: { ...meta, source: undefined } }
    const busy = rest.data.flatMap((row) => cells?.(row) ?? []).filter(([, users]) => ((users as number) ?? 0) > 0)
    const cell = busy[s.pick % Math.max(1, busy.length)]?.[0]
    const listed = cell === undefined ? undefined : await drillDown(db, stat, given, cell)
    const users = listed && { ...listed, meta: { ...listed.meta, source: undefined } }
    answers.push({ question, answer, users, sources: [meta.source, listed?.meta.source] })
  }
  return answers
}

/** Whether the rollups answer what days and user-days say. */
function isHeld({ segment: { texts, heldBy }, kept }: Scenario, isKeeping: boolean): boolean {
  return texts.length === 0 || (isKeeping && heldBy !== undefined && kept.includes(heldBy))
}

test('with and without the rollups of properties the answers are the same', { tags: 'property' }, () =>
  withFreshDatabase(async (db) => {
    const property = fc.asyncProperty(scenario, async (s) => {
      await keepProperties(db, [])
      await reset(db, s.reportingZone)
      await withTransaction(db, async (tx) => {
        await storeBatch(tx, s.events, 'completed')
        await storeBatch(tx, s.loading, 'loading')
        await sql`
          UPDATE ${tx.t.events} SET properties = replace(properties::text, ${`"${tenWithDigits}"`}, '10.0')::jsonb`.execute(
          tx.q,
        )
        await rebuildRollups(tx)
      })
      const without = await answersOf(db, s)
      await keepProperties(
        db,
        s.kept.map((path) => path.split('.')),
      )
      const withRollups = await answersOf(db, s)
      for (const [index, { question, answer, users, sources }] of withRollups.entries()) {
        const { stat, given, isOfUserDays, usersAreOfUserDays = isOfUserDays } = question
        const before = without[index]!
        const about = `${stat.name} ${JSON.stringify(given)}`
        expect(answer, about).toEqual(before.answer)
        expect(users, `${about}, users`).toEqual(before.users)
        const canDays = s.askedZone !== 'Asia/Tokyo'
        for (const [isKeeping, found] of [
          [false, before.sources],
          [true, sources],
        ] as const) {
          const source = (isOfDays: boolean) => (isOfDays && canDays && isHeld(s, isKeeping) ? 'rollups' : 'events')
          if (isOfUserDays !== null) expect(found[0], about).toBe(source(isOfUserDays))
          if (isOfUserDays === null) expect(found[0], about).toBe(before.sources[0])
          if (found[1] !== undefined) expect(found[1], `${about}, users`).toBe(source(usersAreOfUserDays === true))
        }
      }
    })
    await assertProperty(property, 60)
  }),
)

const ofCountry = (days: string[], user: string, country: string) =>
  days.map((day): GivenEvent => ({ at: `${day}T12:00:00Z`, user, properties: { country } }))

const withCountries = (use: (db: Database) => Promise<void>) =>
  withFreshDatabase(async (db) => {
    await storeEvents(db, [
      ...ofCountry(['2025-08-01', '2025-08-02', '2025-08-09'], 'ann', 'UA'),
      ...ofCountry(['2025-08-02'], 'bob', 'UA'),
      ...ofCountry(['2025-07-01', '2025-08-01', '2025-08-30'], 'bob', 'PL'),
    ])
    await keepProperties(db, [['plan'], ['country']])
    await use(db)
  })

test('the statement that is shown reads the rollup, and what is compared are parameters', () =>
  withCountries(async (db) => {
    const segment = ['properties.country:UA']
    const daily = await explain(db, dauStat, { segment })
    expect(daily.sql).toContain('FROM "ea"."property_days" WHERE rollup = $')
    expect(daily.sql).not.toMatch(/"(events|days|user_days)"/)
    expect(daily.parameters).toEqual(expect.arrayContaining([9, 'UA']))
    for (const statement of [
      await explain(db, retentionStat, { segment, cohort: 'active' }),
      await explain(db, wauStat, { segment }, { key: '2025-08-09' }),
    ]) {
      expect(statement.sql).toContain('FROM "ea"."property_user_days" WHERE rollup = $')
      expect(statement.sql).not.toMatch(/"(events|days|user_days)"/)
    }
  }))

test('the days of the data are those of all events, and a value that nobody has is zero everywhere', () =>
  withCountries(async (db) => {
    const range = { from: '2025-08-01', to: '2025-08-03' }
    for (const [country, users] of [
      ['UA', [1, 2, 0]],
      ['PL', [1, 0, 0]],
      ['Ua', [0, 0, 0]],
    ] as const) {
      const { data, meta } = await runStat(db, dauStat, { ...range, segment: [`properties.country:${country}`] })
      expect(data.map((row) => row.unique_users)).toEqual(users)
      expect(meta).toMatchObject({ source: 'rollups', data_from: '2025-07-01', data_until: '2025-08-30', warnings: [] })
    }
  }))

test('the longest value that is kept has 255 characters, however many bytes they take', () =>
  withFreshDatabase(async (db) => {
    const lengths = [255, 256]
    await storeEvents(
      db,
      lengths.flatMap((length) => ofCountry(['2025-08-01'], `of ${length}`, emoji.repeat(length))),
    )
    await keepProperties(db, [['country']])
    const answers = lengths.map((length) =>
      runStat(db, dauStat, { segment: [`properties.country:${emoji.repeat(length)}`] }),
    )
    const found = (await Promise.all(answers)).map(({ data, meta }) => [meta.source, data[0]!.unique_users])
    expect(found).toEqual([
      ['rollups', 1],
      ['events', 1],
    ])
  }))

test('the first event ever is searched without the segments, so only the events know it', () =>
  withCountries(async (db) => {
    const given = { startDate: '2025-07-28', to: '2025-08-03', windows: 1, segment: ['properties.country:UA'] }
    const answers = []
    for (const cohort of ['first-ever', 'first-matching', 'active'] as const) {
      const { data, meta } = await runStat(db, retentionStat, { ...given, cohort })
      answers.push([cohort, meta.source, data[0]!.users])
    }
    expect(answers).toEqual([
      ['first-ever', 'events', [1, 1]],
      ['first-matching', 'rollups', [2, 1]],
      ['active', 'rollups', [2, 1]],
    ])
  }))

test('a kept property that no event has is still named', () =>
  withCountries(async (db) => {
    const { meta } = await runStat(db, dauStat, { segment: ['properties.plan:pro'] })
    expect(meta).toMatchObject({ source: 'rollups', warnings: ['No event has properties.plan.'] })
  }))
