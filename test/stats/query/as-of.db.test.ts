/**
 * As-of hides events at or after it, in every stat: asking with as-of gives what a database would answer that has only the
 * events before it. That holds for numbers, users, meta and warnings, whether rollups or events are read.
 */
import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { freshness } from '../../../src/lib/checks/evaluate/data-quality.js'
import type { Result } from '../../../src/lib/core/result.js'
import { type Database, withTransaction } from '../../../src/lib/db/connect.js'
import { exportEvents } from '../../../src/lib/export/export.js'
import { reportOf } from '../../../src/lib/report/report.js'
import { fillTimes } from '../../../src/lib/rollups/on-demand/user-times.js'
import { rebuildRollups } from '../../../src/lib/rollups/rebuild.js'
import { stats } from '../../../src/lib/stats/catalog.js'
import { funnelStat } from '../../../src/lib/stats/funnel.js'
import { drillDown } from '../../../src/lib/stats/query/drill-down.js'
import { explain, runStat } from '../../../src/lib/stats/query/run-stat.js'
import type { Stat } from '../../../src/lib/stats/query/stat.js'
import { reset } from '../../rollups/model.js'
import { assertProperty } from '../../support/effort.js'
import { type GivenEvent, storeBatch, storeEvents } from '../../support/events.js'
import { uuidOf } from '../../support/import/import-data.js'
import { withFreshDatabase } from '../../support/postgres/database.js'
import { keepProperties } from '../kept-properties.js'

/** Zones whose clocks change at midnight on the days around, and one with a minute of the next day before the day ends. */
const places = [
  ['UTC', '2024-02-29T00:00:00Z'],
  ['Europe/Kyiv', '2024-03-31T00:00:00Z'],
  ['America/Sao_Paulo', '2018-02-18T02:00:00Z'],
  ['America/Havana', '2024-11-03T05:00:00Z'],
  ['Pacific/Apia', '2011-12-30T10:00:00Z'],
  ['America/St_Johns', '2010-11-07T02:31:00Z'],
] as const

const questions: readonly (readonly [name: string, given: Readonly<Record<string, unknown>>])[] = [
  ['dau', { grain: 'day' }],
  ['dau', { grain: 'week', segment: ['properties.plan:pro'] }],
  ['dau', { grain: 'month', segment: ['event_type:view'] }],
  ['wau', {}],
  ['mau', { segment: ['properties.plan:pro'] }],
  ['top-events', { limit: 2 }],
  ['top-events', { uniqueUsers: true, segment: ['event_type!=view'] }],
  ['trend', { grain: 'hour' }],
  ['trend', { grain: 'day' }],
  ['trend', { grain: 'week', by: 'event_type' }],
  ['trend', { grain: 'month', measure: 'unique_users', by: 'properties.plan' }],
  ['lifecycle', { grain: 'day' }],
  ['lifecycle', { grain: 'week', segment: ['properties.plan:pro'] }],
  ['stickiness', { grain: 'day' }],
  ['stickiness', { grain: 'hour' }],
  ['retention', { windowType: 'day' }],
  ['retention', { windowType: 'week', mode: 'on-or-after', minReturnEvents: 2 }],
  ['retention', { windowType: 'day', cohort: 'active', segment: ['properties.plan:pro'] }],
  ['retention', { windowType: 'hour', clock: 'rolling', returnEvent: 'buy' }],
  ['funnel', { step: ['view', 'buy'], window: '2d' }],
  ['funnel', { step: ['buy', 'view[properties.plan:pro]'], order: 'strict' }],
  ['funnel', { step: ['view', 'buy'], order: 'unordered', exclude: ['quit'] }],
]

const minutes = fc.oneof(
  fc.integer({ min: -20 * 1440, max: 10 * 1440 }),
  fc.integer({ min: -180, max: 180 }),
  fc.integer({ min: -2, max: 2 }),
)
/** The same ids in both databases: those of equal times are in the order of their ids. */
const withIds = (first: number) => (events: readonly GivenEvent[]) =>
  events.map((event, index) => ({ ...event, id: uuidOf(first + index) }))

const scenario = fc.constantFrom(...places).chain(([zone, center]) => {
  const at = (minute: number, seconds = 0) => new Date(Date.parse(center) + minute * 60_000 + seconds * 1000)
  const event = fc
    .record({
      minute: minutes,
      user: fc.constantFrom('ann', 'bob', 'cid'),
      type: fc.constantFrom('view', 'buy', 'quit'),
      plan: fc.constantFrom('pro', 'free', undefined),
    })
    .map(({ minute, user, type, plan }): GivenEvent => {
      return { at: at(minute).toISOString(), user, type, properties: plan === undefined ? {} : { plan } }
    })
  return fc.record({
    zone: fc.constant(zone),
    askedZone: fc.constantFrom(undefined, undefined, 'Asia/Tokyo'),
    events: fc.array(event, { maxLength: 30 }).map(withIds(0)),
    loading: fc.array(event, { maxLength: 5 }).map(withIds(100)),
    asOf: fc.tuple(minutes, fc.constantFrom(0, 0, 30)).map(([minute, seconds]) => at(minute, seconds).toISOString()),
    range: fc.constantFrom(
      {},
      {},
      {
        from: at(-6 * 1440)
          .toISOString()
          .slice(0, 10),
      },
    ),
    pick: fc.nat(),
  })
})

