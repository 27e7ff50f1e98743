/** The frame of `ea serve`: health, errors as problems, limits, headers, log, metrics. Over real sockets. */
import { sql } from 'kysely'
import { describe, expect, inject, test } from 'vitest'
import { EaError } from '../../src/lib/core/errors.js'
import { createKey } from '../../src/lib/keys/keys.js'
import { withoutValues } from '../../src/lib/serve/http/loggable.js'
import { serveDefaults } from '../../src/lib/serve/http/options.js'
import { problemOf } from '../../src/lib/serve/problem-details.js'
import { withServer } from '../../src/lib/serve/server.js'
import { admin, freshDatabase } from '../support/postgres/database.js'
import { requestHead, sendRaw } from '../support/serve/raw-http.js'
import { withServing } from '../support/serve/serving.js'

describe('health', () => {
  test('says that it lives, with its release', async () => {
    await withServing({}, async ({ url }) => {
      const answer = await fetch(`${url}/health`)
      expect(answer.status).toBe(200)
      expect(await answer.json()).toEqual({ status: 'ok', version: expect.stringMatching(/^\d+\.\d+\.\d+/) })
      expect((await fetch(`${url}/health`, { method: 'HEAD' })).status).toBe(200)
    })
  })

  test('is ready while the database answers and has its tables, and lives without', async () => {
    const { url: databaseUrl, drop } = await freshDatabase()
    await withServing(
      {},
      async ({ url, db }) => {
        expect((await fetch(`${url}/ready`)).status).toBe(200)
        await drop()
        const name = new URL(databaseUrl).pathname.slice(1)
        await admin(inject('serverUrl'), `DROP DATABASE ${name} WITH (FORCE)`)
        // The connections of the pool find out one after the other.
        await expect.poll(async () => (await fetch(`${url}/ready`)).status).toBe(503)
        const answer = await fetch(`${url}/ready`)
        expect(answer.headers.get('retry-after')).toBe('1')
        expect(await answer.json()).toMatchObject({ code: 'database_unreachable' })
        expect((await fetch(`${url}/health`)).status).toBe(200)
        expect(db.schema).toBe('ea')
      },
      { databaseUrl },
    )
  })

  test('is not ready without its tables', async () => {
    await withServing({}, async ({ url, db }) => {
      await sql`DELETE FROM ${sql.id('ea', 'kysely_migration')} WHERE name = '0003_optional_rollups'`.execute(db.q)
      const answer = await fetch(`${url}/ready`)
      expect(answer.status).toBe(503)
      expect(await answer.json()).toMatchObject({ code: 'database_not_migrated' })
    })
  })
})

