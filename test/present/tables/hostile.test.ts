/** What must hold for any Result: columns of all kinds, texts and headings that mean harm, all widths. */
import { stripVTControlCharacters } from 'node:util'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import stringWidth from 'string-width'
import { expect, test } from 'vitest'
import type { Cell, Column, ColumnKind, Result, Row } from '../../../src/lib/core/result.js'
import { caption } from '../../../src/lib/present/tables/caption.js'
import { flatColumns, human, plain, visible } from '../../../src/lib/present/tables/cell-text.js'
import { formats } from '../../../src/lib/present/tables/formats.js'
import { render } from '../../../src/lib/present/tables/render.js'
import { assertProperty } from '../../support/effort.js'

const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.constantFrom(
    '',
    '-',
    '\u001b[31mred',
    '\u009b1A',
    'a\r\nb\tc',
    '=1+1',
    '__proto__',
    '\u202egpj',
    '\ud800',
    '| x |',
  ),
  fc.constantFrom('購入完了'.repeat(30), '👩‍👩‍👧'.repeat(30), 'e\u0301'.repeat(60), '\u0301x', '🇺🇦🇺', 'x'.repeat(300)),
)
const count = fc.oneof(fc.nat(), fc.nat({ max: 20 }))
const rate = fc.double({ min: 0, max: 1, noNaN: true })
const nullable = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 6 })
const list = <T>(value: fc.Arbitrary<T>) => fc.array(nullable(value), { maxLength: 8 })
const date = fc.integer({ min: 0, max: 40 }).map((day) => new Date(Date.UTC(2025, 7, day)).toISOString().slice(0, 10))

const cells: Record<ColumnKind, fc.Arbitrary<Cell>> = {
  date,
  instant: date.map((day) => `${day}T00:00:00Z`),
  count: nullable(count),
  number: nullable(
    fc.oneof(
      fc.double({ min: -1e9, max: 1e9, noNaN: true }),
      fc.constantFrom<Cell>(0, -0.5, '12345678901234567890.25', '-0.00000000000000000001'),
    ),
  ),
  rate: nullable(rate),
  seconds: nullable(fc.double({ min: 0, max: 1e7, noNaN: true })),
  bytes: nullable(count),
  text: nullable(hostileText),
  json: nullable(hostileText.map((text) => JSON.stringify({ [text]: text }))),
  flag: nullable(fc.boolean()),
  counts: list(count),
  rates: list(rate),
  flags: list(fc.boolean()),
}

const shapes = fc.oneof(
  fc.array(fc.constantFrom(...(Object.keys(cells) as ColumnKind[])), { minLength: 2, maxLength: 7 }),
  fc.constantFrom<ColumnKind[]>(
    ['date', 'count', 'counts', 'rates', 'flags'],
    ['text', 'count', 'rate'],
    ['date', 'count', 'flag'],
    ['date', 'text', 'count'],
    ['date', 'text', 'text', 'count', 'number', 'flag'],
    ['count', 'text', 'count', 'rate', 'seconds'],
  ),
)

const results: fc.Arbitrary<Result> = shapes.chain((kinds) => {
  const names = fc.uniqueArray(
    fc
      .oneof(fc.constantFrom('date', 'unique_users', 'rate_from_previous'), hostileText)
      .filter((name) => name !== '__proto__'),
    { minLength: kinds.length, maxLength: kinds.length },
  )
  return names.chain((columnNames) => {
    const row = fc.record(
      Object.fromEntries(kinds.map((kind, index) => [columnNames[index]!, cells[kind]])),
    ) as fc.Arbitrary<Row>
    return fc.record(
      {
        metric: fc.constant('any'),
        columns: fc.constant(kinds.map((kind, index): Column => ({ name: columnNames[index]!, kind }))),
        data: fc.array(row, { maxLength: 12 }),
        footer: row,
        meta: fc.record({
          window_type: hostileText,
          definition: hostileText,
          from: hostileText,
          to: hostileText,
          tz: hostileText,
        }),
      },
      { requiredKeys: ['metric', 'columns', 'data', 'meta'] },
    )
  })
})

const options = fc.record({ width: fc.integer({ min: 2, max: 130 }), unicode: fc.boolean() })

