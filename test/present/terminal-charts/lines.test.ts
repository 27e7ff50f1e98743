/** Lines over time: exact drawings at 80 and 120 columns, with gaps, open values, several series; what is drawn where there is little room. */
import { expect, test } from 'vitest'
import type { Result } from '../../../src/lib/core/result.js'
import { seriesColors } from '../../../src/lib/present/terminal-charts/canvas.js'
import { chart } from '../../../src/lib/present/terminal-charts/chart.js'
import { seriesMarks } from '../../../src/lib/present/terminal-charts/lines.js'
import { trendOf, usersOf } from './charts.js'

const shown = async (result: Result, more = {}) =>
  `\n${await chart(result, { color: false, isTty: true, width: 80, height: 15, ...more })}`

test('a line of steps from 0; a null is a gap, what is not complete has a mark', async () => {
  expect(await shown(usersOf([10, 25, null, 40, 32, 0, 18, 21, 3], 2))).toBe(`
━━ unique_users max 40
40 ┤                            ━━━━━━━━━┓
   │                                     ┗━━━━━━━━┓
   │        ┏━                                    ┃
20 ┤        ┃                                     ┃        ┏━         ░
   │━━━━━━━━┛                                     ┃        ┃
   │                                              ┃        ┃
 0 ┤                                              ┗━━━━━━━━┛                   ░
   └┬──────────────────┬──────────────────┬─────────────────┬───────────────────
    2025-08-01         2025-08-03         2025-08-05        2025-08-07
░ not complete
`)
})

test('the same in ASCII', async () => {
  expect(await shown(usersOf([10, 25, null, 40, 32, 0, 18, 21, 3], 2), { unicode: false })).toBe(`
-- unique_users max 40
40 +                            ---------+
   |                                     +--------+
   |        +-                                    |
20 +        |                                     |        +-         ?
   |--------+                                     |        |
   |                                              |        |
 0 +                                              +--------+                   ?
   ++------------------+------------------+-----------------+-------------------
    2025-08-01         2025-08-03         2025-08-05        2025-08-07
? not complete
`)
})

test('the same at 120 columns: every date has room', async () => {
  expect(await shown(usersOf([10, 25, null, 40, 32, 0, 18, 21, 3], 2), { width: 120 })).toBe(`
━━ unique_users max 40
40 ┤                                    ━━━━━━━━━━━┓
   │                                               ┗━━━━━━━━━━━┓
   │           ┏━                                              ┃
20 ┤           ┃                                               ┃           ┏━           ░
   │━━━━━━━━━━━┛                                               ┃           ┃
   │                                                           ┃           ┃
 0 ┤                                                           ┗━━━━━━━━━━━┛                        ░
   └┬───────────┬───────────┬───────────┬───────────┬───────────┬───────────┬───────────┬───────────┬
    2025-08-01  2025-08-02  2025-08-03  2025-08-04  2025-08-05  2025-08-06  2025-08-07  2025-08-08  2025-08-09
░ not complete
`)
})

test('one point', async () => {
  expect(await shown(usersOf([7]))).toBe(`
━━ unique_users max 7
10 ┤
   │
   │━
 5 ┤
   │
   │
 0 ┤
   └┬
    2025-08-01
`)
})

test('all zeros', async () => {
  expect(await shown(usersOf([0, 0, 0]))).toBe(`
━━ unique_users max 0
1 ┤
  │
  │
  │
  │
  │
0 ┤━━━━━━━━━━━━━━━━━━━━━━━━━
  └┬───────────┬───────────┬
   2025-08-01  2025-08-02  2025-08-03
`)
})

test('nothing complete', async () => {
  expect(await shown(usersOf([4, 2], 2))).toBe(`
━━ unique_users max -
4 ┤░
  │
  │
2 ┤            ░
  │
  │
0 ┤
  └┬───────────┬
   2025-08-01  2025-08-02
░ not complete
`)
})

test('very large numbers are whole in the legend; ticks that take too much room have an exponent', async () => {
  expect(await shown(usersOf([0, Number.MAX_SAFE_INTEGER]), { width: 44 })).toBe(`
━━ unique_users max 9,007,199,254,740,991
1.0e+16 ┤
        │           ┏━
        │           ┃
5.0e+15 ┤           ┃
        │           ┃
        │           ┃
      0 ┤━━━━━━━━━━━┛
        └┬───────────┬
         2025-08-01  2025-08-02
`)
})

