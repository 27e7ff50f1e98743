import { expect, test } from 'vitest'
import type { Result } from '../../../src/lib/core/result.js'
import { caption } from '../../../src/lib/present/tables/caption.js'
import { resultOf } from './examples.js'

const dau = {
  from: '2025-08-01',
  to: '2025-08-31',
  tz: 'Europe/Kyiv',
  week_start: 'monday',
  data_until: '2025-08-31',
  definition: 'Different users with at least one event in each day.',
  default_range: null,
}
const users = (ids: string[], meta: Result['meta']) =>
  resultOf(
    'user_id:text',
    ids.map((user_id) => ({ user_id })),
    meta,
  )

test('the definition, then the range and where it comes from', () => {
  expect(caption(users([], dau), 80)).toEqual([dau.definition, '2025-08-01 to 2025-08-31, Europe/Kyiv.'])
  expect(caption(users([], { ...dau, to: '2025-08-01', default_range: 'All days of the data.' }), 80)).toEqual([
    dau.definition,
    '2025-08-01, Europe/Kyiv. All days of the data.',
  ])
})

test('the first day of a week is said where weeks are counted', () => {
  const range = '2025-08-01 to 2025-08-31, Europe/Kyiv, weeks start on Monday.'
  expect(caption(users([], { ...dau, grain: 'week' }), 80)[1]).toBe(range)
  expect(caption(users([], { ...dau, window_type: 'week' }), 80)[1]).toBe(range)
})

test('that the data ends inside the range', () => {
  expect(caption(users([], { ...dau, data_until: '2025-08-12' }), 80)[1]).toBe(
    '2025-08-01 to 2025-08-31, Europe/Kyiv. The data ends on 2025-08-12.',
  )
})

test('how many users stand behind a number', () => {
  expect(caption(users(['u1'], { ...dau, users_of: '2025-08-04:1' }), 80)[2]).toBe('1 user behind 2025-08-04:1.')
  expect(caption(users(['u1', 'u2'], { ...dau, users_of: '2\u001b' }), 80)[2]).toBe('2 users behind 2\\u001b.')
})

test('nothing for a result that tells nothing of itself, or that has no range yet', () => {
  expect(caption(users([], {}), 80)).toEqual([])
  expect(caption(users([], { ...dau, from: null, to: null, data_until: null }), 80)).toEqual([dau.definition])
})

test('lines are broken between words', () => {
  expect(caption(users([], dau), 30)).toEqual([
    'Different users with at least',
    'one event in each day.',
    '2025-08-01 to 2025-08-31,',
    'Europe/Kyiv.',
  ])
})
