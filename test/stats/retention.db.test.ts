/** Retention on small tables, a rule each; the first ones are facts from the tests of PostHog's retention query. */
import { expect, test } from 'vitest'
import { drillDown } from '../../src/lib/stats/query/drill-down.js'
import { explain } from '../../src/lib/stats/query/run-stat.js'
import { retention, retentionStat } from '../../src/lib/stats/retention.js'
import { type GivenEvent, storeEvents } from '../support/events.js'
import { withFreshDatabase } from '../support/postgres/database.js'

type Given = NonNullable<Parameters<typeof retention>[1]>
type Row = Record<string, unknown>

/** The rows of one question about a few events. */
async function rowsOf(events: readonly GivenEvent[], given: Given): Promise<readonly Row[]> {
  return withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    return (await retention(db, given)).data
  })
}

/** `cohort → users` of the answer. */
function usersByCohort(data: readonly Row[]): Record<string, unknown> {
  return Object.fromEntries(data.map(({ cohort, users }) => [cohort, users]))
}

/** Views of several users: `{ ann: ['2020-06-10T05:00:00Z', …] }`. */
function views(byUser: Readonly<Record<string, readonly string[]>>, type = 'view'): GivenEvent[] {
  return Object.entries(byUser).flatMap(([user, times]) => times.map((at) => ({ at, user, type })))
}

const inJune = (...days: string[]) => days.map((day) => `2020-06-${day}:00:00Z`)

// Rows of PostHog's tests are triangles: what lies behind the last interval is not in them.
const twoPeople = views({
  person1: inJune('10T05', '11T05', '12T05', '15T05', '15T09', '16T05'),
  person2: inJune('11T05', '12T05', '13T05', '16T05'),
})

test('active by day: a user is in the cohort of every day on which he was active', async () => {
  const data = await rowsOf(twoPeople, {
    startDate: '2020-06-10',
    to: '2020-06-20',
    windows: 10,
    windowType: 'day',
    cohort: 'active',
  })
  const expected = [
    [1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0],
    [2, 2, 1, 0, 1, 2, 0, 0, 0, 0],
    [2, 1, 0, 1, 2, 0, 0, 0, 0],
    [1, 0, 0, 1, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0],
    [1, 1, 0, 0, 0, 0],
    [2, 0, 0, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 0],
    [0, 0],
    [0],
  ]
  expect(data.map(({ users }, index) => (users as number[]).slice(0, 11 - index))).toEqual(expected)
})

test('active by month', async () => {
  const at = (...months: number[]) => months.map((month) => `2020-${String(month).padStart(2, '0')}-10T05:00:00Z`)
  const data = await rowsOf(views({ person1: at(1, 2, 3, 5, 6, 9), person2: at(1, 2, 3, 6, 7, 11) }), {
    startDate: '2020-01',
    to: '2020-11',
    windows: 10,
    windowType: 'month',
    cohort: 'active',
  })
  const expected = [
    [2, 2, 2, 0, 1, 2, 1, 0, 1, 0, 1],
    [2, 2, 0, 1, 2, 1, 0, 1, 0, 1],
    [2, 0, 1, 2, 1, 0, 1, 0, 1],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [1, 1, 0, 0, 1, 0, 0],
    [2, 1, 0, 1, 0, 1],
    [1, 0, 0, 0, 1],
    [0, 0, 0, 0],
    [1, 0, 0],
    [0, 0],
    [1],
  ]
  expect(data.map(({ users }, index) => (users as number[]).slice(0, 11 - index))).toEqual(expected)
})

test('active by week: the first day of the week decides', async () => {
  // 2020-06-07 was a Sunday.
  const events = views({
    person1: inJune('07T05', '14T05', '28T05'),
    person2: inJune('08T05', '14T05'),
  })
  const given = { startDate: '2020-06-07', to: '2020-06-28', windows: 3, windowType: 'week', cohort: 'active' } as const
  expect(usersByCohort(await rowsOf(events, { ...given, weekStart: 'sunday' }))).toEqual({
    '2020-06-07': [2, 2, 0, 1],
    '2020-06-14': [2, 0, 1, 0],
    '2020-06-21': [0, 0, 0, 0],
    '2020-06-28': [1, 0, 0, 0],
  })
  expect(usersByCohort(await rowsOf(events, given))).toEqual({
    '2020-06-01': [1, 1, 0, 1],
    '2020-06-08': [2, 0, 1, 0],
    '2020-06-15': [0, 0, 0, 0],
    '2020-06-22': [1, 0, 0, 0],
  })
})

