/**
 * The server as one bracket: who may, what takes events in, the routes, the listening socket. `withServer` opens them in
 * this order and closes them in the reverse one, so that what was accepted is stored before the database is let go.
 */
import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { EaError } from '../core/errors.js'
import type { Database } from '../db/connect.js'
import { type IngestEvent, withIngest } from '../ingest/ingest.js'
import { openAnswerService } from './answers/answer-service.js'
import { withAccess } from './auth/access.js'
import { allowOrigins } from './auth/cors.js'
import { guard } from './auth/guards.js'
import { isLoopback } from './auth/loopback.js'
import { answerClientError } from './client-errors.js'
import { bodyBudget } from './http/body-budget.js'
import type { Access } from './http/context.js'
import { type LogSink, loggingOptions, logKeysUnread } from './http/logging.js'
import { createMetrics } from './http/metrics.js'
import { answerNotFound } from './http/not-found.js'
import type { ServeOptions } from './http/options.js'
import { requireDecodable } from './http/query-values.js'
import { Connections, drainDefaults, type ShutdownOptions, type StopSwitch } from './http/shutdown.js'
import { logIngestEvent } from './ingest-log.js'
import { problemOf, problemType } from './problem-details.js'
import { registerRoute, type ServeContext } from './route.js'
import { routes } from './routes.js'

export interface RunningServer {
  /** Where it listens: `http://127.0.0.1:8080`. */
  readonly url: string
  /** Whether it serves everybody who can reach it. */
  readonly isOpen: boolean
}

export interface ServerOptions {
  /** Takes the lines of the log. */
  readonly logTo?: LogSink
  /** How connections are closed at the end. */
  readonly drain?: ShutdownOptions
  /** How late the event loop may be before requests are refused as too many. */
  readonly maxLoopDelayMs?: number
}

/**
 * Makes the app with all hooks and routes; it does not listen yet.
 *
 * @example
 * const app = await buildServer(context, { maxLoopDelayMs: 1_000 })
 * await app.inject('/health')
 */
async function buildServer(
  context: ServeContext,
  { logTo, maxLoopDelayMs }: { logTo: LogSink | undefined; maxLoopDelayMs: number },
): Promise<FastifyInstance> {
  const { options, metrics, stopping } = context
  const app = fastify({
    ...loggingOptions(options.logLevel, logTo),
    bodyLimit: options.bodyLimitBytes,
    requestTimeout: options.requestTimeoutMs,
    // Longer than load balancers keep a connection: the side that closes first must be the one that sends.
    keepAliveTimeout: 65_000,
    // Quiet for so long, neither a request arrives nor an answer is read, and no question takes so long.
    connectionTimeout: options.requestTimeoutMs + options.queryTimeoutMs + 30_000,
    http: {
      headersTimeout: options.requestTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
      connectionsCheckingInterval: Math.max(50, Math.min(1000, options.requestTimeoutMs / 4)),
    },
    trustProxy: options.trustedProxies.length > 0 ? [...options.trustedProxies] : false,
    genReqId: requestId,
    requestIdHeader: false,
    exposeHeadRoutes: true,
    // While it stops, what still arrives is answered, with `Connection: close`.
    return503OnClosing: false,
    routerOptions: { caseSensitive: true, ignoreTrailingSlash: false, maxParamLength: 100 },
    clientErrorHandler: answerClientError,
    frameworkErrors: sendProblem,
  })
  // Each route that takes a body says which: no other is read.
  app.removeAllContentTypeParsers()
  app.setErrorHandler(sendProblem)
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    requireDecodable(request.raw.url ?? '')
  })
  app.addHook('onSend', async (_, reply) => {
    if (stopping.isStopping) reply.header('connection', 'close')
  })
  app.addHook('onResponse', async (request, reply) => {
    const route = (request.is404 ? undefined : request.routeOptions.url) ?? 'unmatched'
    metrics.observeRequest(request.method, route, reply.statusCode, reply.elapsedTime / 1000)
  })
  await guard(app, context, maxLoopDelayMs)
  answerNotFound(app, options)
  for (const route of routes) if (route.body === undefined) registerRoute(app, route, context)
  await app.register(async (scope) => {
    await allowOrigins(scope, options.corsOrigins)
    for (const route of routes) if (route.body !== undefined) registerRoute(scope, route, context)
  })
  return app
}