describe('problems', () => {
  test('carry the id of their request, also in the header', async () => {
    await withServing({}, async ({ url }) => {
      const answer = await fetch(`${url}/nothing`, { headers: { 'x-request-id': 'mine.1' } })
      expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
      expect(answer.headers.get('x-request-id')).toBe('mine.1')
      expect(await answer.json()).toMatchObject({ title: 'Not Found', code: 'not_found', instance: 'mine.1' })
      const other = await fetch(`${url}/nothing`, { headers: { 'x-request-id': 'not harmless' } })
      expect(other.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    })
  })

  test.each([
    ['a bug', new Error('secret of the program')],
    ['the database', new EaError('database_unreachable', 'secret host 10.0.0.5')],
    ['a refusal', new EaError('database_refused', 'secret table', { details: { sqlstate: 'secret' } })],
  ])('of %s say nothing that is not for clients', (_, error) => {
    const { body, isOurs } = problemOf(error)
    expect(isOurs).toBe(true)
    expect(JSON.stringify(body)).not.toContain('secret')
  })
})

describe('limits', () => {
  test('requests of one address', async () => {
    await withServing({ rateLimit: 2 }, async ({ url }) => {
      const first = await fetch(`${url}/stats`)
      expect(first.status).toBe(200)
      expect(first.headers.get('ratelimit-limit')).toBe('2')
      expect(first.headers.get('ratelimit-remaining')).toBe('1')
      // What is nowhere counts, too.
      expect((await fetch(`${url}/nothing`)).status).toBe(404)
      const third = await fetch(`${url}/stats`)
      expect(third.status).toBe(429)
      expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(await third.json()).toMatchObject({ code: 'rate_limited' })
      expect((await fetch(`${url}/nothing`)).status).toBe(429)
      // Those who watch over the server are not counted.
      expect((await fetch(`${url}/health`)).status).toBe(200)
    })
  })

  test('each key by itself', async () => {
    const keys: string[] = []
    const before: NonNullable<Parameters<typeof withServing>[2]>['before'] = async (db) => {
      for (const name of ['a', 'b']) keys.push((await createKey(db, { name, scopes: ['read'] })).key)
    }
    await withServing(
      { rateLimit: 1 },
      async ({ url }) => {
        const ask = async (key: string) => (await fetch(`${url}/stats`, { headers: { 'x-api-key': key } })).status
        expect([await ask(keys[0]!), await ask(keys[1]!)]).toEqual([200, 200])
        expect([await ask(keys[0]!), await ask(keys[1]!)]).toEqual([429, 429])
      },
      { before },
    )
  })

  test('who guesses keys is stopped, and does not lock out the key that works', async () => {
    let key = ''
    const before: NonNullable<Parameters<typeof withServing>[2]>['before'] = async (db) => {
      key = (await createKey(db, { name: 'a', scopes: ['read'] })).key
    }
    await withServing(
      {},
      async ({ url }) => {
        const ask = async (text: string) => (await fetch(`${url}/stats`, { headers: { 'x-api-key': text } })).status
        expect(await ask(key)).toBe(200)
        const guesses = []
        for (let i = 0; i < 101; i++) guesses.push(await ask(`guess${i}`))
        expect(guesses.slice(0, 100)).toEqual(Array(100).fill(401))
        expect(guesses[100]).toBe(429)
        expect(await ask(key)).toBe(200)
      },
      { before },
    )
  })
})

describe('browsers', () => {
  const preflight = (url: string, path: string, origin: string) =>
    fetch(`${url}${path}`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    })

  test('are told to be careful', async () => {
    await withServing({}, async ({ url }) => {
      const { headers } = await fetch(`${url}/stats`)
      expect(headers.get('content-security-policy')).toContain("default-src 'self'")
      expect(headers.get('content-security-policy')).not.toContain('unsafe')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect((await fetch(`${url}/nothing`)).headers.get('x-content-type-options')).toBe('nosniff')
    })
  })

  test('may send events from pages that are configured, and only to what takes them', async () => {
    const corsOrigins = ['https://shop.example']
    await withServing({ corsOrigins }, async ({ url }) => {
      const allowed = await preflight(url, '/collect', 'https://shop.example')
      expect(allowed.status).toBe(204)
      expect(allowed.headers.get('access-control-allow-origin')).toBe('https://shop.example')
      expect(allowed.headers.get('access-control-allow-methods')).toBe('POST')
      const other = await preflight(url, '/collect', 'https://evil.example')
      expect(other.headers.get('access-control-allow-origin')).toBeNull()
      const elsewhere = await preflight(url, '/stats/dau', 'https://shop.example')
      expect(elsewhere.status).toBe(405)
      expect(elsewhere.headers.get('access-control-allow-origin')).toBeNull()
      // The page must be able to read why it was refused.
      const refused = await fetch(`${url}/events`, { method: 'POST', headers: { origin: 'https://shop.example' } })
      expect(refused.status).toBe(415)
      expect(refused.headers.get('access-control-allow-origin')).toBe('https://shop.example')
    })
  })

  test('are told nothing when no page is configured', async () => {
    await withServing({}, async ({ url }) => {
      const answer = await preflight(url, '/collect', 'https://shop.example')
      expect(answer.status).toBe(405)
      expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    })
  })
})

test('an open server does not answer to the name of a website', async () => {
  const ask = (host: string) => requestHead('GET /stats HTTP/1.1', { host })
  await withServing({}, async ({ url }) => {
    expect(await sendRaw(url, ask('evil.example'))).toMatchObject({ status: 403 })
    for (const host of ['localhost:8080', '127.0.0.1', '[::1]:8080']) {
      expect(await sendRaw(url, ask(host)), host).toMatchObject({ status: 200 })
    }
  })
  await withServing({ insecure: true }, async ({ url }) => {
    expect(await sendRaw(url, ask('shop.example'))).toMatchObject({ status: 200 })
  })
})

test('the log has a line for each request, and no secrets', async () => {
  const lines: string[] = []
  let key = ''
  await withServing(
    {},
    async ({ url }) => {
      await fetch(`${url}/stats?format=json`, {
        headers: { authorization: `Bearer ${key}`, cookie: 'c=secret-cookie' },
      })
      await fetch(`${url}/collect?%6bey=${key}`, { method: 'POST', body: 'secret-body' })
    },
    {
      logTo: { write: (line) => lines.push(line) },
      before: async (db) => {
        key = (await createKey(db, { name: 'reader', scopes: ['read', 'write'] })).key
      },
    },
  )
  const requests = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request')
  expect(requests).toHaveLength(2)
  expect(requests[0]).toMatchObject({
    level: 'info',
    method: 'GET',
    url: '/stats?format=json',
    status: 200,
    principal: 'reader',
    request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
  })
  expect(requests[1]).toMatchObject({ url: '/collect?key=…' })
  expect(lines.join('')).not.toContain(key)
  expect(lines.join('')).not.toContain('secret')
})

