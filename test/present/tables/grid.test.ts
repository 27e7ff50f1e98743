/** Cells as lines: aligned by what a terminal shows, not by characters. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { textWidth } from '../../../src/lib/core/text-width.js'
import { gridLines } from '../../../src/lib/present/tables/grid.js'
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

test('each column begins at the same place in all lines, whatever the script', () =>
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
  ))