/** What a client calls its request, if that can stand in a log and a header; else a new name. */
function requestId({ headers }: { headers: Record<string, unknown> }): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID()
}

function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(error, request.id)
  if (problem.isOurs) request.log.error({ err: error }, problem.body.code)
  void reply
    .code(problem.status)
    .headers({ 'x-request-id': request.id, 'cache-control': 'no-store', ...problem.headers })
    .type(problemType)
    .send(JSON.stringify(problem.body))
}

/**
 * Serves until `use` is done, then stops without cutting anybody off: connections are closed one by one, what was
 * accepted is stored, and only then the rest is closed.
 *
 * @param use gets the URL once the server listens
 * @throws EaError `no_authentication`, `address_in_use`, and what `use` throws
 * @example
 * await withServer(db, { ...serveDefaults, spoolDir, port: 0 }, ({ url }) => untilAborted(signal))
 */
export async function withServer<T>(
  db: Database,
  options: ServeOptions,
  use: (server: RunningServer) => Promise<T>,
  { logTo, drain = drainDefaults, maxLoopDelayMs = 1_000 }: ServerOptions = {},
): Promise<T> {
  const metrics = createMetrics()
  const { spoolDir, timezone } = options
  // Keys are read and the intake is open before the app is; both tell of themselves in the app's log.
  let log: FastifyBaseLogger | undefined
  let unread: Error | undefined
  const onUnread = (failure: Error | undefined) => {
    unread = failure
    if (log !== undefined) logKeysUnread(failure, log)
  }
  const serve = async (access: Access) => {
    requireAuthentication(options, access)
    const onEvent = (event: IngestEvent) => logIngestEvent(event, metrics, log)
    return withIngest(db, { spoolDir, timezone, onEvent }, async (intake) => {
      metrics.watch(intake)
      const stopping: StopSwitch = { isStopping: false }
      const bodies = bodyBudget(options.bodyMemoryBytes)
      const answerQuestion = openAnswerService(db, options)
      const context = { db, options, access, intake, answerQuestion, metrics, stopping, bodies }
      const app = await buildServer(context, { logTo, maxLoopDelayMs })
      log = app.log
      if (unread !== undefined) logKeysUnread(unread, log)
      try {
        const connections = new Connections(app.server)
        const url = await listen(app, options)
        try {
          return await use({ url, isOpen: !access.isRequired })
        } finally {
          stopping.isStopping = true
          app.log.info('stopping')
          const cut = await connections.drain(drain)
          if (cut > 0) app.log.warn({ connections: cut }, 'connections cut: their requests took too long')
        }
      } finally {
        await app.close()
      }
    })
  }
  return withAccess(db, options, serve, onUnread)
}

function requireAuthentication({ host, insecure }: ServeOptions, access: Access): void {
  if (access.isRequired || insecure || isLoopback(host)) return
  throw new EaError('no_authentication', `Anyone who can reach ${host} could read and write the events.`)
}

async function listen(app: FastifyInstance, { host, port }: ServeOptions): Promise<string> {
  try {
    // `localhost` would be two servers, of which only one could be watched.
    await app.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined || !unusable.includes(code)) throw error
    throw new EaError('address_in_use', `The server cannot listen on ${host} port ${port}: ${message}`, {
      cause: error,
    })
  }
  const { address, family, port: taken } = app.server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`
}

const unusable = ['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES', 'ENOTFOUND', 'EAI_AGAIN']