test('several keys without colours have marks; the first one lies on top', async () => {
  expect(await shown(trendOf(['view', '購入', null, 'a\u001b[31m'], [8, 6, 4, 9]))).toBe(`
* view max 9   o 購入 max 4   + - max 2   x a\\u001b[31m max 1
10 ┤
   │************                       **
   │           *************           *
 5 ┤                       *           *
   │ooooooooooooooooooooooo*************o
   │+++++++++++++++++++++++ooooooooooooo+
 0 ┤           xxxxxxxxxxxxxxxxxxxxxxxxx
   └┬───────────┬───────────┬───────────┬
    2025-08-01  2025-08-02  2025-08-03  2025-08-04
`)
})

test('with colours they are lines', async () => {
  expect(await shown(trendOf(['view', '購入'], [8, 6, 4, 9]), { color: true, width: 40 })).toBe(`
\u001b[38;5;31m━━\u001b[0m view max 9   \u001b[38;5;166m━━\u001b[0m 購入 max 4
10 \u001b[2m┤\u001b[0m
   \u001b[2m│\u001b[0m\u001b[38;5;31m━━━━━━━━━━━┓\u001b[0m                      \u001b[38;5;31m┏━\u001b[0m
   \u001b[2m│\u001b[0m           \u001b[38;5;31m┗━━━━━━━━━━┓\u001b[0m           \u001b[38;5;31m┃\u001b[0m
 5 \u001b[2m┤\u001b[0m                      \u001b[38;5;31m┃\u001b[0m           \u001b[38;5;31m┃\u001b[0m
   \u001b[2m│\u001b[0m\u001b[38;5;166m━━━━━━━━━━━━━━━━━━━━━━\u001b[0m\u001b[38;5;31m┗━━━━━━━━━━━┛\u001b[0m\u001b[38;5;166m━\u001b[0m
   \u001b[2m│\u001b[0m                      \u001b[38;5;166m┗━━━━━━━━━━━┛\u001b[0m
 0 \u001b[2m┤\u001b[0m
   \u001b[2m└┬──────────────────────┬────────────\u001b[0m
    2025-08-01             2025-08-03
`)
})

test('more values than room: means, and it says of how many', async () => {
  expect(await shown(usersOf(Array.from({ length: 150 }, (_, day) => (day < 60 ? 30 : day % 2))))).toBe(`
━━ unique_users max 30
40 ┤
   │━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
   │                             ┃
20 ┤                             ┃
   │                             ┃
   │                             ┃
 0 ┤                             ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
   └┬─────────────┬─────────────┬──────────────┬─────────────┬──────────────────
    2025-08-01    2025-08-29    2025-09-26     2025-10-24    2025-11-21
a point is the mean of 2 rows
`)
})

test('of many keys the first ten are drawn, and it says so', async () => {
  const keys = Array.from({ length: 14 }, (_, index) => `key ${index}`)
  const text = await shown(trendOf(keys, [5, 9]))
  expect(text.match(/key \d+/g)).toEqual(keys.slice(0, 10))
  expect(text).toContain('the first 10 of 14')
})

test('the colours of lines stand out from black and from white, and each is another', () => {
  expect(new Set(seriesColors).size).toBe(seriesMarks.length)
  for (const color of seriesColors) {
    const [onBlack, onWhite] = [(luminance(color) + 0.05) / 0.05, 1.05 / (luminance(color) + 0.05)]
    expect(Math.min(onBlack, onWhite), `${color}`).toBeGreaterThanOrEqual(3)
  }
})

/** The relative luminance (WCAG 2) of one of the 216 colours from 16 to 231. */
function luminance(color: number): number {
  const levels = [0, 95, 135, 175, 215, 255]
  const [red, green, blue] = [Math.floor((color - 16) / 36), Math.floor((color - 16) / 6) % 6, (color - 16) % 6].map(
    (at) => {
      const part = levels[at]! / 255
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    },
  )
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!
}
