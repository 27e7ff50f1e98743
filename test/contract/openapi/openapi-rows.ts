/**
 * Requests that provoke every response of the OpenAPI document: the table of the contract test. Each row names the server
 * that it needs, and the response that it must get.
 */
import { connect } from 'node:net'
import { exampleParams } from '../../../src/lib/serve/openapi/stat-schemas.js'
import { stats } from '../../../src/lib/stats/catalog.js'
import { document } from './openapi-judge.js'

/** What a row may use of its server. */
export interface Target {
  readonly url: string
  /** A key of each scope, where the server asks for keys. */
  readonly keys: { readonly read: string; readonly write: string }
}

export interface Row {
  /**
   * `open`: no keys, with data. `guarded`: asks for keys. `limited`: has taken all the requests that it takes. `broken`:
   * its tables are damaged. `away`: its database is gone. `guarded-away`: both. `slow`: it waits for a body 0.3 s only.
   * `stopping`: it is about to stop.
   */
  readonly server: 'open' | 'guarded' | 'limited' | 'broken' | 'away' | 'guarded-away' | 'slow' | 'stopping'
  /** As in the document. */
  readonly path: string
  readonly method: 'get' | 'post'
  readonly status: number
  /** Null for an answer without body. */
  readonly type: string | null
  /** What is sent, where it is more than the method and the path. */
  // `HTTP_BATCH` in the path, and READ, WRITE or UNKNOWN as the key, stand for what only the running server knows.
  readonly request?: { readonly url?: string; readonly init?: RequestInit }
  /** Sends something that is no whole request. */
  readonly send?: (target: Target) => Promise<Response>
  /** What must have been answered before. */
  readonly first?: RequestInit
  /** Whether it gets the answer of `first` again. */
  readonly replays?: true
}

const json = 'application/json'
const problem = 'application/problem+json'

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { responses }]) => ({
    path,
    method: method as 'get' | 'post',
    documents: (status: number) => String(status) in responses,
  })),
)

/** A path of the document with what it needs to be asked rightly. */
function goodUrl(path: string): string {
  const stat = stats.find(({ name }) => path === `/stats/${name}`)
  if (stat === undefined) return path.replace('{id}', '1')
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(exampleParams(stat))) {
    for (const text of [value].flat()) query.append(name, text)
  }
  return `${path}?${query}`
}

const withFormat = (url: string, format: string) => `${url}${url.includes('?') ? '&' : '?'}format=${format}`

let made = 0
/** A new event each time. */
function event(more: object = {}): object {
  const event_id = `00000000-0000-4000-8000-${String(++made).padStart(12, '0')}`
  return { event_id, occurred_at: '2025-03-01T10:00:00Z', user_id: 'u1', event_type: 'click', ...more }
}

