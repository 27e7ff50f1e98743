/** The end of a server: nobody is cut off, and whoever was answered is stored. Over real sockets and by signals. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { beforeAll, describe, expect, test } from 'vitest'
import { binary, builtOnce } from '../../support/binary.js'
import { freshDatabase } from '../../support/postgres/database.js'
import { temporaryFolder } from '../../support/postgres/server.js'
import { requestHead, sendRaw } from '../../support/serve/raw-http.js'
import { withServing } from '../../support/serve/serving.js'

const event = () => ({
  event_id: randomUUID(),
  occurred_at: '2025-01-31T10:20:30Z',
  user_id: 'u1',
  event_type: 'view',
})
const json = { 'content-type': 'application/json' }

/** Stops the server of a bracket while `during` runs; it gets what resolves when the server is closed. */
async function whileStopping(
  lingerMs: number,
  before: (url: string) => Promise<unknown>,
  during: (url: string) => Promise<void>,
): Promise<void> {
  let url = ''
  const closed = withServing(
    {},
    async (server) => {
      url = server.url
      await before(url)
    },
    { drain: { lingerMs, limitMs: 20_000 } },
  )
  while (url === '') await Promise.race([sleep(5), closed])
  await during(url)
  await closed
}

describe('connections', () => {
  test('a quiet one that asks once more is answered, and told to close', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const get = (url: string, path: string) =>
      new Promise<{ status: number; connection: string | undefined }>((resolve, reject) => {
        httpRequest(`${url}${path}`, { agent }, (answer) => {
          answer.resume()
          answer.on('end', () => resolve({ status: answer.statusCode!, connection: answer.headers.connection }))
        })
          .on('error', reject)
          .end()
      })
    let stopping = () => {}
    const begins = new Promise<void>((resolve) => {
      stopping = resolve
    })
    await whileStopping(
      60_000,
      async (url) => {
        expect(await get(url, '/health')).toEqual({ status: 200, connection: 'keep-alive' })
        stopping()
      },
      async (url) => {
        await begins
        // Until it has noticed; a quiet connection is closed after a minute only, so the answers come over this one.
        for (;;) {
          const answer = await get(url, '/ready')
          if (answer.status === 200) continue
          expect(answer).toEqual({ status: 503, connection: 'close' })
          break
        }
      },
    )
    agent.destroy()
  })

  test('a request that is half sent is waited for and answered', async () => {
    const body = JSON.stringify([event()])
    let answer: Promise<Awaited<ReturnType<typeof sendRaw>>> | undefined
    await whileStopping(
      100,
      async (url) => {
        const head = requestHead('POST /events HTTP/1.1', { ...json, 'content-length': String(body.length) })
        answer = sendRaw(url, head, body.slice(0, 10), 600, body.slice(10))
        await sleep(100)
      },
      async () => {
        expect(await answer).toMatchObject({ status: 200, headers: { connection: 'close' } })
      },
    )
  })

  test('new ones are refused', async () => {
    await whileStopping(
      100,
      async (url) => {
        // Keeps the server from ending before the test has looked.
        const { hostname, port } = new URL(url)
        connect(Number(port), hostname).write('POST /events HTTP/1.1\r\n')
        await sleep(50)
      },
      async (url) => {
        for (;;) {
          // On a connection of its own each time.
          const refused = await fetch(`${url}/health`, { headers: { connection: 'close' } }).then(
            () => undefined,
            (error: Error) => (error.cause as NodeJS.ErrnoException).code,
          )
          // What the system had taken but the server not yet is reset when it stops listening: then there is no answer.
          if (refused === undefined || refused === 'ECONNRESET' || refused === 'UND_ERR_SOCKET') continue
          expect(refused).toBe('ECONNREFUSED')
          break
        }
      },
    )
  })
})

describe('ea serve', () => {
  // A build takes its time, which is no test's.
  beforeAll(builtOnce)

  interface Running {
    readonly url: string
    readonly databaseUrl: string
    readonly pid: number
    readonly child: ReturnType<typeof spawn>
    readonly stderr: () => string
  }

  async function withBinary(args: readonly string[], use: (running: Running) => Promise<void>): Promise<void> {
    const { url: databaseUrl, drop } = await freshDatabase()
    const dataDir = await temporaryFolder()
    const child = spawn(process.execPath, [binary, 'serve', '--port', '0', ...args], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, DATABASE_URL: databaseUrl, EA_DATA_DIR: dataDir },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stderr = ''
    child.stderr.on('data', (part) => {
      stderr += part
    })
    try {
      const [url] = (await Promise.race([
        once(createInterface(child.stdout), 'line'),
        once(child, 'close').then(() => {
          throw new Error(stderr)
        }),
      ])) as [string]
      await use({ url, databaseUrl, pid: child.pid!, child, stderr: () => stderr })
    } finally {
      child.kill('SIGKILL')
      await drop()
    }
  }

  test('SIGTERM under load: every answered event is stored, no connection is reset before its answer', async () => {
    await withBinary(['--log-level', 'warn'], async ({ url, databaseUrl, child }) => {
      const answered: string[] = []
      const failures: string[] = []
      const agent = new Agent({ keepAlive: true, maxSockets: 32 })
      let isStopping = false
      const send = () =>
        new Promise<'answered' | 'told' | 'refused'>((resolve) => {
          const one = event()
          const request = httpRequest(`${url}/events`, { agent, method: 'POST', headers: json }, (answer) => {
            answer.resume()
            answer.on('end', () => {
              if ([200, 202, 207].includes(answer.statusCode!)) answered.push(one.event_id)
              else failures.push(`status ${answer.statusCode}`)
              resolve(answer.headers.connection === 'close' ? 'told' : 'answered')
            })
            answer.on('error', (error) => {
              failures.push(`cut off: ${error.message}`)
              resolve('refused')
            })
          })
          request.on('error', (error: NodeJS.ErrnoException) => {
            // A new connection to a server that listens no more; a reset of one that was open is a failure.
            if (error.code !== 'ECONNREFUSED') failures.push(String(error.code ?? error.message))
            resolve('refused')
          })
          request.end(JSON.stringify([one]))
        })
      const client = async () => {
        for (;;) if ((await send()) !== 'answered' && isStopping) return
      }
      const clients = Array.from({ length: 32 }, client)
      while (answered.length < 200) await sleep(10)
      isStopping = true
      child.kill('SIGTERM')
      const [code] = await once(child, 'close')
      await Promise.all(clients)
      agent.destroy()
      expect(failures).toEqual([])
      expect(code).toBe(0)
      expect(await storedOf(databaseUrl, answered)).toBe(answered.length)
    })
  })

  test('a second signal ends it at once', async () => {
    await withBinary(['--log-level', 'silent'], async ({ url, child }) => {
      // A request that is never finished keeps the server waiting.
      const { hostname, port } = new URL(url)
      const socket = connect(Number(port), hostname)
      socket.on('error', () => {})
      socket.write(requestHead('POST /events HTTP/1.1', { ...json, 'content-length': '100' }))
      await sleep(300)
      child.kill('SIGTERM')
      await sleep(300)
      expect(child.exitCode).toBeNull()
      child.kill('SIGTERM')
      const [code] = await once(child, 'close')
      expect(code).toBe(143)
      socket.destroy()
    })
  })
})

async function storedOf(databaseUrl: string, ids: readonly string[]): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const { rows } = await client.query('SELECT count(*)::int AS stored FROM ea.events WHERE event_id = ANY($1)', [ids])
    return rows[0].stored
  } finally {
    await client.end()
  }
}
