/** POST /events over real sockets: every form and status, digits as they came, and the verdicts of `ea import`. */
import { request as httpRequest } from 'node:http'
import { gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import type { Database } from '../../../src/lib/db/connect.js'
import { importInto, storedEvents } from '../../import/import-helpers.js'
import { type Serving, withServing } from '../../support/serve/serving.js'

const json = { 'content-type': 'application/json' }
const ndjson = { 'content-type': 'application/x-ndjson' }
const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

/** An event as text, so that it may hold what JavaScript would not write. */
const eventText = (n: number, more = '') =>
  `{"event_id":"${idOf(n)}","occurred_at":"2025-01-31T10:00:00Z","user_id":"u${n}","event_type":"view"${more}}`

type Headers = Record<string, string>

async function post({ url }: Serving, body: string | Buffer, headers: Headers = json, query = '') {
  const answer = await fetch(`${url}/events${query}`, {
    method: 'POST',
    headers,
    body: new Uint8Array(Buffer.from(body)),
  })
  return { status: answer.status, headers: answer.headers, body: JSON.parse(await answer.text()) }
}

async function countEvents(db: Database): Promise<number> {
  const { rows } = await sql<{ events: number }>`SELECT count(*)::int AS events FROM ${db.t.events}`.execute(db.q)
  return rows[0]!.events
}

describe('what is taken', () => {
  test('every form and type', async () => {
    await withServing({}, async (serving) => {
      let n = 0
      const next = () => eventText(++n)
      const stored = (received: number) => ({ received, inserted: received, duplicates: 0, rejected: [] })
      const forms: [string, Headers, number][] = [
        [`[${next()},${next()}]`, json, 2],
        [`{"sent_at":"x","events":[${next()},${next()}],"more":{"events":1}}`, json, 2],
        [next(), json, 1],
        [JSON.stringify(JSON.parse(next()), null, 2), json, 1],
        [`${next()}\n${next()}\n`, json, 2],
        [`\ufeff[${next()}]`, { 'content-type': 'Application/JSON; Charset="UTF-8"' }, 1],
        [`${next()}\r\n\r\n${next()}`, ndjson, 2],
        [next(), { 'content-type': 'application/ndjson' }, 1],
        [next(), { 'content-type': 'application/jsonl;charset=utf8' }, 1],
        ['[]', json, 0],
        ['{"events":[]}', json, 0],
      ]
      for (const [body, headers, received] of forms) {
        expect(await post(serving, body, headers)).toMatchObject({ status: 200, body: stored(received) })
      }
      for (const encoding of ['gzip', 'GZIP', 'x-gzip']) {
        const body = gzipSync(`[${next()}]`)
        const answer = await post(serving, body, { ...json, 'content-encoding': encoding })
        expect(answer).toMatchObject({ status: 200, body: stored(1) })
        expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
      }
      expect(await post(serving, next(), { ...json, 'content-encoding': 'identity' })).toMatchObject({ status: 200 })
      expect(await countEvents(serving.db)).toBe(n)
    })
  })

  test('numbers keep their digits', async () => {
    await withServing({}, async (serving) => {
      const properties = '{"big":2103807459595387724,"price":1.10,"tiny":0.00000000000000000000000012}'
      const body = `[${eventText(1, `,"properties":${properties},"order":2103807459595387724`)}]`
      expect((await post(serving, body)).status).toBe(200)
      expect((await post(serving, eventText(2, `,"price":1.10`), ndjson)).status).toBe(200)
      const [first, second] = await storedEvents(serving.db)
      expect(first!.properties).toMatch(/"big": 2103807459595387724/)
      expect(first!.properties).toMatch(/"price": 1\.10\b/)
      expect(first!.properties).toMatch(/"tiny": 0\.00000000000000000000000012/)
      expect(first!.properties).toMatch(/"order": 2103807459595387724/)
      expect(second!.properties).toBe('{"price": 1.10}')
    })
  })

  test('the rejects of `ea import`, by index and code', async () => {
    const deep = `${'{"a":'.repeat(101)}1${'}'.repeat(101)}`
    const records = [
      eventText(1),
      '5',
      deep,
      '{}',
      '{"a":tru}',
      '{"event_id":"x"}',
      eventText(1),
      `{"event_id":"${idOf(2)}","occurred_at":"yesterday"}`,
      `{"event_id":"${idOf(2)}","occurred_at":"1969-01-01","user_id":"u","event_type":"t"}`,
      `{"event_id":"${idOf(2)}","occurred_at":"2025-01-01"}`,
      `{"event_id":"${idOf(2)}","occurred_at":"2025-01-01","user_id":"${'u'.repeat(256)}"}`,
      `{"event_id":"${idOf(2)}","occurred_at":"2025-01-01","user_id":"u"}`,
      eventText(2, ',"properties":[]'),
      eventText(2, ',"properties":"{"'),
      eventText(2, ',"p":"\\u0000"'),
      eventText(2, ',"p":"\u0001"'),
      eventText(2, ',"p":1e200000'),
      eventText(3),
    ]
    const body = `[${records.join(',\n')}]`
    await withServing({}, async (serving) => {
      const { rejects, outcome } = await importInto(serving.db, body, {}, 'events.json')
      const imported = rejects.map(({ record, code }) => ({ index: record - 1, code }))
      expect(imported.length).toBe(records.length - 3)
      await sql`TRUNCATE ${serving.db.t.events}`.execute(serving.db.q)
      for (const [form, headers] of [
        [body, json],
        [records.join('\n'), ndjson],
      ] as const) {
        const answer = await post(serving, form, headers)
        expect(answer.status).toBe(207)
        expect(
          answer.body.rejected.map(({ index, code }: { index: number; code: string }) => ({ index, code })),
        ).toEqual(imported)
        expect(answer.body.rejected[0].message).toEqual(expect.any(String))
        expect(answer.body).toMatchObject({
          received: outcome.read,
          inserted: outcome.inserted,
          duplicates: outcome.duplicates,
        })
        await sql`TRUNCATE ${serving.db.t.events}`.execute(serving.db.q)
      }
    })
  })

  test('partly, not at all, all or nothing', async () => {
    await withServing({}, async (serving) => {
      const body = `[${eventText(1)},{"a":1}]`
      const atomic = await post(serving, body, json, '?mode=atomic')
      expect(atomic).toMatchObject({
        status: 422,
        body: { received: 2, inserted: 0, rejected: [{ index: 1, code: 'missing_event_id' }] },
      })
      expect(await countEvents(serving.db)).toBe(0)
      expect(await post(serving, '[{"a":1}, 5]')).toMatchObject({ status: 422, body: { received: 2, inserted: 0 } })
      expect(await post(serving, body, json, '?mode=partial')).toMatchObject({ status: 207, body: { inserted: 1 } })
      expect(await post(serving, body)).toMatchObject({ status: 207, body: { inserted: 0, duplicates: 1 } })
      expect(await post(serving, `[${eventText(1)}]`, json, '?mode=atomic')).toMatchObject({
        status: 200,
        body: { duplicates: 1 },
      })
    })
  })

  test('an Idempotency-Key gets the first answer again', async () => {
    await withServing({}, async (serving) => {
      const keyed = { ...json, 'idempotency-key': 'order 1/~' }
      const first = await post(serving, eventText(1), keyed)
      expect(first).toMatchObject({ status: 200, body: { inserted: 1 } })
      expect(first.headers.has('idempotent-replayed')).toBe(false)
      const again = await post(serving, gzipSync(eventText(1)), { ...keyed, 'content-encoding': 'gzip' })
      expect(again).toMatchObject({ status: 200, body: first.body })
      expect(again.headers.get('idempotent-replayed')).toBe('true')
      expect(await post(serving, eventText(2), keyed)).toMatchObject({
        status: 422,
        body: { code: 'idempotency_key_reused' },
      })
      expect(await countEvents(serving.db)).toBe(1)
    })
  })
})

describe('what is refused', () => {
  test('with its status and code, and nothing is stored', async () => {
    await withServing({ bodyLimitBytes: 10_000 }, async (serving) => {
      const good = eventText(1)
      const bomb = gzipSync(Buffer.alloc(1_000_000, 0x20))
      const gzip = { ...json, 'content-encoding': 'gzip' }
      const cases: [string, string | Buffer, Headers, number, string][] = [
        ['', '', json, 400, 'malformed_body'],
        ['', '', gzip, 400, 'malformed_body'],
        ['', '', ndjson, 400, 'malformed_body'],
        ['', `[${good}`, json, 400, 'malformed_body'],
        ['', `[${good}] x`, json, 400, 'malformed_body'],
        ['', `{"events":[${good}],"events":[]}`, json, 400, 'malformed_body'],
        ['', good, gzip, 400, 'malformed_body'],
        ['', gzipSync(good).subarray(0, -9), gzip, 400, 'malformed_body'],
        ['', `[${good},"${'x'.repeat(10_000)}"]`, json, 413, 'body_too_large'],
        ['', bomb, gzip, 413, 'body_too_large'],
        ['', good, {}, 415, 'unsupported_media_type'],
        ['', good, { 'content-type': 'text/plain' }, 415, 'unsupported_media_type'],
        ['', good, { 'content-type': 'text/csv' }, 415, 'unsupported_media_type'],
        ['', good, { 'content-type': 'constructor' }, 415, 'unsupported_media_type'],
        ['', good, { 'content-type': 'application/json; charset=latin1' }, 415, 'unsupported_media_type'],
        ['', good, { ...json, 'content-encoding': 'br' }, 415, 'unsupported_media_type'],
        ['', good, { ...json, 'content-encoding': 'deflate' }, 415, 'unsupported_media_type'],
        ['', good, { ...json, 'content-encoding': 'gzip, gzip' }, 415, 'unsupported_media_type'],
        ['', good, { ...json, 'idempotency-key': 'x'.repeat(256) }, 400, 'usage'],
        ['', good, { ...json, 'idempotency-key': 'é' }, 400, 'usage'],
        ['', good, { ...json, 'idempotency-key': '' }, 400, 'usage'],
        ['?mode=all', good, json, 400, 'usage'],
        ['?mode=atomic&mode=atomic', good, json, 400, 'usage'],
        ['?mode=', good, json, 400, 'usage'],
        ['?atomic=1', good, json, 400, 'usage'],
      ]
      for (const [query, body, headers, status, code] of cases) {
        const answer = await post(serving, body, headers, query)
        expect([body.slice(0, 40), headers, query, answer.status, answer.body.code]).toEqual([
          body.slice(0, 40),
          headers,
          query,
          status,
          code,
        ])
        expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
      }
      expect(await countEvents(serving.db)).toBe(0)
      expect((await post(serving, good)).status).toBe(200)
    })
  })

  test('a malformed body with the place', async () => {
    await withServing({}, async (serving) => {
      expect((await post(serving, '[{} {}]')).body).toMatchObject({
        code: 'malformed_body',
        detail: 'At byte 4 of the body there is "{}]", where a comma or ] should be.',
        byte_offset: 4,
      })
    })
  })

  test('no body at all', async () => {
    await withServing({}, async ({ url }) => {
      const status = await new Promise<number | undefined>((resolve, reject) => {
        const request = httpRequest(`${url}/events`, { method: 'POST', headers: { ...json, 'content-length': 0 } })
        request.on('response', (response) => {
          response.resume()
          resolve(response.statusCode)
        })
        request.on('error', reject)
        request.end()
      })
      expect(status).toBe(400)
    })
  })
})

test('a body in pieces, chunked', async () => {
  await withServing({}, async (serving) => {
    const body = Buffer.from(`[${Array.from({ length: 2000 }, (_, n) => eventText(n + 1)).join(',')}]`)
    const text = await new Promise<string>((resolve, reject) => {
      const request = httpRequest(`${serving.url}/events`, { method: 'POST', headers: json }, (response) => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => pieces.push(piece))
        response.on('end', () => resolve(Buffer.concat(pieces).toString()))
      })
      request.on('error', reject)
      for (let at = 0; at < body.length; at += 70_001) request.write(body.subarray(at, at + 70_001))
      request.end()
    })
    expect(JSON.parse(text)).toEqual({ received: 2000, inserted: 2000, duplicates: 0, rejected: [] })
    expect(await countEvents(serving.db)).toBe(2000)
  })
})

test('what stands beside the events is shared by them, and what an event says itself wins', async () => {
  await withServing({}, async (serving) => {
    const body = `{"user_id":"u0","sent":1.10,"properties":{"plan":"pro"},"events":[${eventText(1, ',"properties":{"a":1}')},
      {"event_id":"${idOf(2)}","occurred_at":"2025-01-31T10:00:00Z","event_type":"view","sent":2}, 5]}`
    expect(await post(serving, body)).toMatchObject({ status: 207, body: { received: 3, inserted: 2 } })
    const stored = await storedEvents(serving.db)
    expect(stored.map(({ user_id, properties }) => [user_id, properties]).sort()).toEqual([
      ['u0', '{"plan": "pro", "sent": 2}'],
      ['u1', '{"a": 1, "plan": "pro", "sent": 1.10}'],
    ])
    const shared = await post(serving, `{"event_id":"${idOf(3)}","events":[{}]}`)
    expect(shared).toMatchObject({ status: 400, body: { code: 'malformed_body', byte_offset: 1 } })
  })
})
