/** Bodies in flight have a budget, before they are read: large ones get 503 with Retry-After, small ones go on. */
import { once } from 'node:events'
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { bodyBudget } from '../../../src/lib/serve/http/body-budget.js'
import { until } from '../../support/import/import-child.js'
import { type Serving, withServing } from '../../support/serve/serving.js'

const event = (n: number, more = '') =>
  `{"event_id":"00000000-0000-4000-8000-00000000000${n}","occurred_at":"2025-01-31","user_id":"u","event_type":"t"${more}}`
const mb = 1024 * 1024

interface Sent {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

async function answerOf(sent: ClientRequest): Promise<Sent> {
  const [message] = (await once(sent, 'response')) as [IncomingMessage]
  let body = ''
  for await (const piece of message.setEncoding('utf8')) body += piece
  return { status: message.statusCode!, headers: message.headers, body }
}

/** Begins a request; its body is still to be sent. */
function begin({ url }: Serving, headers: Record<string, string | number>): ClientRequest {
  const sent = httpRequest(`${url}/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
  })
  sent.on('error', () => {})
  sent.flushHeaders()
  return sent
}

const send = (serving: Serving, body: Buffer | string, headers: Record<string, string | number> = {}) => {
  const sent = begin(serving, { 'content-length': Buffer.byteLength(body), ...headers })
  sent.end(body)
  return answerOf(sent)
}

/** Sends until the server is as busy as it is to be. */
const untilBusy = (serving: Serving, body: string) => until(async () => (await send(serving, body)).status === 503)

test('what is declared is reserved before a byte of it has come, and given back with the answer', () =>
  withServing({ bodyMemoryBytes: 2 * mb }, async (serving) => {
    const large = event(1, `,"x":"${'x'.repeat(mb)}"`)
    const slow = begin(serving, { 'content-length': 1.5 * mb })
    await untilBusy(serving, large)
    const refused = await send(serving, large)
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'server_busy' })
    await until(async () => (await send(serving, event(2))).status === 200)
    slow.destroy()
    await until(async () => (await send(serving, large)).status === 200)
  }))

test.each([
  ['in chunks', {}, (text: string) => Buffer.from(text)],
  ['compressed', { 'content-encoding': 'gzip' }, (text: string) => gzipSync(text)],
])('a body %s counts as it grows', (_, headers, encode) =>
  withServing({ bodyMemoryBytes: 2 * mb }, async (serving) => {
    const large = event(1, `,"x":"${'x'.repeat(mb)}"`)
    const slow = begin(serving, { 'content-length': 1.5 * mb })
    await untilBusy(serving, large)
    const inPieces = async () => {
      const sent = begin(serving, { 'transfer-encoding': 'chunked', ...headers })
      sent.end(encode(large))
      return (await answerOf(sent)).status
    }
    expect(await inPieces()).toBe(503)
    slow.destroy()
    await until(async () => (await inPieces()) === 200)
  }),
)

test('a body alone may be as large as --body-limit says, and no larger', () =>
  withServing({ bodyMemoryBytes: 1024, bodyLimitBytes: 2 * mb }, async (serving) => {
    const large = event(1, `,"x":"${'x'.repeat(mb)}"`)
    const [tooLarge, bomb] = [Buffer.alloc(2 * mb + 1, ' '), gzipSync(Buffer.alloc(3 * mb, ' '))]
    expect((await send(serving, large)).status).toBe(200)
    expect((await send(serving, tooLarge)).status).toBe(413)
    expect((await send(serving, bomb, { 'content-encoding': 'gzip' })).status).toBe(413)
    expect((await send(serving, gzipSync(large).subarray(0, -9), { 'content-encoding': 'gzip' })).status).toBe(400)
    expect((await send(serving, gzipSync(large), { 'content-encoding': 'gzip' })).status).toBe(200)
  }))

test('what is closed is given back, once', () => {
  const budget = bodyBudget(100)
  const [one, other] = [budget.open(), budget.open()]
  one.growTo(80)
  expect(() => other.growTo(40)).toThrow(expect.objectContaining({ code: 'server_busy' }))
  other.growTo(20)
  other.growTo(32)
  one.close()
  one.close()
  expect(budget.usedBytes).toBe(32)
})
