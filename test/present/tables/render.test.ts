import { stripVTControlCharacters } from 'node:util'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Result } from '../../../src/lib/core/result.js'
import { human } from '../../../src/lib/present/tables/cell-text.js'
import { formats } from '../../../src/lib/present/tables/formats.js'
import { render, renderPieces } from '../../../src/lib/present/tables/render.js'
import { assertProperty } from '../../support/effort.js'

const piped = { color: false, isTty: false, width: 40 }
const terminal = { color: true, isTty: true, width: 60 }

function resultOf(data: Result['data'], columns?: Result['columns']): Result {
  return {
    metric: 'test',
    columns: columns ?? [
      { name: 'event_type', kind: 'text' },
      { name: 'events', kind: 'count', unit: 'events' },
      { name: 'share', kind: 'rate' },
    ],
    data,
    meta: { tz: 'UTC' },
  }
}

const result = resultOf([
  { event_type: 'page_view', events: 1234567, share: 0.75 },
  { event_type: 'buy, "now"', events: 5, share: null },
])

test('piped, a table has plain numbers, no bar, and nothing is cut', async () => {
  const name = 'x'.repeat(90)
  const text = await render(resultOf([{ event_type: name, events: 1234567, share: 0.5 }]), 'table', piped)
  expect(text).toContain(name)
  expect(text).toContain('1234567')
  expect(text).not.toMatch(/█|\u001b/)
})

test('on a terminal numbers are grouped, bars drawn, lines fit the width', async () => {
  const long = resultOf([{ event_type: 'x'.repeat(90), events: 1234567, share: 0.5 }, ...result.data])
  const text = await render(long, 'table', terminal)
  expect(text).toContain('1,234,567')
  expect(text).toContain('\u001b[')
  const lines = stripVTControlCharacters(text).trimEnd().split('\n')
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60)
  expect(await render(result, 'table', { ...terminal, color: false })).not.toContain('\u001b')
  expect(await render(result, 'table', { ...terminal, color: false })).toContain('█')
})

test('a table shows control characters instead of sending them', async () => {
  const text = await render(resultOf([{ event_type: '\u001b]0;x\u0007', events: 1, share: 1 }]), 'table', piped)
  expect(text).toContain('\\u001b]0;x\\u0007')
})

test('numbers stand at the right, the cell of null is a dash', async () => {
  expect(await render(result, 'table', piped)).toBe(
    ['event_type   events  share', 'page_view   1234567  75.0%', 'buy, "now"        5      -', ''].join('\n'),
  )
})

test('a share is never rounded to none or to all of it', () => {
  const told = (share: number) => human(share, 'rate', true)
  expect([0, 0.0004, 1 / 3000, 0.00004, 1e-9].map(told)).toEqual(['0.0%', '0.04%', '0.03%', '<0.01%', '<0.01%'])
  expect([1, 0.9996, 0.99996, 0.9994, 1.0001].map(told)).toEqual(['100.0%', '99.96%', '>99.99%', '99.9%', '100.01%'])
  expect([-0.0004, -1e-9, -1, 0.5, 0.07].map(told)).toEqual(['-0.04%', '-<0.01%', '-100.0%', '50.0%', '7.0%'])
})

test('json is metric, data and meta; ndjson one row a line', async () => {
  const { metric, data, meta } = result
  expect(JSON.parse(await render(result, 'json', piped))).toEqual({ metric, data, meta })
  const lines = (await render(result, 'ndjson', piped)).trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line))).toEqual(data)
})

test('a large answer comes in pieces, which together are what JSON.stringify makes', async () => {
  const data = Array.from({ length: 5000 }, (_, n) => ({ date: `d${n}`, users: [n, null, 1.5], key: '"\n\u2028' }))
  const columns = [{ name: 'date', kind: 'text' }] as const
  const many: Result = { metric: 'x', columns, data, meta: { warnings: [], mean: { of: [1, 2] } } }
  for (const result of [many, { ...many, data: [] }, { ...many, data: data.slice(0, 1) }]) {
    const { metric, meta } = result
    const pieces = [...(await renderPieces(result, 'json', { color: false, isTty: false, width: 0 }))]
    const whole = JSON.stringify({ metric, data: result.data, meta }, null, 2).replaceAll('\u2028', '\\u2028')
    expect(pieces.join('')).toBe(`${whole}\n`)
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(70_000)
  }
  for (const format of ['csv', 'ndjson', 'md'] as const) {
    const pieces = [...(await renderPieces(many, format, { color: false, isTty: false, width: 0 }))]
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(70_000)
  }
})

test('csv comes back as it was, whatever the texts hold', { tags: 'property' }, async () => {
  await assertProperty(
    fc.asyncProperty(fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }), async (texts) => {
      const data = texts.map((text, events) => ({ event_type: text, events, share: 0.5 }))
      const records = parse(await render(resultOf(data), 'csv', piped), { record_delimiter: '\r\n' }) as string[][]
      expect(records).toEqual([
        ['event_type', 'events', 'share'],
        ...data.map((row) => [row.event_type, String(row.events), '0.5']),
      ])
    }),
    100,
  )
})

test('csv tells an absent value from an empty text', async () => {
  const data = [
    { event_type: '', events: 1, share: null },
    { event_type: 'a', events: 0, share: 0 },
  ]
  expect(await render(resultOf(data), 'csv', piped)).toBe('event_type,events,share\r\n"",1,\r\na,0,0\r\n')
})

test('markdown escapes what would break its table', async () => {
  const text = await render(resultOf([{ event_type: 'a|b', events: 1234, share: 0.5 }]), 'md', piped)
  expect(text).toBe('| event\\_type | events | share |\n| :--- | ---: | ---: |\n| a\\|b | 1,234 | 50.0% |\n')
})

test('a column of lists becomes one column for each index', async () => {
  const lists = resultOf(
    [
      { cohort: '2025-08-04', users: [3, 2, null] },
      { cohort: '2025-08-11', users: [4] },
    ],
    [
      { name: 'cohort', kind: 'date' },
      { name: 'users', kind: 'counts' },
    ],
  )
  expect(await render(lists, 'csv', piped)).toBe(
    'cohort,users_0,users_1,users_2\r\n2025-08-04,3,2,\r\n2025-08-11,4,,\r\n',
  )
})

test('a result without rows is rendered in every format', async () => {
  const empty = resultOf([])
  const texts = await Promise.all(formats.map((format) => render(empty, format, piped)))
  expect(texts).toEqual([
    'No rows.\n',
    expect.stringContaining('"data": []'),
    '',
    'event_type,events,share\r\n',
    expect.stringMatching(/^\| event/),
  ])
})
