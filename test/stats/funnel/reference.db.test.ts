/** Funnels from the public test suites of PostHog and ClickHouse: their events and questions must give their numbers. */
import { expect, test } from 'vitest'
import { funnel, funnelStat } from '../../../src/lib/stats/funnel.js'
import { drillDown } from '../../../src/lib/stats/query/drill-down.js'
import { storeEvents } from '../../support/events.js'
import { withFreshDatabase } from '../../support/postgres/database.js'
import { eventsOf } from './notation.js'

type Given = Parameters<typeof funnel>[1]

async function answer(lines: readonly string[], ...questions: Given[]) {
  return withFreshDatabase(async (db) => {
    await storeEvents(db, eventsOf(...lines))
    const answers: (readonly Readonly<Record<string, unknown>>[])[] = []
    for (const question of questions) answers.push((await funnel(db, question)).data)
    return answers
  })
}

const users = (rows: readonly Readonly<Record<string, unknown>>[] | undefined) => rows?.map((row) => row.users)

test('F1: a window of seven days (PostHog test_funnel.py, test_funnel_conversion_window)', async () => {
  const lines = Array.from(
    { length: 25 },
    (_, index) => `user_${index}: step one 2021-05-01 00:00:00, step two 2021-05-${index < 10 ? '02' : '10'} 00:00:00`,
  )
  const [rows] = await answer(lines, { step: ['step one', 'step two', 'step three'], window: '7d' })
  expect(users(rows)).toEqual([25, 10, 0])
})

test('F3: the end of the window belongs to it (PostHog conversion_time_cases.py)', async () => {
  const step = ['signed up', 'pageview']
  const lines = [
    'a: signed up 2020-01-02 14:00:00, pageview 2020-01-02 14:05:00',
    'b: signed up 2020-01-02 14:03:00',
    'c: signed up 2020-01-02 12:00:00, pageview 2020-01-02 12:15:00',
  ]
  const [minutes, days] = await answer(lines, { step, window: '5m' }, { step, window: '14d' })
  expect(minutes?.map((row) => [row.users, row.mean_seconds])).toEqual([
    [3, null],
    [1, 300],
  ])
  expect(days?.map((row) => [row.users, row.mean_seconds])).toEqual([
    [3, null],
    [2, 600],
  ])
})

test('F5: a step that repeats (PostHog test_funnel.py, test_advanced_funnel_with_repeat_steps)', async () => {
  const at = (minute: number) => `2021-05-01 00:0${minute}:00`
  const lines = [
    `1: signed up ${at(0)}`,
    `2: signed up ${at(0)}, pageview ${at(1)}`,
    `3: signed up ${at(0)}, pageview ${at(1)}, blah ${at(2)}, pageview ${at(3)}`,
    `4: signed up ${at(0)}, pageview ${at(1)}, blah ${at(2)}, pageview ${at(3)}, pageview ${at(4)}, blah ${at(5)}`,
    `5: signed up ${at(0)}, pageview ${at(1)}, pageview ${at(2)}, pageview ${at(3)}, pageview ${at(4)}`,
  ]
  const step = ['signed up', 'pageview', 'pageview', 'pageview', 'pageview']
  expect(users((await answer(lines, { step }))[0])).toEqual([5, 4, 3, 2, 1])
})

test('F10: an exclusion takes a user out of step 1 too, inside the window (PostHog test_funnel_exclusion_no_end_event)', async () => {
  const lines = [
    '1: signed up 2021-05-01 01:00:00, paid 2021-05-01 02:00:00',
    '2: signed up 2021-05-01 03:00:00, x 2021-05-01 03:30:00, paid 2021-05-01 04:00:00',
    '3: signed up 2021-05-01 05:00:00, x 2021-05-01 06:00:00',
    '4: signed up 2021-05-01 07:00:00, x 2021-05-02 08:00:00',
  ]
  const asked = { step: ['signed up', 'paid'], window: '1d' }
  const [whole, numbered] = await answer(lines, { ...asked, exclude: ['x'] }, { ...asked, exclude: ['x:1-2'] })
  expect(users(whole)).toEqual([2, 1])
  expect(numbered).toEqual(whole)
})

