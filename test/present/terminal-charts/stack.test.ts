/** Lifecycle: exact drawings, and heights that are the numbers. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Result } from '../../../src/lib/core/result.js'
import { chart } from '../../../src/lib/present/terminal-charts/chart.js'
import { assertProperty } from '../../support/effort.js'
import { drawn, lifecycleOf } from './charts.js'

const shown = async (result: Result, more = {}) =>
  `\n${await chart(result, { color: false, isTty: true, width: 80, height: 15, ...more })}`

test('active users above zero, dormant ones below; what is not complete is marked', async () => {
  expect(
    await shown(
      lifecycleOf(
        [
          [5, 0, 0, 0],
          [3, 4, 1, 2],
          [2, 6, 0, 3],
          [null, null, null, null],
        ],
        2,
      ),
    ),
  ).toBe(`
█ new max 5   ▓ returning max 6   ▒ resurrecting max 1   ░ dormant max 3
                      *
10 ┤
   │         ▓▓▓▓▓▓▓▓ ▓▓▓▓▓▓▓▓
 5 ┤████████ ▓▓▓▓▓▓▓▓ ▓▓▓▓▓▓▓▓
   │████████ ████████ ████████
 0 ┤───────────────────────────────────
   │         ░░░░░░░░ ░░░░░░░░
 5 ┤
   └┬─────────────────┬────────────────
    2025-08-01        2025-08-03
dormant below the line; * not complete yet
`)
})

test('the same in ASCII', async () => {
  expect(
    await shown(
      lifecycleOf([
        [5, 0, 0, 0],
        [3, 4, 1, 2],
        [2, 6, 0, 3],
      ]),
      { unicode: false },
    ),
  ).toBe(`
# new max 5   = returning max 6   + resurrecting max 1   . dormant max 3
10 +
   |         ======== ========
 5 +######## ======== ========
   |######## ######## ########
 0 +--------------------------
   |         ........ ........
 5 +
   ++-----------------+-------
    2025-08-01        2025-08-03
dormant below the line
`)
})

test('with colours all parts are blocks', async () => {
  expect(
    await shown(
      lifecycleOf([
        [5, 0, 0, 0],
        [3, 4, 1, 2],
      ]),
      { color: true },
    ),
  ).toBe(`
\u001b[38;5;31m█\u001b[0m new max 5   \u001b[38;5;166m█\u001b[0m returning max 4   \u001b[38;5;98m█\u001b[0m resurrecting max 1   \u001b[38;5;64m█\u001b[0m dormant max 2
10 \u001b[2m┤\u001b[0m
   \u001b[2m│\u001b[0m         \u001b[38;5;166m████████\u001b[0m
 5 \u001b[2m┤\u001b[0m\u001b[38;5;31m████████\u001b[0m \u001b[38;5;166m████████\u001b[0m
   \u001b[2m│\u001b[0m\u001b[38;5;31m████████\u001b[0m \u001b[38;5;31m████████\u001b[0m
 0 \u001b[2m┤\u001b[0m\u001b[2m─────────────────\u001b[0m
   \u001b[2m│\u001b[0m         \u001b[38;5;64m████████\u001b[0m
 5 \u001b[2m┤\u001b[0m
   \u001b[2m└┬────────────────\u001b[0m
    2025-08-01
\u001b[2mdormant below the line\u001b[0m
`)
})

test('all zeros', async () => {
  expect(await shown(lifecycleOf([[0, 0, 0, 0]]))).toBe(`
█ new max 0   ▓ returning max 0   ▒ resurrecting max 0   ░ dormant max 0
1 ┤
  │
  │
  │
  │
  │
0 ┤────────
  └┬───────
   2025-08-01
dormant below the line
`)
})

test('at 120 columns', async () => {
  expect(
    await shown(lifecycleOf(Array.from({ length: 16 }, (_, day) => [day, 10, 2, 16 - day] as const)), {
      width: 120,
      height: 24,
    }),
  ).toBe(`
█ new max 15   ▓ returning max 10   ▒ resurrecting max 2   ░ dormant max 16
30 ┤
   │                                                                             ▒▒▒▒▒▒ ▒▒▒▒▒▒ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓
20 ┤                                          ▒▒▒▒▒▒ ▒▒▒▒▒▒ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓
   │       ▒▒▒▒▒▒ ▒▒▒▒▒▒ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ██████ ██████ ██████
10 ┤▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ██████ ██████ ██████ ██████ ██████ ██████ ██████ ██████
   │▓▓▓▓▓▓ ▓▓▓▓▓▓ ▓▓▓▓▓▓ ██████ ██████ ██████ ██████ ██████ ██████ ██████ ██████ ██████ ██████ ██████ ██████ ██████
 0 ┤───────────────────────────────────────────────────────────────────────────────────────────────────────────────
   │░░░░░░ ░░░░░░ ░░░░░░ ░░░░░░ ░░░░░░ ░░░░░░ ░░░░░░ ░░░░░░ ░░░░░░ ░░░░░░ ░░░░░░ ░░░░░░ ░░░░░░ ░░░░░░
10 ┤░░░░░░ ░░░░░░ ░░░░░░ ░░░░░░ ░░░░░░ ░░░░░░ ░░░░░░ ░░░░░░ ░░░░░░
   │░░░░░░ ░░░░░░ ░░░░░░ ░░░░░░
20 ┤
   └┬─────────────┬─────────────┬─────────────┬─────────────┬─────────────┬─────────────┬─────────────┬────────────
    2025-08-01    2025-08-03    2025-08-05    2025-08-07    2025-08-09    2025-08-11    2025-08-13    2025-08-15
dormant below the line
`)
})

test('each part of a bar is as high as its value within one cell, above the line and below', {
  tags: 'property',
}, async () => {
  const value = fc.nat({ max: 100_000 })
  await assertProperty(
    fc.asyncProperty(
      fc.array(fc.tuple(value, value, value, value), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 10, max: 60 }),
      async (rows, height) => {
        const lines = drawn(
          await chart(lifecycleOf(rows), { color: false, isTty: true, width: 80, height, unicode: false }),
        )
        const floor = lines.findIndex((line) => /^ +\+[+-]+$/.test(line))
        const begin = lines.findIndex((line) => /^ *[\d,]+ \+/.test(line))
        const zero = lines.findIndex((line) => /^ *0 \+-+$/.test(line))
        const side = lines[zero]!.indexOf('+') + 1
        const topTick = Number(lines[begin]!.slice(0, side - 2).replaceAll(',', ''))
        const perRow = topTick / (zero - begin)
        const bars = [...lines[floor]!.slice(side)].length
        const slot = rows.length === 1 ? bars : Math.floor((80 - side) / rows.length)
        for (const [bar, [fresh, returning, resurrecting, dormant]] of rows.entries()) {
          const column = side + bar * Math.min(9, slot)
          const cells = (from: number, to: number, fill: string) =>
            lines.slice(from, to).filter((line) => line[column] === fill).length
          const near = (count: number, part: number) =>
            expect(Math.abs(count - part / perRow)).toBeLessThanOrEqual(1 + 1e-9)
          near(cells(begin, zero, '#'), fresh)
          near(cells(begin, zero, '='), returning)
          near(cells(begin, zero, '+'), resurrecting)
          near(cells(zero + 1, floor, '.'), dormant)
        }
      },
    ),
    100,
  )
})
