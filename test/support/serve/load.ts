/**
 * Steady requests to a server on this machine: so many connections, each with one request after the other over a socket
 * that is kept open. Remembers every answer with its times, and everything that is none.
 */
import { Agent, request as httpRequest } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** A request of a load; `about` is what the test wants to know about it later. */
export interface LoadRequest<T> {
  readonly about: T
  /** JSON text. */
  readonly body: string
  /** Default `/events`. */
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  /** The client hangs up after so many milliseconds without an answer, and sends the same again at once, once. */
  readonly givesUpAfterMs?: number
}

export interface LoadAnswer<T> {
  readonly about: T
  readonly status: number
  readonly body: string
  /** When the client began to send, and when it had the whole answer; of one clock, in milliseconds. */
  readonly sentMs: number
  readonly answeredMs: number
  /** How often it was sent: 2 when the client had given up once. */
  readonly times: 1 | 2
}

/** A connection that ended, or was never made, although the client waited for an answer. */
interface LoadFailure<T> {
  readonly about: T
  readonly code: string
}

export interface LoadOptions<T> {
  readonly connections: number
  /** The next request; undefined ends the connection that asks. */
  readonly next: () => LoadRequest<T> | undefined
  /** What each connection rests between an answer and the next request, in milliseconds. */
  readonly restMs?: number
}

/** A load that is under way. */
export interface Load<T> {
  /** In the order in which they came. */
  readonly answers: readonly LoadAnswer<T>[]
  readonly failures: readonly LoadFailure<T>[]
  /** Waits for the answers that are due, and ends. */
  stop(): Promise<void>
  /** Resolves when `next` has no more and everything is answered. */
  readonly ended: Promise<void>
}

/**
 * Begins to send.
 *
 * @param url of the server: only 127.0.0.1
 * @example
 * const load = startLoad(url, { connections: 16, next: () => ({ about: ++n, body: JSON.stringify([event(n)]) }) })
 * await load.stop()
 */
export function startLoad<T>(url: string, { connections, next, restMs = 0 }: LoadOptions<T>): Load<T> {
  const { hostname } = new URL(url)
  if (hostname !== '127.0.0.1') throw new Error(`a load goes to 127.0.0.1 only, not to ${hostname}`)
  const answers: LoadAnswer<T>[] = []
  const failures: LoadFailure<T>[] = []
  let isStopping = false

  const client = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    try {
      while (!isStopping) {
        const wanted = next()
        if (wanted === undefined) break
        const sentMs = performance.now()
        let times: 1 | 2 = 1
        let came = await send(agent, url, wanted, wanted.givesUpAfterMs)
        if (came === 'gave up') {
          times = 2
          came = await send(agent, url, wanted)
        }
        if (typeof came === 'string') failures.push({ about: wanted.about, code: came })
        else answers.push({ about: wanted.about, ...came, sentMs, answeredMs: performance.now(), times })
        // One that cannot connect must not spin.
        if (restMs > 0 || typeof came === 'string') await sleep(Math.max(restMs, typeof came === 'string' ? 20 : 0))
      }
    } finally {
      agent.destroy()
    }
  }
  const ended = Promise.all(Array.from({ length: connections }, client)).then(() => {})
  return {
    answers,
    failures,
    ended,
    stop: () => {
      isStopping = true
      return ended
    },
  }
}

/** The answer; a text when there is none: `gave up`, or what the socket says. */
function send(
  agent: Agent,
  url: string,
  { body, path = '/events', headers }: LoadRequest<unknown>,
  givesUpAfterMs?: number,
): Promise<{ status: number; body: string } | string> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined
    const done = (came: { status: number; body: string } | string) => {
      clearTimeout(timer)
      resolve(came)
    }
    const request = httpRequest(
      `${url}${path}`,
      { agent, method: 'POST', headers: { 'content-type': 'application/json', ...headers } },
      (answer) => {
        const parts: Buffer[] = []
        answer.on('data', (part) => parts.push(part))
        answer.on('end', () => done({ status: answer.statusCode!, body: Buffer.concat(parts).toString('utf8') }))
        answer.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message))
      },
    )
    request.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message))
    if (givesUpAfterMs !== undefined) {
      timer = setTimeout(() => {
        done('gave up')
        request.destroy()
      }, givesUpAfterMs)
    }
    request.end(body)
  })
}