test('active by hour, between two hours', async () => {
  const events = views({
    person1: inJune('10T05', '10T06', '10T07', '10T10'),
    person2: inJune('10T06', '10T08', '10T10'),
  })
  const data = await rowsOf(events, {
    startDate: '2020-06-10T06:00',
    to: '2020-06-10T09:00',
    windows: 4,
    windowType: 'hour',
    cohort: 'active',
    tz: 'UTC',
  })
  expect(usersByCohort(data)).toEqual({
    '2020-06-10T06:00:00+00:00': [2, 1, 1, 0, 2],
    '2020-06-10T07:00:00+00:00': [1, 0, 0, 1, 0],
    '2020-06-10T08:00:00+00:00': [1, 0, 1, 0, 0],
    '2020-06-10T09:00:00+00:00': [0, 0, 0, 0, 0],
  })
})

test('on or after: who returned in window k or later', async () => {
  const events = views({
    person1: inJune('10T05', '13T05', '14T05'),
    person2: inJune('10T05', '11T05'),
    person3: inJune('11T05', '12T05', '13T05'),
    person4: inJune('13T05', '14T05'),
    person5: inJune('14T05'),
  })
  const data = await rowsOf(events, {
    startDate: '2020-06-11',
    to: '2020-06-15',
    windows: 4,
    windowType: 'day',
    cohort: 'active',
    mode: 'on-or-after',
  })
  const expected = [[2, 1, 1, 0, 0], [1, 1, 0, 0], [3, 2, 0], [3, 0], [0]]
  expect(data.map(({ users }, index) => (users as number[]).slice(0, 5 - index))).toEqual(expected)
})

test('first-ever: from the first signup of all to a pageview', async () => {
  const events = [
    ...views(
      {
        shouldnt_include: inJune('05T05', '09T05'),
        person1: inJune('09T05', '11T05', '12T05', '13T05', '14T05'),
        person2: inJune('09T05'),
        person3: inJune('10T05'),
        person4: inJune('12T05'),
      },
      'signup',
    ),
    ...views(
      {
        person1: inJune('10T05', '11T05', '12T05', '15T05', '15T09', '16T05'),
        person2: inJune('11T05', '12T05', '13T05', '16T05'),
        person3: inJune('11T05', '13T05', '14T05', '15T05'),
        person4: inJune('13T05', '15T05'),
      },
      'pageview',
    ),
  ]
  const data = await rowsOf(events, {
    startDate: '2020-06-09',
    to: '2020-06-15',
    windows: 6,
    windowType: 'day',
    startEvent: 'signup',
    returnEvent: 'pageview',
  })
  const expected = [[2, 1, 2, 2, 1, 0, 1], [1, 1, 0, 1, 1, 1], [0, 0, 0, 0, 0], [1, 1, 0, 1], [0, 0, 0], [0, 0], [0]]
  expect(data.map(({ users }, index) => (users as number[]).slice(0, 7 - index))).toEqual(expected)
})

test('days are those of the time zone', async () => {
  const events = views({ person1: inJune('09T01', '10T01', '11T01'), person2: inJune('16T01', '16T09') })
  const data = await rowsOf(events, {
    startDate: '2020-06-10',
    to: '2020-06-20',
    windows: 10,
    windowType: 'day',
    cohort: 'active',
    tz: 'America/Los_Angeles',
  })
  const sizes = data.map(({ size }) => size)
  expect(sizes).toEqual([1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0])
  expect((data[5]!.users as number[]).slice(0, 6)).toEqual([1, 1, 0, 0, 0, 0])
})

