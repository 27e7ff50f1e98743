/** Which pages may send events: what is listed, what is the server's own, and everything else is refused before it is read. */
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { originsOf, refuseForeignPages } from '../../../src/lib/serve/auth/origins.js'
import type { ServeOptions } from '../../../src/lib/serve/http/options.js'
import { type Serving, withServing } from '../../support/serve/serving.js'

describe('what is listed', () => {
  test.each([
    ['https://shop.example', ['https://shop.example'], ['http://shop.example', 'https://www.shop.example', 'null']],
    ['http://127.0.0.1:8000', ['http://127.0.0.1:8000'], ['http://127.0.0.1']],
    ['https://*.shop.example', ['https://a.shop.example', 'https://a.b-c.shop.example'], ['https://shop.example']],
    ['https://*.example', ['https://shop.example'], ['https://example', 'http://shop.example', 'https://.example']],
    ['http://*.localhost:3000', ['http://a.localhost:3000'], ['http://a.localhost', 'http://a/.localhost:3000']],
    ['https://*.shop.example', [], ['https://evil.example/.shop.example', 'https://evilshop.example', '']],
    ['capacitor://localhost', ['capacitor://localhost'], ['https://localhost']],
    ['chrome-extension://abcdef', ['chrome-extension://abcdef'], ['null']],
  ])('%s', (pattern, yes, no) => {
    const { isListed, isAny } = originsOf([pattern])
    expect(isAny).toBe(false)
    expect(yes.filter((origin) => !isListed(origin))).toEqual([])
    expect(no.filter(isListed)).toEqual([])
  })

  test.each([
    ...[
      'https://*',
      'https://shop.*',
      'https://a*.example',
      '*.shop.example',
      'https://*.*.example',
      'https://*.shop:*',
    ],
    ...['shop.example', 'https://Shop.example', 'https://shop.example/', 'https://shop.example:443', 'null', ''],
    ...[
      'https://пример.укр',
      'https://*.1.2.3.4',
      'file://',
      'file://x',
      'ws://shop.example',
      'https://u@shop.example',
      '**',
    ],
  ])('%s matches nothing that a browser sends, and is refused', (pattern) => {
    expect(() => originsOf([pattern])).toThrow(expect.objectContaining({ code: 'usage' }))
  })

  test('what was meant is proposed', () => {
    const suggestionsOf = (pattern: string) => {
      try {
        return originsOf([pattern])
      } catch (error) {
        return (error as { suggestions: string[] }).suggestions[0]
      }
    }
    expect(suggestionsOf('https://Shop.example:443/')).toBe('--cors-origin https://shop.example')
    expect(suggestionsOf('shop.example:80')).toBe('--cors-origin https://shop.example')
  })
})

describe('who is foreign', () => {
  const here = { host: 'ea.example', protocol: 'http' }
  const codeOf = (headers: Record<string, string>, listed: readonly string[] = [], request = here) => {
    try {
      return refuseForeignPages({ ...request, headers }, originsOf(listed))
    } catch (error) {
      return (error as { code: string }).code
    }
  }

  test.each([
    [{}],
    [{ 'sec-fetch-site': 'none' }],
    [{ 'sec-fetch-site': 'same-site' }],
    [{ origin: 'http://ea.example' }],
    [{ origin: 'https://ea.example' }],
    [{ origin: 'https://proxied.example', 'sec-fetch-site': 'same-origin' }],
  ])('not %j', (headers) => expect(codeOf(headers as Record<string, string>)).toBeUndefined())

  test.each([
    [{ 'sec-fetch-site': 'cross-site' }],
    [{ origin: 'null' }],
    [{ origin: '' }],
    [{ origin: 'https://evil.example' }],
    [{ origin: 'https://evil.example', 'sec-fetch-site': 'none' }],
    [{ origin: 'https://ea.example.evil.example' }],
    [{ origin: 'http://ea.example:8080', 'sec-fetch-site': 'same-site' }],
    [{ origin: 'http://ea.example, http://evil.example' }],
  ])('%j', (headers) => {
    expect(codeOf(headers as Record<string, string>)).toBe('origin_refused')
    expect(codeOf(headers as Record<string, string>, ['*'])).toBeUndefined()
  })

  test('a proxy that is trusted says by which scheme the server is reached', () => {
    const behind = { host: 'ea.example:8443', protocol: 'https' }
    expect(codeOf({ origin: 'https://ea.example:8443' }, [], behind)).toBeUndefined()
    expect(codeOf({ origin: 'http://ea.example:8443' }, [], behind)).toBe('origin_refused')
  })
})

