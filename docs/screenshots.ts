/**
 * The pictures of the page in docs/images, taken anew: `tsx docs/screenshots.ts URL`. URL is a running `ea serve` over
 * examples/events.csv alone; Chromium is CHROMIUM_PATH, or Debian's.
 */
import { type Browser, chromium } from 'playwright-core'

const [url] = process.argv.slice(2)
if (url === undefined) throw new Error('tsx docs/screenshots.ts URL')

const view = '/?range=all&grain=week&step=app_open&step=view_item&step=purchase'

interface Picture {
  readonly name: string
  readonly width: number
  readonly height: number
  readonly colorScheme: 'light' | 'dark'
  /** Pixels of the picture for one of the page. */
  readonly scale?: number
  /** The element that stands at the top. */
  readonly from?: string
  /** A button to press before. */
  readonly press?: string
}

const pictures: readonly Picture[] = [
  { name: 'page-light', width: 1280, height: 1335, colorScheme: 'light' },
  { name: 'page-dark', width: 1280, height: 1470, scale: 1, colorScheme: 'dark', from: '#retention' },
  { name: 'page-narrow', width: 390, height: 1500, colorScheme: 'light' },
  {
    name: 'page-users',
    width: 1280,
    height: 760,
    colorScheme: 'light',
    from: '#retention',
    press: 'list the 5 of cohort 2025-01-13 in week 2',
  },
]

async function take(
  browser: Browser,
  { name, width, height, colorScheme, scale = 1.2, from, press }: Picture,
): Promise<void> {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme, deviceScaleFactor: scale })
  await page.goto(`${url}${view}`)
  await page.getByText('All answers are shown.').waitFor({ state: 'attached' })
  if (from !== undefined) {
    await page.locator(from).evaluate((element) => {
      const { scrollIntoView } = element as unknown as { scrollIntoView(): void }
      scrollIntoView.call(element)
    })
    await page.mouse.wheel(0, -16)
    await page.waitForTimeout(500)
  }
  if (press !== undefined) {
    await page.getByRole('button', { name: press }).click()
    await page.locator('dialog .users li').first().waitFor()
  }
  await page.screenshot({ path: `docs/images/${name}.png` })
  await page.close()
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
})
try {
  for (const picture of pictures) await take(browser, picture)
} finally {
  await browser.close()
}