test('by the calendar 23:00 and 01:00 are two days, by rolling windows they are one', async () => {
  const events = views({
    person1: inJune('10T23', '11T01', '11T23'),
    person2: inJune('11T01', '11T23', '12T02'),
  })
  const given = { startDate: '2020-06-10', to: '2020-06-12', windows: 2, windowType: 'day', cohort: 'active' } as const
  expect(usersByCohort(await rowsOf(events, given))['2020-06-11']).toEqual([2, 1, 0])
  expect(usersByCohort(await rowsOf(events, { ...given, clock: 'rolling' }))).toEqual({
    // Exactly 24 hours after 23:00 is window 1; 25 hours after 01:00 as well.
    '2020-06-10': [1, 1, 0],
    '2020-06-11': [1, 1, 0],
    '2020-06-12': [0, 0, 0],
  })
})

test('a signup at 23:45 and a use at 00:01 is day 1 by calendar and not by rolling', async () => {
  const events = [
    { at: '2025-08-01T23:45:00Z', user: 'ann', type: 'signup' },
    { at: '2025-08-02T00:01:00Z', user: 'ann', type: 'use' },
    { at: '2025-08-09T00:00:00Z', user: 'bob', type: 'use' },
  ]
  const given = {
    startDate: '2025-08-01',
    to: '2025-08-01',
    windows: 1,
    windowType: 'day',
    startEvent: 'signup',
  } as const
  expect((await rowsOf(events, given))[0]).toMatchObject({ users: [1, 1], rates: [1, 1], complete: [true, true] })
  expect((await rowsOf(events, { ...given, clock: 'rolling' }))[0]).toMatchObject({ users: [1, 0], rates: [1, 0] })
})

test('a user active long before the range is in no first-ever cohort, from either source', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(
      db,
      views({
        old: ['2020-01-01T00:00:00Z', '2025-08-04T10:00:00Z'],
        ann: ['2025-08-05T10:00:00Z', '2025-08-12T00:00:00Z'],
      }),
    )
    const given = { startDate: '2025-08-04', to: '2025-08-04', windows: 1 } as const
    for (const tz of ['UTC', 'Africa/Abidjan']) {
      const { data, meta } = await retention(db, { ...given, tz })
      expect(meta.source).toBe(tz === 'UTC' ? 'rollups' : 'events')
      expect(data.map(({ users }) => users)).toEqual([[1, 1]])
      const rolling = await retention(db, { ...given, tz, clock: 'rolling' })
      expect(rolling.data.map(({ size }) => size)).toEqual([1])
    }
    // First-matching asks for the first one that matches, wherever it lies.
    expect((await retention(db, { ...given, cohort: 'active' })).data[0]).toMatchObject({ size: 2 })
    expect((await retention(db, { ...given, cohort: 'first-matching' })).data[0]).toMatchObject({ size: 1 })
  })
})

test('with first-ever brackets and segments must hold for the very first event, ties by event id', async () => {
  const id = (digit: number) => `${digit}0000000-0000-4000-8000-000000000000`
  const signup = (at: string, user: string, plan: string, country: string, digit: number) => ({
    at,
    user,
    type: 'signup',
    properties: { plan, country },
    id: id(digit),
  })
  const events = [
    signup('2025-08-01T10:00:00Z', 'free-then-pro', 'free', 'UA', 1),
    signup('2025-08-02T10:00:00Z', 'free-then-pro', 'pro', 'UA', 2),
    signup('2025-08-02T11:00:00Z', 'pro-then-free', 'pro', 'UA', 3),
    signup('2025-08-02T12:00:00Z', 'pro-then-free', 'free', 'UA', 4),
    // The same instant: the smaller id is the first.
    signup('2025-08-02T13:00:00Z', 'tie-pro', 'pro', 'UA', 5),
    signup('2025-08-02T13:00:00Z', 'tie-pro', 'free', 'UA', 6),
    signup('2025-08-02T13:00:00Z', 'tie-free', 'free', 'UA', 7),
    signup('2025-08-02T13:00:00Z', 'tie-free', 'pro', 'UA', 8),
    signup('2025-08-02T14:00:00Z', 'abroad', 'pro', 'PL', 9),
  ]
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    const given = { startDate: '2025-08-02', to: '2025-08-02', windowType: 'day', windows: 1 } as const
    const pro = { ...given, startEvent: 'signup[properties.plan:pro]' }
    const usersIn = async (asked: Given) =>
      (await drillDown(db, retentionStat, asked, '2025-08-02:0')).data.map(({ user_id }) => user_id)
    for (const clock of ['calendar', 'rolling'] as const) {
      expect(await usersIn({ ...pro, clock })).toEqual(['abroad', 'pro-then-free', 'tie-pro'])
      expect(await usersIn({ ...pro, clock, segment: ['properties.country:UA'] })).toEqual(['pro-then-free', 'tie-pro'])
      // He started on the 1st, on free: being on pro the day after does not count.
      const fromThe1st = await retention(db, { ...pro, clock, startDate: '2025-08-01' })
      expect(fromThe1st.data.map(({ size }) => size)).toEqual([0, 3])
      expect(await usersIn({ ...pro, clock, cohort: 'first-matching' })).toEqual([
        ...['abroad', 'free-then-pro', 'pro-then-free', 'tie-free', 'tie-pro'],
      ])
    }
  })
})

