/** The SVG of each stat: well-formed, free of what a strict page forbids, each mark with its numbers. */
import { describe, expect, test } from 'vitest'
import type { Result, Row } from '../../../src/lib/core/result.js'
import { chartSvg, standaloneSvg } from '../../../src/lib/present/svg/chart.js'
import { chartVariables } from '../../../src/lib/present/svg/colors.js'
import { textPx } from '../../../src/lib/present/svg/elements.js'
import { stats } from '../../../src/lib/stats/catalog.js'
import { type Element, readXml } from '../../checks/reporters/xml-reader.js'
import {
  asAnswerOf,
  dailyUsers,
  trend as exampleTrend,
  funnel,
  resultOf,
  retention,
  topEvents,
} from '../tables/examples.js'

const days = ['2025-08-01', '2025-08-02', '2025-08-03', '2025-08-04']
const trend = asAnswerOf(
  'trend',
  resultOf(
    'date:date key:text value:count complete:flag',
    days.flatMap((date, index) =>
      ['a', null, ''].map((key, at): Row => ({ date, key, value: index * 10 + at, complete: index < 3 })),
    ),
    { grain: 'day', by: 'properties.x', data_until: '2025-08-04' },
  ),
)
const lifecycle = asAnswerOf(
  'lifecycle',
  resultOf(
    'date:date new:count returning:count resurrecting:count dormant:count complete:flag',
    days.map((date, index) => ({ date, new: 5, returning: 3, resurrecting: 1, dormant: index, complete: index < 3 })),
    { grain: 'day', data_until: '2025-08-04' },
  ),
)
const stickiness = asAnswerOf(
  'stickiness',
  resultOf('periods_active:count users:count', [
    { periods_active: 1, users: 1200 },
    { periods_active: 2, users: 0 },
  ]),
  { grain: 'day' },
)
const examples: Record<string, Result> = {
  dau: asAnswerOf('dau', dailyUsers([5, 8, 0, 9], 1), { grain: 'day' }),
  wau: asAnswerOf('wau', dailyUsers([5, 8, 0, 9])),
  mau: asAnswerOf('mau', dailyUsers([5, 8, 0, 9])),
  trend,
  'top-events': asAnswerOf('top-events', topEvents),
  stickiness,
  retention: asAnswerOf('retention', retention, { data_until: '2025-08-27' }),
  funnel: asAnswerOf('funnel', funnel),
  lifecycle,
}

const all = (element: Element): Element[] => [element, ...element.children.flatMap(all)]
const read = (svg: string) => all(readXml(`<?xml version="1.0" encoding="UTF-8"?>\n${svg}`))
/** What the marks say. */
const tips = (svg: string) =>
  read(svg)
    .slice(1)
    .filter(({ name }) => name !== 'text')
    .flatMap(({ children }) => children.filter(({ name }) => name === 'title').map(({ text }) => text))
const drawn = (name: string, width = 720) => chartSvg(examples[name]!, { width })

test('every stat that is drawn has an example, and a Result without one is refused', async () => {
  expect(Object.keys(examples).sort()).toEqual(
    stats
      .filter(({ chart }) => chart !== undefined)
      .map(({ name }) => name)
      .sort(),
  )
  await expect(chartSvg(topEvents, { width: 300 })).rejects.toThrow(RangeError)
})

