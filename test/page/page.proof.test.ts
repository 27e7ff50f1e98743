/** The page of `ea serve` in a real browser: it shows the library's numbers, for the view that its address names. */
import { readFile } from 'node:fs/promises'
import { expect } from 'vitest'
import type { Result } from '../../src/lib/core/result.js'
import { importFiles } from '../../src/lib/import/import.js'
import { stats } from '../../src/lib/stats/catalog.js'
import { drillDown } from '../../src/lib/stats/query/drill-down.js'
import { runStat } from '../../src/lib/stats/query/run-stat.js'
import { type Serving, withServing } from '../support/serve/serving.js'
import { browserTest, changing, shown, tableOf, usersShown, withPage } from './browser.js'

type Given = Readonly<Record<string, unknown>>

const statOf = (name: string) => stats.find((stat) => stat.name === name)!
const count = (value: unknown) => (value === null ? '–' : (value as number).toLocaleString('en-US'))
const rate = (value: unknown) => (value === null ? '–' : `${((value as number) * 100).toFixed(1)}%`)

/** Over the sample, which ends on 2025-03-01. */
const withSample = (use: (serving: Serving) => Promise<void>) =>
  withServing({}, use, { before: (db) => importFiles(db, ['examples/events.csv']) })

const dauRows = ({ data }: Result) =>
  data.map(({ date, unique_users: users, complete }) => [date, `${count(users)}${complete ? '' : '*'}`])

/** A date; a mark behind it says that its row is not complete. */
const marked = ({ date, complete }: Result['data'][number]) => `${date}${complete ? '' : '*'}`

/** The numbers of a page's panels, as the tables should say them. */
const expected: Record<string, (result: Result) => unknown[][]> = {
  active: dauRows,
  'top-events': ({ data }) => data.map(({ event_type, events, share }) => [event_type, count(events), rate(share)]),
  trend: ({ data }) => {
    const dates = [...new Set(data.map(({ date }) => date))]
    return dates.map((date) => {
      const rows = data.filter((row) => row.date === date)
      return [marked(rows[0]!), ...rows.map(({ value }) => count(value))]
    })
  },
  retention: ({ data }) =>
    data.map(({ cohort, size, users, rates, complete }) => [
      cohort,
      count(size),
      ...(rates as number[]).map((value, window) => {
        if ((users as (number | null)[])[window] === null) return ''
        return `${rate(value)}${(complete as boolean[])[window] ? '' : '*'}`
      }),
    ]),
  lifecycle: ({ data }) =>
    data.map((row) => [marked(row), ...[row.new, row.returning, row.resurrecting, row.dormant].map(count)]),
  stickiness: ({ data }) => data.map(({ periods_active: active, users }) => [String(active), count(users)]),
  funnel: ({ data }) =>
    data.map(({ step, event_type, users, rate_from_first, rate_from_previous }) => [
      `${step}. ${event_type}`,
      count(users),
      rate(rate_from_first),
      rate(rate_from_previous),
    ]),
}

/** Which question a panel asks, beside what all of them have in common. */
const asked: Record<string, [stat: string, own: Given]> = {
  active: ['dau', { grain: true }],
  trend: ['trend', { grain: true, by: 'event_type', limit: 6 }],
  'top-events': ['top-events', { limit: 10 }],
  retention: ['retention', { windows: 8 }],
  funnel: ['funnel', { step: ['app_open', 'view_item', 'purchase'] }],
  lifecycle: ['lifecycle', { grain: true }],
  stickiness: ['stickiness', { grain: true }],
}

/** Compares every table of the page with the library. */
async function compare(
  page: Parameters<typeof tableOf>[0],
  { db }: Serving,
  common: Given,
  grain = 'day',
): Promise<void> {
  for (const [panel, [name, own]] of Object.entries(asked)) {
    const { from, ...rest } = common
    const given = { ...rest, ...(from === undefined ? {} : name === 'retention' ? { startDate: from } : { from }) }
    const result = await runStat(db, statOf(name), { ...given, ...own, ...(own.grain ? { grain } : {}) } as never)
    const rows = expected[panel]!(result)
    expect(rows.length, panel).toBeGreaterThan(0)
    const table = (await tableOf(page, panel)).slice(1, rows.length + 1)
    // Columns that are derived stand behind those of the answer.
    const seen = table.map((cells, row) => cells.slice(0, rows[row]!.length))
    expect(seen, panel).toEqual(rows)
  }
}