test('a cell that has not begun is null, an open one and one behind the data are not complete', async () => {
  await withFreshDatabase(async (db) => {
    // Mondays: 4, 11, 18, 25 August. The newest event lies on Tuesday, 12 August.
    await storeEvents(
      db,
      views({
        ann: ['2025-08-04T10:00:00Z', '2025-08-12T10:00:00Z'],
        bob: ['2025-08-05T10:00:00Z'],
        eve: ['2025-08-11T00:00:00Z'],
      }),
    )
    const given = { startDate: '2025-08-04', to: '2025-08-11', windows: 3, asOf: '2025-08-25' } as const
    const { data, meta, footer } = await retention(db, given)
    expect(data).toEqual([
      {
        cohort: '2025-08-04',
        size: 2,
        users: [2, 1, 0, null],
        rates: [1, 0.5, 0, null],
        complete: [true, false, false, false],
      },
      {
        cohort: '2025-08-11',
        size: 1,
        users: [1, 0, null, null],
        rates: [1, 0, null, null],
        complete: [false, false, false, false],
      },
    ])
    // Only cohort 0 of the first week is complete.
    const mean = {
      cohort: 'mean',
      size: 2,
      users: [2, null, null, null],
      rates: [1, null, null, null],
      complete: [false, false, false, false],
    }
    expect(footer).toEqual(mean)
    expect(meta.mean).toEqual(mean)
    // The mark of a window is its end: a newer event on the last day of week 2 makes that week complete.
    await storeEvents(db, [{ at: '2025-08-17T23:59:59Z', user: 'zoe' }])
    expect((await retention(db, given)).data.map(({ complete }) => complete)).toEqual([
      [true, true, false, false],
      [true, false, false, false],
    ])
  })
})

test('a cohort that has not begun is a row of nulls, an empty one has no rates', async () => {
  const data = await rowsOf(views({ ann: inJune('10T05') }), {
    startDate: '2020-06-09',
    to: '2020-06-12',
    windows: 1,
    windowType: 'day',
    asOf: '2020-06-12',
  })
  expect(data).toEqual([
    { cohort: '2020-06-09', size: 0, users: [0, 0], rates: [null, null], complete: [true, true] },
    { cohort: '2020-06-10', size: 1, users: [1, 0], rates: [1, 0], complete: [true, false] },
    { cohort: '2020-06-11', size: 0, users: [0, null], rates: [null, null], complete: [false, false] },
    { cohort: '2020-06-12', size: null, users: [null, null], rates: [null, null], complete: [false, false] },
  ])
})

test('the mean weighs cohorts by size and leaves out cells that are not complete', async () => {
  const events = [
    ...views({ a1: inJune('01T05', '02T05'), a2: inJune('01T05', '02T05'), a3: inJune('01T05') }),
    ...views({ b1: inJune('02T06', '03T05'), c1: inJune('03T06', '04T05') }),
  ]
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    const { meta } = await retention(db, {
      startDate: '2020-06-01',
      to: '2020-06-03',
      windowType: 'day',
      windows: 2,
      asOf: '2020-06-04',
    })
    // Day 1 is complete for the first two cohorts: (2 + 1) of (3 + 1), not the mean of 2/3 and 1.
    expect(meta.mean).toMatchObject({
      size: 5,
      users: [5, 3, 0],
      rates: [1, 0.75, 0],
      complete: [true, false, false],
    })
  })
})

