/** What must hold for the chart of any answer: no line is too wide, nothing is obeyed by the terminal, labels are the data. */
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import stringWidth from 'string-width'
import { expect, test } from 'vitest'
import type { Result } from '../../../src/lib/core/result.js'
import { chart } from '../../../src/lib/present/terminal-charts/chart.js'
import { stats } from '../../../src/lib/stats/catalog.js'
import { assertProperty } from '../../support/effort.js'
import { dayAt, drawn, funnelOf, lifecycleOf, retentionOf, topEventsOf, trendOf, usersOf } from './charts.js'

const count = fc.oneof(fc.nat({ max: 30 }), fc.nat(), fc.maxSafeNat(), fc.constant(0))
const counts = fc.array(fc.option(count, { nil: null, freq: 6 }), { minLength: 1, maxLength: 150 })
const name = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 100 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
  fc.constantFrom(
    '購入完了'.repeat(20),
    '\u001b[31mred',
    'a\r\nb\tc',
    '\u202egpj',
    '👩‍👩‍👧'.repeat(20),
    '__proto__',
    '',
  ),
)
const names = fc.uniqueArray(name, { minLength: 1, maxLength: 14 })
const answers: fc.Arbitrary<Result> = fc.oneof(
  fc.tuple(counts, fc.nat({ max: 9 })).map(([values, open]) => usersOf(values, open)),
  fc.tuple(names, counts).map(([keys, values]) => trendOf(keys, values)),
  fc
    .tuple(names, fc.array(count, { minLength: 14, maxLength: 14 }))
    .map(([types, values]) => topEventsOf(types.map((type, index) => [type, values[index]!]))),
  fc.tuple(names, fc.array(count, { minLength: 14, maxLength: 14 })).map(([steps, values]) => {
    const falling = values.toSorted((a, b) => b - a)
    return funnelOf(steps.map((step, index) => [step, falling[index]!]))
  }),
  fc.array(fc.tuple(count, count, count, count), { minLength: 1, maxLength: 120 }).map(lifecycleOf),
  fc
    .array(fc.array(fc.option(fc.nat({ max: 100 }), { nil: null, freq: 4 }), { minLength: 1, maxLength: 9 }), {
      minLength: 1,
      maxLength: 9,
    })
    .map(retentionOf),
)
const places = fc.record({
  color: fc.boolean(),
  isTty: fc.constant(true),
  width: fc.integer({ min: 1, max: 220 }),
  height: fc.integer({ min: 0, max: 60 }),
  unicode: fc.boolean(),
})

test('no line of any chart is wider than the terminal, ends with a space, or holds what a terminal obeys', {
  tags: 'property',
}, async () => {
  await assertProperty(
    fc.asyncProperty(answers, places, async (answer, place) => {
      const text = await chart(answer, place)
      expect(text.endsWith('\n')).toBe(true)
      for (const line of text.slice(0, -1).split('\n')) {
        const plain = stripVTControlCharacters(line)
        // The heat map says itself what it does when not even its first column fits.
        if (answer.metric !== 'retention' || place.width >= 40)
          expect(stringWidth(plain)).toBeLessThanOrEqual(place.width)
        expect(plain).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]| $/)
        if (!place.color) expect(line).toBe(plain)
      }
    }),
    400,
  )
})

test('without unicode the marks are ASCII', { tags: 'property' }, async () => {
  await assertProperty(
    fc.asyncProperty(counts, places, async (values, place) => {
      for (const answer of [usersOf(values), trendOf(['a', 'b'], values)]) {
        expect(await chart(answer, { ...place, color: false, unicode: false })).toMatch(/^[\u0020-\u007e\n]*$/)
      }
    }),
    100,
  )
})

test('a point of a line stands where the axes say', { tags: 'property' }, async () => {
  await assertProperty(
    fc.asyncProperty(
      fc.array(fc.nat({ max: 100_000 }), { minLength: 1, maxLength: 60 }),
      places,
      async (values, place) => {
        const lines = drawn(await chart(usersOf(values), { ...place, color: false, width: 80 }))
        const floor = lines.findIndex((line) => /^ +[└+][─┬+-]+$/.test(line))
        const rows = lines.slice(1, floor)
        const side = rows[0]!.search(/[┤+]/)
        const labels = rows.map((row) => row.slice(0, side).trim())
        const top = Number(labels[0]!.replaceAll(',', ''))
        expect(top).toBeGreaterThanOrEqual(Math.max(...values))
        const valueAt = (row: number) => (top * (rows.length - 1 - row)) / (rows.length - 1)
        for (const [row, label] of labels.entries()) {
          if (label !== '') expect(Number(label.replaceAll(',', ''))).toBeCloseTo(valueAt(row), 6)
        }
        const span = lines[floor]!.length - side - 2
        for (const [index, value] of values.entries()) {
          const column = side + 1 + Math.round((index * span) / Math.max(1, values.length - 1))
          const marked = rows.flatMap((line, row) =>
            (line[column] ?? ' ') === ' ' ? [] : [Math.abs(valueAt(row) - value)],
          )
          expect(Math.min(...marked)).toBeLessThanOrEqual(top / (rows.length - 1) / 2 + 1e-9)
        }
        // Every date below is that of the point above its first character, where it is not pushed left by the edge.
        for (const found of lines[floor + 1]!.matchAll(/\S+/g)) {
          if (found.index + found[0].length === 80) continue
          const index = Math.round(((found.index - side - 1) * Math.max(1, values.length - 1)) / Math.max(1, span))
          expect(found[0]).toBe(dayAt(index))
          expect(lines[floor]![found.index]).toMatch(/[┬+]/)
        }
      },
    ),
    100,
  )
})

test('no chart without rows, without values, without room: a sentence', async () => {
  const place = { color: true, isTty: true, width: 80, height: 24 }
  const none = 'No rows, so there is nothing to draw.\n'
  for (const { name: metric } of stats) {
    expect(await chart({ metric, columns: [], data: [], meta: {} }, place)).toBe(none)
  }
  expect(await chart(usersOf([null, null]), place)).toBe('Nothing to draw: no value is there yet.\n')
  expect(await chart(lifecycleOf([[null, null, null, null]]), place)).toBe('Nothing to draw: no value is there yet.\n')
  expect(await chart(usersOf([1, 2]), { ...place, width: 39 })).toBe(
    'A chart needs 40 columns, and here are\n39: see the table, without --chart.\n',
  )
  expect(await chart(usersOf([1, 2]), { ...place, width: 40 })).toContain('max 2')
  expect(await chart(usersOf([1, 2]), { ...place, width: 0 })).toBe(await chart(usersOf([1, 2]), place))
})

test('a Result without a chart is refused', async () => {
  const { chart: _, ...rest } = usersOf([1])
  await expect(
    chart({ ...rest, metric: 'stats' }, { color: false, isTty: true, width: 80, height: 24 }),
  ).rejects.toThrow('stats has no chart')
})

test('a chart is as high as the terminal lets it be', async () => {
  const place = { color: false, isTty: true, width: 80 }
  const rows = async (height: number) => drawn(await chart(usersOf([1, 5, 9]), { ...place, height })).length
  expect(await Promise.all([10, 24, 30, 400].map(rows))).toEqual([10, 18, 24, 24])
  expect(await rows(0)).toBe(await rows(24))
})