function post(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return {
    method: 'POST',
    headers: { 'content-type': json, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  }
}

const goodBody = (path: string) => (path === '/collect' ? { eventType: 'click', visitorId: 'v1' } : [event()])
const goodInit = (path: string, method: string): RequestInit => (method === 'post' ? post(goodBody(path)) : {})

/** The answers that all is well. */
function good(): Row[] {
  const forms = { ndjson: 'application/x-ndjson', csv: 'text/csv', md: 'text/markdown', svg: 'image/svg+xml' }
  const lists = operations.filter(({ path }) => /^\/(stats|batches)/.test(path))
  return [
    ...operations
      .filter(({ method }) => method === 'get')
      .map(({ path, method }): Row => {
        const type = path === '/' || path === '/docs' ? 'text/html' : path === '/metrics' ? 'text/plain' : json
        return { server: 'open', path, method, status: 200, type, request: { url: goodUrl(path) } }
      }),
    ...lists.flatMap(({ path, method }) =>
      Object.entries(forms)
        .filter(([, type]) => type in document.paths[path]!.get!.responses['200']!.content!)
        .map(([format, type]): Row => {
          const url = withFormat(goodUrl(path), format)
          return { server: 'open', path, method, status: 200, type, request: { url } }
        }),
    ),
    ...stats.map(({ name }): Row => {
      const path = `/stats/${name}`
      const init = { headers: { 'if-none-match': '*' } }
      return { server: 'open', path, method: 'get', status: 304, type: null, request: { url: goodUrl(path), init } }
    }),
    // Other answers of the same kind: the users behind a number, a batch of HTTP, rejects.
    {
      server: 'open',
      path: '/stats/dau',
      method: 'get',
      status: 200,
      type: json,
      request: { url: '/stats/dau?from_date=2025-01-31&to_date=2025-02-01&users=2025-01-31' },
    },
    ...['/batches/{id}', '/batches/{id}/rejects'].map(
      (path): Row => ({
        server: 'open',
        path,
        method: 'get',
        status: 200,
        type: json,
        request: { url: path.replace('{id}', 'HTTP_BATCH') },
      }),
    ),
  ]
}

/** What the routes that take events answer. */
function intake(): Row[] {
  const rejected = { occurred_at: 'yesterday' }
  const events = (status: number, type: string, init: RequestInit, more: Partial<Row> = {}): Row => ({
    server: 'open',
    path: '/events',
    method: 'post',
    status,
    type,
    request: { init },
    ...more,
  })
  const collect = (status: number, type: string | null, init: RequestInit, more: Partial<Row> = {}): Row => ({
    server: 'open',
    path: '/collect',
    method: 'post',
    status,
    type,
    request: { init },
    ...more,
  })
  const replayed = post([event()], { 'idempotency-key': 'again' })
  return [
    events(200, json, post([event(), event()])),
    events(200, json, post({ events: [event()] })),
    events(200, json, post(event())),
    events(200, json, post(`${JSON.stringify(event())}\n`, { 'content-type': 'application/x-ndjson' })),
    events(200, json, replayed, { first: replayed, replays: true }),
    events(207, json, post([event(), event(rejected)])),
    events(422, json, post([event(rejected), 5, event({ user_id: '' })])),
    events(422, problem, post([event()], { 'idempotency-key': 'other' }), {
      first: post([event()], { 'idempotency-key': 'other' }),
    }),
    events(202, json, post([event(), 5]), { server: 'away' }),
    collect(204, null, post({ eventType: 'click', visitorId: 'v1' })),
    collect(204, null, post('{"events": [{"eventType": "a"}], "sessionId": "s"}', { 'content-type': 'text/plain' })),
    collect(422, json, post({ visitorId: 'v1' })),
    ...[events, collect].flatMap((row) => [
      row(400, problem, post('[')),
      row(413, problem, post(' '.repeat(200_000))),
      row(415, problem, post('a,b', { 'content-type': 'text/csv' })),
      row(403, problem, post('[]', { origin: 'https://evil.example' })),
      row(408, problem, {}, { server: 'slow', send: neverEnding(row(408, problem, {}).path) }),
    ]),
    events(400, problem, post([event()]), { request: { url: '/events?mode=some', init: post([event()]) } }),
  ]
}

/** The answers that something is wrong, which many routes give in the same way. */
function bad(): Row[] {
  const of = (server: Row['server'], status: number, more: (path: string, method: string) => Row['request']): Row[] =>
    operations
      .filter(({ documents }) => documents(status))
      .map(({ path, method }) => ({
        server,
        path,
        method,
        status,
        type: problem,
        request: { url: goodUrl(path), init: goodInit(path, method), ...more(path, method) },
      }))
  const reads = ({ method }: Row) => method === 'get'
  return [
    ...of('open', 400, (path) => ({
      url: `${goodUrl(path)}${goodUrl(path).includes('?') ? '&' : '?'}nothing=1`,
    })).filter(reads),
    ...of('open', 404, (path) => ({ url: path.replace('{id}', '999999') })),
    ...of('open', 406, () => ({ init: { headers: { accept: 'image/png' } } })),
    ...of('guarded', 401, () => ({})),
    ...of('guarded', 403, (path, method) => {
      const init = goodInit(path, method)
      return { init: { ...init, headers: { ...init.headers, 'x-api-key': method === 'get' ? 'WRITE' : 'READ' } } }
    }),
    ...of('limited', 429, () => ({})),
    ...of('broken', 500, () => ({})),
    ...of('guarded-away', 503, (path, method) => {
      const init = goodInit(path, method)
      return { init: { ...init, headers: { ...init.headers, 'x-api-key': 'UNKNOWN' } } }
    }).filter(({ path }) => path !== '/health' && path !== '/ready'),
    { server: 'away', path: '/ready', method: 'get', status: 503, type: problem },
    { server: 'stopping', path: '/health', method: 'get', status: 503, type: problem },
  ]
}

/** A request whose body does not come. */
function neverEnding(path: string) {
  return ({ url }: Target) =>
    new Promise<Response>((resolve, reject) => {
      const { hostname, port } = new URL(url)
      const socket = connect(Number(port), hostname, () => {
        socket.write(`POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${json}\r\ncontent-length: 9\r\n\r\n[`)
      })
      const parts: Buffer[] = []
      socket.on('error', reject)
      socket.on('data', (part) => parts.push(part))
      socket.on('close', () => resolve(parsed(Buffer.concat(parts).toString('utf8'))))
    })
}

/** An answer as it came over a bare socket. */
function parsed(text: string): Response {
  const [head = '', body = ''] = text.split('\r\n\r\n', 2)
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = lines.map((line) => line.split(': ', 2) as [string, string])
  return new Response(body, { status: Number(statusLine.split(' ')[1]), headers })
}

export const rows: readonly Row[] = [...good(), ...intake(), ...bad()]
