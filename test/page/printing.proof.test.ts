/** The page on paper: every row, every column, dark on white; and afterwards the screen as it was. */
import { expect } from 'vitest'
import type { Database } from '../../src/lib/db/connect.js'
import { storeEvents } from '../support/events.js'
import { withServing } from '../support/serve/serving.js'
import { browserTest, shown, withPage } from './browser.js'

const days = 1100

/** More days than a table shows, and a type whose name is longer than a column. */
const before = (db: Database) =>
  storeEvents(
    db,
    Array.from({ length: days }, (_, index) => ({
      at: new Date(Date.UTC(2020, 0, 1 + index, 10)).toISOString(),
      user: `u${index % 7}`,
      type: `type ${index % 2} ${'of a very long name '.repeat(6)}`.trim(),
    })),
  )

/** The rows of a panel that have a place, and whether anything cuts them off. */
const seen = (id: string) => `(() => {
  const rows = [...document.querySelectorAll('#${id} tbody tr')]
  const cut = rows.flatMap((row) => [...row.cells]).filter((cell) => {
    for (let box = cell; box; box = box.parentElement) {
      const { overflowX, overflowY } = getComputedStyle(box)
      if (overflowY !== 'visible' && box.scrollHeight > box.clientHeight + 1) return true
      if (overflowX !== 'visible' && box.scrollWidth > box.clientWidth + 1) return true
    }
    return false
  })
  return { rows: rows.filter((row) => row.checkVisibility()).length, cut: cut.length }
})()`

browserTest('printing shows every row of every table in full, in dark on white', () =>
  withServing(
    {},
    async ({ url }) => {
      await withPage({ colorScheme: 'dark' }, async ({ page, complaints }) => {
        await page.goto(`${url}/?range=all`)
        await page.getByLabel('Colours').selectOption('dark')
        await shown(page)
        expect(await page.evaluate(seen('active'))).toMatchObject({ rows: 0 })

        await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
        await expect.poll(() => page.locator('#active tbody tr').count()).toBe(days)
        for (const [panel, rows] of [
          ['active', days],
          ['trend', days],
          ['lifecycle', days],
          ['top-events', 2],
          ['stickiness', 7],
        ] as const) {
          const found = (await page.evaluate(seen(panel))) as { rows: number; cut: number }
          expect(found.cut, panel).toBe(0)
          expect(found.rows, panel).toBeGreaterThanOrEqual(panel === 'stickiness' ? 1 : rows)
        }
        const color = 'getComputedStyle(document.documentElement).color'
        expect(await page.evaluate(color)).toBe('rgb(22, 32, 46)')

        // As before: closed, and with the first rows only.
        await page.emulateMedia({ media: 'screen' })
        await expect.poll(() => page.evaluate(`document.querySelectorAll('details[open]').length`)).toBe(0)
        expect(await page.locator('#active tbody tr').count()).toBe(1000)
        expect(complaints).toEqual([])
      })
    },
    { before },
  ),
)
