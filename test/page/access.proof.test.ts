/** What stands between a reader and the numbers: a key, no events, a question that is written wrong, a server that is away. */
import { readFile } from 'node:fs/promises'
import { expect } from 'vitest'
import type { Database } from '../../src/lib/db/connect.js'
import { importFiles } from '../../src/lib/import/import.js'
import { createKey } from '../../src/lib/keys/keys.js'
import { storeEvents } from '../support/events.js'
import { withServing } from '../support/serve/serving.js'
import { browserTest, changing, limitMs, shown, tableOf, withPage } from './browser.js'

const sample = (db: Database) => importFiles(db, ['examples/events.csv'])

browserTest('a key is typed once, goes out in a header only, and is forgotten when that is wanted', async () => {
  let read = ''
  let write = ''
  const before = async (db: Database) => {
    await sample(db)
    read = (await createKey(db, { name: 'looks', scopes: ['read'] })).key
    write = (await createKey(db, { name: 'sends', scopes: ['write'] })).key
  }
  await withServing(
    {},
    async ({ url }) => {
      await withPage({}, async ({ page, requests }) => {
        await page.goto(`${url}/?grain=week`)
        const field = page.getByLabel('API key or token')
        await field.waitFor()
        await page.getByRole('heading', { name: 'This server requires a key' }).waitFor()
        expect(await page.locator('.panel:visible').count()).toBe(0)
        expect(await field.evaluate((element) => element.matches(':focus'))).toBe(true)

        const tryKey = async (key: string) => {
          await field.fill(key)
          await page.keyboard.press('Enter')
        }
        await tryKey('ea_wrong')
        await page.getByRole('heading', { name: 'This key does not work' }).waitFor()
        await tryKey(write)
        await page.getByRole('heading', { name: 'This key may not read' }).waitFor()
        expect(await page.locator('.key-form').textContent()).toContain('"sends"')
        await tryKey(read)
        await shown(page)
        expect((await tableOf(page, 'active')).length).toBeGreaterThan(5)

        // A reload is no reason to ask again, and a link to a file would have no header.
        await page.reload()
        await shown(page)
        const [saved] = await Promise.all([
          page.waitForEvent('download'),
          page.locator('#top-events').getByRole('link', { name: /CSV/ }).click(),
        ])
        const answer = await fetch(`${url}/stats/top-events?limit=10&format=csv`, { headers: { 'x-api-key': read } })
        expect(answer.status).toBe(200)
        expect(await readFile(await saved.path(), 'utf8')).toBe(await answer.text())

        for (const address of [...requests, page.url()]) {
          expect(address).not.toContain(read)
          expect(address).not.toContain('ea_wrong')
        }
        const kept = await page.evaluate('JSON.stringify([{ ...localStorage }, document.cookie])')
        expect(kept).not.toContain(read)

        await page.getByRole('button', { name: 'Forget key' }).click()
        await page.getByRole('heading', { name: 'This server requires a key' }).waitFor()
        expect(await page.locator('.panel:visible').count()).toBe(0)
      })
    },
    { before },
  )
})

browserTest('without events it says how to get some', () =>
  withServing({}, async ({ url }) => {
    await withPage({}, async ({ page, complaints }) => {
      await page.goto(`${url}/?range=28d`)
      await shown(page, 'There are no events yet.')
      expect(await page.locator('main').textContent()).toContain('ea import FILE')
      expect(await page.locator('.panel:visible').count()).toBe(1)
      expect(complaints).toEqual([])
    })
  }),
)

browserTest('a segment that is written wrong is pointed at, and mended where it stands', () =>
  withServing(
    {},
    async ({ url }) => {
      await withPage({}, async ({ page }) => {
        await page.goto(`${url}/?segment=country:UA&colour=red&grain=year`)
        await shown(page, /^Not shown/)
        const said = await page.locator('.notices').textContent()
        expect(said).toContain('The address has colour, which this page does not know.')
        expect(said).toContain('grain cannot be year.')
        expect(said).toContain('did you mean properties.country:UA?')
        expect(await page.locator('.refusal pre').textContent()).toMatch(/\n {2}country:UA\n {2}\^$/)
        expect(await page.locator('.panel:visible').count()).toBe(0)
        await changing(page, async () => {
          await page.getByLabel('Filter 1', { exact: true }).fill('properties.country:UA')
          await page.keyboard.press('Enter')
        })
        expect(await page.locator('.refusal').count()).toBe(0)
        expect(await page.locator('.panel:visible').count()).toBeGreaterThan(7)
      })
    },
    { before: sample },
  ),
)