type Headers = Readonly<Record<string, string>>

const event =
  '{"event_id":"00000000-0000-4000-8000-000000000001","occurred_at":"2025-01-31","user_id":"u","visitorId":"u","event_type":"t"}'

async function post({ url }: Serving, path: string, type: string, headers: Headers) {
  const init = {
    method: 'POST',
    headers: { 'content-type': type, ...headers },
    body: new Uint8Array(Buffer.from(event)),
  }
  const answer = await fetch(url + path, init)
  return { status: answer.status, headers: answer.headers, body: await answer.text() }
}

const withOrigins = (
  corsOrigins: readonly string[],
  use: (serving: Serving) => Promise<void>,
  more?: Partial<ServeOptions>,
) => withServing({ corsOrigins, ...more }, use)

test.each([
  ['/collect', 'text/plain'],
  ['/collect', 'application/json'],
  ['/events', 'application/json'],
])('a page of another site cannot write to %s as %s', (path, type) =>
  withOrigins(['https://shop.example', 'https://*.shop.example'], async (serving) => {
    const foreign: Headers[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
    ]
    for (const headers of foreign) {
      const refused = await post(serving, path, type, headers)
      expect(refused.status).toBe(403)
      expect(JSON.parse(refused.body)).toMatchObject({ code: 'origin_refused' })
      expect(refused.headers.get('access-control-allow-origin')).toBeNull()
    }
    const { rows } = await sql`SELECT FROM ${serving.db.t.events}`.execute(serving.db.q)
    expect(rows).toHaveLength(0)
    const ours: Headers[] = [{}, { origin: serving.url }, { origin: 'https://a.shop.example' }]
    for (const headers of ours) {
      expect((await post(serving, path, type, headers)).status).toBeLessThan(300)
    }
  }),
)

test('listed pages may bring credentials, and with * every page may send without', () =>
  withOrigins(['https://shop.example', '*'], async (serving) => {
    const preflight = async (origin: string) => {
      const headers = {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      }
      const answer = await fetch(`${serving.url}/collect`, { method: 'OPTIONS', headers })
      const { headers: told } = answer
      return [told.get('access-control-allow-origin'), told.get('access-control-allow-credentials'), told.get('vary')]
    }
    expect(await preflight('https://shop.example')).toEqual(['https://shop.example', 'true', 'Origin'])
    expect(await preflight('https://other.example')).toEqual(['*', null, 'Origin'])
    const sent = await post(serving, '/collect', 'text/plain', { origin: 'https://shop.example' })
    expect(sent.headers.get('access-control-allow-credentials')).toBe('true')
    expect((await post(serving, '/collect', 'text/plain', { origin: 'null' })).status).toBe(204)
  }))

test('without configured origins only the pages of the server itself may send', () =>
  withOrigins([], async (serving) => {
    expect((await post(serving, '/collect', 'text/plain', { origin: 'https://shop.example' })).status).toBe(403)
    expect((await post(serving, '/collect', 'text/plain', { origin: serving.url })).status).toBe(204)
  }))

test('behind a trusted proxy the name is that by which the proxy was asked', () =>
  withOrigins(
    [],
    async (serving) => {
      const forwarded = { 'x-forwarded-host': 'ea.example', 'x-forwarded-proto': 'https' }
      const from = (origin: string) => post(serving, '/collect', 'text/plain', { ...forwarded, origin })
      expect((await from('https://ea.example')).status).toBe(204)
      expect((await from('https://evil.example')).status).toBe(403)
    },
    { trustedProxies: ['127.0.0.1'], insecure: true },
  ))
