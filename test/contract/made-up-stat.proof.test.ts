/**
 * A stat describes itself: one that no release has is put into the catalogue and goes, without a line about it anywhere
 * else, through the command, HTTP, OpenAPI, table, chart, SVG, CSV, check, report and page. A file of its own process, because
 * the catalogue is read when modules are loaded.
 */
import { readFileSync } from 'node:fs'
import { Config } from '@oclif/core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { withPool } from '../../src/lib/db/connect.js'
import { browserTest, shown, withPage } from '../page/browser.js'
import { storeEvents } from '../support/events.js'
import { freshDatabase } from '../support/postgres/database.js'
import { withServing } from '../support/serve/serving.js'
import { busiest } from './made-up-stat.js'

vi.mock('../../src/lib/stats/catalog.js', async (original) => {
  const real = await original<typeof import('../../src/lib/stats/catalog.js')>()
  ;(real.stats as unknown as { push(stat: unknown): void }).push((await import('./made-up-stat.js')).busiest)
  return real
})

const expected = [
  { user_id: 'anna', events: 3, share: 0.75 },
  { user_id: 'ben', events: 1, share: 0.25 },
]

let database: { url: string; drop: () => Promise<unknown> }
beforeAll(async () => {
  database = await freshDatabase()
  await withPool({ url: database.url, schema: 'ea', maxConnections: 2 }, (db) =>
    storeEvents(
      db,
      ['anna', 'anna', 'anna', 'ben'].map((user) => ({ at: '2025-08-04T10:00:00Z', user })),
    ),
  )
})
afterAll(() => database.drop())

/** What the command of the stat writes. */
async function command(...argv: string[]): Promise<string> {
  const { statCommand } = await import('../../src/lib/cli/answers/stat-command.js')
  const taken = (_: unknown, ...more: unknown[]) => {
    for (const then of more) if (typeof then === 'function') then()
    return true
  }
  const write = vi.spyOn(process.stdout, 'write').mockImplementation(taken)
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation(taken)
  try {
    const Command = statCommand(busiest as never)
    Command.id = 'stats:busiest-users'
    const pjson = JSON.parse(readFileSync('package.json', 'utf8'))
    // Without plugins, and without a look at all other commands.
    const config = await Config.load({
      root: process.cwd(),
      pjson: { ...pjson, oclif: { ...pjson.oclif, plugins: [] } },
    })
    await Command.run(['--database-url', database.url, '--schema', 'ea', ...argv], config)
    return write.mock.calls.map(([part]) => String(part)).join('')
  } finally {
    write.mockRestore()
    stderr.mockRestore()
    process.exitCode = 0
  }
}

describe('a stat that nobody has heard of', () => {
  test('is a command with JSON, CSV, a table, Markdown and a chart', async () => {
    expect(JSON.parse(await command('--json')).data).toEqual(expected)
    expect(await command('--format', 'csv')).toBe('user_id,events,share\r\nanna,3,0.75\r\nben,1,0.25\r\n')
    expect(await command('--format', 'table')).toMatch(/anna +3 +75.0%/)
    expect(await command('--format', 'md')).toContain('| anna |')
    expect(await command('--chart')).toMatch(/anna.*[█#=]/)
    expect(await command('--sql')).toContain('GROUP BY user_id')
  })

  test('is a route with JSON, CSV and SVG, in the list and in OpenAPI', () =>
    withServing(
      {},
      async ({ url }) => {
        const get = async (path: string) => (await fetch(`${url}${path}`)).text()
        expect(JSON.parse(await get('/stats/busiest-users')).data).toEqual(expected)
        expect(await get('/stats/busiest-users?format=csv&limit=1')).toBe('user_id,events,share\r\nanna,3,0.75\r\n')
        expect(await get('/stats/busiest-users?format=svg')).toContain('<title>Events by user</title>')
        expect(await get('/stats/busiest-users?limit=0')).toContain('limit must be a whole number from 1 to 100')
        expect(await get('/stats?format=csv')).toContain('busiest-users')
        const { paths, components } = JSON.parse(await get('/openapi.json'))
        expect(paths['/stats/busiest-users'].get.parameters.map(({ name }: { name: string }) => name)).toContain(
          'limit',
        )
        expect(components.schemas.BusiestUsersRow.required).toEqual(['user_id', 'events', 'share'])
      },
      { databaseUrl: database.url },
    ))

  test('can be checked', async () => {
    const { inlineChecks } = await import('../../src/lib/checks/file/inline.js')
    const { runChecks } = await import('../../src/lib/checks/run.js')
    const checks = inlineChecks({
      stat: 'busiest-users',
      params: {},
      assert: ['events[user_id=anna] >= 3', 'sum(events) > 4'],
    })
    const { outcomes } = await withPool({ url: database.url, schema: 'ea', maxConnections: 2 }, (db) =>
      runChecks(db, checks),
    )
    expect(outcomes.map(({ status }) => status)).toEqual(['pass', 'fail'])
  })

  test('is a section of reports', async () => {
    const { reportOf } = await import('../../src/lib/report/report.js')
    const { reportHtml } = await import('../../src/lib/report/html.js')
    const report = await withPool({ url: database.url, schema: 'ea', maxConnections: 2 }, (db) => reportOf(db))
    expect(report.sections.find(({ id }) => id === 'busiest-users')?.result.data).toEqual(expected)
    expect(await reportHtml(report)).toContain('Busiest users')
  })

  browserTest('is a panel of the page', () =>
    withServing(
      {},
      async ({ url }) => {
        await withPage({}, async ({ page, complaints }) => {
          await page.goto(url)
          await shown(page)
          const panel = page.locator('#busiest-users')
          expect(await panel.locator('h2').textContent()).toBe('Rank the users by their events')
          expect(await panel.locator('svg').count()).toBe(1)
          expect(await panel.locator('tbody tr').first().locator('th, td').allTextContents()).toEqual([
            'anna',
            '3',
            '75.0%',
          ])
          expect(complaints).toEqual([])
        })
      },
      { databaseUrl: database.url },
    ),
  )
})