test('the log holds no values of events: neither in addresses nor in what the database says', async () => {
  const urls: [url: string, logged: string][] = [
    ['/stats/dau?grain=week&from=-12w&tz=Europe/Kyiv', '/stats/dau?grain=week&from=-12w&tz=Europe/Kyiv'],
    ['/stats/dau?segment=user_id:ann@example.org&format=csv', '/stats/dau?segment=…&format=csv'],
    ['/stats/dau?tz=Europe%2FKyiv&s%65gment=user_id:ann', '/stats/dau?tz=Europe/Kyiv&segment=…'],
    ['/stats/trend?by=event_type&users=2025-10-06:ann', '/stats/trend?by=…&users=…'],
    ['/stats/funnel?step=a[user_id:ann]&step=b', '/stats/funnel?step=…&step=…'],
    ['/stats/dau?segmnt=user_id:ann&grain=ann%40example.org', '/stats/dau?segmnt=…&grain=…'],
    ['/stats/dau?user_id:ann&user_id%3aann=1&flag&', '/stats/dau?…&…&flag&'],
  ]
  const lines: string[] = []
  await withServing(
    {},
    async ({ url }) => {
      for (const [path] of urls) await fetch(url + path)
    },
    { logTo: { write: (line) => lines.push(line) } },
  )
  const requests = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request')
  expect(requests.map(({ url }) => url)).toEqual(urls.map(([, logged]) => logged))
  expect(lines.join('')).not.toContain('ann')
  expect(withoutValues('invalid input syntax for type uuid: "ann "quoted""')).not.toContain('ann')
  expect(withoutValues('value "ann" is out of range for type integer')).not.toContain('ann')
  expect(withoutValues('relation "ea.events" does not exist')).toBe('relation "ea.events" does not exist')
})

test('a query that cannot be decoded is refused, on every route', async () => {
  await withServing({}, async ({ url }) => {
    for (const path of ['/stats/dau?from=%zz', '/stats/dau?segment=user_id:%E0%A4%A', '/batches?%ff=1', '/nothing?%']) {
      const answer = await fetch(url + path)
      expect([path, answer.status]).toEqual([path, 400])
      expect(await answer.json()).toMatchObject({ code: 'usage', detail: 'The query is not percent-encoded UTF-8.' })
    }
    expect((await fetch(`${url}/%zz`)).status).toBe(400)
    expect((await fetch(`${url}/stats/dau?segment=event_type:100%25`)).status).toBe(200)
  })
})

test('metrics count requests by route, never by what clients write, and events by outcome', async () => {
  await withServing({}, async ({ url }) => {
    const event = { occurred_at: '2025-01-31T10:20:30Z', user_id: 'u', event_type: 'view' }
    const id = '0190a8f4-0000-7000-8000-000000000001'
    const body = JSON.stringify([
      { event_id: id, ...event },
      { event_id: id, ...event },
      { event_id: 'x', ...event },
    ])
    await fetch(`${url}/events`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    await fetch(`${url}/batches/4711`)
    await fetch(`${url}/whatever-somebody-writes`)
    const text = await (await fetch(`${url}/metrics`)).text()
    expect(text).toContain('ea_events_total{outcome="inserted"} 1')
    expect(text).toContain('ea_events_total{outcome="duplicate"} 1')
    expect(text).toContain('ea_events_total{outcome="rejected"} 1')
    expect(text).toMatch(
      /ea_http_request_duration_seconds_count\{method="GET",route="\/batches\/:id",status_class="4xx"\} 1/,
    )
    expect(text).toMatch(
      /ea_http_request_duration_seconds_count\{method="GET",route="unmatched",status_class="4xx"\} 1/,
    )
    expect(text).toMatch(/ea_commit_duration_seconds_count [1-9]/)
    expect(text).toMatch(/ea_last_batch_timestamp_seconds 1\d{9}/)
    expect(text).toContain('ea_spool_events 0')
    expect(text).not.toContain('whatever')
  })
})

describe('listening', () => {
  test('beyond this machine only when somebody is asked who they are', async () => {
    await expect(withServing({ host: '0.0.0.0' }, async () => {})).rejects.toMatchObject({ code: 'no_authentication' })
  })

  test('on a port that is taken', async () => {
    await withServing({}, async ({ url, db, options }) => {
      const port = Number(new URL(url).port)
      const second = withServer(db, { ...serveDefaults, port, spoolDir: `${options.spoolDir}/second` }, async () => {})
      await expect(second).rejects.toMatchObject({ code: 'address_in_use' })
    })
  })
})
