/** Cells as lines: aligned by what a terminal shows, not by characters. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { textWidth } from '../../../src/lib/core/text-width.js'
import {
  cliTableLines,
  cliTableMaxRows,
  type GridColumn,
  gridLines,
  paddedLines,
} from '../../../src/lib/present/tables/grid.js'
import { assertProperty } from '../../support/effort.js'

const cellsOf = (...texts: string[]) => texts.map((text) => ({ text }))

test('texts to the left, numbers to the right, nothing at the end of a line', () => {
  const columns = [
    { align: 'left' as const, cells: cellsOf('name', '購入', 'e\u0301', '') },
    { align: 'right' as const, cells: cellsOf('n', '1,000', '', '20') },
    { align: 'left' as const, cells: cellsOf('', '', 'end', '') },
  ]
  expect(gridLines(columns, '  ', false)).toEqual([
    'name      n',
    '購入  1,000',
    'e\u0301            end',
    '         20',
  ])
})

test('a style is around the text, and neither around what fills the cell nor around its tail', () => {
  const columns = [
    { align: 'left' as const, cells: [{ text: 'ab ', style: '1', tail: '*' }, { text: 'abcdef' }] },
    { align: 'right' as const, cells: [{ text: '7', style: '36' }, { text: '10' }] },
  ]
  expect(gridLines(columns, ' ', true)).toEqual(['\u001b[1mab\u001b[0m *    \u001b[36m7\u001b[0m', 'abcdef 10'])
  expect(gridLines(columns, ' ', false)).toEqual(['ab *    7', 'abcdef 10'])
})

const text = fc.string({ unit: fc.constantFrom(...'ab Z09-_…─█▉', '購', 'e\u0301', '🛒'), maxLength: 12 })

test('each column begins at the same place in all lines, whatever the script', { tags: 'property' }, () =>
  assertProperty(
    fc.property(fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 6 }), (rows) => {
      const widest = Math.max(1, ...rows.map(([first]) => textWidth(first)))
      const columns = [0, 1].map((at) => ({
        align: 'left' as const,
        cells: cellsOf(...rows.map((row) => `${row[at]}`)),
      }))
      const ends = { align: 'left' as const, cells: rows.map(() => ({ text: '|' })) }
      for (const [row, line] of gridLines([columns[0]!, ends, columns[1]!], ' ', false).entries()) {
        const [first] = rows[row]!
        expect(line.startsWith(`${first}${' '.repeat(widest - textWidth(first))} |`)).toBe(true)
      }
    }),
    300,
  ),
)

const ordinaryText = fc.string({ unit: fc.constantFrom(...'ab Z09-_.,:%*…─█▉▏░\\u"'), maxLength: 12 })
const cell = fc.record({
  text: ordinaryText,
  style: fc.constantFrom(undefined, '1', '36', '48;5;24;38;5;231'),
  tail: fc.constantFrom(undefined, '*', ' '),
})
const columns = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 6 })).chain(([width, rows]) =>
  fc.array(
    fc.record({
      align: fc.constantFrom('left' as const, 'right' as const),
      cells: fc.array(cell, { minLength: rows, maxLength: rows }),
    }),
    { minLength: width, maxLength: width },
  ),
)

test('padding here gives the lines of cli-table3, with and without colours', { tags: 'property' }, () => {
  assertProperty(
    fc.property(columns, fc.constantFrom(' ', '  '), fc.boolean(), (grid, gap, color) => {
      expect(paddedLines(grid, gap, color)).toEqual(cliTableLines(grid, gap, color))
    }),
    300,
  )
})

test('the lines are the same on both sides of the number of rows where the layout changes hands', () => {
  const grid = (rows: number): GridColumn[] => [
    { align: 'left', cells: Array.from({ length: rows }, (_, row) => ({ text: `row ${row}` })) },
    { align: 'right', cells: Array.from({ length: rows }, (_, row) => ({ text: String(row ** 3) })) },
  ]
  const few = gridLines(grid(cliTableMaxRows), '  ', false)
  expect(few).toEqual(paddedLines(grid(cliTableMaxRows), '  ', false))
  expect(gridLines(grid(cliTableMaxRows + 1), '  ', false).slice(0, 3)).toEqual(few.slice(0, 3))
})
