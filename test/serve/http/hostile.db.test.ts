/**
 * What somebody sends who means harm or does not know better, over real sockets: each case with the status and the code
 * of the problem that it is answered with. After each of them the server lives and has stored nothing.
 */
import { createHmac, randomUUID } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { SignJWT } from 'jose'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKey, revokeKey } from '../../../src/lib/keys/keys.js'
import { stats } from '../../../src/lib/stats/catalog.js'
import { paramsOf } from '../../../src/lib/stats/query/params.js'
import { requestHead, sendRaw } from '../../support/serve/raw-http.js'
import { type Serving, withServing } from '../../support/serve/serving.js'

const secret = 'a secret that only this test and its server know'
const jwt = { secret, issuer: 'https://id.example', audience: 'ea', algorithms: ['HS256'] }
const bodyLimitBytes = 64 * 1024

/** Keys by what they may; `revoked` may nothing any more. */
const keys: Record<string, string> = {}
let server: Serving
let stop = () => {}
let stopped: Promise<unknown> = Promise.resolve()

beforeAll(async () => {
  await new Promise<void>((resolve, reject) => {
    const before: NonNullable<Parameters<typeof withServing>[2]>['before'] = async (db) => {
      for (const scope of ['read', 'write', 'admin'] as const) {
        keys[scope] = (await createKey(db, { name: scope, scopes: [scope] })).key
      }
      keys.revoked = (await createKey(db, { name: 'revoked', scopes: ['admin'] })).key
      await revokeKey(db, 'revoked')
    }
    const use = (serving: Serving) =>
      new Promise<void>((done) => {
        server = serving
        stop = done
        resolve()
      })
    stopped = withServing({ jwt, bodyLimitBytes, requestTimeoutMs: 600 }, use, { before })
    stopped.catch(reject)
  })
})
afterAll(async () => {
  stop()
  await stopped
})

interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

type Case = readonly [what: string, send: () => Promise<Answered | undefined>, status: number, code: string]

interface Given {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
}

/** A request by fetch with the key that may do all, unless it brings its own headers for that. */
const ask =
  (path: string, { method, headers, body }: Given = {}) =>
  async (): Promise<Answered> => {
    const answer = await fetch(`${server.url}${path}`, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: { 'x-api-key': keys.admin!, ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    })
    return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() }
  }

/** With this header Authorization, or without any key. */
const askAs =
  (authorization: string | undefined, path = '/stats/dau', { method = 'GET', headers, body }: Given = {}) =>
  async (): Promise<Answered> => {
    const answer = await fetch(`${server.url}${path}`, {
      method,
      headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
      ...(body === undefined ? {} : { body: String(body) }),
    })
    return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() }
  }

const json = { 'content-type': 'application/json' }
const post = (body: string | Buffer, headers: Record<string, string> = json) => ask('/events', { body, headers })

const raw =
  (...pieces: readonly (string | Buffer | number)[]) =>
  () =>
    sendRaw(server.url, ...pieces)
const keyed = (line: string, headers: Record<string, string> = {}) =>
  requestHead(line, { 'x-api-key': keys.admin!, ...headers })
const lazily =
  (make: () => readonly (string | Buffer | number)[]): Case[1] =>
  () =>
    sendRaw(server.url, ...make())

const event = (more: object = {}) => ({
  event_id: randomUUID(),
  occurred_at: '2025-01-31T10:20:30Z',
  user_id: 'u1',
  event_type: 'view',
  ...more,
})

