/** Bars and funnels: exact drawings, and lengths that are the numbers. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Result } from '../../../src/lib/core/result.js'
import { human } from '../../../src/lib/present/tables/cell-text.js'
import { chart } from '../../../src/lib/present/terminal-charts/chart.js'
import { assertProperty } from '../../support/effort.js'
import { drawn, funnelOf, topEventsOf } from './charts.js'

const shown = async (result: Result, more = {}) =>
  `\n${await chart(result, { color: false, isTty: true, width: 80, height: 15, ...more })}`

test('bars with the values of the table', async () => {
  expect(
    await shown(
      topEventsOf([
        ['page_view', 1200000],
        ['購入完了', 300000],
        ['a\u001b[31m', 1],
        ['none', 0],
      ]),
    ),
  ).toBe(`
event_type      events   share
page_view    1,200,000   80.0%  ████████████████████████████████████████████████
購入完了       300,000   20.0%  ████████████
a\\u001b[31m          1  <0.01%  ▏
none                 0    0.0%
`)
})

test('in ASCII and narrow: the name is cut, the share left out', async () => {
  expect(
    await shown(
      topEventsOf([
        ['page_view', 1200000],
        ['購入完了', 300000],
        ['x'.repeat(50), 1],
        ['none', 0],
      ]),
      { unicode: false, width: 40 },
    ),
  ).toBe(`
event_type        events
page_view      1,200,000  ##############
購入完了         300,000  ####
xxxxxxxxxxxx~          1  #
none                   0
`)
})

test('one row; all zeros', async () => {
  expect(await shown(topEventsOf([['login', 0]]))).toBe(`
event_type  events  share
login            0   0.0%
`)
})

test('a funnel, and who was lost between its steps', async () => {
  expect(
    await shown(
      funnelOf(
        [
          ['signup', 4000],
          ['購入', 1000],
          ['z', 0],
        ],
        12,
      ),
    ),
  ).toBe(`
step      users    rate
1 signup  4,000  100.0%  ███████████████████████████████████████████████████████
  ↓ lost 3,000 (75.0%), median 1 min 30 s
2 購入    1,000   25.0%  █████████████▊
  ↓ lost 1,000 (100.0%)
3 z           0    0.0%
rate: of the first step; lost: of the step before
12 have not taken all steps, and their window is open
`)
})

test('a funnel that nobody entered, in ASCII', async () => {
  expect(
    await shown(
      funnelOf([
        ['signup', 0],
        ['buy', 0],
      ]),
      { unicode: false },
    ),
  ).toBe(`
step      users  rate
1 signup      0     -
  v lost 0
2 buy         0     -
rate: of the first step; lost: of the step before
`)
})

test('each bar is as long as its value within one cell, and the largest has all the room', {
  tags: 'property',
}, async () => {
  await assertProperty(
    fc.asyncProperty(
      fc.array(fc.nat({ max: 1_000_000 }), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 40, max: 200 }),
      fc.boolean(),
      async (values, width, unicode) => {
        const rows = values.map((value, index) => [`e${index}`, value] as const)
        const [, ...lines] = drawn(
          await chart(topEventsOf(rows), { color: false, isTty: true, width, height: 24, unicode }),
        )
        const bars = lines.map((line) => /[█▉▊▋▌▍▎▏#]*$/.exec(line)![0])
        const longest = Math.max(...values)
        const room = bars[values.indexOf(longest)]!.length
        if (longest > 0) expect(lines[values.indexOf(longest)]!.length).toBe(width)
        for (const [index, value] of values.entries()) {
          expect(Math.abs(bars[index]!.length - (longest === 0 ? 0 : (value / longest) * room))).toBeLessThanOrEqual(1)
          expect(bars[index] === '').toBe(value === 0)
          const [name, events, share] = lines[index]!.split(/ +/)
          expect([name, events]).toEqual([`e${index}`, value.toLocaleString('en-US')])
          const total = values.reduce((sum, each) => sum + each, 0) || 1
          expect(share).toBe(human(value / total, 'rate', true))
        }
      },
    ),
    100,
  )
})

test('a funnel says what its numbers say: users, rates, losses', { tags: 'property' }, async () => {
  await assertProperty(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 2, maxLength: 8 }), async (values) => {
      const users = values.toSorted((a, b) => b - a)
      const text = await chart(funnelOf(users.map((count, index) => [`s${index}`, count])), {
        color: false,
        isTty: true,
        width: 80,
        height: 24,
        unicode: false,
      })
      const steps = [...text.matchAll(/^(\d) s\d +([\d,]+) +([<>\d.]+%) +(#+)$/gm)]
      const lost = [...text.matchAll(/^ {2}v lost ([\d,]+) \(([<>\d.]+%)\), median/gm)]
      expect([steps.length, lost.length]).toEqual([users.length, users.length - 1])
      const percent = (rate: number) => human(rate, 'rate', true)
      for (const [index, [, step, count, rate, bar]] of steps.entries()) {
        const share = users[index]! / users[0]!
        expect([step, count, rate]).toEqual([`${index + 1}`, users[index]!.toLocaleString('en-US'), percent(share)])
        expect(Math.abs(bar!.length - share * steps[0]![4]!.length)).toBeLessThanOrEqual(1)
      }
      for (const [index, [, count, rate]] of lost.entries()) {
        const gone = users[index]! - users[index + 1]!
        expect([count, rate]).toEqual([gone.toLocaleString('en-US'), percent(gone / users[index]!)])
      }
    }),
    100,
  )
})