/** Only these events, with all rollups: of a property, and of the times of two types. */
async function storeAll(db: Database, zone: string, completed: readonly GivenEvent[], loading: readonly GivenEvent[]) {
  await reset(db, zone)
  await withTransaction(db, async (tx) => {
    await storeBatch(tx, completed, 'completed')
    await storeBatch(tx, loading, 'loading')
    await rebuildRollups(tx)
  })
  await keepProperties(db, [['plan']])
  await withTransaction(db, async (tx) => {
    // That of the helper is empty.
    await sql`DELETE FROM ${tx.t.optional_rollups} WHERE id = 7`.execute(tx.q)
    const { rows } = await sql<{ id: number; event_type: string }>`
      INSERT INTO ${tx.t.optional_rollups} (id, event_type) OVERRIDING SYSTEM VALUE VALUES (20, 'view'), (21, 'buy')
      RETURNING id, event_type`.execute(tx.q)
    await fillTimes(
      tx,
      rows.map(({ id, event_type: eventType }) => ({ id, kind: 'event_type', eventType })),
    )
  })
}

/** An answer without what tells only how it was found. */
async function answerOf(db: Database, stat: Stat, given: Readonly<Record<string, unknown>>) {
  const { meta, ...rest } = await runStat(db, stat, given)
  const comparable: Record<string, unknown> = { ...meta, source: undefined, hides_later_events: undefined }
  return { ...rest, meta: comparable }
}

/** A cell with somebody in it. */
function cellOf(stat: Stat, { columns, data }: Pick<Result, 'columns' | 'data'>, pick: number): string | undefined {
  const hasKeys = columns.some(({ name }) => name === 'key')
  const cells = data.flatMap((row): [string, unknown][] => {
    switch (stat.name) {
      case 'top-events':
        return [[row.event_type as string, row.events]]
      case 'stickiness':
        return [[String(row.periods_active), row.users]]
      case 'funnel':
        return [[String(row.step), row.users]]
      case 'lifecycle':
        return ['new', 'dormant'].map((state) => [`${row.date}:${state}`, row[state]])
      case 'retention':
        return (row.users as unknown[]).map((users, window) => [`${row.cohort}:${window}`, users])
      case 'trend':
        return [[hasKeys ? `${row.date}:${row.key ?? ''}` : `${row.date}`, row.value]]
      default:
        return [[row.date as string, row.unique_users]]
    }
  })
  const busy = cells.filter(([, users]) => ((users as number | null) ?? 0) > 0)
  return busy[pick % Math.max(1, busy.length)]?.[0]
}

test('asking with as-of is asking a database of the events before it', { tags: 'property' }, () =>
  withFreshDatabase((db) =>
    withFreshDatabase(async (early) => {
      const property = fc.asyncProperty(scenario, async (s) => {
        const isBefore = ({ at }: GivenEvent) => Date.parse(at) < Date.parse(s.asOf)
        await storeAll(db, s.zone, s.events, s.loading)
        await storeAll(early, s.zone, s.events.filter(isBefore), s.loading.filter(isBefore))
        const hasNone = !s.events.some(isBefore)
        // A third of them each time.
        for (const [name, own] of questions.filter((_, index) => (index + s.pick) % 3 === 0)) {
          const stat = stats.find((known) => known.name === name)!
          const { from } = s.range as { from?: string }
          const given = {
            ...own,
            ...(from === undefined ? {} : name === 'retention' ? { startDate: from } : { from }),
            asOf: s.asOf,
            ...(s.askedZone === undefined ? {} : { tz: s.askedZone }),
          }
          const about = `${name} ${JSON.stringify(given)} in ${s.zone}`
          const answer = await answerOf(db, stat, given)
          const expected = await answerOf(early, stat, given)
          // Of no data at all one is told otherwise than of data that is yet to come.
          if (hasNone && s.events.length > 0) {
            expect(answer.meta.warnings).toEqual([expect.stringMatching(/^There are no events before/)])
            expected.meta.warnings = answer.meta.warnings
          }
          expect(answer, about).toEqual(expected)
          const cell = cellOf(stat, answer, s.pick)
          if (cell === undefined) continue
          const users = (of: Database) => drillDown(of, stat, given, cell).then(({ data }) => data)
          expect(await users(db), `${about}, users of ${cell}`).toEqual(await users(early))
        }
      })
      await assertProperty(property, 60)
    }),
  ),
)