browserTest('a segment that is refused leaves the numbers as they were, and what was meant is a button', () =>
  withServing(
    {},
    async ({ url }) => {
      await withPage({}, async ({ page }) => {
        await page.goto(`${url}/?range=28d&step=app_open&step=purchase`)
        await shown(page)
        const panels = ['active', 'trend', 'top-events', 'retention', 'funnel', 'lifecycle', 'stickiness']
        const numbers = () => Promise.all(panels.map((panel) => tableOf(page, panel)))
        const before = await numbers()
        await page.getByRole('button', { name: 'Add a filter' }).click()
        await page.getByLabel('Filter 1', { exact: true }).fill('event_type:* and country:UA')
        await page.keyboard.press('Enter')
        await shown(page, /^Not shown/)
        expect(await numbers()).toEqual(before)
        expect(await page.locator('.panel:visible').count()).toBe(8)
        expect(await page.locator('.notices').textContent()).toContain('still those of the previous view')

        const meant = page.getByRole('button', { name: 'did you mean properties.country:UA?' })
        await changing(page, () => meant.click())
        // The rest of the segment is still there.
        const corrected = 'event_type:* and properties.country:UA'
        expect(await page.getByLabel('Filter 1', { exact: true }).inputValue()).toBe(corrected)
        expect(new URL(page.url()).searchParams.getAll('segment')).toEqual([corrected])
        expect(await page.locator('.refusal').count()).toBe(0)
        expect(await numbers()).not.toEqual(before)

        // What only one panel asks with is refused in that panel alone.
        const funnel = await tableOf(page, 'funnel')
        await page.getByLabel('Step 2', { exact: true }).fill('purchase[country:UA]')
        await page.keyboard.press('Enter')
        await shown(page, '1 of 10 answers could not be shown.')
        expect(await tableOf(page, 'funnel')).toEqual(funnel)
        await changing(page, () =>
          page
            .locator('#funnel')
            .getByRole('button', { name: /did you mean/ })
            .click(),
        )
        expect(new URL(page.url()).searchParams.getAll('step')[1]).toBe('purchase[properties.country:UA]')

        const trend = page.locator('#trend')
        const title = await trend.getByRole('heading').textContent()
        await trend.locator('input[name=by]').fill('country')
        await page.keyboard.press('Enter')
        await shown(page, '1 of 10 answers could not be shown.')
        expect(await trend.getByRole('heading').textContent()).toBe(title)
        await changing(page, () => trend.getByRole('button', { name: 'did you mean properties.country?' }).click())
        expect(await trend.getByRole('heading').textContent()).toBe('Events by country')
      })
    },
    { before: sample },
  ),
)

browserTest('a step that is written wrong leaves the other panels alone', () =>
  withServing(
    {},
    async ({ url }) => {
      await withPage({}, async ({ page }) => {
        await page.goto(`${url}/?step=app_open&step=purchase%5B`)
        await shown(page, '1 of 10 answers could not be shown.')
        expect(await page.locator('#funnel .refusal pre').textContent()).toMatch(/\n {2}purchase\[\n {11}\^$/)
        expect(await page.locator('.chart > svg').count()).toBe(6)
      })
    },
    { before: sample },
  ),
)

browserTest('when the server is away it says so, and goes on when it is back', async () => {
  await withServing(
    {},
    async ({ url }) => {
      await withPage({}, async ({ page }) => {
        await page.goto(url)
        await shown(page)
        await page.context().setOffline(true)
        await page.getByLabel('Range').selectOption('7d')
        await page.getByText('The server cannot be reached.', { exact: true }).waitFor()
        expect(await page.locator('.panel:visible').count()).toBe(0)
        await page.context().setOffline(false)
        await changing(page, () => page.getByRole('button', { name: 'Try again' }).click())
        expect((await tableOf(page, 'active')).length).toBe(1 + 7)
        expect(await page.locator('.refusal').count()).toBe(0)
      })
    },
    { before: sample },
  )
})

browserTest('a busy server is asked again after the time that it names, and not for ever', async () => {
  await withServing(
    {},
    async ({ url }) => {
      await withPage({}, async ({ page }) => {
        let busy = 2
        let asked = 0
        const isAnswer = ({ pathname, searchParams }: URL) =>
          pathname === '/stats/lifecycle' && !searchParams.has('format')
        await page.route(isAnswer, (route) => {
          asked += 1
          if (busy-- <= 0) return route.continue()
          const problem = { code: 'server_busy', detail: 'The server has more work than it can do.', status: 503 }
          return route.fulfill({ status: 503, headers: { 'retry-after': '1' }, json: problem })
        })
        await page.goto(url)
        await shown(page)
        expect(asked).toBe(3)
        busy = Number.POSITIVE_INFINITY
        asked = 0
        await page.getByLabel('Range').selectOption('7d')
        await shown(page, '1 of 10 answers could not be shown.')
        expect(asked).toBe(5)
        expect(await page.locator('#lifecycle .refusal').textContent()).toContain('more work than it can do')
      })
    },
    { before: sample },
  )
})

browserTest('what events say is text, whatever it looks like', async () => {
  const hostile = '<img src=x onerror="document.title=1"></title><script>document.title=2</script>'
  const before = (db: Database) =>
    storeEvents(
      db,
      ['2025-03-03', '2025-03-04', '2025-03-05'].flatMap((day) => [
        { at: `${day}T10:00:00Z`, user: `${hostile}${day}`, type: hostile },
        { at: `${day}T11:00:00Z`, user: 'u1', type: '"]]>&amp;' },
      ]),
    )
  await withServing(
    {},
    async ({ url }) => {
      await withPage({}, async ({ page, complaints, requests }) => {
        await page.goto(url)
        await shown(page)
        expect(await page.locator('.chart > svg').count()).toBe(6)
        const types = (await tableOf(page, 'top-events')).slice(1).map(([type]) => type)
        expect([...types].sort()).toEqual(['"]]>&amp;', hostile])
        await page.locator('#top-events summary').click()
        await page.locator('#top-events tbody button').first().click()
        const users = page.locator('dialog .users li')
        await users.first().waitFor({ timeout: limitMs })
        await page.keyboard.press('Escape')
        expect(await page.title()).toBe('Event Analytics')
        expect(await page.locator('main img, main script').count()).toBe(0)
        expect(complaints).toEqual([])
        expect(requests.filter((address) => /\/x$/.test(address))).toEqual([])
      })
    },
    { before },
  )
})
