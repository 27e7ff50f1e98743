/** Retention against a naive model: all parameters, zones with changed clocks, both sources, and the users of cells. */
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Grain, Weekday } from '../../../src/lib/core/time.js'
import { drillDown } from '../../../src/lib/stats/query/drill-down.js'
import { retention, retentionStat } from '../../../src/lib/stats/retention.js'
import { assertProperty } from '../../support/effort.js'
import { storeEvents } from '../../support/events.js'
import { withFreshDatabase } from '../../support/postgres/database.js'
import { local, type ModelEvent, naiveRetention } from './model.js'

const hourMs = 3_600_000

const zones = [
  'UTC',
  'Africa/Cairo',
  'America/Havana',
  'America/Sao_Paulo',
  'Asia/Kathmandu',
  'Asia/Kolkata',
  'Asia/Tehran',
  'Australia/Lord_Howe',
  'Europe/Kyiv',
  'Pacific/Apia',
]

/** Instants around which a zone changes its clocks, in both directions, and a plain one. */
const changes = new Map(
  zones.map((zone) => {
    const found = [Date.parse('2013-06-12T05:00:00Z')]
    const shift = (at: number) => Date.parse(`${local(at, zone)}Z`) - at
    for (let at = Date.parse('2010-01-01Z'); at < Date.parse('2016-01-01Z'); at += hourMs) {
      if (shift(at) !== shift(at - hourMs)) found.push(at)
    }
    return [zone, found]
  }),
)

/** How far from the change events and cohorts lie, in hours. */
const spread = { hour: 20, day: 7 * 24, week: 5 * 7 * 24, month: 5 * 31 * 24 }

const question = fc.constantFrom(...zones).chain((zone) =>
  fc.record({
    zone: fc.constant(zone),
    center: fc.constantFrom(...changes.get(zone)!),
    windowType: fc.constantFrom<Grain>('hour', 'day', 'week', 'month'),
    weekStart: fc.constantFrom<Weekday>('monday', 'sunday', 'thursday'),
    // In thousandths of the spread.
    first: fc.integer({ min: -900, max: 300 }),
    length: fc.integer({ min: 0, max: 700 }),
    windows: fc.integer({ min: 1, max: 6 }),
    cohort: fc.constantFrom('first-ever' as const, 'first-matching' as const, 'active' as const),
    mode: fc.constantFrom('on' as const, 'on-or-after' as const),
    clock: fc.constantFrom('calendar' as const, 'calendar' as const, 'rolling' as const),
    start: fc.constantFrom(undefined, undefined, 'a', 'a[properties.p:x]'),
    back: fc.constantFrom(undefined, undefined, 'b', 'b[properties.p:x]'),
    segment: fc.constantFrom(undefined, undefined, 'properties.q:1'),
    minReturnEvents: fc.constantFrom(1, 1, 2, 3),
    asOf: fc.option(fc.integer({ min: -600, max: 1300 }), { nil: undefined }),
    hourText: fc.boolean(),
    // Many events of few users, or few events of many.
    users: fc.constantFrom(2, 5, 12),
    events: fc.array(
      fc.record({
        // Few different times, so that equal ones and those exactly on a border occur.
        step: fc.integer({ min: -100, max: 100 }),
        shiftMinutes: fc.constantFrom(0, 0, 0, 1, -1, 30),
        user: fc.nat({ max: 11 }),
        type: fc.constantFrom('a', 'b'),
        p: fc.constantFrom('x', 'y', undefined),
        q: fc.constantFrom(1, 1, 2),
        late: fc.boolean(),
        loading: fc.constantFrom(false, false, false, false, true),
      }),
      { minLength: 1, maxLength: 40 },
    ),
  }),
)