describe.each(Object.keys(examples))('%s', (name) => {
  test('is well-formed, with a name and a description, and sized by its view box', async () => {
    const [svg, ...rest] = read(await drawn(name))
    expect(svg).toMatchObject({ name: 'svg', attributes: { role: 'img' } })
    expect(svg!.attributes.viewBox).toMatch(/^0 0 720 \d+$/)
    expect(svg!.attributes.width).toBeUndefined()
    expect(svg!.children.slice(0, 2).map((child) => child.name)).toEqual(['title', 'desc'])
    for (const child of svg!.children.slice(0, 2)) expect(child.text.length).toBeGreaterThan(5)
    expect(rest.length).toBeGreaterThan(8)
  })

  test('has nothing that a strict page forbids, and no identifiers', async () => {
    for (const { name: tag, attributes } of read(await drawn(name, 390))) {
      expect(['svg', 'title', 'desc', 'g', 'path', 'text', 'rect', 'circle', 'polyline']).toContain(tag)
      expect(Object.keys(attributes).filter((key) => /^(on|style$|class$|id$|ecmeta|href|clip)/.test(key))).toEqual([])
      expect(JSON.stringify(attributes)).not.toMatch(/url\(|NaN|undefined|Infinity/)
    }
  })

  test('has colours that are variables of the theme, and a file has their values', async () => {
    const svg = await drawn(name)
    const known = Object.keys(chartVariables('light'))
    const colors = read(svg).flatMap(({ attributes: { fill, stroke } }) => [fill, stroke])
    const painted = [...new Set(colors)].filter((color) => color !== undefined && color !== 'none')
    for (const color of painted) expect(known, color).toContain(/^var\((.*)\)$/.exec(color!)?.[1])
    const file = standaloneSvg(svg)
    expect(file).not.toContain('var(')
    expect(readXml(file).children[2]).toMatchObject({ name: 'rect', attributes: { fill: '#ffffff' } })
  })

  test('is the same each time, and says so when there is nothing', async () => {
    expect(await drawn(name)).toBe(await drawn(name))
    const empty = read(await chartSvg({ ...examples[name]!, data: [] }, { width: 300 }))
    expect(empty.at(-1)).toMatchObject({ name: 'text', text: 'No data' })
  })
})

test('each mark says its number; what is not complete says that too, and is dashed', async () => {
  expect(tips(await drawn('dau'))).toEqual([
    '2025-08-01: 5',
    '2025-08-02: 8',
    '2025-08-03: 0',
    '2025-08-04: 9, not complete',
  ])
  const dashes = (svg: string) => read(svg).filter(({ attributes }) => 'stroke-dasharray' in attributes).length
  expect(dashes(await drawn('dau'))).toBeGreaterThan(0)
  expect(dashes(await drawn('wau'))).toBe(0)
  expect(tips(await drawn('lifecycle'))).toContain('2025-08-03: 2 dormant')
  expect(tips(await drawn('lifecycle'))).toContain('2025-08-04: 3 dormant, not complete')
  expect(tips(await drawn('stickiness'))).toEqual(['1,200 users, days active: 1', '0 users, days active: 2'])
})

test('a trend has a line for each key, also for null and the empty text', async () => {
  const texts = tips(await drawn('trend'))
  for (const key of ['a', '(none)', '""']) expect(texts.filter((text) => text.includes(` ${key}, `))).toHaveLength(4)
})

test('axes have the steps of a terminal: 1, 2, 2.5 or 5, in whole numbers, below zero too', async () => {
  const ticksOf = async (result: Result) =>
    read(await chartSvg(result, { width: 480, height: 230 })).flatMap(({ name, attributes, text }) =>
      name === 'text' && attributes['text-anchor'] === 'end' ? [text] : [],
    )
  expect(await ticksOf(asAnswerOf('dau', dailyUsers([1, 2])))).toEqual(['0', '1', '2'])
  expect(await ticksOf(asAnswerOf('dau', dailyUsers([0, 990])))).toEqual(['0', '250', '500', '750', '1,000'])
  expect(await ticksOf(asAnswerOf('dau', dailyUsers([4_900_000])))).toEqual(['0', '2M', '4M', '6M'])
  expect(await ticksOf(asAnswerOf('dau', dailyUsers([900_000, 950_000])))).toEqual(['0', '250K', '500K', '750K', '1M'])
  expect(await ticksOf(lifecycle)).toEqual(['5', '0', '5', '10'])
})

test('a funnel tells who was lost between the steps', async () => {
  const texts = tips(await drawn('funnel'))
  expect(texts).toContain('2. add_to_cart: 1,000 (25.0%) users')
  expect(texts).toContain('3,000 (75.0%) lost between steps 1 and 2')
})

test('a retention has a curve for each cohort and the mean, and nothing where there is no data', async () => {
  const texts = tips(await drawn('retention'))
  expect(texts).toContain('2025-08-04, week 1: 42.1%, 505 users')
  expect(texts).toContain('2025-08-04, week 3: 1.0%, 12 users, not complete')
  expect(texts).toContain('mean, week 2: 20.0%, 240 users')
  // The week of 1 September lies behind the newest day.
  const behind = await chartSvg(asAnswerOf('retention', retention, { data_until: '2025-08-20' }), { width: 720 })
  expect(tips(behind)).not.toContain('2025-08-04, week 3: 1.0%, 12 users, not complete')
})

test('texts that mean harm stay texts', async () => {
  const hostile = [
    '</svg><script>alert(1)</script>',
    '" onload="alert(1)',
    'a\u0000b\u001b[31m\ud800\u202e',
    '{a|b}',
    'var(--chart-1)',
    '&amp;lt;',
    'x'.repeat(300),
  ]
  const rows = hostile.map((event_type, index) => ({ event_type, events: 100 - index, share: 0.1 }))
  const top = await chartSvg(asAnswerOf('top-events', resultOf('event_type:text events:count share:rate', rows)), {
    width: 500,
    title: hostile[0]!,
  })
  const found = read(top)
  expect(found.filter(({ name }) => name === 'script')).toEqual([])
  expect(found.find(({ name }) => name === 'title')!.text).toBe(hostile[0])
  expect(tips(top)).toContain('&amp;lt;: 95 (10.0%) of the events')
  expect(standaloneSvg(top)).toContain('var(--chart-1)')
  const byKey = hostile.map((key) => ({ date: '2025-08-01', key, value: 1 }))
  const keyed = await chartSvg(asAnswerOf('trend', resultOf('date:date key:text value:count complete:flag', byKey)), {
    width: 500,
  })
  expect(read(keyed).filter(({ name }) => name === 'script')).toEqual([])
})

/** The boxes of its texts, none smaller than what a browser draws. */
function textBoxes(svg: string) {
  return read(svg)
    .filter(({ name }) => name === 'text')
    .map(({ attributes, text }) => {
      const px = textPx(text)
      const before = { start: 0, middle: px / 2, end: px }[attributes['text-anchor'] ?? 'start']!
      const left = Number(attributes.x) - before
      return { text, left, right: left + px, y: Number(attributes.y) }
    })
}

test('no text is cut or lies over another, however long and wide', async () => {
  const names = ['WWWW@@@@MMMM'.repeat(9), '購入完了'.repeat(20), '👩‍👩‍👧'.repeat(30), 'Ж'.repeat(50), 'a b', '']
  const largest = Number.MAX_SAFE_INTEGER
  const hours = Array.from(
    { length: 30 },
    (_, hour) => `2025-08-${10 + Math.floor(hour / 24)}T${10 + (hour % 13)}:00:00+03:00`,
  )
  const hostile = [
    ...Object.values(examples),
    asAnswerOf('dau', dailyUsers(Array.from({ length: 400 }, (_, day) => day * 1e12))),
    asAnswerOf('dau', dailyUsers([0])),
    asAnswerOf('dau', dailyUsers([null, null])),
    asAnswerOf(
      'trend',
      resultOf(
        'date:instant key:text value:count complete:flag',
        [...new Set(hours)].flatMap((date) => names.map((key): Row => ({ date, key, value: 3, complete: true }))),
      ),
    ),
    asAnswerOf(
      'top-events',
      resultOf(
        'event_type:text events:count share:rate',
        names.map((event_type) => ({ event_type, events: largest, share: 1 / 6 })),
      ),
    ),
    asAnswerOf('funnel', {
      ...funnel,
      data: names.map((event_type, index) => ({
        ...funnel.data[1],
        step: index + 1,
        event_type,
        users: largest - index,
      })),
    }),
    asAnswerOf(
      'stickiness',
      resultOf(
        'periods_active:count users:count',
        Array.from({ length: 90 }, (_, index) => ({ periods_active: index + 1, users: index * 1e9 })),
      ),
    ),
  ]
  for (const result of hostile) {
    for (const width of [240, 720, 1280]) {
      const svg = await chartSvg(result, { width })
      const height = Number(/viewBox="0 0 \d+ (\d+)"/.exec(svg)![1])
      const boxes = textBoxes(svg)
      for (const [index, box] of boxes.entries()) {
        const where = `${result.metric} ${width}: ${box.text}`
        expect(box.left, where).toBeGreaterThanOrEqual(-0.01)
        expect(box.right, where).toBeLessThanOrEqual(width + 0.01)
        expect(box.y - 10, where).toBeGreaterThanOrEqual(0)
        expect(box.y + 3, where).toBeLessThanOrEqual(height)
        const over = boxes
          .slice(index + 1)
          .find((other) => Math.abs(other.y - box.y) < 12 && other.left < box.right && box.left < other.right)
        expect(over, where).toBeUndefined()
      }
    }
  }
})

test('other work has its turn while a large chart is drawn', async () => {
  const keys = Array.from({ length: 20 }, (_, index) => `key ${index}`)
  const large = asAnswerOf('trend', exampleTrend(250, keys))
  let turns = 0
  const timer = setInterval(() => turns++, 0)
  await chartSvg(large, { width: 720 })
  clearInterval(timer)
  expect(turns).toBeGreaterThan(0)
})

test('long answers are drawn too', async () => {
  const start = Date.UTC(2000, 0, 1)
  const date = (day: number) => new Date(start + day * 86_400_000).toISOString().slice(0, 10)
  const long = resultOf(
    'date:date unique_users:count complete:flag',
    Array.from({ length: 9000 }, (_, day) => ({ date: date(day), unique_users: day % 700, complete: true })),
  )
  const svg = await chartSvg(asAnswerOf('dau', long), { width: 720 })
  expect(svg.length).toBeLessThan(300_000)
  const types = Array.from({ length: 5000 }, (_, index) => ({
    event_type: `type ${index}`,
    events: 9000 - index,
    share: 0,
  }))
  const top = await chartSvg(asAnswerOf('top-events', resultOf('event_type:text events:count share:rate', types)), {
    width: 720,
  })
  expect(top).toContain('4960 more event types are not drawn.')
  const stack = await chartSvg(
    asAnswerOf(
      'lifecycle',
      resultOf(
        'date:date new:count dormant:count complete:flag',
        Array.from({ length: 9000 }, (_, day) => ({ date: date(day), new: day, dormant: day % 700, complete: true })),
      ),
    ),
    { width: 720 },
  )
  expect(stack.length).toBeLessThan(300_000)
  expect(stack).toContain('Of every 13 only the highest is drawn.')
  expect(tips(stack)).toContain(`${date(8999)}: 8,999 new`)
})
