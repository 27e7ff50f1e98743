import { expect, test } from 'vitest'
import type { Result } from '../../../src/lib/core/result.js'
import { render } from '../../../src/lib/present/tables/render.js'
import { dailyUsers, resultOf, trend } from './examples.js'

const at = (result: Result, width: number, more = {}) =>
  render(result, 'table', { color: false, isTty: true, width, ...more })

/** What stands below the empty line. */
const drawn = async (result: Result, width: number, more = {}) => {
  const [, below] = (await at(result, width, more)).split('\n\n')
  return below?.trimEnd().split('\n')
}

test('a sparkline from 0 to max: only 0 is lowest, what is not complete has its own mark, null is blank', async () => {
  expect(await drawn(dailyUsers([1, 2, 4, 0, 8, 7, null, 3, 9], 2), 60)).toEqual([
    'unique_users  ▂▃▅▁█▇ ░░  max 8',
    'from 0 to max; ░ not complete',
  ])
  expect(await drawn(dailyUsers([1, 2, 4, 0, 8, 7, null, 3, 9], 2), 60, { unicode: false })).toEqual([
    'unique_users  .-+_@# ??  max 8',
    'from 0 to max; ? not complete',
  ])
  expect(await drawn(dailyUsers([0, 0, 0]), 60)).toEqual(['unique_users  ▁▁▁  max 0', 'from 0 to max'])
})

test('with more values than room a mark is a mean, and it says of how many', async () => {
  const days = Array.from({ length: 60 }, (_, day) => (day < 30 ? 0 : 100))
  expect(await drawn(dailyUsers(days), 47)).toEqual([
    `unique_users  ${'▁'.repeat(10)}${'█'.repeat(10)}  max 100`,
    'from 0 to max; a mark is the mean of 3 rows',
  ])
  const peak = days.map((_, day) => (day === 4 ? 700 : 0))
  expect(await drawn(dailyUsers(peak), 47)).toEqual([
    `unique_users  ▁▃${'▁'.repeat(18)}  max 700`,
    'from 0 to max; a mark is the mean of 3 rows',
  ])
})

test('no sparkline for a pipe, for two points, on a terminal without room', async () => {
  expect(await drawn(dailyUsers([1, 2, 3]), 60, { isTty: false })).toBeUndefined()
  expect(await drawn(dailyUsers([1, 2]), 60)).toBeUndefined()
  expect(await drawn(dailyUsers([1, 2, 3]), 24)).toBeUndefined()
})

test('one line for each column of counts', async () => {
  const lifecycle = resultOf(
    'date:date new:count returning:count dormant:count',
    [3, 2, 1].map((value) => ({ date: '2025-08-01', new: value, returning: value * 10, dormant: 0 })),
  )
  expect(await drawn(lifecycle, 60)).toEqual([
    'new        █▆▃  max 3',
    'returning  █▆▃  max 30',
    'dormant    ▁▁▁  max 0',
    'each from 0 to its own max',
  ])
})

test('what its column does not call complete has a mark; without a column all is complete', async () => {
  const dates = ['2025-08-04', '2025-08-11', '2025-08-18']
  const weeks = (complete: readonly boolean[]) =>
    resultOf(
      'date:date new:count complete:flag',
      dates.map((date, row) => ({ date, new: 5, complete: complete[row]! })),
      // What stands in meta decides nothing.
      { to: '2025-08-24', complete_until: '2025-08-17' },
    )
  expect(await drawn(weeks([true, true, true]), 60)).toEqual(['new  ███  max 5', 'from 0 to max'])
  const incomplete = 'from 0 to max; ░ not complete'
  expect(await drawn(weeks([true, true, false]), 60)).toEqual(['new  ██░  max 5', incomplete])
  expect(await drawn(weeks([true, false, false]), 60)).toEqual(['new  █░░  max 5', incomplete])
  const { columns, ...rest } = weeks([false, false, false])
  expect(await drawn({ ...rest, columns: columns.slice(0, 2) }, 60)).toEqual(['new  ███  max 5', 'from 0 to max'])
})

test('on a terminal a trend has a column for each key when all of them fit', async () => {
  expect(await at(trend(3, ['page_view', '購入完了', null]), 34)).toBe(
    [
      'date        page_view  購入完了  -',
      '2025-08-01          0         0  0',
      '2025-08-02          1         2  3',
      '2025-08-03          2         4  6',
      '',
      'page_view  ▁▅█  max 2',
      '購入完了   ▁▅█  max 4',
      '-          ▁▅█  max 6',
      'each from 0 to its own max',
      '',
    ].join('\n'),
  )
})

test('a trend stays long when it does not fit, and when it is piped', async () => {
  const long = ['date        key        value', '2025-08-01  page_view      0', '2025-08-01  購入完了       0']
  const keys = ['page_view', '購入完了', 'x', 'y', 'z']
  expect((await at(trend(3, keys), 30)).split('\n').slice(0, 3)).toEqual(long)
  expect((await at(trend(3, keys), 80, { isTty: false })).split('\n').slice(0, 3)).toEqual(long)
})

test('a pair of date and key that is missing is a dash; one that stands there twice keeps the trend long', async () => {
  const { data, ...rest } = trend(3, ['a', 'b'])
  expect(await at({ ...rest, data: data.slice(1) }, 60)).toContain('2025-08-01  0  -\n')
  expect(await at({ ...rest, data: [...data, data[0]!] }, 60)).toContain('date        key  value')
})

test('keys with the names of columns and of prototypes are keys like others', async () => {
  const text = await at(trend(2, ['date', '__proto__', 'constructor']), 60)
  expect(text).toBe(
    'date        date  __proto__  constructor\n2025-08-01     0          0            0\n2025-08-02     1          2            3\n',
  )
})

test('of many keys the first twenty are drawn, and it says so', async () => {
  const keys = Array.from({ length: 25 }, (_, index) => `key ${index}`)
  const below = (await drawn(trend(3, keys), 80))!
  expect(below).toHaveLength(21)
  expect(below.at(-1)).toBe('each from 0 to its own max; the first 20 of 25')
})
