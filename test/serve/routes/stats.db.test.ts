/** `GET /stats/<stat>`: its parameters and their older names, formats, entity tags, and what is refused. */
import { expect, test } from 'vitest'
import { stats } from '../../../src/lib/stats/catalog.js'
import { paramsOf, snake } from '../../../src/lib/stats/query/params.js'
import { storeEvents } from '../../support/events.js'
import { withServing } from '../../support/serve/serving.js'
import { type Answering, withAnswering } from '../answers/answers-of-server.js'

const august = [
  { at: '2025-08-01T10:00:00Z', user: 'ann', type: 'view', properties: { country: 'UA' } },
  { at: '2025-08-01T11:00:00Z', user: 'bob', type: 'buy', properties: { country: 'PL' } },
  { at: '2025-08-03T00:00:00Z', user: 'ann', type: 'buy', properties: { country: 'UA' } },
]

const withAugust = (use: (answering: Answering) => Promise<void>) =>
  withAnswering({}, async (answering) => {
    await storeEvents(answering.db, august)
    await use(answering)
  })

test('the older names of parameters mean the same', () =>
  withAugust(async ({ json }) => {
    const same: [string, string][] = [
      ['/stats/dau?from=2025-08-01&to=2025-08-02', '/stats/dau?from_date=2025-08-01&to_date=2025-08-02'],
      ['/stats/trend?from=2025-08-02', '/stats/trend?from_date=2025-08-02'],
      ['/stats/top-events?from=2025-08-01&limit=1', '/stats/top-events?limit=1&from_date=2025-08-01'],
      ['/stats/dau?segment=event_type:buy', '/stats/dau?segment=event_type%3Abuy'],
      ...['from', 'from_date'].map((name): [string, string] => [
        '/stats/retention?start_date=2025-07-28&windows=2&window_type=day',
        `/stats/retention?${name}=2025-07-28&windows=2&window_type=day`,
      ]),
      ['/stats/retention?to=2025-08-03', '/stats/retention?to_date=2025-08-03'],
    ]
    for (const [path, older] of same) {
      const [asNow, asBefore] = [await json(`${path}&as_of=2025-09-01`), await json(`${older}&as_of=2025-09-01`)]
      expect(asBefore).toEqual(asNow)
    }
    const { meta } = await json('/stats/retention?start_date=2025-07-28&windows=2&window_type=day')
    expect(meta).toMatchObject({ from: '2025-07-28', windows: 2, window_type: 'day' })
  }))

test('every parameter of every stat is taken by its name in snake case', () =>
  withAugust(async ({ get }) => {
    const values: Record<string, string> = {
      from: '2025-08-01',
      to: '2025-08-02',
      segment: 'event_type:buy',
      tz: 'UTC',
      week_start: 'sunday',
      as_of: '2025-09-01',
      grain: 'week',
      limit: '3',
      unique_users: 'true',
      by: 'event_type',
      let: 'a=events',
      formula: '1 / 2',
      measure: 'events',
      start_date: '2025-08-01',
      windows: '2',
      window_type: 'day',
      cohort: 'active',
      mode: 'on',
      clock: 'calendar',
      start_event: 'view',
      return_event: 'buy',
      min_return_events: '1',
      step: 'view',
      window: '2d',
      order: 'ordered',
      exclude: 'refund',
      event_type: 'view',
    }
    for (const stat of stats) {
      for (const param of paramsOf(stat.params)) {
        const name = snake(param.name)
        const query = new URLSearchParams(stat.name === 'funnel' ? 'step=view&step=buy' : '')
        query.append(name, values[name] ?? `no value for ${name}`)
        const answer = await get(`/stats/${stat.name}?${query}`)
        expect([stat.name, name, answer.status]).toEqual([stat.name, name, 200])
      }
    }
  }))

test('several segments all hold', () =>
  withAugust(async ({ json }) => {
    const { data } = await json('/stats/dau?segment=event_type:buy&segment=properties.country:UA&as_of=2025-09-01')
    expect(data).toEqual([
      { date: '2025-08-01', unique_users: 0, complete: true },
      { date: '2025-08-02', unique_users: 0, complete: true },
      { date: '2025-08-03', unique_users: 1, complete: true },
    ])
  }))

test('the users behind a number', () =>
  withAugust(async ({ json, get }) => {
    const { data, meta } = await json('/stats/dau?users=2025-08-01')
    expect(data).toEqual([{ user_id: 'ann' }, { user_id: 'bob' }])
    expect(meta.users_of).toBe('2025-08-01')
    expect((await get('/stats/dau?users=2031-01-01')).status).toBe(400)
    expect(await (await get('/stats/dau?users=2025-08-01&format=csv')).text()).toBe('user_id\r\nann\r\nbob\r\n')
  }))

