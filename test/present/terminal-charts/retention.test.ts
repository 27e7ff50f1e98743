/** Retention: the table stays, the curves stand below it, or beside it on a wide terminal. */
import { expect, test } from 'vitest'
import type { Result } from '../../../src/lib/core/result.js'
import { chart } from '../../../src/lib/present/terminal-charts/chart.js'
import { retentionOf } from './charts.js'

const shown = async (result: Result, more = {}) =>
  `\n${await chart(result, { color: false, isTty: true, width: 80, height: 15, ...more })}`

test('curves below the table: the mean and the cohorts with a complete rate, from window 1 on', async () => {
  expect(await shown(retentionOf([[40, 30, 20], [50, 25], [10]]))).toBe(`
cohort      size  week 0  week 1  week 2  week 3
2025-08-01   100  100.0%  40.0%   30.0%   20.0%*
2025-08-08   100  100.0%  50.0%   25.0%*
2025-08-15   100  100.0%  10.0%*
────────── ───── ─────── ─────── ─────── ───────
mean         100  100.0%  40.0%   30.0%   20.0%
* not complete yet; blank: not begun

* mean   o 2025-08-01   + 2025-08-08
50.0% ┤+
      │************
      │           *************
25.0% ┤            ░          *
      │                       *░
      │
 0.0% ┤
      └┬───────────┬───────────┬
       week 1      week 2      week 3
░ not complete; from week 1 on
`)
})

test('beside it from 140 columns on', async () => {
  expect(await shown(retentionOf([[40, 30, 20], [50, 25], [10]]), { width: 140 })).toBe(`
cohort      size  week 0  week 1  week 2  week 3    * mean   o 2025-08-01   + 2025-08-08
2025-08-01   100  100.0%  40.0%   30.0%   20.0%*    50.0% ┤+
2025-08-08   100  100.0%  50.0%   25.0%*                  │************
2025-08-15   100  100.0%  10.0%*                          │           *************
────────── ───── ─────── ─────── ─────── ───────    25.0% ┤            ░          *
mean         100  100.0%  40.0%   30.0%   20.0%           │                       *░
* not complete yet; blank: not begun                      │
                                                     0.0% ┤
                                                          └┬───────────┬───────────┬
                                                           week 1      week 2      week 3
                                                    ░ not complete; from week 1 on
`)
})

test('of many cohorts five, from the oldest to the newest', async () => {
  expect(
    await shown(
      retentionOf([
        [1, 2, 3],
        [4, 5, 6],
        [7, 8, 9],
        [10, 11, 12],
        [13, 14, 15],
        [16, 17, 18],
        [19, 20, 21],
      ]),
      { width: 100 },
    ),
  ).toBe(`
cohort      size  week 0 week 1 week 2  week 3
2025-08-01   100  100.0%   1.0%   2.0%   3.0%*
2025-08-08   100  100.0%   4.0%   5.0%   6.0%*
2025-08-15   100  100.0%   7.0%   8.0%   9.0%*
2025-08-22   100  100.0%  10.0%  11.0%  12.0%*
2025-08-29   100  100.0%  13.0%  14.0%  15.0%*
2025-09-05   100  100.0%  16.0%  17.0%  18.0%*
2025-09-12   100  100.0%  19.0%  20.0%  21.0%*
────────── ───── ─────── ────── ────── ───────
mean         100  100.0%   1.0%   2.0%   3.0%
* not complete yet

* mean   o 2025-08-01   + 2025-08-15   x 2025-08-22   # 2025-09-05   @ 2025-09-12
40.0% ┤
      │
      │
20.0% ┤@@@@@@@@@@@##           ░
      │xxxxxxxxxxxxx           ░
      │+++++++++++++           ░
 0.0% ┤************************░
      └┬───────────┬───────────┬
       week 1      week 2      week 3
░ not complete; from week 1 on; 5 of 7 cohorts with a complete rate, from the oldest to the newest
`)
})

test('nothing complete yet, in ASCII', async () => {
  expect(await shown(retentionOf([[30]]), { unicode: false })).toBe(`
cohort      size  week 0  week 1
2025-08-01   100  100.0%  30.0%*
---------- ----- ------- -------
mean         100  100.0%  30.0%
* not complete yet

* mean   o 2025-08-01
40.0% +
      |
      |?
20.0% +
      |
      |
 0.0% +
      ++
       week 1
? not complete; from week 1 on
`)
})
