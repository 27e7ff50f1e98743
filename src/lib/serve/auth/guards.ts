/**
 * What stands before every route: too much work (503), who asks and whether they may (401, 403), how often (429), and
 * headers that tell browsers to be careful. Each refuses by throwing an error of the catalogue.
 */
import { createHash } from 'node:crypto'
import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import helmet from '@fastify/helmet'
import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import underPressure from '@fastify/under-pressure'
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler, RouteOptions } from 'fastify'
import { EaError } from '../../core/errors.js'
import type { Scope } from '../../keys/scopes.js'
import type { Access, Principal } from '../http/context.js'
import type { ServeOptions } from '../http/options.js'
import { credentialOf } from './credential.js'
import { senderOf } from './limit-key.js'
import { isLoopback } from './loopback.js'

/** Failed logins per minute and address, so that keys cannot be tried out at speed. */
const maxFailures = 100

/**
 * Registers all guards; routes that are registered later are behind them.
 *
 * @example
 * await guard(app, { access, options }, 1_000)
 */
export async function guard(
  app: FastifyInstance,
  { access, options }: { access: Access; options: ServeOptions },
  maxLoopDelayMs: number,
) {
  app.decorateRequest('principal', null)
  await app.register(underPressure, {
    maxEventLoopDelay: maxLoopDelayMs,
    maxHeapUsedBytes: getHeapStatistics().heap_size_limit * 0.9,
    // Buffers are not of the heap. The budget of bodies bounds them; this is for what nobody has thought of.
    maxRssBytes: availableBytes() * 0.9,
    pressureHandler: async () => {
      throw new EaError('server_busy', 'The server has more work than it can do.')
    },
  })
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
        objectSrc: ["'none'"],
      },
    },
    frameguard: { action: 'deny' },
    // Whether a name is to be had by TLS alone is for those to say who own the name.
    strictTransportSecurity: false,
  })
  await app.register(rateLimit, {
    // 0 of the plugin would refuse everything.
    global: options.rateLimit > 0,
    max: options.rateLimit,
    timeWindow: 60_000,
    enableDraftSpec: true,
    keyGenerator: senderOf,
    errorResponseBuilder: (_, { ttl, max }) => tooMany(`more than ${max} requests in a minute`, ttl),
  })
  const limits = options.rateLimit > 0 ? loginLimits(app, options.rateLimit) : undefined
  app.addHook('onRoute', (route) => {
    const { scope, allowQueryKey = false } = route.config ?? {}
    if (scope === undefined) return
    const mayPass: onRequestAsyncHookHandler = async (request, reply) => {
      if (!access.isRequired) refuseOtherNames(request, options)
      const ask = () => access.identify(request, allowQueryKey)
      request.principal = limits === undefined ? await ask() : await limits(request, reply, allowQueryKey, ask)
      requireScope(request.principal, scope)
    }
    // First of the route's own hooks: the rate limit, which counts by principal, is another of them. Behind the hooks of
    // the app, so that answers to browsers have their CORS headers when they are refused, too.
    route.onRequest = [mayPass, ...hooksOf(route)]
  })
}

/** The memory of the machine, or what a container may have of it. */
function availableBytes(): number {
  const allowed = process.constrainedMemory()
  return allowed > 0 ? Math.min(allowed, totalmem()) : totalmem()
}

function hooksOf({ onRequest }: RouteOptions): onRequestAsyncHookHandler[] {
  const hooks = onRequest === undefined ? [] : Array.isArray(onRequest) ? onRequest : [onRequest]
  return hooks as onRequestAsyncHookHandler[]
}

/**
 * A server that is open to its own machine is not open to the pages that a browser there shows: one whose name was made
 * to resolve to 127.0.0.1 could read everything, and is told by that name.
 */
function refuseOtherNames({ headers, hostname }: FastifyRequest, { host, insecure }: ServeOptions): void {
  if (insecure || headers.host === undefined || !isLoopback(host) || isLoopback(hostname)) return
  throw new EaError('forbidden', `Without keys the server answers as localhost only, not as ${hostname}.`, {
    suggestions: ['Make a key with `ea keys create NAME`, ask for 127.0.0.1, or start the server with --insecure.'],
  })
}

function requireScope({ name, scopes }: Principal, scope: Scope): void {
  if (scopes.includes(scope) || scopes.includes('admin')) return
  throw new EaError('forbidden', `${JSON.stringify(name)} does not have the scope ${JSON.stringify(scope)}.`, {
    details: { scope },
    suggestions: [`Use a key that has the scope: \`ea keys create NAME --scope ${scope}\`, or a token that has it.`],
  })
}

function tooMany(what: string, ttlMs: number): EaError {
  const seconds = Math.max(1, Math.ceil(ttlMs / 1000))
  return new EaError('rate_limited', `There were ${what}; the next is taken in ${seconds} s.`, {
    details: { retry_after_seconds: seconds },
  })
}

/**
 * Limits failed logins by address. An address over the limit gets 429 for whatever it tries, except with what was good
 * before: who guesses must not lock out those who share an address, as all do behind a proxy that is not trusted.
 */
function loginLimits(app: FastifyInstance, ratePerMinute: number) {
  const failures = app.createRateLimit({
    max: Math.min(maxFailures, ratePerMinute),
    timeWindow: 60_000,
    keyGenerator: ({ ip }) => normalizeIP(ip),
  })
  const requests = app.rateLimit()
  const good = new Set<string>()
  return async (
    request: FastifyRequest,
    reply: FastifyReply,
    allowQueryKey: boolean,
    ask: () => Promise<Principal>,
  ) => {
    const credential = fingerprint(request, allowQueryKey)
    if (credential !== undefined && !good.has(credential)) {
      const state = await failures(request, { increment: false })
      if (!state.isAllowed && state.remaining === 0) throw tooMany('too many failed logins', state.ttl)
    }
    try {
      const principal = await ask()
      // Enough for the keys of one server; a stream of ever new tokens must not grow it.
      if (good.size >= 10_000) good.clear()
      if (credential !== undefined) good.add(credential)
      return principal
    } catch (error) {
      if (!(error instanceof EaError && error.code === 'unauthorized')) throw error
      // What is refused here does not come to the rate limit of the route.
      await requests.call(app, request, reply)
      if (credential === undefined) throw error
      good.delete(credential)
      await failures(request)
      throw error
    }
  }
}

/** The key or token of a request, not readable; undefined when it has none. */
function fingerprint(request: FastifyRequest, allowQueryKey: boolean): string | undefined {
  let text: string | undefined
  try {
    text = credentialOf(request, allowQueryKey)?.text
  } catch {
    text = 'not a credential'
  }
  return text === undefined ? undefined : createHash('sha256').update(text).digest('base64')
}
