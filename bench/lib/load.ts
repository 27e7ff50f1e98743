/**
 * Load by autocannon: as many connections as are asked for, each sends the next request when it has heard the answer to
 * the last one. So the rate is what the server can do, and the latency is that of a server with all it can do. The
 * package is in bench/package.json only and loaded by name.
 */

/** What is used of `autocannon`. */
type Autocannon = (options: {
  readonly url: string
  readonly connections: number
  readonly duration: number
  readonly timeout: number
  readonly requests: readonly Request[]
}) => Promise<{
  readonly latency: { readonly p50: number; readonly p99: number; readonly max: number }
  readonly duration: number
  readonly errors: number
  readonly timeouts: number
  readonly statusCodeStats: Readonly<Record<string, { readonly count: number }>>
}>

interface Given {
  method: string
  path: string
  headers: Record<string, string>
  body?: string
}

/** A request; `setupRequest` makes each one different and may leave in `context` what `onResponse` wants to know. */
export interface Request extends Given {
  readonly setupRequest?: (request: Given, context: Record<string, unknown>) => Given
  readonly onResponse?: (status: number, body: string, context: Record<string, unknown>) => void
}

export interface Load {
  /** Answers in a second. */
  readonly rate: number
  /** In milliseconds, of all answers. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Requests that got no answer, in time or at all. */
  readonly errors: number
  /** How many answers had each status. */
  readonly statuses: Readonly<Record<string, number>>
}

const answerLimitSeconds = 30

/** Sends one kind of request over and over. @throws Error when autocannon is not installed */
export async function load(url: string, connections: number, seconds: number, request: Request): Promise<Load> {
  const done = await (await autocannon())({
    url,
    connections,
    duration: seconds,
    timeout: answerLimitSeconds,
    requests: [request],
  })
  const statuses = Object.fromEntries(Object.entries(done.statusCodeStats).map(([code, { count }]) => [code, count]))
  const answers = Object.values(statuses).reduce((sum, count) => sum + count, 0)
  return {
    rate: answers / done.duration,
    p50Ms: done.latency.p50,
    p99Ms: done.latency.p99,
    maxMs: done.latency.max,
    errors: done.errors,
    statuses,
  }
}

async function autocannon(): Promise<Autocannon> {
  const name = 'autocannon'
  try {
    return ((await import(name)) as { default: Autocannon }).default
  } catch (error) {
    throw new Error(`${name} cannot be loaded; \`npm ci --prefix bench\` installs it`, { cause: error })
  }
}
