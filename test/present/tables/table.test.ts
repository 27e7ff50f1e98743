import { expect, test } from 'vitest'
import type { Result } from '../../../src/lib/core/result.js'
import { render } from '../../../src/lib/present/tables/render.js'
import { funnel, resultOf, retention, topEvents } from './examples.js'

const tableAt = (result: Result, width: number, more = {}) =>
  render(result, 'table', { color: false, isTty: true, width, ...more })
const piped = (result: Result) => render(result, 'table', { color: false, isTty: false, width: 10 })
const lines = (...text: string[]) => `${text.join('\n')}\n`

test('a ranking has bars beside its count; wide characters and combining marks keep the columns straight', async () => {
  expect(await tableAt(topEvents, 40)).toBe(
    lines(
      'event_type     events              share',
      'page_view   1,200,000  ██████████  80.0%',
      '購入完了      300,000  ██▌         20.0%',
      '👩‍👩‍👧 share            1  ▏            0.0%',
      'e\u0301te\u0301                 0               0.0%',
    ),
  )
})

test('without room for bars they are left out, then headings are broken, then columns left out and counted', async () => {
  expect(await tableAt(topEvents, 30)).toBe(
    lines(
      'event_type     events  share',
      'page_view   1,200,000  80.0%',
      '購入完了      300,000  20.0%',
      '👩‍👩‍👧 share            1   0.0%',
      'e\u0301te\u0301                 0   0.0%',
    ),
  )
  expect(await tableAt(topEvents, 20)).toBe(
    lines(
      'event_',
      'type          events',
      'page_view  1,200,000',
      '購入完了     300,000',
      '👩‍👩‍👧 share           1',
      'e\u0301te\u0301                0',
      '1 more column does',
      'not fit: --format',
      'csv',
    ),
  )
  expect(await tableAt(topEvents, 20, { seeAll: '--json' })).toContain('not fit: --json')
})

test('a funnel fits 80 columns with its headings broken, bars beside the users, not beside the steps', async () => {
  expect(await tableAt(funnel, 80)).toBe(
    lines(
      '                                           rate_     rate_',
      '                                           from_     from_     median_     mean_',
      'step  event_type   users                   first  previous     seconds   seconds',
      '   1  signup       4,000  ██████████████  100.0%         -           -         -',
      '   2  add_to_cart  1,000  ███▌             25.0%     25.0%  1 min 30 s       1 d',
      '   3  purchase       250  ▉                 6.3%     25.0%       2.5 s  14 d 7 h',
    ),
  )
  expect(await tableAt(funnel, 40)).toBe(
    lines(
      '                           rate_',
      '                           from_',
      'step  event_type   users   first',
      '   1  signup       4,000  100.0%',
      '   2  add_to_cart  1,000   25.0%',
      '   3  purchase       250    6.3%',
      '3 more columns do not fit: --format csv',
    ),
  )
})

test('piped, nothing is cut, grouped or drawn, whatever the width', async () => {
  const text = await piped(funnel)
  expect(text.split('\n')[0]).toBe(
    'step  event_type   users  rate_from_first  rate_from_previous  median_seconds  mean_seconds',
  )
  expect(text).toContain('1234567 s')
  expect(text).not.toMatch(/[█…]/)
})

test('a long text is cut between characters, never inside of one', async () => {
  const long = resultOf('event_type:text events:count', [
    { event_type: '購入'.repeat(20), events: 5 },
    { event_type: 'e\u0301'.repeat(30), events: 5 },
    { event_type: '👩‍👩‍👧'.repeat(20), events: 5 },
  ])
  expect(await tableAt(long, 24)).toBe(
    lines(
      'event_type        events',
      '購入購入購入購…        5',
      `${'e\u0301'.repeat(15)}…       5`,
      '👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧…        5',
    ),
  )
})

test('a terminal without Unicode gets bars, ellipsis and rule in ASCII, and the data as it is', async () => {
  const text = await tableAt({ ...topEvents, footer: { event_type: 'sum', events: 1500001, share: 1 } }, 40, {
    unicode: false,
  })
  expect(text).toBe(
    lines(
      'event_type     events              share',
      'page_view   1,200,000  #########   80.0%',
      '購入完了      300,000  ##          20.0%',
      '👩‍👩‍👧 share            1  #            0.0%',
      'e\u0301te\u0301                 0               0.0%',
      '----------  ---------  ---------  ------',
      'sum         1,500,001             100.0%',
    ),
  )
})

test('a footer is the last row of a table and of Markdown, and of no other format', async () => {
  const sum = { ...topEvents, data: topEvents.data.slice(0, 1), footer: { event_type: 'sum', events: 7, share: null } }
  expect(await piped(sum)).toBe(
    lines(
      'event_type   events  share',
      'page_view   1200000  80.0%',
      '──────────  ───────  ─────',
      'sum               7      -',
    ),
  )
  expect((await render(sum, 'md', { color: false, isTty: false, width: 80 })).trimEnd().split('\n').at(-1)).toBe(
    '| **sum** | **7** | **-** |',
  )
  for (const format of ['json', 'ndjson', 'csv'] as const) {
    expect(await render(sum, format, { color: false, isTty: false, width: 80 })).not.toContain('sum')
  }
})

test('a terminal that does not know its width counts as 80 columns wide', async () => {
  expect(await tableAt(funnel, 0)).toBe(await tableAt(funnel, 80))
  expect(await tableAt(retention, 0)).toBe(await tableAt(retention, 80))
})

test('more rows than a function takes arguments', async () => {
  const users = resultOf(
    'user_id:text events:count',
    Array.from({ length: 150_000 }, (_, index) => ({ user_id: `u${index}`, events: index })),
  )
  for (const text of [
    await piped(users),
    await tableAt(users, 60),
    await render(users, 'csv', { color: false, isTty: false, width: 80 }),
  ]) {
    expect(text.split('\n')).toHaveLength(150_002)
  }
})