test('least return events are counted inside the window, or from it on; window 0 needs none', async () => {
  const events = views({
    ann: inJune('10T05', '11T05', '12T05', '12T06'),
    bob: inJune('10T05', '11T05', '11T06'),
    carl: inJune('10T05', '11T05', '12T05'),
  })
  await withFreshDatabase(async (db) => {
    await storeEvents(db, events)
    const given = {
      startDate: '2020-06-10',
      to: '2020-06-10',
      windowType: 'day',
      windows: 2,
      minReturnEvents: 2,
    } as const
    for (const tz of ['UTC', 'Africa/Abidjan']) {
      expect((await retention(db, { ...given, tz })).data[0]!.users).toEqual([3, 1, 1])
      expect((await retention(db, { ...given, tz, cohort: 'active' })).data[0]!.users).toEqual([3, 1, 1])
      expect((await retention(db, { ...given, tz, mode: 'on-or-after' })).data[0]!.users).toEqual([3, 3, 1])
    }
  })
})

test('on or after leaves out what happens at as-of or later', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, views({ ann: ['2025-08-04T10:00:00Z', '2025-08-06T12:00:00Z'] }))
    const given = {
      startDate: '2025-08-04',
      to: '2025-08-04',
      windowType: 'day',
      windows: 2,
      mode: 'on-or-after',
    } as const
    for (const [asOf, users] of [
      ['2025-08-06T12:00:00Z', [1, 0, 0]],
      ['2025-08-06T12:00:01Z', [1, 1, 1]],
      ['2025-08-07', [1, 1, 1]],
    ] as const) {
      const { data, meta } = await retention(db, { ...given, asOf })
      expect([data[0]!.users, meta.source]).toEqual([users, 'rollups'])
    }
  })
})

test('late events move users to earlier cohorts; a batch that is loading is not seen', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, views({ ann: inJune('10T05', '11T05'), bob: inJune('10T05') }))
    const given = { startDate: '2020-06-08', to: '2020-06-11', windowType: 'day', windows: 2 } as const
    const answers = async () => {
      const [rollups, events] = [await retention(db, given), await retention(db, { ...given, tz: 'Africa/Abidjan' })]
      expect([rollups.meta.source, events.meta.source]).toEqual(['rollups', 'events'])
      expect(events.data).toEqual(rollups.data)
      return usersByCohort(rollups.data)
    }
    const before = {
      '2020-06-08': [0, 0, 0],
      '2020-06-09': [0, 0, 0],
      '2020-06-10': [2, 1, 0],
      '2020-06-11': [0, 0, 0],
    }
    expect(await answers()).toEqual(before)
    await storeEvents(db, views({ ann: inJune('08T05'), eve: inJune('09T05') }), 'loading')
    expect(await answers()).toEqual(before)
    await storeEvents(db, views({ bob: inJune('08T05'), zoe: inJune('09T05', '11T05') }))
    expect(await answers()).toEqual({
      '2020-06-08': [1, 0, 1],
      '2020-06-09': [1, 0, 1],
      '2020-06-10': [1, 1, 0],
      '2020-06-11': [0, 0, 0],
    })
  })
})

test('hours when clocks are changed: 23, 25 and half ones', async () => {
  const given = { windowType: 'hour', windows: 1, cohort: 'active' } as const
  // Kyiv went from 03:00 to 04:00 on 30 March and from 04:00 to 03:00 on 26 October 2025.
  const spring = await rowsOf(views({ ann: ['2025-03-30T00:30:00Z', '2025-03-30T01:00:00Z'] }), {
    ...given,
    tz: 'Europe/Kyiv',
    startDate: '2025-03-30T02:00',
    to: '2025-03-30T04:00',
  })
  expect(usersByCohort(spring)).toEqual({
    '2025-03-30T02:00:00+02:00': [1, 1],
    '2025-03-30T04:00:00+03:00': [1, 0],
  })
  const autumn = await rowsOf(views({ ann: ['2025-10-26T00:30:00Z', '2025-10-26T01:30:00Z'] }), {
    ...given,
    tz: 'Europe/Kyiv',
    startDate: '2025-10-26T03:00',
    to: '2025-10-26T03:00',
  })
  expect(usersByCohort(autumn)).toEqual({
    '2025-10-26T03:00:00+03:00': [1, 1],
    '2025-10-26T03:00:00+02:00': [1, 0],
  })
  // Lord Howe goes back by half an hour, from 02:00 to 01:30: the second window of 01 o'clock is half an hour long.
  const half = await rowsOf(views({ ann: ['2025-04-05T14:59:59Z', '2025-04-05T15:00:00Z', '2025-04-05T15:30:00Z'] }), {
    ...given,
    tz: 'Australia/Lord_Howe',
    startDate: '2025-04-06T01:00',
    to: '2025-04-06T02:00',
  })
  expect(usersByCohort(half)).toEqual({
    '2025-04-06T01:00:00+11:00': [1, 1],
    '2025-04-06T01:30:00+10:30': [1, 1],
    '2025-04-06T02:00:00+10:30': [1, 0],
  })
})

