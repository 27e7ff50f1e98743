/** What the tests of access share: a server that answers who asks, and a way to the database that can be cut. */
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { connect, createServer, type Server, type Socket } from 'node:net'
import Fastify from 'fastify'
import { catalogue, EaError } from '../../src/lib/core/errors.js'
import { challengeOf } from '../../src/lib/serve/auth/access.js'
import type { Access } from '../../src/lib/serve/http/context.js'
import { databaseUrl } from '../support/postgres/database.js'
import { temporaryFolder } from '../support/postgres/server.js'

interface Reply {
  readonly status: number
  /** The principal, or code, message, reason and challenge of the error. */
  // biome-ignore lint/suspicious/noExplicitAny: the tests are about its shape
  readonly body: any
}

/** Asks who it is, with these headers. */
export type Ask = (
  headers?: Readonly<Record<string, string | string[]>>,
  options?: { query?: string; allowQueryKey?: boolean },
) => Promise<Reply>

/** A real server with one route that says who asks. */
export async function withAsking<T>(access: Access, use: (ask: Ask) => Promise<T>): Promise<T> {
  const app = Fastify()
  const who = (allowQueryKey: boolean) =>
    app.get(`/${allowQueryKey}`, (request) => access.identify(request, allowQueryKey))
  app.setErrorHandler((error, _, reply) => {
    if (!(error instanceof EaError)) throw error
    const { code, message, details } = error
    const challenge = code === 'unauthorized' ? challengeOf(error) : undefined
    return reply.code(catalogue[code].http).send({ code, message, ...details, challenge })
  })
  who(true)
  who(false)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  try {
    return await use(async (headers = {}, { query = '', allowQueryKey = false } = {}) => {
      // Not fetch: it cannot send a header twice.
      const sent = httpRequest({ host: '127.0.0.1', port, path: `/${allowQueryKey}${query}`, headers })
      sent.end()
      const [response] = await once(sent, 'response')
      let text = ''
      for await (const piece of response.setEncoding('utf8')) text += piece
      return { status: response.statusCode, body: JSON.parse(text) }
    })
  } finally {
    await app.close()
  }
}

export interface Relay {
  /** The same database, behind the relay. */
  readonly url: string
  /** How often the keys were read. */
  readonly reads: () => number
  readonly cut: () => Promise<void>
  readonly mend: () => Promise<void>
  /** From now on nothing comes through, and nobody is told: connections stay open. Those of now stay so for ever. */
  readonly hang: () => void
  /** New connections come through again. */
  readonly unhang: () => void
}

/** A way to the database that can be cut and mended: for its clients the database is really away. */
export async function withRelay<T>(url: string, use: (relay: Relay) => Promise<T>): Promise<T> {
  const folder = await temporaryFolder()
  const path = `${folder}/.s.PGSQL.5432`
  const target = new URL(url)
  const host = target.searchParams.get('host') ?? target.hostname
  const port = Number(target.port || 5432)
  let reads = 0
  let isHanging = false
  let server: Server | undefined
  const open = new Set<Socket>()
  const mend = async () => {
    server = createServer((client) => {
      const upstream = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host)
      client.on('data', (bytes) => {
        if (bytes.includes('secret_sha256')) reads += 1
      })
      let isDeaf = isHanging
      const pass = (to: Socket) => (bytes: Buffer) => {
        isDeaf ||= isHanging
        if (!isDeaf) to.write(bytes)
      }
      client.on('data', pass(upstream))
      upstream.on('data', pass(client))
      for (const [one, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        open.add(one)
        one.on('error', () => other.destroy())
        one.on('close', () => {
          open.delete(one)
          other.destroy()
        })
      }
    }).listen(path)
    await once(server, 'listening')
  }
  const cut = async () => {
    if (server === undefined) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of open) socket.destroy()
    await closed
    server = undefined
  }
  await mend()
  try {
    const account = `${target.username}${target.password && `:${target.password}`}`
    const relayed = `postgresql://${account}@localhost:5432/x?host=${folder}`
    return await use({
      url: databaseUrl(relayed, target.pathname.slice(1)),
      reads: () => reads,
      cut,
      mend,
      hang() {
        isHanging = true
      },
      unhang() {
        isHanging = false
      },
    })
  } finally {
    await cut()
    await rm(folder, { recursive: true, force: true })
  }
}
