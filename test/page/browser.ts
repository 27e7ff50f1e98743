/**
 * A real Chromium for the tests of the page: CHROMIUM_PATH, or Debian's. Where there is none, the tests are skipped and
 * say so. Limits are generous, because machines that run tests are loaded.
 */
import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, expect, type TestContext, test } from 'vitest'

const path = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'

/** How long the page may take for anything, in milliseconds. */
export const limitMs = 60_000

let browser: Promise<Browser> | undefined

afterAll(async () => {
  await (await browser)?.close()
})

/** A test that needs a browser. */
export function browserTest(name: string, run: () => Promise<void>): void {
  test(
    name,
    async (context: TestContext) => {
      if (!existsSync(path)) context.skip(`There is no Chromium at ${path}: install it, or name one by CHROMIUM_PATH.`)
      await run()
    },
    4 * limitMs,
  )
}

/** A page, and what it did. */
export interface Watched {
  readonly page: Page
  /** What it wrote to the console as an error or a warning, and what it threw. */
  readonly complaints: string[]
  /** The address of each request. */
  readonly requests: string[]
}

/**
 * Opens a page of its own and hands it to `use`.
 *
 * @example
 * await withPage({ viewport: { width: 390, height: 844 } }, async ({ page }) => page.goto(url))
 */
export async function withPage(
  options: BrowserContextOptions,
  use: (watched: Watched) => Promise<void>,
): Promise<void> {
  // As root Chromium has no sandbox; it shows nothing but this server's page here.
  browser ??= chromium.launch({ executablePath: path, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
  const context = await (await browser).newContext({ viewport: { width: 1280, height: 900 }, ...options })
  context.setDefaultTimeout(limitMs)
  const page = await context.newPage()
  const complaints: string[] = []
  const requests: string[] = []
  page.on('console', (message) => {
    // A server that is busy for a moment, on a loaded machine, is asked again; the browser notes its answer all the same.
    const isBusy = /the server responded with a status of 503/.test(message.text())
    if (['error', 'warning'].includes(message.type()) && !isBusy) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('request', (request) => requests.push(request.url()))
  try {
    await use({ page, complaints, requests })
  } finally {
    await context.close()
  }
}

/** Waits until the page says that it has shown what it was asked for. */
export async function shown(page: Page, says: string | RegExp = 'All answers are shown.'): Promise<void> {
  await expect.poll(() => page.locator('#live').textContent(), { timeout: limitMs, interval: 50 }).toMatch(says)
}

/** Waits until the dialog lists users. When it says something else instead, the test fails with that text. */
export async function usersShown(page: Page): Promise<void> {
  const dialog = page.getByRole('dialog')
  const first = dialog.locator('.users li').first()
  try {
    await first.or(dialog.locator('.refusal')).waitFor()
  } catch (error) {
    throw new Error(`The dialog shows "${(await dialog.allTextContents()).join('|')}".`, { cause: error })
  }
  if (!(await first.isVisible())) throw new Error(`The dialog shows "${await dialog.textContent()}".`)
}

/** Does something that changes the view, and waits until the page has shown it. */
export async function changing(page: Page, change: () => Promise<unknown>): Promise<void> {
  await page.evaluate(() => {
    const live = globalThis as unknown as { document: { getElementById(id: string): { textContent: string } } }
    live.document.getElementById('live').textContent = ''
  })
  await change()
  await shown(page)
}

/** The texts of a table: a row for each row, with what everybody sees. */
export async function tableOf(page: Page, panel: string): Promise<string[][]> {
  return page.locator(`#${panel} table`).evaluate((table) => {
    const rows = [...(table as unknown as { rows: Iterable<{ cells: Iterable<Cell> }> }).rows]
    interface Cell {
      cloneNode(deep: boolean): Cell & { querySelectorAll(selector: string): Iterable<{ remove(): void }> }
      textContent: string
    }
    return rows.map(({ cells }) =>
      [...cells].map((cell) => {
        const copy = cell.cloneNode(true)
        for (const hidden of copy.querySelectorAll('.unseen')) hidden.remove()
        return copy.textContent
      }),
    )
  })
}