test('a cell of hours and one of rolling windows ends at an instant', async () => {
  const events = views({ ann: ['2025-08-04T10:15:00Z', '2025-08-04T11:30:00Z'] })
  const given = { startDate: '2025-08-04T10:00', to: '2025-08-04T10:00', windowType: 'hour', windows: 2 } as const
  const at = async (asOf: string, clock: 'calendar' | 'rolling') => {
    const [row] = await rowsOf(events, { ...given, asOf, clock })
    return [row!.users, row!.complete]
  }
  expect(await at('2025-08-04T12:00:00Z', 'calendar')).toEqual([
    [1, 1, null],
    [true, true, false],
  ])
  expect(await at('2025-08-04T12:00:00.000001Z', 'calendar')).toEqual([
    [1, 1, 0],
    [true, true, false],
  ])
  // Window 1 of this cohort spans the windows of all its users: from 11:00, for one of 10:00, to 13:00, for one of 11:00.
  expect(await at('2025-08-04T12:59:59Z', 'rolling')).toEqual([
    [1, 1, 0],
    [true, false, false],
  ])
  expect(await at('2025-08-04T13:00:00Z', 'rolling')).toEqual([
    [1, 1, 0],
    [true, true, false],
  ])
})

test('a day whose midnight comes twice begins with the first one', async () => {
  // Havana went from 01:00 back to 00:00 on 3 November 2013: its midnights were 04:00 and 05:00 in UTC.
  const events = views({ ann: ['2013-11-03T04:10:00Z', '2013-11-05T12:00:00Z'] })
  const given = {
    startDate: '2013-11-03',
    to: '2013-11-03',
    windowType: 'day',
    windows: 1,
    tz: 'America/Havana',
  } as const
  for (const clock of ['calendar', 'rolling'] as const) {
    expect((await rowsOf(events, { ...given, clock, asOf: '2013-11-03T04:00:00Z' }))[0]!.users).toEqual([null, null])
    expect((await rowsOf(events, { ...given, clock, asOf: '2013-11-03T04:30:00Z' }))[0]!.users).toEqual([1, null])
  }
})

test('a day that a zone leaves out is a row, and over when it begins', async () => {
  // Apia went from the end of 29 December 2011 to the beginning of the 31st.
  const events = views({ ann: ['2011-12-30T09:00:00Z', '2011-12-30T11:00:00Z'] })
  const given = {
    startDate: '2011-12-29',
    to: '2011-12-31',
    windowType: 'day',
    windows: 2,
    tz: 'Pacific/Apia',
  } as const
  const data = await rowsOf(events, { ...given, asOf: '2011-12-30T10:00:00Z' })
  expect(data.map(({ users, complete }) => [users, complete])).toEqual([
    [
      [1, 0, null],
      // The one event that the data has is of the 29th.
      [true, false, false],
    ],
    [
      [0, null, null],
      [false, false, false],
    ],
    [
      [null, null, null],
      [false, false, false],
    ],
  ])
  const later = await rowsOf(events, { ...given, asOf: '2012-01-03' })
  expect(later.map(({ users }) => users)).toEqual([
    [1, 0, 1],
    [0, 0, 0],
    [0, 0, 0],
  ])
})