test('the users behind a number come in pages', () =>
  withAugust(async ({ json, get }) => {
    const first = await json('/stats/dau?users=2025-08-01&page_size=1')
    expect(first.data).toEqual([{ user_id: 'ann' }])
    const second = await json(`/stats/dau?users=2025-08-01&page_size=1&cursor=${first.meta.next_cursor}`)
    expect(second.data).toEqual([{ user_id: 'bob' }])
    expect(second.meta).not.toHaveProperty('next_cursor')
    // In CSV there is no meta: the header says where the next page is.
    const csv = await get('/stats/dau?users=2025-08-01&page_size=1&format=csv')
    const link = /^<(.*)>; rel="next"$/.exec(csv.headers.get('link') ?? '')?.[1]
    expect(await csv.text()).toBe('user_id\r\nann\r\n')
    const last = await get(link!)
    expect([await last.text(), last.headers.get('link')]).toEqual(['user_id\r\nbob\r\n', null])
  }))

test('an answer that would be too large is refused', () =>
  withAugust(async ({ get }) => {
    const answer = await get('/stats/trend?by=properties.item_id&from=2014-01-01&to=2026-01-01&limit=1000')
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({
      code: 'answer_too_large',
      detail: expect.stringContaining('4,384 days times 1,000 keys'),
      suggestions: [expect.stringContaining('from, to, grain'), expect.stringContaining('57 keys or fewer: limit')],
    })
    const drawn = await get('/stats/trend?from=2014-01-01&to=2026-01-01&grain=hour&format=svg')
    expect(await drawn.json()).toMatchObject({ code: 'answer_too_large', detail: expect.stringContaining('A chart') })
  }))

// A path, its status, and what the problem says.
const refused: [string, number, object][] = [
  ['/stats/dau?form=2025-08-01', 400, { code: 'usage', suggestions: ['Did you mean from?'] }],
  ['/stats/dau?weekStart=sunday', 400, { code: 'usage', suggestions: ['Did you mean week_start?'] }],
  ['/stats/dau?users=2025-08-01&page_size=0', 400, { detail: expect.stringMatching(/page_size .* 1 to 100000/) }],
  ['/stats/dau?users=2025-08-01&cursor=%20', 400, { detail: expect.stringContaining('meta.next_cursor') }],
  ['/stats/dau?page_size=5', 400, { detail: 'page_size is for lists of users, and users is missing.' }],
  ['/stats/dau?windows=3', 400, { code: 'usage', detail: 'dau has no parameter "windows".' }],
  ['/stats/dau?from=2025-08-01&from=2025-08-02', 400, { detail: 'from is given 2 times.' }],
  ['/stats/dau?from=2025-08-01&from_date=2025-08-01', 400, { detail: 'from is given 2 times.' }],
  ['/stats/dau?from=soon&grain=eon', 400, { detail: expect.stringMatching(/from must be .*; grain /) }],
  ['/stats/dau?from=2025-08-02&to=2025-08-01', 400, { detail: 'from 2025-08-02 is after to 2025-08-01.' }],
  ['/stats/retention?start_date=soon', 400, { detail: expect.stringMatching(/^start_date must be /) }],
  ['/stats/retention?windows=1;DROP TABLE events', 400, { detail: expect.stringContaining('windows') }],
  ["/stats/dau?tz=UTC'--", 400, { detail: expect.stringContaining('tz must be a time zone') }],
  ['/stats/dau?from=', 400, { detail: expect.stringContaining('from must be') }],
  ['/stats/dau?__proto__=1&constructor=2', 400, { code: 'usage' }],
  ['/stats/dau?segment=country:UA', 400, { detail: expect.stringMatching(/^segment: .*\n {2}country:UA\n {2}\^/) }],
  ['/stats/dau?segment=event_type:a%00b', 400, { detail: 'segment has a NUL in it.' }],
  ['/stats/dau?users=a%00b', 400, { detail: 'users has a NUL in it.' }],
  ['/stats/dau?format=xml', 400, { detail: expect.stringContaining('format must be json') }],
  ['/stats/dau?format=jsn', 400, { suggestions: ['format=json'] }],
  ['/stats/top-events?unique_users=maybe', 400, { detail: expect.stringContaining('unique_users') }],
  [
    '/stats/top-events?limit=0',
    400,
    { detail: expect.stringContaining('limit must be a whole number from 1 to 100000') },
  ],
  ['/stats/funnel', 400, { detail: expect.stringContaining('step must be given') }],
  ['/stats/duu', 404, { code: 'not_found', suggestions: ['Did you mean /stats/dau?'] }],
  ['/stats/constructor', 404, { code: 'not_found' }],
  ['/stats?limit=1', 400, { code: 'usage' }],
]

test('what is not understood is refused with words that help', () =>
  withAugust(async ({ get }) => {
    for (const [path, status, problem] of refused) {
      const answer = await get(path)
      expect([path, answer.status, await answer.json()]).toEqual([path, status, expect.objectContaining(problem)])
    }
  }))

