/** Every response of the OpenAPI document is provoked over the real server, and is what the document says. */
import { randomUUID } from 'node:crypto'
import { Agent, get, type IncomingMessage } from 'node:http'
import { sql } from 'kysely'
import { expect, inject, test } from 'vitest'
import type { Database } from '../../../src/lib/db/connect.js'
import { importFiles } from '../../../src/lib/import/import.js'
import { makeKey } from '../../../src/lib/keys/key-text.js'
import { createKey } from '../../../src/lib/keys/keys.js'
import type { ServeOptions } from '../../../src/lib/serve/http/options.js'
import { admin } from '../../support/postgres/database.js'
import { type Serving, withServing } from '../../support/serve/serving.js'
import { documentedResponses, nameOf, problemsOf } from './openapi-judge.js'
import { type Row, rows, type Target } from './openapi-rows.js'

const documented = new Map(documentedResponses().map((response) => [nameOf(response), response]))
const nameOfRow = ({ path, method, status, type }: Row) => nameOf({ path, method, status: String(status), type })

test('every documented response has a row in the table, and every row is documented', () => {
  expect([...new Set(rows.map(nameOfRow))].sort()).toEqual([...documented.keys()].sort())
})

interface Kind {
  readonly options: Partial<ServeOptions>
  readonly guarded?: boolean
  /** Done once the server runs. */
  readonly after?: (serving: Serving) => Promise<unknown>
}

const removeDatabase = ({ databaseUrl }: Serving) => {
  const name = /\/(ea_test_\w+)/.exec(databaseUrl)![1]!
  return admin(inject('serverUrl'), `DROP DATABASE ${name} WITH (FORCE)`)
}

const kinds: Readonly<Record<Exclude<Row['server'], 'stopping'>, Kind>> = {
  open: { options: { bodyLimitBytes: 100_000 }, after: sendAndFindBatch },
  guarded: { options: {}, guarded: true },
  limited: { options: { rateLimit: 1 }, after: ({ url }) => fetch(`${url}/stats`) },
  broken: {
    options: {},
    after: ({ db }) => sql`ALTER TABLE ${db.t.import_batches} RENAME COLUMN status TO damaged`.execute(db.q),
  },
  away: { options: {}, after: removeDatabase },
  'guarded-away': { options: {}, guarded: true, after: removeDatabase },
  slow: { options: { requestTimeoutMs: 300 } },
}

const partlyGood = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: `[{"event_id": "${randomUUID()}", "occurred_at": "2025-03-01", "user_id": "u", "event_type": "t"}, {"event_id": 5}]`,
}

async function prepare(db: Database, guarded: boolean): Promise<Target['keys']> {
  await importFiles(db, ['examples/events.csv'])
  if (!guarded) return { read: '', write: '' }
  const [read, write] = await Promise.all(
    (['read', 'write'] as const).map((scope) => createKey(db, { name: `only ${scope}`, scopes: [scope] })),
  )
  return { read: read!.key, write: write!.key }
}

async function answerOf(row: Row, target: Target): Promise<Response> {
  if (row.send) return row.send(target)
  const { url = row.path, init = {} } = row.request ?? {}
  const headers = new Headers(init.headers)
  const stands: Record<string, string> = { READ: target.keys.read, WRITE: target.keys.write, UNKNOWN: makeKey() }
  const key = headers.get('x-api-key')
  if (key !== null) headers.set('x-api-key', stands[key]!)
  if (row.first) await (await fetch(target.url + url, row.first)).arrayBuffer()
  return fetch(target.url + url.replace('HTTP_BATCH', () => httpBatch), { ...init, headers })
}

/** The number of the batch of what came over HTTP, on the server that is open. */
let httpBatch = 'unknown'

async function sendAndFindBatch({ url }: Serving): Promise<void> {
  expect((await fetch(`${url}/events`, partlyGood)).status).toBe(207)
  const { data } = (await (await fetch(`${url}/batches`)).json()) as { data: { id: number; source: string }[] }
  httpBatch = String(data.find(({ source }) => source === 'http')!.id)
}

/** What is wrong with an answer. */
async function faults(row: Row, answer: Response): Promise<string[]> {
  const type = answer.headers.get('content-type')?.split(';')[0] ?? null
  const body = await answer.text()
  const seen = `${answer.status} ${type ?? 'nothing'}`
  if (seen !== `${row.status} ${row.type ?? 'nothing'}`) return [`was ${seen}: ${body.slice(0, 300)}`]
  const { schema, headers } = documented.get(nameOfRow(row))!
  const value = /json$/.test(type ?? '') && type !== 'application/x-ndjson' ? JSON.parse(body) : body
  return [
    ...(schema === null ? (body === '' ? [] : ['has a body']) : problemsOf(schema, value)),
    ...Object.entries(headers).flatMap(([name, { schema: ofHeader }]) => {
      const text = answer.headers.get(name)
      if (text === null) return name === 'Idempotent-Replayed' && row.replays !== true ? [] : [`has no ${name}`]
      const { type: kind } = ofHeader as { type?: string }
      return problemsOf(ofHeader, kind === 'integer' ? Number(text) : text)
    }),
  ]
}

test.each(Object.entries(kinds))('a server that is %s answers what the document says', async (name, kind) => {
  const { options, guarded = false, after } = kind
  let keys = { read: '', write: '' }
  const before = async (db: Database) => {
    keys = await prepare(db, guarded)
  }
  await withServing(
    options,
    async (running) => {
      await after?.(running)
      const wrong: Record<string, string[]> = {}
      for (const row of rows.filter(({ server }) => server === name)) {
        const found = await faults(row, await answerOf(row, { url: running.url, keys }))
        if (found.length > 0) wrong[`${nameOfRow(row)} ${row.request?.url ?? ''}`] = found
      }
      expect(wrong).toEqual({})
    },
    { before },
  )
})

test('a server that is about to stop answers what the document says', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const ask = (url: string) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      get(url, { agent }, resolve).on('error', reject)
    })
  const row = rows.find(({ server }) => server === 'stopping')!
  let later: Promise<Response> | undefined
  await withServing(
    {},
    async ({ url }) => {
      ;(await ask(`${url}/health`)).resume()
      // The connection is open: what comes on it is answered to the end.
      later = (async () => {
        for (;;) {
          const message = await ask(url + row.path)
          const parts: Buffer[] = []
          for await (const part of message) parts.push(part as Buffer)
          if (message.statusCode === 200) continue
          const headers = Object.entries(message.headers).map(([name, value]): [string, string] => [
            name,
            String(value),
          ])
          return new Response(Buffer.concat(parts), { status: message.statusCode!, headers })
        }
      })()
    },
    { drain: { lingerMs: 20_000, limitMs: 30_000 } },
  )
  expect(await faults(row, await later!)).toEqual([])
})
