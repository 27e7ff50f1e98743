/**
 * How each error is provoked that `ea serve` answers with: by a request to the binary. Those of a table here that no
 * command can end with need no fixture in errors-provoked.proof.test.ts.
 */
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import pg from 'pg'
import { inject } from 'vitest'
import type { ErrorCode } from '../../../src/lib/core/errors.js'
import { withPool } from '../../../src/lib/db/connect.js'
import { createKey } from '../../../src/lib/keys/keys.js'
import { admin } from '../../support/postgres/database.js'
import { canMount, withSmallDisk } from '../../support/postgres/small-disk.js'
import { requestHead, sendRaw } from '../../support/serve/raw-http.js'
import { type ServeCommand, type ServeCommandOptions, withServeCommand } from '../../support/serve/serve-command.js'

/** An answer as it came; the names of headers are in lower case. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export type HttpFixture = () => Promise<Answer>

const json = { 'content-type': 'application/json' }
const post = (body: string, headers: Record<string, string> = json): RequestInit => ({ method: 'POST', headers, body })
const event = (n: number) =>
  `[{"event_id": "00000000-0000-4000-8000-00000000000${n}", "occurred_at": "2025-01-31", "user_id": "u", "event_type": "t"}]`

async function ask(url: string, init?: RequestInit): Promise<Answer> {
  const answer = await fetch(url, init)
  return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() }
}

/** Asks a server that was started with these flags. */
const serving =
  (
    flags: readonly string[],
    use: (server: ServeCommand) => Promise<Answer | undefined>,
    options?: ServeCommandOptions,
  ): HttpFixture =>
  () =>
    withServeCommand(
      flags,
      async (server) => {
        const answer = await use(server)
        if (answer === undefined) throw new Error('no HTTP answer came back')
        return answer
      },
      options,
    )

/** Requests to a server without flags: all of them are sent to the same one, when the first answer is wanted. */
const plainRequests: [path: string, init?: RequestInit][] = []
let plainAnswers: Promise<Answer[]> | undefined

function asking(...request: (typeof plainRequests)[number]): HttpFixture {
  const index = plainRequests.push(request) - 1
  return async () => {
    plainAnswers ??= withServeCommand([], async ({ url }) => {
      const answers: Answer[] = []
      for (const [path, init] of plainRequests) answers.push(await ask(url + path, init))
      return answers
    })
    return (await plainAnswers)[index]!
  }
}

/** Makes a key that may only read, so that the server asks for one. */
function withReader(use: (server: ServeCommand, key: string) => Promise<Answer>): HttpFixture {
  let key = ''
  const before = async (url: string) => {
    key = (await withPool({ url, schema: 'ea' }, (db) => createKey(db, { name: 'reader', scopes: ['read'] }))).key
    return url
  }
  return serving([], (server) => use(server, key), { before })
}

/** One statement in a database. */
async function inDatabase<T>(url: string, statement: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
    return await use(client)
  } finally {
    await client.end()
  }
}

/** A question while somebody else has the events for himself. */
const askingLocked = ({ url, databaseUrl }: ServeCommand) =>
  inDatabase(databaseUrl, 'BEGIN; LOCK TABLE ea.events, ea.days IN ACCESS EXCLUSIVE MODE', () =>
    ask(`${url}/stats/dau`),
  )

const withoutDatabase = ({ databaseUrl }: ServeCommand) => {
  const name = /\/(ea_test_\w+)/.exec(databaseUrl)![1]!
  return admin(inject('serverUrl'), `DROP DATABASE ${name} WITH (FORCE)`)
}

/** Asks again and again over one connection, which stays open, until the server says that it is about to stop. */
async function askWhileStopping({ url, child }: ServeCommand): Promise<Answer> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const next = async (): Promise<Answer> => {
    const [message] = await once(get(`${url}/health`, { agent }), 'response')
    const parts: Buffer[] = []
    for await (const part of message) parts.push(part as Buffer)
    return { status: message.statusCode, headers: message.headers, body: Buffer.concat(parts).toString('utf8') }
  }
  try {
    let answer = await next()
    child.kill('SIGTERM')
    while (answer.status === 200) answer = await next()
    return answer
  } finally {
    agent.destroy()
  }
}

/** Events while the database is away and the disk of the spool is full. */
async function sendToFullSpool(): Promise<Answer> {
  return withSmallDisk((folder, fill) =>
    serving(['--spool-dir', `${folder}/spool`], async (server) => {
      await fill()
      await withoutDatabase(server)
      return ask(`${server.url}/events`, post(event(1)))
    })(),
  )
}

