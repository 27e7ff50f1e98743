import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  cliTableLines,
  cliTableMaxRows,
  type GridColumn,
  gridLines,
  paddedLines,
} from '../../../src/lib/present/tables/grid.js'
import { assertProperty } from '../../support/effort.js'

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

test('padding here gives the lines of cli-table3, with and without colours', () => {
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
