/** What a real browser sends to /collect from a page of a listed site, and from one of another. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sql } from 'kysely'
import { expect } from 'vitest'
import { until } from '../support/import/import-child.js'
import { type Serving, withServing } from '../support/serve/serving.js'
import { browserTest, withPage } from './browser.js'

/** The ways in which a page can send, by their names, and what its script sees: a status, or that it failed. */
const send = `async (url) => {
  const event = (eventType) => JSON.stringify({ eventType, visitorId: location.hostname })
  const bytes = (text) => new TextEncoder().encode(text)
  const json = { 'content-type': 'application/json' }
  const post = async (name, init) => {
    try {
      const answer = await fetch(url, { method: 'POST', body: event(name), ...init })
      return answer.type === 'opaque' ? 'opaque' : answer.status
    } catch { return 'failed' }
  }
  return {
    text: navigator.sendBeacon(url, event('text')),
    blob: navigator.sendBeacon(url, new Blob([event('blob')], { type: 'application/json' })),
    bytes: navigator.sendBeacon(url, bytes(event('bytes'))),
    cors: await post('cors', { headers: json }),
    'no-cors': await post('no-cors', { mode: 'no-cors' }),
    keepalive: await post('keepalive', { headers: json, keepalive: true }),
    include: await post('include', { headers: json, credentials: 'include' }),
  }
}`

/** An empty page of a site of its own. */
async function withSite(use: (url: string) => Promise<void>): Promise<void> {
  const site = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<title>A shop</title>'))
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
  try {
    await use(`http://localhost:${(site.address() as AddressInfo).port}`)
  } finally {
    site.closeAllConnections()
    site.close()
  }
}

async function typesOf({ db }: Serving): Promise<string[]> {
  const { rows } = await sql<{ type: string }>`SELECT event_type AS type FROM ${db.t.events} ORDER BY 1`.execute(db.q)
  return rows.map(({ type }) => type)
}

/** Sends from the page of a site, and says what its script saw. */
async function sendFrom(site: string, server: string): Promise<Record<string, unknown>> {
  let seen: Record<string, unknown> = {}
  await withPage({}, async ({ page }) => {
    await page.goto(site)
    seen = await page.evaluate(`(${send})(${JSON.stringify(`${server}/collect`)})`)
    await page.waitForLoadState('networkidle')
  })
  return seen
}

const sent = ['text', 'blob', 'bytes', 'cors', 'no-cors', 'keepalive', 'include']

browserTest('from a listed site everything arrives, and its script sees so', () =>
  withSite((site) =>
    withServing({ corsOrigins: [site] }, async (serving) => {
      const seen = await sendFrom(site, serving.url)
      expect(seen).toEqual({
        text: true,
        blob: true,
        bytes: true,
        cors: 204,
        'no-cors': 'opaque',
        keepalive: 204,
        include: 204,
      })
      await until(async () => (await typesOf(serving)).length === sent.length)
      expect((await typesOf(serving)).sort()).toEqual([...sent].sort())
    }),
  ),
)

browserTest('from another site nothing is stored', () =>
  withSite((site) =>
    withServing({ corsOrigins: ['https://shop.example'] }, async (serving) => {
      expect(await sendFrom(site, serving.url)).toMatchObject({
        cors: 'failed',
        keepalive: 'failed',
        include: 'failed',
      })
      expect(await typesOf(serving)).toEqual([])
    }),
  ),
)