const hour = (hours: number, user: string, type = 'view'): GivenEvent => ({
  at: new Date(Date.parse('2025-08-31T00:00:00Z') + hours * 3_600_000).toISOString(),
  user,
  type,
})
/** Two days; ann at 10 o'clock on both, bob at 20 o'clock on the second. */
const twoDays = [hour(-14, 'ann'), hour(10, 'ann'), hour(10, 'ann', 'buy'), hour(20, 'bob', 'buy')]

const sourceOf = async (db: Database, name: string, given: Record<string, unknown>) => {
  const stat = stats.find((known) => known.name === name)!
  return (await runStat(db, stat, given)).meta.source
}

test('rollups answer where as-of is a midnight and where it cuts a day, and as they are where it hides nothing', () =>
  withFreshDatabase(async (db) => {
    await storeEvents(db, twoDays)
    for (const asOf of ['2025-08-31', '2025-08-31T12:00:00Z', '2025-08-31T21:00:00Z', '2025-09-05']) {
      for (const name of ['dau', 'wau', 'top-events', 'trend', 'lifecycle', 'stickiness', 'retention']) {
        expect(await sourceOf(db, name, { asOf }), `${name} as of ${asOf}`).toBe('rollups')
      }
    }
    const statement = async (asOf: string) => (await explain(db, stats[0]!, { asOf })).sql
    expect(await statement('2025-08-31T21:00:00Z')).toBe(await statement('2025-09-05'))
    expect(await statement('2025-08-31T12:00:00Z')).toContain('UNION ALL')
    expect(await statement('2025-08-31')).not.toContain('UNION ALL')
  }))

test('an event ahead of the clock does not count until its time comes, but it is exported', () =>
  withFreshDatabase(async (db) => {
    const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()
    await storeEvents(db, [
      { at: inHours(-48), user: 'ann' },
      { at: inHours(5), user: 'bob', type: 'buy' },
    ])
    const { data, meta } = await runStat(db, stats.find(({ name }) => name === 'top-events')!, {})
    expect(data).toEqual([{ event_type: 'view', events: 1, share: 1 }])
    expect(meta).toMatchObject({ data_until: inHours(-48).slice(0, 10), hides_later_events: true, source: 'rollups' })
    expect(await withTransaction(db, (tx) => freshness(tx, {}))).toBeCloseTo(48 * 3600, -2)
    const lines: string[] = []
    const { events } = await exportEvents(db, { format: 'ndjson' }, async (bytes) => {
      lines.push(bytes.toString())
    })
    expect(events).toBe(2)
    expect(lines.join('')).toContain('"bob"')
  }))

test('all numbers of a report are of the events before as-of', () =>
  withFreshDatabase(async (db) => {
    await storeEvents(db, twoDays)
    const report = await reportOf(db, {
      asOf: '2025-08-31T12:00:00Z',
      from: '2025-08-30',
      to: '2025-08-31',
      step: ['view', 'buy'],
    })
    expect(report.headlines.slice(0, 3).map(({ value }) => value)).toEqual([1, 3, 1])
    const rows = (id: string) => report.sections.find((section) => section.id === id)!.result.data
    expect(rows('top-events')).toEqual([
      { event_type: 'view', events: 2, share: 2 / 3 },
      { event_type: 'buy', events: 1, share: 1 / 3 },
    ])
    expect(rows('funnel').map(({ users }) => users)).toEqual([1, 1])
    expect(report.quality.find(({ name }) => name === 'Newest event')!.value).toBe('2025-08-31T10:00:00.000Z')
  }))

test('kept times are cut at as-of, too', () =>
  withFreshDatabase(async (db) => {
    await storeAll(db, 'UTC', twoDays, [])
    const given = { step: ['view', 'buy'], from: '2025-08-30', to: '2025-08-31', asOf: '2025-08-31T10:00:00Z' }
    const { data, meta } = await runStat(db, funnelStat, given)
    expect([meta.source, ...data.map(({ users }) => users)]).toEqual(['rollups', 1, 0])
  }))

test('a range that has no day of the data is said', () =>
  withFreshDatabase(async (db) => {
    await storeEvents(db, twoDays)
    const warningsOf = async (given: Record<string, unknown>) =>
      (await runStat(db, stats.find(({ name }) => name === 'trend')!, { asOf: '2025-10-01', ...given })).meta.warnings
    expect(await warningsOf({ from: '2025-09-10' })).toEqual([
      'The data ends on 2025-08-31, before the range begins on 2025-09-10.',
    ])
    expect(await warningsOf({ from: '2025-07-01', to: '2025-07-31' })).toEqual([
      'The data begins on 2025-08-30, after the range ends on 2025-07-31.',
    ])
    expect(await warningsOf({ from: '2025-08-31', to: '2025-09-10' })).toEqual([])
  }))