const token = (claims: Record<string, unknown> = {}, audience = jwt.audience, expires: number | string = '1h') =>
  new SignJWT({ scope: 'read', ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('somebody')
    .setIssuer(jwt.issuer)
    .setAudience(audience)
    .setExpirationTime(expires)
    .sign(Buffer.from(secret))

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const claims = () => ({
  sub: 'x',
  iss: jwt.issuer,
  aud: jwt.audience,
  exp: Math.floor(Date.now() / 1000) + 600,
  scope: 'admin',
})
const unsigned = (alg: string) => `${base64({ alg, typ: 'JWT' })}.${base64(claims())}.`
const signedBy = (alg: string, with_: string) => {
  const text = `${base64({ alg, typ: 'JWT' })}.${base64(claims())}`
  return `${text}.${createHmac(alg === 'HS256' ? 'sha256' : 'sha512', with_)
    .update(text)
    .digest('base64url')}`
}

const bodies: readonly Case[] = [
  ['JSON that ends early', post('[{"event_id": '), 400, 'malformed_body'],
  ['JSON with a comma too many', post(`[${JSON.stringify(event())},,]`), 400, 'malformed_body'],
  ['no body', post(''), 400, 'malformed_body'],
  ['a number', post('17'), 400, 'malformed_body'],
  ['a text', post('"events"'), 400, 'malformed_body'],
  ['null', post('null'), 400, 'malformed_body'],
  ['events that are no array', post('{"events": {}}'), 400, 'malformed_body'],
  ['bytes that are no text', post(Buffer.from([0xff, 0xfe, 0x00, 0x80])), 400, 'malformed_body'],
  ['larger than the limit', post(Buffer.alloc(bodyLimitBytes + 1, 0x20)), 413, 'body_too_large'],
  [
    'a gzip bomb',
    post(gzipSync(Buffer.alloc(50 * 1024 * 1024, 0x20)), { ...json, 'content-encoding': 'gzip' }),
    413,
    'body_too_large',
  ],
  ['no gzip that says it is', post('[]', { ...json, 'content-encoding': 'gzip' }), 400, 'malformed_body'],
  [
    'a gzip that ends early',
    post(gzipSync('[]').subarray(0, 12), { ...json, 'content-encoding': 'gzip' }),
    400,
    'malformed_body',
  ],
  ['another compression', post('[]', { ...json, 'content-encoding': 'br' }), 415, 'unsupported_media_type'],
  ['CSV', post('a,b\n', { 'content-type': 'text/csv' }), 415, 'unsupported_media_type'],
  ['a form', post('a=b', { 'content-type': 'application/x-www-form-urlencoded' }), 415, 'unsupported_media_type'],
  [
    'text/plain, as a page of another site can send it',
    post('[]', { 'content-type': 'text/plain' }),
    415,
    'unsupported_media_type',
  ],
  [
    'another charset',
    post('[]', { 'content-type': 'application/json; charset=utf-16' }),
    415,
    'unsupported_media_type',
  ],
  ['a mode that there is not', ask('/events?mode=fast', { body: '[]', headers: json }), 400, 'usage'],
  ['a parameter that there is not', ask('/events?__proto__=1', { body: '[]', headers: json }), 400, 'usage'],
  ['a key that cannot be remembered', post('[]', { ...json, 'idempotency-key': 'x'.repeat(300) }), 400, 'usage'],
]

/** Each is rejected as a record: nothing is stored, and the answer says why. */
const records: readonly (readonly [what: string, record: string])[] = [
  ['__proto__ as an event', '{"__proto__": {"event_id": "x", "user_id": "u"}}'],
  ['constructor as a field', '{"constructor": {"prototype": {"admin": true}}}'],
  ['SQL as an id', JSON.stringify(event({ event_id: "x'; DROP TABLE ea.events; --" }))],
  ['SQL as a time', JSON.stringify(event({ occurred_at: "now'); DELETE FROM ea.events; --" }))],
  ['NUL in a user', JSON.stringify(event({ user_id: 'a\u0000b' }))],
  [
    'properties that are nested 200 deep',
    JSON.stringify(event()).replace('}', `,"properties":${'{"a":'.repeat(200)}1${'}'.repeat(200)}}`),
  ],
  ['an object nested 8,000 deep', `${'{"a":'.repeat(8_000)}1${'}'.repeat(8_000)}`],
  ['a list nested 30,000 deep', `${'['.repeat(30_000)}${']'.repeat(30_000)}`],
  ['properties that are a list', JSON.stringify(event({ properties: [1] }))],
  ['a time in the far future', JSON.stringify(event({ occurred_at: '9999-12-31T00:00:00Z' }))],
]

const access: readonly Case[] = [
  ['no key', askAs(undefined), 401, 'unauthorized'],
  ['an empty key', askAs('Bearer '), 401, 'unauthorized'],
  ['a key that is no key', askAs('Bearer nonsense'), 401, 'unauthorized'],
  ['another scheme', askAs('Basic dXNlcjpwYXNz'), 401, 'unauthorized'],
  ['a key of this form that nobody made', () => askAs(`Bearer ${keys.read!.slice(0, -4)}AAAA`)(), 401, 'unauthorized'],
  ['a key with SQL behind it', () => askAs(`Bearer ${keys.read}'--`)(), 401, 'unauthorized'],
  ['a revoked key', () => askAs(`Bearer ${keys.revoked}`)(), 401, 'unauthorized'],
  [
    'a key in the address, where none is taken',
    () => askAs(undefined, `/stats/dau?key=${keys.read}`)(),
    401,
    'unauthorized',
  ],
  ['two keys', () => ask('/stats/dau', { headers: { authorization: `Bearer ${keys.read}` } })(), 401, 'unauthorized'],
  [
    'writing with a key that reads',
    () => ask('/events', { body: '[]', headers: { ...json, 'x-api-key': keys.read! } })(),
    403,
    'forbidden',
  ],
  ['asking with a key that writes', () => askAs(`Bearer ${keys.write}`)(), 403, 'forbidden'],
  ['metrics with a key that writes', () => askAs(`Bearer ${keys.write}`, '/metrics')(), 403, 'forbidden'],
  ['batches with a key that writes', () => askAs(`Bearer ${keys.write}`, '/batches')(), 403, 'forbidden'],
  ['a token of alg none', () => askAs(`Bearer ${unsigned('none')}`)(), 401, 'unauthorized'],
  ['a token of alg NONE', () => askAs(`Bearer ${unsigned('NONE')}`)(), 401, 'unauthorized'],
  ['a token of another algorithm', () => askAs(`Bearer ${signedBy('HS512', secret)}`)(), 401, 'unauthorized'],
  ['a token of another secret', () => askAs(`Bearer ${signedBy('HS256', 'guessed')}`)(), 401, 'unauthorized'],
  [
    'an expired token',
    async () => askAs(`Bearer ${await token({}, jwt.audience, Math.floor(Date.now() / 1000) - 60)}`)(),
    401,
    'unauthorized',
  ],
  ['a token for another audience', async () => askAs(`Bearer ${await token({}, 'billing')}`)(), 401, 'unauthorized'],
  ['a token without a scope', async () => askAs(`Bearer ${await token({ scope: '' })}`)(), 403, 'forbidden'],
  [
    'a token that reads, writing',
    async () => askAs(`Bearer ${await token()}`, '/events', { method: 'POST', body: '[]', headers: json })(),
    403,
    'forbidden',
  ],
]

const paths: readonly Case[] = [
  ['a path that is nothing', ask('/wp-login.php'), 404, 'not_found'],
  ['a path that goes up', lazily(() => [keyed('GET /../../etc/passwd HTTP/1.1')]), 404, 'not_found'],
  ['a path that goes up, encoded', ask('/docs/..%2f..%2fpackage.json'), 404, 'not_found'],
  ['a path that goes up, encoded twice', ask('/docs/%252e%252e%252fpackage.json'), 404, 'not_found'],
  ['a file of docs that there is not', ask('/docs/__proto__'), 404, 'not_found'],
  ['a stat that there is not', ask('/stats/nothing'), 404, 'not_found'],
  ['a stat of the prototype', ask('/stats/constructor'), 404, 'not_found'],
  ['a path in capitals', ask('/STATS/dau'), 404, 'not_found'],
  ['NUL in a path', ask('/stats/dau%00'), 404, 'not_found'],
  ['a path that cannot be decoded', lazily(() => [keyed('GET /%zz HTTP/1.1')]), 400, 'usage'],
  ['a number of a batch that is none', ask('/batches/1;DROP%20TABLE'), 400, 'usage'],
  ['a number of a batch beyond all', ask('/batches/99999999999999999999'), 400, 'usage'],
  ['a batch that there is not', ask('/batches/4711'), 404, 'batch_not_found'],
  ['a very long part of a path', ask(`/stats/${'x'.repeat(2000)}`), 404, 'not_found'],
  [
    'a URL longer than the head may be',
    lazily(() => [keyed(`GET /stats/dau?from=${'1'.repeat(20_000)} HTTP/1.1`)]),
    431,
    'headers_too_large',
  ],
  ['DELETE of events', ask('/events', { method: 'DELETE' }), 405, 'method_not_allowed'],
  ['PUT of a stat', ask('/stats/dau', { method: 'PUT', body: '{}' }), 405, 'method_not_allowed'],
  ['GET of events', ask('/events'), 405, 'method_not_allowed'],
  [
    'POST to health, of a type that is not read',
    ask('/health', { body: 'x', headers: { 'content-type': 'x/y' } }),
    405,
    'method_not_allowed',
  ],
  ['a method that HTTP does not know', raw('FROBNICATE /events HTTP/1.1\r\nhost: x\r\n\r\n'), 400, 'usage'],
  ['TRACE', lazily(() => [keyed('TRACE /stats/dau HTTP/1.1')]), 405, 'method_not_allowed'],
]

const queries: readonly Case[] = [
  ['a parameter twice', ask('/stats/dau?from=2025-01-01&from=2025-01-02'), 400, 'usage'],
  ['a parameter that there is not', ask('/stats/dau?frm=2025-01-01'), 400, 'usage'],
  ['__proto__ as a parameter', ask('/stats/dau?__proto__=1'), 400, 'usage'],
  ['constructor as a parameter', ask('/stats/dau?constructor=1'), 400, 'usage'],
  ['a parameter in brackets', ask('/stats/dau?from[$gt]=1'), 400, 'usage'],
  ['a day that there is not', ask('/stats/dau?from=2025-02-30'), 400, 'usage'],
  ['NUL in a parameter', ask('/stats/dau?from=2025-01-01%00'), 400, 'usage'],
  [
    'a time zone that is SQL',
    ask(`/stats/dau?tz=${encodeURIComponent("UTC'; DROP TABLE ea.events; --")}`),
    400,
    'usage',
  ],
  ['a million windows', ask('/stats/retention?windows=1000000'), 400, 'usage'],
  [
    'a segment with an operator that there is not',
    ask(`/stats/dau?segment=${encodeURIComponent('user_id||pg_sleep(10)')}`),
    400,
    'usage',
  ],
  ['a type that nobody accepts', ask('/stats/dau', { headers: { accept: 'image/png' } }), 406, 'not_acceptable'],
]

const sockets: readonly Case[] = [
  ['no HTTP at all', raw('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'), 400, 'usage'],
  ['a head without an end', raw('GET /health HTTP/1.1\r\nhost: x\r\n'), 408, 'request_timeout'],
  [
    'a head that comes letter by letter',
    raw('GET ', 150, '/health', 150, ' HTTP/1.1\r\n', 150, 'host: x\r\n', 150, 'a: b\r\n'),
    408,
    'request_timeout',
  ],
  [
    'a body that never comes',
    lazily(() => [keyed('POST /events HTTP/1.1', { ...json, 'content-length': '1000' }), '[{']),
    408,
    'request_timeout',
  ],
  [
    'headers without end',
    raw(requestHead('GET /health HTTP/1.1', { 'x-filler': 'x'.repeat(40_000) })),
    431,
    'headers_too_large',
  ],
  [
    'two lengths',
    lazily(() => [
      `${keyed('POST /events HTTP/1.1', { ...json, 'content-length': '2' }).trimEnd()}\r\ncontent-length: 60\r\n\r\n[]`,
    ]),
    400,
    'usage',
  ],
  [
    'a length and chunks',
    lazily(() => [
      keyed('POST /events HTTP/1.1', { ...json, 'content-length': '2', 'transfer-encoding': 'chunked' }),
      '[]',
    ]),
    400,
    'usage',
  ],
  [
    'a header in a header',
    lazily(() => [keyed('GET /health HTTP/1.1', { 'x-request-id': 'a\rx-evil: 1' })]),
    400,
    'usage',
  ],
]

describe.each([
  ['bodies', bodies],
  ['who may', access],
  ['paths and methods', paths],
  ['parameters', queries],
  ['sockets', sockets],
] as const)('%s', (_, cases) => {
  test.each([...cases])('%s', async (_what, send, status, code) => {
    const answer = await send()
    expect(answer, 'an answer').toBeDefined()
    expect({ status: answer!.status, body: answer!.body }).toEqual({ status, body: expect.stringContaining(code) })
    expect(answer!.headers['content-type']).toBe('application/problem+json; charset=utf-8')
    const problem = JSON.parse(answer!.body)
    expect(problem).toMatchObject({ type: 'about:blank', status, code })
    expect(problem.detail).toMatch(/\S/)
    expect(answer!.body).not.toMatch(/node_modules|\.ts:\d|at Object\.|SELECT /)
    if (status === 401) expect(answer!.headers['www-authenticate']).toMatch(/^Bearer /)
    if (status === 405) expect(answer!.headers.allow).toMatch(/[A-Z]/)
    expect((await fetch(`${server.url}/health`)).status).toBe(200)
  })
})

describe('records that are no events', () => {
  test.each(records)('%s', async (_, record) => {
    const answer = await post(`[${record}]`)()
    expect(answer.status).toBe(422)
    expect(JSON.parse(answer.body)).toMatchObject({
      received: 1,
      inserted: 0,
      rejected: [{ index: 0, code: expect.stringMatching(/^[a-z_]+$/), message: expect.stringMatching(/\S/) }],
    })
  })
})

test('keys of the prototype in properties are data like any other', async () => {
  const properties = '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}'
  const { event_id, ...rest } = event()
  const body = `[{"event_id": "${event_id}", ${JSON.stringify(rest).slice(1, -1)}, "properties": ${properties}}]`
  expect(await post(body)()).toMatchObject({ status: 200 })
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
  const { rows } = await sql<{ properties: string }>`
    SELECT properties::text FROM ${server.db.t.events} WHERE event_id = ${event_id}`.execute(server.db.q)
  expect(JSON.parse(rows[0]!.properties)).toHaveProperty('constructor')
  await sql`DELETE FROM ${server.db.t.events}`.execute(server.db.q)
})

describe('SQL in every parameter of every stat', () => {
  const injections = ["'; DROP TABLE ea.events; --", "' OR '1'='1", '$1); SELECT pg_sleep(30); --', '\\', '"', '%27%00']
  const parameters = stats.flatMap((stat) => paramsOf(stat.params).map(({ name }) => ({ stat: stat.name, name })))

  test.each(parameters)('$stat: $name', async ({ stat, name }) => {
    for (const text of injections) {
      const parameter = `${name.replaceAll('-', '_')}=${encodeURIComponent(text)}`
      const answer = await ask(`/stats/${stat}?${parameter}`)()
      // A clear refusal, or an answer in which the text is a value and nothing else.
      expect([200, 400], `${parameter}: ${answer.body}`).toContain(answer.status)
      if (answer.status === 400) expect(JSON.parse(answer.body)).toMatchObject({ code: 'usage' })
    }
    expect(await tables()).toBeGreaterThan(0)
  })
})

test('nothing of all this was stored', async () => {
  const { rows } = await sql<{ count: number }>`SELECT count(*) FROM ${server.db.t.events}`.execute(server.db.q)
  expect(rows).toEqual([{ count: 0 }])
})

async function tables(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*) FROM pg_class WHERE oid = to_regclass('ea.events')`.execute(server.db.q)
  return rows[0]!.count
}