test('no line on a terminal is wider than it, but for a first column that may not be cut', {
  tags: 'property',
}, async () => {
  await assertProperty(
    fc.asyncProperty(results, options, async (result, { width, unicode }) => {
      const text = await render(result, 'table', { color: false, isTty: true, width, unicode })
      const room = Math.max(width, leastWidth(result))
      for (const line of text.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(room)
      // One character can be three columns wide: lines of words need some room.
      const wide = Math.max(8, width)
      for (const line of caption(result, wide)) expect(stringWidth(line)).toBeLessThanOrEqual(wide)
    }),
    200,
  )
})

/** What the first column needs when it may not be cut: its cells, and the longest word of its heading. */
function leastWidth(result: Result): number {
  const flat = flatColumns(result)
  // A heat map begins with what is no list, if there is such a column, else with the first rate.
  const rates = result.columns.filter(({ kind }) => kind === 'rates')
  const rate = rates.length === 1 ? flat.find(({ element }) => element?.of === rates[0]!.name) : undefined
  const first = (rate && (flat.find(({ element }) => element === undefined) ?? rate)) ?? flat[0]
  if (first === undefined || result.data.length === 0) return 'No rows.'.length
  if (first.kind === 'text') return 1
  const headings = [first.name, String(result.meta.window_type)].flatMap((text) => visible(text).split(/(?<=[_ ])/))
  const cells = [...first.values, first.footer ?? null].map((value) => human(value, first.kind, true))
  // A tile has a space before it and a mark behind it.
  return Math.max(...headings.map((word) => stringWidth(word)), ...cells.map((text) => stringWidth(text) + 2))
}

test('a table without its colours is the table without colours', { tags: 'property' }, async () => {
  await assertProperty(
    fc.asyncProperty(results, options, fc.boolean(), async (result, { width, unicode }, isTty) => {
      const colored = await render(result, 'table', { color: true, isTty, width, unicode })
      expect(stripVTControlCharacters(colored)).toBe(
        await render(result, 'table', { color: false, isTty, width, unicode }),
      )
    }),
    200,
  )
})

test('nothing that a terminal would obey gets out of a table, of Markdown, of JSON, or of CSV for a terminal', {
  tags: 'property',
}, async () => {
  await assertProperty(
    fc.asyncProperty(results, fc.constantFrom(...formats), async (result, format) => {
      const text = await render(result, format, { color: false, isTty: true, width: 80 })
      expect(text.replaceAll('\r\n', '\n')).not.toMatch(
        /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/,
      )
    }),
    200,
  )
})

test('csv comes back as the same cells, json as the same result', { tags: 'property' }, async () => {
  const piped = { color: false, isTty: false, width: 20 }
  await assertProperty(
    fc.asyncProperty(results, async (result) => {
      const flat = flatColumns(result)
      if (flat.length > 1) {
        const records = parse(await render(result, 'csv', piped), { record_delimiter: '\r\n' }) as string[][]
        expect(records).toEqual([
          flat.map(({ name }) => stored(name)),
          ...result.data.map((_, row) => flat.map(({ values }) => stored(plain(values[row] ?? null)))),
        ])
      }
      const { metric, columns, meta } = result
      // Numbers with more digits than JavaScript has, and JSON, are texts in the library only.
      const digits = columns.filter(({ kind }) => kind === 'number' || kind === 'json').map(({ name }) => name)
      const data = result.data.map((row) =>
        Object.fromEntries(
          Object.entries(row).map(([name, cell]) => [
            name,
            digits.includes(name) && typeof cell === 'string' ? JSON.parse(cell) : cell,
          ]),
        ),
      )
      const whole = JSON.stringify({ metric, data, meta })
      expect(JSON.stringify(JSON.parse(await render(result, 'json', piped)))).toBe(whole)
      const rows = (await render(result, 'ndjson', piped)).split('\n').slice(0, -1)
      expect(rows.map((row) => JSON.stringify(JSON.parse(row)))).toEqual(data.map((row) => JSON.stringify(row)))
    }),
    200,
  )
})

/** What UTF-8 can hold of a text: no halves of surrogate pairs. */
function stored(text: string): string {
  return Buffer.from(text).toString()
}

test('Markdown has as many cells in each row as in its header', { tags: 'property' }, async () => {
  await assertProperty(
    fc.asyncProperty(results, async (result) => {
      const text = await render(result, 'md', { color: false, isTty: false, width: 80 })
      const table = text.split('\n\n')[0]!.trimEnd().split('\n')
      const borders = table.map((line) => line.replace(/\\./g, '').split('|').length)
      expect(new Set(borders).size).toBe(1)
      expect(table).toHaveLength(2 + result.data.length + (result.footer ? 1 : 0))
    }),
    200,
  )
})