const steps = 'step=app_open&step=view_item&step=purchase'

browserTest('it loads, every chart draws, every number is the library’s, and nothing leaves the server', () =>
  withSample(async (serving) => {
    await withPage({}, async ({ page, complaints, requests }) => {
      await page.goto(`${serving.url}/?${steps}`)
      await shown(page)
      await compare(page, serving, {})
      for (const panel of Object.keys(asked)) {
        const chart = page.locator(`#${panel} .chart > svg`)
        expect(await chart.count(), panel).toBe(1)
        const box = (await chart.boundingBox())!
        expect(Math.min(box.width, box.height), panel).toBeGreaterThan(80)
        expect(await chart.locator('path, rect, polyline, line, circle').count(), panel).toBeGreaterThan(3)
        expect(await page.locator(`#${panel} .definition`).textContent(), panel).toMatch(/\w+ \w+/)
        expect(await page.locator(`#${panel} .range`).textContent(), panel).toMatch(/2025-\d\d-\d\d.*UTC/)
      }
      expect(await page.locator('.refusal').count()).toBe(0)
      expect(await page.locator('#imports table').textContent()).toContain('examples/events.csv')
      expect(complaints).toEqual([])
      expect(requests.length).toBeGreaterThan(20)
      expect(new Set(requests.map((address) => new URL(address).origin))).toEqual(new Set([serving.url]))
    })
  }),
)

browserTest('the controls change the numbers to those of the same question, and the address says which', () =>
  withSample(async (serving) => {
    await withPage({}, async ({ page, complaints }) => {
      await page.goto(`${serving.url}/?${steps}`)
      await shown(page)

      await changing(page, () => page.getByLabel('Range').selectOption('28d'))
      await compare(page, serving, { from: '2025-02-02', to: '2025-03-01' })

      await page.getByRole('button', { name: 'Add a filter' }).click()
      await changing(page, async () => {
        await page.getByLabel('Filter 1', { exact: true }).fill('properties.country:UA,PL')
        await page.keyboard.press('Enter')
      })
      const segment = ['properties.country:UA,PL']
      await compare(page, serving, { from: '2025-02-02', to: '2025-03-01', segment })

      await changing(page, () => page.getByLabel('Week', { exact: true }).check({ force: true }))
      await changing(page, () => page.getByLabel('Week begins on').selectOption('sunday'))
      await changing(page, async () => {
        await page.getByLabel('Time zone').fill('America/New_York')
        await page.keyboard.press('Tab')
      })
      const frame = { segment, tz: 'America/New_York', weekStart: 'sunday' }
      await compare(page, serving, { from: '2025-02-02', to: '2025-03-01', ...frame }, 'week')

      await page.getByLabel('Range').selectOption('dates')
      await changing(page, () => page.getByLabel('First day').fill('2025-01-06'))
      await changing(page, () => page.getByLabel('Last day').fill('2025-01-20'))
      await compare(page, serving, { from: '2025-01-06', to: '2025-01-20', ...frame }, 'week')
      expect(Object.fromEntries(new URL(page.url()).searchParams)).toEqual({
        from: '2025-01-06',
        to: '2025-01-20',
        grain: 'week',
        tz: 'America/New_York',
        week_start: 'sunday',
        segment: 'properties.country:UA,PL',
        step: 'purchase',
      })
      expect(complaints).toEqual([])
    })
  }),
)