/** A token of the right form that nobody has signed. */
const token = ['{"alg":"RS256","kid":"1"}', '{"sub":"somebody"}', 'no signature']
  .map((part) => Buffer.from(part).toString('base64url'))
  .join('.')

const jwksFlags = [
  ...['--jwt-jwks-url', 'http://127.0.0.1:1/', '--jwt-issuer', 'https://id.example', '--jwt-audience', 'ea'],
  ...['--jwt-algorithms', 'RS256'],
]

/** What only a server answers. */
const onlyOverHttp = {
  malformed_body: asking('/events', post('[{')),
  unauthorized: withReader(({ url }) => ask(`${url}/stats/dau`)),
  forbidden: withReader(({ url }, key) => ask(`${url}/events`, post(event(1), { ...json, 'x-api-key': key }))),
  origin_refused: asking('/collect', post('{}', { 'content-type': 'text/plain', origin: 'https://evil.example' })),
  jwks_unavailable: serving(jwksFlags, ({ url }) =>
    ask(`${url}/stats/dau`, { headers: { authorization: `Bearer ${token}` } }),
  ),
  not_found: asking('/nothing'),
  method_not_allowed: asking('/events', { method: 'DELETE' }),
  not_acceptable: asking('/stats/dau', { headers: { accept: 'image/png' } }),
  request_timeout: serving(['--request-timeout', '200ms'], ({ url }) =>
    sendRaw(url, requestHead('POST /events HTTP/1.1', { ...json, 'content-length': '9' }), '['),
  ),
  body_too_large: serving(['--body-limit', '1kB'], ({ url }) => ask(`${url}/events`, post(' '.repeat(2_000)))),
  headers_too_large: serving([], ({ url }) =>
    sendRaw(url, requestHead('GET /health HTTP/1.1', { 'x-long': 'x'.repeat(20_000) })),
  ),
  unsupported_media_type: asking('/events', post('a,b', { 'content-type': 'text/csv' })),
  idempotency_key_reused: serving([], async ({ url }) => {
    const headers = { ...json, 'idempotency-key': 'once' }
    await ask(`${url}/events`, post(event(1), headers))
    return ask(`${url}/events`, post(event(2), headers))
  }),
  rate_limited: serving(['--rate-limit', '1'], async ({ url }) => {
    await ask(`${url}/stats`)
    return ask(`${url}/stats`)
  }),
  query_timeout: serving(['--query-timeout', '100ms'], askingLocked),
  server_busy: serving([], askWhileStopping),
} satisfies Partial<Record<ErrorCode, HttpFixture>>

/** What commands end with, too. */
const alsoOverHttp = {
  internal_error: serving([], ({ url, databaseUrl }) =>
    inDatabase(databaseUrl, 'ALTER TABLE ea.import_batches RENAME COLUMN status TO damaged', () =>
      ask(`${url}/batches`),
    ),
  ),
  usage: asking('/stats/dau?nothing=1'),
  answer_too_large: asking('/stats/trend?from=1980&to=2025&grain=hour&by=event_type'),
  batch_not_found: asking('/batches/999999'),
  database_unreachable: serving([], async (server) => {
    await withoutDatabase(server)
    return ask(`${server.url}/ready`)
  }),
  // No server waits so long for a lock.
  database_refused: serving([], askingLocked, {
    before: async (url) => `${url}${url.includes('?') ? '&' : '?'}options=-c%20lock_timeout%3D100`,
  }),
  database_not_migrated: serving([], ({ url, databaseUrl }) =>
    inDatabase(databaseUrl, 'DROP SCHEMA ea CASCADE', () => ask(`${url}/ready`)),
  ),
  spool_full: sendToFullSpool,
} satisfies Partial<Record<ErrorCode, HttpFixture>>

export type OnlyOverHttp = keyof typeof onlyOverHttp
export const codesOnlyOverHttp = Object.keys(onlyOverHttp) as OnlyOverHttp[]

export const httpFixtures: Partial<Record<ErrorCode, HttpFixture>> = { ...onlyOverHttp, ...alsoOverHttp }

/** Why a code cannot be provoked on this machine. */
export const impossibleOverHttp: Partial<Record<ErrorCode, string>> = canMount
  ? {}
  : { spool_full: 'only root on Linux can mount a small disk' }
