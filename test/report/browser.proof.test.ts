/** A report in a real browser: opened from the disk, in the light, in the dark and on a phone, by whoever reads it. */
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { sql } from 'kysely'
import { expect } from 'vitest'
import { reportHtml } from '../../src/lib/report/html.js'
import { reportOf } from '../../src/lib/report/report.js'
import { browserTest, withPage } from '../page/browser.js'
import { storeEvents } from '../support/events.js'
import { withFreshDatabase } from '../support/postgres/database.js'
import { withScratchFolder } from '../support/temp-dir.js'

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

async function someReport(): Promise<string> {
  return withFreshDatabase(async (db) => {
    const types = ['open', 'view', `purchase_${'x'.repeat(90)}`]
    const events = Array.from({ length: 300 }, (_, index) => ({
      at: new Date(Date.UTC(2025, 7, 4 + (index % 40), index % 24)).toISOString(),
      user: `u${(index * 7) % 41}`,
      type: types[index % 3]!,
    }))
    await storeEvents(db, events)
    // As wide as they come.
    await sql`UPDATE ${db.t.import_batches} SET file = ${`/exports/${'a_long_name_'.repeat(12)}.csv`},
      read = 1234567890, inserted = 1234567890, bytes = 123456789012`.execute(db.q)
    const given = { from: '2025-08-25', to: '2025-09-07', asOf: '2025-10-01', step: types, title: 'A report' }
    return reportHtml(await reportOf(db, given))
  })
}

/** The tables and charts that are wider than their place. */
const tooWide = `[...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth)
  .map((box) => box.getAttribute('aria-label'))`

browserTest('asks for nothing, complains of nothing, and hides nothing from anybody', async () => {
  const html = await someReport()
  await withScratchFolder(async (folder) => {
    const file = join(folder, 'report.html')
    await writeFile(file, html)
    const address = pathToFileURL(file).href
    await withPage({}, async ({ page, complaints, requests }) => {
      await page.goto(address)
      await page.locator('summary').first().click()
      expect({ complaints, requests }).toEqual({ complaints: [], requests: [address] })
    })
    // On A4 nothing can be scrolled: what was opened is there, whole, and what was not is left out.
    await withPage({ viewport: { width: 718, height: 1000 } }, async ({ page }) => {
      await page.goto(address)
      await page.locator('summary').first().click()
      await page.emulateMedia({ media: 'print' })
      expect(await page.evaluate(tooWide)).toEqual([])
      const shown = `[...document.querySelectorAll('table')].filter((table) => table.checkVisibility()).length`
      expect(await page.evaluate(shown)).toBe(4)
      expect(await page.locator('summary:visible').count()).toBe(0)
    })
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1280, 390]) {
        // Axe is a script, which the report's own policy forbids.
        await withPage({ colorScheme, viewport: { width, height: 900 }, bypassCSP: true }, async (watched) => {
          const { page, complaints, requests } = watched
          await page.goto(address)
          // Once closed, what is inside is not looked at.
          await page.evaluate(`for (const one of document.querySelectorAll('details')) one.open = true`)
          await page.addScriptTag({ path: axe })
          const found = (await page.evaluate(
            `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes[0].html.slice(0, 200)))`,
          )) as string[]
          const where = `${colorScheme} ${width}`
          expect(found, where).toEqual([])
          const isTooWide = await page.evaluate('document.documentElement.scrollWidth > window.innerWidth')
          expect(isTooWide, where).toBe(false)
          expect(await page.evaluate(tooWide), where).toEqual(width < 600 ? expect.any(Array) : [])
          const charts = await page.locator('svg').count()
          expect(charts, where).toBe(4)
          expect(complaints, where).toEqual([])
          expect(requests, where).toEqual([address])
        })
      }
    }
  })
})