test('F12: strict steps with nothing between them (PostHog test_funnel_strict.py, test_basic_strict_funnel)', async () => {
  const at = (minute: number) => `2021-05-01 00:0${minute}:00`
  const lines = [
    `1: signed up ${at(0)}`,
    `2: pageview ${at(0)}, signed up ${at(1)}`,
    `3: signed up ${at(0)}, pageview ${at(1)}, blah ${at(2)}, insight viewed ${at(3)}`,
    `4: insight viewed ${at(0)}, blah ${at(1)}, pageview ${at(2)}, signed up ${at(3)}`,
    `5: pageview ${at(0)}, signed up ${at(1)}, blah ${at(2)}, pageview ${at(3)}, insight viewed ${at(4)}`,
    `6: blah ${at(0)}, signed up ${at(1)}, blah ${at(2)}, pageview ${at(3)}`,
    `7: blah ${at(0)}, signed up ${at(1)}, pageview ${at(2)}, insight viewed ${at(3)}, blah ${at(4)}`,
    `8: insight viewed ${at(0)}, pageview ${at(1)}`,
  ]
  const step = ['signed up', 'pageview', 'insight viewed']
  expect(users((await answer(lines, { step, order: 'strict' }))[0])).toEqual([7, 2, 1])
})

test('F13: four steps in any order (PostHog test_funnel_unordered.py, test_big_multi_step_unordered_funnel)', async () => {
  const at = (minute: number) => `2021-05-01 00:0${minute}:00`
  const lines = [
    `1: signed up ${at(0)}`,
    `2: pageview ${at(0)}, crying ${at(1)}`,
    `3: signed up ${at(0)}, pageview ${at(1)}, blah ${at(2)}, insight viewed ${at(3)}`,
    `4: insight viewed ${at(0)}, crying ${at(1)}, signed up ${at(2)}`,
    `5: pageview ${at(0)}, signed up ${at(1)}, crying ${at(2)}, insight viewed ${at(3)}`,
    `6: blah ${at(0)}, insight viewed ${at(1)}`,
    `7: pageview ${at(0)}, blah ${at(1)}`,
    `8: insight viewed ${at(0)}, pageview ${at(1)}`,
  ]
  const step = ['signed up', 'pageview', 'insight viewed', 'crying']
  const [rows] = await answer(lines, { step, order: 'unordered' })
  expect(rows?.map((row) => [row.event_type, row.users])).toEqual([
    ['any 1 of 4', 8],
    ['any 2 of 4', 5],
    ['any 3 of 4', 3],
    ['any 4 of 4', 1],
  ])
})

test('F18: the deepest step of each user, ordered and strict (ClickHouse 00632_aggregation_window_funnel)', async () => {
  const lines = ['a b c', 'a d b c', 'a a b b c c', 'a a a a b b c c', 'a a b b d c c', 'c c b b a a'].map(
    (types, index) =>
      `${index + 1}: ${types
        .split(' ')
        .map((type, second) => `${type} 2018-01-01 00:00:0${second + 1}`)
        .join(', ')}`,
  )
  await withFreshDatabase(async (db) => {
    await storeEvents(db, eventsOf(...lines))
    const deepest = async (order: 'ordered' | 'strict') => {
      const params = { step: ['a', 'b', 'c'], window: '86400s', order }
      const depths: Record<string, number> = {}
      for (const step of [1, 2, 3]) {
        const { data } = await drillDown(db, funnelStat, params, String(step))
        for (const row of data) depths[row.user_id as string] = step
      }
      return depths
    }
    expect(await deepest('ordered')).toEqual({ 1: 3, 2: 3, 3: 3, 4: 3, 5: 3, 6: 1 })
    // Their strict_order with strict_deduplication: a repeated step stands between, like any other event.
    expect(await deepest('strict')).toEqual({ 1: 3, 2: 1, 3: 2, 4: 2, 5: 2, 6: 1 })
  })
})