test('without a range: the window of the newest day and the 8 before it, or what the data has', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, views({ ann: ['2025-08-05T10:00:00Z'], bob: ['2025-07-30T10:00:00Z'] }))
    const days = await retention(db, { windowType: 'day' })
    expect(days.data.map(({ cohort }) => cohort)).toEqual([
      ...['2025-07-30', '2025-07-31', '2025-08-01', '2025-08-02', '2025-08-03', '2025-08-04', '2025-08-05'],
    ])
    await storeEvents(db, views({ old: ['2024-01-01T10:00:00Z'] }))
    const weeks = await retention(db)
    expect(weeks.data.map(({ cohort }) => cohort)).toHaveLength(9)
    expect(weeks.meta).toMatchObject({ from: '2025-06-09', to: '2025-08-10', windows: 3 })
    expect(weeks.meta.default_range).toContain('8 weeks before it')
    expect((await retention(db, { windowType: 'hour' })).data).toHaveLength(24)
    expect((await retention(db, { windowType: 'month', to: '2024-12' })).data[0]!.cohort).toBe('2024-04-01')
  })
})

test('an empty database is an answer with no rows, or with empty ones where a range is asked for', async () => {
  await withFreshDatabase(async (db) => {
    expect((await retention(db)).data).toEqual([])
    const { data, footer } = await retention(db, { startDate: '2025-08-04', to: '2025-08-04', windows: 1 })
    expect(data).toEqual([
      { cohort: '2025-08-04', size: 0, users: [0, 0], rates: [null, null], complete: [false, false] },
    ])
    expect(footer).toMatchObject({ size: null, users: [null, null], rates: [null, null] })
    for (const windowType of ['hour', 'day', 'week', 'month'] as const) {
      const { sql } = await explain(db, retentionStat, { windowType })
      expect(sql).toContain('SELECT')
    }
  })
})

test('what is given is checked', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, twoPeople)
    const refused: [Given, RegExp][] = [
      [{ windows: 0 }, /windows must be a whole number from 1 to 1000, not 0/],
      [{ windows: 10_000 }, /windows must be a whole number from 1 to 1000, not 10000/],
      [{ windows: 1.5 }, /windows/],
      [{ minReturnEvents: 0 }, /minReturnEvents/],
      [{ startDate: '2020-06-31' }, /startDate must be a day.*2020-06-31/],
      [{ startDate: '2020-06-10T06:00' }, /startDate must be a day.*weeks/],
      [{ to: '2020-06-10T06:00', windowType: 'day' }, /to must be a day.*days/],
      [{ startDate: '2020-06-10T25:00', windowType: 'hour' }, /startDate/],
      [{ startDate: '2020-06-10T08:00', to: '2020-06-10T06:00', windowType: 'hour' }, /2020-06-10T08:00, is after/],
      [{ startDate: '2020-06-11', to: '2020-06-10' }, /startDate 2020-06-11 is after to 2020-06-10/],
      [{ startEvent: 'signup[properties.plan' }, /\^/],
      [{ from: '2020-06-10' } as Given, /unknown: from/],
    ]
    for (const [given, message] of refused) {
      await expect(retention(db, given), JSON.stringify(given)).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringMatching(message),
      })
    }
  })
})