test('the numbers and the users are those of the definition, from the rollups and from the events', {
  tags: 'property',
}, async () => {
  await withFreshDatabase(async (db) => {
    const property = fc.asyncProperty(question, fc.nat(), async (asked, pick) => {
      const { zone, center, windowType, events: drawn } = asked
      const spreadMs = spread[windowType] * hourMs
      const events = drawn.map(({ step, shiftMinutes, user, type, p, q, late, loading }) => ({
        at: new Date(
          center + Math.round((step / 100) * (spreadMs / hourMs)) * hourMs + shiftMinutes * 60_000,
        ).toISOString(),
        id: randomUUID(),
        user: `u${user % asked.users}`,
        type,
        late,
        loading,
        properties: { ...(p === undefined ? {} : { p }), q },
      }))
      const asOf = new Date(
        asked.asOf === undefined ? center + 400 * 24 * hourMs : center + (asked.asOf / 1000) * spreadMs,
      ).toISOString()
      const visible: ModelEvent[] = events.filter(({ at, loading }) => !loading && Date.parse(at) < Date.parse(asOf))
      const dayOf = (thousandths: number) => local(center + (thousandths / 1000) * spreadMs, zone)
      const isWithHours = windowType === 'hour' && asked.hourText
      const cohortText = (thousandths: number) =>
        isWithHours ? `${dayOf(thousandths).slice(0, 13)}:00` : dayOf(thousandths).slice(0, 10)
      const [startDate, to] = [cohortText(asked.first), cohortText(asked.first + asked.length)]
      fc.pre(startDate <= to)
      const given = {
        startDate,
        to,
        windowType,
        weekStart: asked.weekStart,
        windows: asked.windows,
        asOf,
        tz: zone,
        cohort: asked.cohort,
        mode: asked.mode,
        clock: asked.clock,
        minReturnEvents: asked.minReturnEvents,
        ...(asked.start === undefined ? {} : { startEvent: asked.start }),
        ...(asked.back === undefined ? {} : { returnEvent: asked.back }),
        ...(asked.segment === undefined ? {} : { segment: [asked.segment] }),
      }
      const hasX = (event: ModelEvent) => event.properties.p === 'x'
      const expected = naiveRetention(visible, {
        zone,
        startDate,
        to,
        windowType,
        weekStart: asked.weekStart,
        windows: asked.windows,
        cohort: asked.cohort,
        mode: asked.mode,
        clock: asked.clock,
        minReturnEvents: asked.minReturnEvents,
        asOfMs: Date.parse(asOf),
        isStartType: ({ type }) => asked.start === undefined || type === 'a',
        startHolds: (event) => !asked.start?.includes('[') || hasX(event),
        isReturn: (event) =>
          (asked.back === undefined || event.type === 'b') && (!asked.back?.includes('[') || hasX(event)),
        inSegments: (event) => asked.segment === undefined || event.properties.q === 1,
      })

      const plain = asked.start === undefined && asked.back === undefined && asked.segment === undefined
      const isAnswered = plain && windowType !== 'hour' && asked.clock === 'calendar'

      await db.q.deleteFrom('events').execute()
      for (const source of ['rollups', 'events'] as const) {
        const reportingZone = source === 'rollups' ? zone : 'Asia/Tokyo'
        await db.q.updateTable('settings').set({ reporting_tz: reportingZone }).execute()
        if (source === 'rollups') {
          // Late events come in a batch of their own and can be older than all others.
          await storeEvents(
            db,
            events.filter(({ late, loading }) => !late && !loading),
          )
          await storeEvents(
            db,
            events.filter(({ loading }) => loading),
            'loading',
          )
        }
        await storeEvents(db, source === 'rollups' ? events.filter(({ late, loading }) => late && !loading) : [])
        const { data, meta } = await retention(db, given)
        expect(meta.source).toBe(source === 'rollups' && isAnswered ? 'rollups' : 'events')
        expect(data).toEqual(expected.map(({ names: _, isOver: __, ...row }) => row))
        checkMean(meta.mean as Mean | undefined, expected)

        const cells = expected.flatMap(({ cohort, users, names }) =>
          users.flatMap((count, number) =>
            count === null ? [] : [{ cell: `${cohort}:${number}`, names: names[number]! }],
          ),
        )
        const chosen = cells[pick % Math.max(1, cells.length)]
        if (chosen === undefined) continue
        const listed = await drillDown(db, retentionStat, given, chosen.cell)
        expect(listed.data.map(({ user_id }) => user_id)).toEqual(chosen.names)
      }
    })
    await assertProperty(property, 40)
  })
})

interface Mean {
  users: (number | null)[]
  rates: (number | null)[]
  complete: boolean[]
}

function checkMean(mean: Mean | undefined, rows: ReturnType<typeof naiveRetention>): void {
  if (rows.length === 0) expect(mean).toBeUndefined()
  if (rows.length === 0) return
  for (const [number, rate] of mean!.rates.entries()) {
    const whole = rows.filter(({ isOver }) => isOver[number])
    const users = whole.reduce((sum, row) => sum + row.users[number]!, 0)
    const size = whole.reduce((sum, row) => sum + row.size!, 0)
    expect(mean!.users[number]).toBe(whole.length === 0 ? null : users)
    expect(rate).toBe(size === 0 ? null : users / size)
    expect(mean!.complete[number]).toBe(rows.every(({ complete }) => complete[number]))
  }
}
