/** Charts over HTTP: the same question as a picture, drawn from the same numbers, through the same cache. */
import { expect, test } from 'vitest'
import { chartSvg, standaloneSvg } from '../../../src/lib/present/svg/chart.js'
import { stats } from '../../../src/lib/stats/catalog.js'
import { runStat } from '../../../src/lib/stats/query/run-stat.js'
import { storeEvents } from '../../support/events.js'
import { type Answering, withAnswering } from '../answers/answers-of-server.js'

const days = Array.from({ length: 21 }, (_, day) => `2025-03-${String(day + 1).padStart(2, '0')}`)

async function withShop(use: (answering: Answering) => Promise<void>): Promise<void> {
  await withAnswering({}, async (answering) => {
    const events = days.flatMap((day, index) => [
      { at: `${day}T09:00:00Z`, user: `u${index % 6}`, type: 'view & "look"' },
      { at: `${day}T10:00:00Z`, user: `u${index % 4}`, type: 'purchase' },
    ])
    await storeEvents(answering.db, events)
    await use(answering)
  })
}

const steps = { step: ['purchase', 'purchase'] }

test.each(stats.filter(({ chart }) => chart !== undefined).map((stat) => [stat.name, stat] as const))(
  '%s is drawn as the library draws it',
  async (name, stat) => {
    await withShop(async ({ db, get }) => {
      const own = name === 'funnel' ? steps : {}
      const query = new URLSearchParams({ as_of: '2025-03-22', to: '2025-03-21', format: 'svg', width: '640' })
      if (name === 'funnel') for (const step of steps.step) query.append('step', step)
      const result = await runStat(db, stat, { asOf: '2025-03-22', to: '2025-03-21', ...own } as never)
      const wanted = await chartSvg(result, { width: 640 })

      const answer = await get(`/stats/${name}?${query}`)
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-type')).toBe('image/svg+xml; charset=utf-8')
      expect(await answer.text()).toBe(standaloneSvg(wanted))

      // A page reads the numbers first; what is drawn from those that are kept is the same.
      query.set('format', 'json')
      query.delete('width')
      expect((await get(`/stats/${name}?${query}`)).status).toBe(200)
      query.set('format', 'svg')
      query.set('width', '640')
      query.set('colors', 'variables')
      expect(await (await get(`/stats/${name}?${query}`)).text()).toBe(wanted)
    })
  },
)

test('a chart is kept by its width and colours, and has an ETag of its own', async () => {
  await withShop(async ({ get, asked }) => {
    const path = '/stats/dau?as_of=2025-03-22'
    const first = await get(`${path}&format=svg`)
    const etag = first.headers.get('etag')!
    expect(await first.text()).toContain('viewBox="0 0 800 ')
    const again = await get(`${path}&format=svg`, { 'if-none-match': etag })
    expect([again.status, asked.at(-1)]).toEqual([304, ['dau', 'hit']])
    for (const other of ['&format=svg&width=400', '&format=svg&colors=variables', '']) {
      const answer = await get(path + other, { 'if-none-match': etag })
      expect([answer.status, asked.at(-1)], other).toEqual([200, ['dau', 'miss']])
      expect(answer.headers.get('etag')).not.toBe(etag)
    }
  })
})

test('Accept asks for a chart too; users and lists have none', async () => {
  await withShop(async ({ get }) => {
    const accepted = await get('/stats/trend', { accept: 'image/svg+xml, application/json;q=0.5' })
    expect(accepted.headers.get('content-type')).toMatch('image/svg+xml')
    expect((await get('/stats/trend', { accept: '*/*' })).headers.get('content-type')).toMatch('application/json')
    for (const path of ['/stats/dau?users=2025-03-01', '/stats', '/batches']) {
      const asked = await get(`${path}${path.includes('?') ? '&' : '?'}format=svg`)
      expect([asked.status, await asked.text()], path).toEqual([400, expect.stringContaining('format must be json, ')])
      expect((await get(path, { accept: 'image/svg+xml' })).status, path).toBe(406)
    }
  })
})

test.each([
  ['width=100', 'width must be a whole number from 240 to 2000'],
  ['width=2001', 'width must be a whole number from 240 to 2000'],
  ['width=1e3', 'width must be a whole number from 240 to 2000'],
  ['colors=dark', 'colors must be light or variables'],
  ['colour=light', 'dau has no parameter \\"colour\\"'],
])('%s is refused', async (query, message) => {
  await withShop(async ({ get }) => {
    const answer = await get(`/stats/dau?format=svg&${query}`)
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(message)])
  })
})