browserTest('an address restores its view elsewhere, and Back leads to the view before', () =>
  withSample(async (serving) => {
    const address = `${serving.url}/?from=2025-01-06&to=2025-01-26&grain=week&segment=event_type%3Aview_item&${steps}&active=wau&windows=3`
    await withPage({}, async ({ page }) => {
      await page.goto(address)
      await shown(page)
      expect(await page.getByLabel('First day').inputValue()).toBe('2025-01-06')
      expect(await page.getByLabel('Filter 1', { exact: true }).inputValue()).toBe('event_type:view_item')
      expect(await page.getByLabel('Step 3', { exact: true }).inputValue()).toBe('purchase')
      expect(await page.getByLabel('Week', { exact: true }).isChecked()).toBe(true)
      const given = { from: '2025-01-06', to: '2025-01-26', segment: ['event_type:view_item'] }
      const wau = await runStat(serving.db, statOf('wau'), given as never)
      const before = await tableOf(page, 'active')
      expect(before.slice(1)).toEqual(dauRows(wau))

      await changing(page, () => page.getByRole('button', { name: 'Remove filter 1' }).click())
      expect(page.url()).not.toContain('segment')
      expect(await tableOf(page, 'active')).not.toEqual(before)
      await changing(page, () => page.goBack())
      expect(page.url()).toBe(address)
      expect(await tableOf(page, 'active')).toEqual(before)
      expect(await page.getByLabel('Filter 1', { exact: true }).inputValue()).toBe('event_type:view_item')
    })
  }),
)

browserTest('behind a cell of the retention, a step, a loss and a state are the users of the library', () =>
  withSample(async (serving) => {
    await withPage({}, async ({ page }) => {
      await page.goto(`${serving.url}/?range=all&grain=week&${steps}`)
      await shown(page)
      const all = { from: '2025-01-01', to: '2025-03-01' }
      const cases: [panel: string, stat: string, cell: string, given: Given, button: RegExp][] = [
        [
          'retention',
          'retention',
          '2025-01-13:2',
          { startDate: all.from, to: all.to, windows: 8 },
          /cohort 2025-01-13 in week 2/,
        ],
        ['funnel', 'funnel', '3', { ...all, step: ['app_open', 'view_item', 'purchase'] }, /who reached step 3$/],
        ['funnel', 'funnel', '-2', { ...all, step: ['app_open', 'view_item', 'purchase'] }, /step 1 and not step 2/],
        [
          'lifecycle',
          'lifecycle',
          '2025-01-13:returning',
          { ...all, grain: 'week' },
          /the returning users of 2025-01-13/,
        ],
      ]
      await page.locator('#lifecycle summary').click()
      for (const [panel, stat, cell, given, name] of cases) {
        const users = (await drillDown(serving.db, statOf(stat), given as never, cell)).data.map((row) => row.user_id)
        expect(users.length, cell).toBeGreaterThan(0)
        const button = page.locator(`#${panel}`).getByRole('button', { name })
        await button.click()
        const dialog = page.getByRole('dialog')
        await usersShown(page)
        expect(await dialog.locator('.users li').allTextContents(), cell).toEqual(users.slice(0, 500))
        expect(await dialog.locator('.user-count').textContent()).toBe(
          `${users.length} user${users.length === 1 ? '' : 's'}`,
        )
        await page.keyboard.press('Escape')
        await dialog.waitFor({ state: 'detached' })
        // Who came by the keyboard goes on where he was.
        expect(await button.evaluate((element) => element.matches(':focus')), cell).toBe(true)
      }
    })
  }),
)

browserTest('a panel’s CSV is that of the same question', () =>
  withSample(async ({ url }) => {
    await withPage({}, async ({ page }) => {
      await page.goto(`${url}/?range=28d&segment=properties.country%3AUA`)
      await shown(page)
      const [saved] = await Promise.all([
        page.waitForEvent('download'),
        page.locator('#top-events').getByRole('link', { name: /CSV/ }).click(),
      ])
      expect(saved.suggestedFilename()).toBe('top-events.csv')
      const query = 'from=2025-02-02&to=2025-03-01&segment=properties.country%3AUA&limit=10&format=csv'
      const answer = await fetch(`${url}/stats/top-events?${query}`)
      expect(await readFile(await saved.path(), 'utf8')).toBe(await answer.text())
      expect(answer.headers.get('content-type')).toMatch('text/csv')
    })
  }),
)
