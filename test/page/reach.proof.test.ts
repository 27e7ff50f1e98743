/** Everybody can use the page: axe-core finds nothing serious, and the keyboard alone is enough. */
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { importFiles } from '../../src/lib/import/import.js'
import { withServing } from '../support/serve/serving.js'
import { browserTest, changing, shown, usersShown, withPage } from './browser.js'

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
const address = '/?range=all&grain=week&step=app_open&step=view_item&step=purchase&segment=event_type:*'

const withSample = (use: (url: string) => Promise<void>) =>
  withServing({}, ({ url }) => use(url), { before: (db) => importFiles(db, ['examples/events.csv']) })

/** What axe-core calls serious or critical: the rule and where. */
async function violations(page: Page): Promise<string[]> {
  // Evaluated, not added as an element: that the policy of the page would refuse.
  const { readFile } = await import('node:fs/promises')
  await page.evaluate(await readFile(axePath, 'utf8'))
  const { violations: found } = (await page.evaluate('axe.run()')) as {
    violations: { id: string; impact: string; nodes: { html: string; any: { message: string }[] }[] }[]
  }
  return found
    .filter(({ impact }) => ['serious', 'critical'].includes(impact))
    .flatMap(({ id, nodes }) => nodes.map(({ html, any }) => `${id}: ${html.slice(0, 200)} ${any[0]?.message ?? ''}`))
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 390]) {
    browserTest(`nothing serious is found in ${colorScheme} at ${width} px, and nothing is cut off`, () =>
      withSample(async (url) => {
        await withPage({ colorScheme, viewport: { width, height: 900 } }, async ({ page, complaints }) => {
          await page.goto(url + address)
          await shown(page)
          for (const summary of await page.locator('summary').all()) await summary.click()
          expect(await violations(page)).toEqual([])
          const isWider = 'document.documentElement.scrollWidth > document.documentElement.clientWidth'
          expect(await page.evaluate(isWider)).toBe(false)
          await page.waitForLoadState('networkidle')
          await page.locator('#retention tbody button').first().click()
          await usersShown(page)
          expect(await violations(page)).toEqual([])
          expect(complaints).toEqual([])
        })
      }),
    )
  }
}

browserTest('the switch of colours wins over the system, and is remembered', () =>
  withSample(async (url) => {
    await withPage({ colorScheme: 'light' }, async ({ page }) => {
      const ground = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor')
      await page.goto(url)
      const light = await ground()
      await page.getByLabel('Colours').selectOption('dark')
      const dark = await ground()
      expect(dark).not.toBe(light)
      await shown(page)
      expect(await violations(page)).toEqual([])
      await page.reload()
      await shown(page)
      expect(await ground()).toBe(dark)
      await page.getByLabel('Colours').selectOption('auto')
      expect(await ground()).toBe(light)
    })
  }),
)

/** What has the focus: its role or tag, and its name. */
const focused = (page: Page) =>
  page.evaluate(`(() => {
    const { localName, type, ariaLabel, textContent, name, title } = document.activeElement
    return [localName, type, ariaLabel ?? title ?? '', name ?? '', textContent.slice(0, 60)].join('|')
  })()`) as Promise<string>

/** Presses Tab until something has the focus. */
async function tabTo(page: Page, what: RegExp): Promise<void> {
  for (let presses = 0; presses < 80; presses++) {
    await page.keyboard.press('Tab')
    if (what.test(await focused(page))) return
  }
  throw new Error(`Tab does not come to ${what}`)
}

browserTest('the keyboard alone is enough: choose, look at users, come back', () =>
  withSample(async (url) => {
    await withPage({}, async ({ page }) => {
      await page.goto(`${url}/?range=all`)
      await shown(page)
      await page.keyboard.press('Tab')
      expect(await focused(page)).toContain('Skip to the answers')
      await page.keyboard.press('Enter')
      expect(await page.evaluate('document.activeElement.id')).toBe('answers')
      await page.reload()
      await shown(page)

      await tabTo(page, /^input\|radio\|/)
      await changing(page, () => page.keyboard.press('ArrowRight'))
      expect(new URL(page.url()).searchParams.get('grain')).toBe('week')
      expect(await focused(page)).toMatch(/^input\|radio\|/)

      await tabTo(page, /Add a filter/)
      await page.keyboard.press('Enter')
      expect(await focused(page)).toContain('Filter 1')
      await page.keyboard.type('properties.country:UA')
      await changing(page, () => page.keyboard.press('Enter'))
      expect(new URL(page.url()).searchParams.get('segment')).toBe('properties.country:UA')

      // One stop for all numbers of a table; arrows move between them.
      await tabTo(page, /list the users of cohort/)
      await page.keyboard.press('ArrowDown')
      expect(await focused(page)).toContain('cohort 2025-01-06')
      await page.keyboard.press('ArrowRight')
      expect(await focused(page)).toMatch(/of cohort 2025-01-06 in week 0/)
      await page.keyboard.press('Enter')
      await usersShown(page)
      expect(await page.evaluate('document.activeElement.closest("dialog") !== null')).toBe(true)
      // The focus stays in the dialog.
      for (let presses = 0; presses < 8; presses++) {
        await page.keyboard.press('Tab')
        expect(
          await page.evaluate(
            'document.activeElement === document.body || document.activeElement.closest("dialog") !== null',
          ),
        ).toBe(true)
      }
      await page.keyboard.press('Escape')
      await page.locator('dialog').waitFor({ state: 'detached' })
      expect(await focused(page)).toMatch(/of cohort 2025-01-06 in week 0/)

      await tabTo(page, /Step 1/)
      await page.keyboard.type('app_open')
      await tabTo(page, /Step 2/)
      await page.keyboard.type('purchase')
      await changing(page, () => page.keyboard.press('Enter'))
      expect(new URL(page.url()).searchParams.getAll('step')).toEqual(['app_open', 'purchase'])
      expect(await page.locator('#funnel .chart > svg').count()).toBe(1)
    })
  }),
)