test('a cell is named by cohort and window, and what names none is an error with the nearest', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, twoPeople)
    const weeks = { startDate: '2020-06-08', to: '2020-06-22', windows: 1, asOf: '2020-06-20' } as const
    const hours = {
      startDate: '2020-06-11T05:00',
      to: '2020-06-11T07:00',
      windowType: 'hour',
      windows: 24,
      tz: 'UTC',
    } as const
    const users = async (given: Given, cell: string) =>
      (await drillDown(db, retentionStat, given, cell)).data.map(({ user_id }) => user_id)
    expect(await users(weeks, '2020-06-08:1')).toEqual(['person1', 'person2'])
    for (const cell of [
      '2020-06-11T05:00:24',
      '2020-06-11T05:00:00:24',
      '2020-06-11T05:00:00+00:00:24',
      '2020-06-11T05:00Z:24',
    ]) {
      expect(await users({ ...hours, cohort: 'active' }, cell)).toEqual(['person1', 'person2'])
    }
    const refused: [Given, string, RegExp, RegExp][] = [
      [weeks, 'nonsense', /"nonsense"/, /2020-06-08:1/],
      [weeks, '2020-06-08', /"2020-06-08"/, /2020-06-08:1/],
      [weeks, '2020-06-08:', /"2020-06-08:"/, /2020-06-08:1/],
      [weeks, '2020-06-08:2', /no window 2.*0 to 1/, /2020-06-08:1/],
      [weeks, '2020-06-09:1', /No cohort.*"2020-06-09"/, /2020-06-08 or 2020-06-15/],
      [weeks, '2021-01-01:1', /2020-06-08 to 2020-06-22/, /Try 2020-06-22/],
      [weeks, '2020-01-01:1', /2020-06-08 to 2020-06-22/, /Try 2020-06-08/],
      [weeks, 'soon:1', /No cohort.*"soon"/, /2020-06-08 or 2020-06-22/],
      [weeks, '2020-06-15:1', /no number.*yet/, /as-of/],
      [hours, '2020-06-11T09:00:1', /No cohort.*05:00 to 2020-06-11T07:00/, /./],
      [hours, '2020-06-11T06:30:1', /No cohort/, /./],
      [hours, '2020-06-11T06:00+03:00:1', /No cohort/, /./],
      [hours, '2020-06-11:1', /No cohort/, /./],
    ]
    for (const [given, cell, message, suggestion] of refused) {
      await expect(drillDown(db, retentionStat, given, cell), cell).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringMatching(message),
        suggestions: [expect.stringMatching(suggestion)],
      })
    }
    // Kyiv has no 03:00 on 30 March 2025, and 26 October has it twice.
    const kyiv = { tz: 'Europe/Kyiv', windowType: 'hour', windows: 1, cohort: 'active' } as const
    const march = { ...kyiv, startDate: '2025-03-30', to: '2025-03-30' }
    await expect(drillDown(db, retentionStat, march, '2025-03-30T03:00:0')).rejects.toMatchObject({ code: 'usage' })
    await storeEvents(db, views({ first: ['2025-10-26T00:30:00Z'], second: ['2025-10-26T01:30:00Z'] }))
    const october = { ...kyiv, startDate: '2025-10-26', to: '2025-10-26' }
    expect(await users(october, '2025-10-26T03:00:0')).toEqual(['first'])
    expect(await users(october, '2025-10-26T03:00+02:00:0')).toEqual(['second'])
  })
})

test('the definition says what was asked', async () => {
  const say = (given: Given) => retentionStat.definition(retentionStat.params.parse(given))
  expect(say({})).toBe(
    'A cohort is the users whose first event ever is in the week, window 0. ' +
      'Window k (1 to 3) counts those of them with a return event (any event) in the k-th week after it.',
  )
  expect(
    say({ startEvent: 'signup[properties.plan:pro]', clock: 'rolling', windowType: 'day', minReturnEvents: 2 }),
  ).toBe(
    'A cohort is the users whose first signup ever is in the day and is a signup[properties.plan:pro], window 0. ' +
      'Window k (1 to 3) counts those of them with at least 2 return events (any event) from k to k+1 times 24 hours after that event.',
  )
})

test('on or after: a cell is complete when nobody of its cohort can return any more', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(
      db,
      views({
        ann: ['2025-08-04T10:00:00Z', '2025-08-07T12:00:00Z'],
        bob: ['2025-08-04T11:00:00Z', '2025-08-05T10:00:00Z'],
        cid: ['2025-08-05T10:00:00Z', '2025-08-09T10:00:00Z'],
      }),
    )
    const given = { startDate: '2025-08-04', to: '2025-08-06', windowType: 'day', windows: 2 } as const
    for (const tz of ['UTC', 'Africa/Abidjan']) {
      const { data, meta } = await retention(db, { ...given, tz, mode: 'on-or-after', asOf: '2025-08-10' })
      expect(data.map(({ users, complete }) => [users, complete])).toEqual([
        // Bob may return on a later day.
        [
          [2, 2, 1],
          [true, true, false],
        ],
        [
          [1, 1, 1],
          [true, true, true],
        ],
        // Nobody is in it who could.
        [
          [0, 0, 0],
          [true, true, true],
        ],
      ])
      // Of the cohorts for which the window is over, also where somebody may still return.
      expect(meta.mean).toMatchObject({ rates: [1, 1, 2 / 3], complete: [true, true, false] })
    }
  })
})
