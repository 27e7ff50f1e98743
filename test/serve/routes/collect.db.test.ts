/** POST /collect over real sockets, as browsers and their proxies use it. */
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { createKey } from '../../../src/lib/keys/keys.js'
import { type StoredEvent, storedEvents } from '../../import/import-helpers.js'
import { type Serving, withServing } from '../../support/serve/serving.js'

const plain = { 'content-type': 'text/plain;charset=UTF-8' }
const json = { 'content-type': 'application/json' }

async function collect({ url }: Serving, body: unknown, headers: Record<string, string> = plain, query = '') {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  // As bytes: of a text `fetch` would say that it is text/plain.
  const answer = await fetch(`${url}/collect${query}`, {
    method: 'POST',
    headers,
    body: new Uint8Array(Buffer.from(text)),
  })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

const propertiesOf = (event: StoredEvent | undefined) => JSON.parse(event!.properties)

describe('what is stored', () => {
  test('a single event: ids, user, time, properties', async () => {
    await withServing({}, async (serving) => {
      const before = Date.now()
      const body =
        '{"eventType":"buy","sessionId":"s1","visitorId":"v1","siteId":2103807459595387724,"eventData":{"price":1.10}}'
      const answer = await collect(serving, body)
      expect(answer).toMatchObject({ status: 204, text: '' })
      const [event] = await storedEvents(serving.db)
      expect(event).toMatchObject({ user_id: 'v1', event_type: 'buy' })
      expect(event!.properties).toBe('{"price": 1.10, "siteId": 2103807459595387724, "sessionId": "s1"}')
      const occurredMs = Date.parse(`${event!.occurred_at.slice(0, 23)}Z`)
      expect(occurredMs).toBeGreaterThanOrEqual(before)
      expect(occurredMs).toBeLessThanOrEqual(Date.now())
    })
  })

  test('the id, time and user that the browser gives, else those that the server has', async () => {
    await withServing({}, async (serving) => {
      const eventId = '00000000-0000-4000-8000-000000000001'
      const event = { eventId, eventType: 'view', sessionId: 's1', visitorId: '', timestamp: 1740830400000 }
      expect((await collect(serving, event, json)).status).toBe(204)
      expect((await collect(serving, { ...event, eventType: 'again' }, json)).status).toBe(204)
      expect(await storedEvents(serving.db)).toEqual([
        {
          event_id: eventId,
          occurred_at: '2025-03-01T12:00:00.000000',
          user_id: 's1',
          event_type: 'view',
          properties: '{"sessionId": "s1"}',
        },
      ])
    })
  })

  test('a batch with defaults, of which some are rejected: 204, and the reject is kept', async () => {
    await withServing({}, async (serving) => {
      const events = [{ eventType: 'a' }, { eventType: 'b', visitorId: 'v2' }, { visitorId: 'v3' }, 5]
      const answer = await collect(serving, {
        visitorId: 'v1',
        sessionId: 's1',
        siteId: 'shop',
        timestamp: '2025-01-01',
        events,
      })
      expect(answer.status).toBe(204)
      const stored = await storedEvents(serving.db)
      expect(stored.map(({ user_id, event_type }) => `${user_id} ${event_type}`).sort()).toEqual(['v1 a', 'v2 b'])
      expect(propertiesOf(stored[0])).toEqual({ sessionId: 's1', siteId: 'shop' })
      const { rows } = await sql<{ file: string; rejected: number }>`
        SELECT file, rejected::int FROM ${serving.db.t.import_batches}`.execute(serving.db.q)
      expect(rows).toEqual([{ file: 'http:collect', rejected: 2 }])
    })
  })

  test('nothing that can be stored: 422, with the reasons', async () => {
    await withServing({}, async (serving) => {
      const answer = await collect(serving, { events: [{ eventType: 'a' }, 5] })
      expect(answer.status).toBe(422)
      expect(JSON.parse(answer.text)).toMatchObject({
        received: 2,
        inserted: 0,
        rejected: [
          { index: 0, code: 'missing_user_id' },
          { index: 1, code: 'not_an_object' },
        ],
      })
      expect((await collect(serving, { events: [] })).status).toBe(204)
    })
  })

  test('the types of a beacon', async () => {
    await withServing({}, async (serving) => {
      for (const headers of [plain, json, {}, { 'content-type': 'text/plain' }] as Record<string, string>[]) {
        expect((await collect(serving, { eventType: 'x', visitorId: 'v' }, headers)).status).toBe(204)
      }
      for (const type of ['text/html', 'application/x-www-form-urlencoded', 'text/plain;charset=latin1']) {
        expect((await collect(serving, {}, { 'content-type': type })).status).toBe(415)
      }
      expect((await collect(serving, 'eventType=x')).status).toBe(400)
      expect((await collect(serving, {}, plain, '?visitor=5')).status).toBe(400)
      expect(await storedEvents(serving.db)).toHaveLength(4)
    })
  })
})

describe('the address of the client', () => {
  const event = { eventType: 'x', visitorId: 'v', client_address: '6.6.6.6', eventData: { client_address: '6.6.6.6' } }
  const forwarded = { ...plain, 'x-forwarded-for': '203.0.113.7', 'user-agent': 'Spy/1.0' }

  test('is not stored unless asked for; the user agent never is', async () => {
    await withServing({}, async (serving) => {
      expect((await collect(serving, { eventType: 'x', visitorId: 'v' }, forwarded)).status).toBe(204)
      expect(propertiesOf((await storedEvents(serving.db))[0])).toEqual({})
    })
  })

  test('is that of the connection, whatever a header or the event says', async () => {
    await withServing({ storeClientAddress: true }, async (serving) => {
      expect((await collect(serving, event, forwarded)).status).toBe(204)
      expect(propertiesOf((await storedEvents(serving.db))[0])).toEqual({ client_address: '127.0.0.1' })
    })
  })

  test('behind a trusted proxy is that of its header', async () => {
    await withServing({ storeClientAddress: true, trustedProxies: ['127.0.0.1'] }, async (serving) => {
      expect((await collect(serving, event, forwarded)).status).toBe(204)
      expect(propertiesOf((await storedEvents(serving.db))[0])).toEqual({ client_address: '203.0.113.7' })
    })
  })

  test('behind a proxy that is not trusted is that of the proxy', async () => {
    await withServing({ storeClientAddress: true, trustedProxies: ['10.0.0.0/8'] }, async (serving) => {
      expect((await collect(serving, event, forwarded)).status).toBe(204)
      expect(propertiesOf((await storedEvents(serving.db))[0])).toEqual({ client_address: '127.0.0.1' })
    })
  })
})

describe('pages of other sites', () => {
  const preflight = ({ url }: Serving, origin: string) =>
    fetch(`${url}/collect`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    })

  test('may send when their origin is configured', async () => {
    await withServing({ corsOrigins: ['https://shop.example'] }, async (serving) => {
      const allowed = await preflight(serving, 'https://shop.example')
      expect(allowed.status).toBe(204)
      expect(allowed.headers.get('access-control-allow-origin')).toBe('https://shop.example')
      expect(allowed.headers.get('access-control-allow-headers')).toMatch(/content-type/i)
      expect((await preflight(serving, 'https://evil.example')).headers.get('access-control-allow-origin')).toBeNull()
      const sent = await collect(
        serving,
        { eventType: 'x', visitorId: 'v' },
        { ...json, origin: 'https://shop.example' },
      )
      expect(sent.status).toBe(204)
      expect(sent.headers.get('access-control-allow-origin')).toBe('https://shop.example')
    })
  })
})

test('a key in the address will do, since a beacon has no headers; its name is the source of the batch', async () => {
  let key = ''
  const before = async (db: Serving['db']) => {
    key = (await createKey(db, { name: 'shop', scopes: ['write'] })).key
  }
  await withServing(
    {},
    async (serving) => {
      const event = { eventType: 'x', visitorId: 'v' }
      expect((await collect(serving, event)).status).toBe(401)
      expect((await collect(serving, event, plain, '?key=wrong')).status).toBe(401)
      expect((await collect(serving, event, plain, `?key=${key}`)).status).toBe(204)
      const { rows } = await sql<{ file: string }>`SELECT file FROM ${serving.db.t.import_batches}`.execute(
        serving.db.q,
      )
      expect(rows).toEqual([{ file: 'http:shop' }])
    },
    { before },
  )
})