test('text that looks like SQL is text', () =>
  withAugust(async ({ json }) => {
    const { data } = await json(
      `/stats/dau?segment=${encodeURIComponent(`properties.country:"') OR true --"`)}&to=2025-08-01&from=2025-08-01`,
    )
    expect(data).toEqual([{ date: '2025-08-01', unique_users: 0, complete: expect.any(Boolean) }])
    expect((await json('/stats/dau')).data).toHaveLength(3)
  }))

// What is accepted, and what comes.
const accepted: [string, string | null][] = [
  ['*/*', 'application/json; charset=utf-8'],
  ['application/json', 'application/json; charset=utf-8'],
  ['application/*;q=0.1, text/html', 'application/json; charset=utf-8'],
  ['text/csv', 'text/csv; charset=utf-8'],
  ['TEXT/CSV; Q=0.9, */*;q=0.1', 'text/csv; charset=utf-8'],
  ['text/markdown, text/csv;q=0.5', 'text/markdown; charset=utf-8'],
  ['text/*', 'text/csv; charset=utf-8'],
  ['application/json;q=0, */*', 'application/x-ndjson; charset=utf-8'],
  ['application/x-ndjson;q=0.9, application/json;q=0.8', 'application/x-ndjson; charset=utf-8'],
  ['text/html,application/xhtml+xml,*/*;q=0.8', 'application/json; charset=utf-8'],
  ['text/html', null],
  ['application/json;q=0', null],
  ['text/csv;q=abc', null],
]

test('the header Accept chooses the format', () =>
  withAugust(async ({ get }) => {
    for (const [accept, type] of accepted) {
      const answer = await get('/stats/dau', { accept })
      const expected = type === null ? [406, 'application/problem+json; charset=utf-8'] : [200, type]
      expect([accept, answer.status, answer.headers.get('content-type')]).toEqual([accept, ...expected])
      if (type !== null) expect(answer.headers.get('vary')).toBe('Accept')
      await answer.arrayBuffer()
    }
    const asked = await get('/stats/dau?format=md', { accept: 'text/html' })
    expect(asked.headers.get('content-type')).toBe('text/markdown; charset=utf-8')
  }))

test('an answer that is known already is not sent again', () =>
  withAugust(async ({ get }) => {
    const path = '/stats/dau?as_of=2025-09-01'
    const first = await get(path)
    const etag = first.headers.get('etag')!
    expect(etag).toMatch(/^"[\w-]{43}"$/)
    expect(first.headers.get('cache-control')).toBe('private, no-cache')
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await get(path, { 'if-none-match': known })
      expect([again.status, again.headers.get('etag'), await again.text()]).toEqual([304, etag, ''])
      expect(again.headers.get('cache-control')).toBe('private, no-cache')
      expect(again.headers.get('vary')).toBe('Accept')
    }
    // Another format and another question are other answers; the same question in other words is the same.
    const csv = await get(`${path}&format=csv`, { 'if-none-match': etag })
    expect([csv.status, csv.headers.get('etag') === etag]).toEqual([200, false])
    expect((await get(`${path}&to=2025-08-01`, { 'if-none-match': etag })).status).toBe(200)
    expect((await get(`${path}&grain=day&week_start=monday`, { 'if-none-match': etag })).status).toBe(304)
  }))

test('HEAD says what GET would, without a body', () =>
  withAugust(async ({ url, get }) => {
    for (const path of ['/stats/dau?as_of=2025-09-01', '/batches/1/rejects', '/batches']) {
      const head = await fetch(`${url}${path}`, { method: 'HEAD' })
      const whole = await get(path)
      expect([path, head.status, head.headers.get('content-type')]).toEqual([
        path,
        200,
        whole.headers.get('content-type'),
      ])
      expect(head.headers.get('etag')).toBe(whole.headers.get('etag'))
      expect(await head.text()).toBe('')
      expect((await whole.text()).length).toBeGreaterThan(0)
    }
  }))

test('in the whole server an answer is known again, counted, and varies by what it must', () =>
  withServing({ corsOrigins: ['https://shop.example'] }, async ({ url, db }) => {
    await storeEvents(db, august)
    const answer = await fetch(`${url}/stats/dau`, { headers: { origin: 'https://shop.example' } })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('cache-control')).toBe('private, no-cache')
    expect(answer.headers.get('vary')?.split(', ')).toEqual(expect.arrayContaining(['Accept']))
    expect(((await answer.json()) as { data: unknown[] }).data).toHaveLength(3)
    const known = await fetch(`${url}/stats/dau`, { headers: { 'if-none-match': answer.headers.get('etag')! } })
    expect(known.status).toBe(304)
    expect((await fetch(`${url}/stats/dau`, { method: 'POST' })).status).toBe(405)
    const metrics = await (await fetch(`${url}/metrics`)).text()
    expect(metrics).toMatch(/ea_stat_duration_seconds_count\{stat="dau",cache="hit"\} 1/)
    expect(metrics).toMatch(/ea_stat_duration_seconds_count\{stat="dau",cache="miss"\} 1/)
  }))
