/**
 * What a route is: one object that says where it is, who may ask, what it takes, what it answers, and does it. The reading
 * of requests, the registration with Fastify and the OpenAPI document are made of it.
 *
 *   request ─ guard (key, limit) ─ route ─ answer service or ingest ─ answer, or problem
 */
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import type { ErrorCode } from '../core/errors.js'
import type { Database } from '../db/connect.js'
import type { OpenIngest } from '../ingest/ingest.js'
import type { Scope } from '../keys/scopes.js'
import { parseParams } from '../stats/query/params.js'
import type { AnswerQuestion } from './answers/answer-service.js'
import type { BodyBudget } from './http/body-budget.js'
import type { Access } from './http/context.js'
import type { ServerMetrics } from './http/metrics.js'
import { type AnswerFormat, mediaTypes } from './http/negotiate.js'
import type { ServeOptions } from './http/options.js'
import { type ReadQuery, readQuery } from './http/query-values.js'
import { takeBodies } from './http/request-body.js'
import type { Stopping } from './http/shutdown.js'

/** What the routes of a server share. */
export interface ServeContext {
  readonly db: Database
  readonly intake: OpenIngest
  readonly answerQuestion: AnswerQuestion
  /** The memory for the bodies of all requests. */
  readonly bodies: BodyBudget
  readonly access: Access
  readonly metrics: ServerMetrics
  readonly options: ServeOptions
  readonly stopping: Stopping
}

/** What a request asks for, past all checks. */
interface Asked<P extends z.ZodObject = z.ZodObject, Q extends z.ZodObject = z.ZodObject> extends ReadQuery<Q> {
  readonly params: z.output<P>
}

/** What a body or an answer holds, by media type. */
export type Content = Readonly<Record<string, { readonly schema: z.ZodType; readonly example?: unknown }>>

export interface Answer {
  readonly description: string
  /** Absent for an answer without body. */
  readonly content?: Content
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: z.ZodType }>>
}

/** What readers of the OpenAPI document want to know. */
interface Documented {
  readonly operationId: string
  readonly tag: 'stats' | 'batches' | 'events' | 'server'
  readonly summary: string
  readonly description?: string
  /** A value for some of the parameters, by the names of HTTP. */
  readonly examples?: Readonly<Record<string, string | readonly string[]>>
  /** The headers that a request may have beside those of all. */
  readonly headers?: z.ZodObject
  readonly answers: Readonly<Record<number, Answer>>
  /** Whether the answer is read from the database. */
  readonly asksDatabase?: boolean
  /** What it throws beside what follows from all that. */
  readonly errors?: readonly ErrorCode[]
}

export interface Route<P extends z.ZodObject = z.ZodObject, Q extends z.ZodObject = z.ZodObject>
  // Parts of a page have nothing of it: they are not in the document.
  extends Partial<Documented> {
  readonly method: 'GET' | 'POST'
  /** As OpenAPI writes it: `/batches/{id}`. */
  readonly path: string
  /** What a key needs for it; absent: it is open to all. */
  readonly scope?: Scope
  /** Whether it is open to all on a server with these options. */
  isOpen?(options: ServeOptions): boolean
  /** Whether it costs nothing to answer, so that too much other work is no reason to refuse. */
  readonly isCheap?: boolean
  readonly config?: Omit<FastifyContextConfig, 'scope'>
  /** In the path, each with a description that says what it is. */
  readonly params?: P
  /** Absent: the query is not looked at. */
  readonly query?: Q
  /** What has these parameters, for messages: `The list of batches`. */
  readonly subject?: string
  readonly body?: {
    /** The media types that are read; null: none was given. */
    readonly types: readonly (string | null)[]
    readonly content: Content
  }
  answer(context: ServeContext, asked: Asked<P, Q>, request: FastifyRequest, reply: FastifyReply): unknown
}

/**
 * A route, with the types of its parameters found in their schemas.
 *
 * @example
 * defineRoute({ method: 'GET', path: '/batches', scope: 'read', query: z.object({ limit: wholeNumber(1, 9) }), … })
 */
export function defineRoute<P extends z.ZodObject, Q extends z.ZodObject>(route: Route<P, Q>): Route {
  return route as unknown as Route
}

/**
 * What a route keeps for as long as its server runs.
 *
 * @example
 * const readinessOf = perServer(({ db }) => readiness(db))
 */
export function perServer<T>(make: (context: ServeContext) => T): (context: ServeContext) => T {
  const made = new WeakMap<ServeContext, T>()
  return (context) => {
    if (!made.has(context)) made.set(context, make(context))
    return made.get(context)!
  }
}

/** Registers a route in a scope of its own: what it says of bodies does not concern the others. */
export function registerRoute(app: FastifyInstance, route: Route, context: ServeContext): void {
  const { method, path, scope, body } = route
  const { options, bodies } = context
  const read = method === 'GET' ? remembering(reader(route)) : reader(route)
  const isOpen = scope === undefined || route.isOpen?.(options) === true
  app.register(async (own) => {
    if (body) takeBodies(own, (type) => body.types.includes(type), options.bodyLimitBytes, bodies)
    own.route({
      method,
      url: path.replace(/\{(\w+)\}/g, ':$1'),
      config: {
        ...route.config,
        ...(isOpen ? {} : { scope }),
        ...(route.isCheap ? { pressureHandler: () => {} } : {}),
      },
      ...(route.operationId === undefined ? { schema: { hide: true } as object } : {}),
      handler: (request, reply) => route.answer(context, read(request), request, reply),
    })
  })
}

function reader({ params, query, subject = '' }: Route): (request: FastifyRequest) => Asked {
  const nameOf = (name: string) => params?.shape[name]?.description?.replace(/\.$/, '') ?? name
  return (request) => ({
    params: params === undefined ? {} : parseParams(params, request.params, nameOf),
    ...(query === undefined ? { query: {}, given: {} } : readQuery(query, request.query, subject)),
  })
}

/** Requests that are remembered as read, and the longest address of one. */
const requestsRemembered = 500
const longestRemembered = 2000

/** Dashboards ask the same again and again: it is read once. */
function remembering(read: (request: FastifyRequest) => Asked): (request: FastifyRequest) => Asked {
  const remembered = new Map<string, Asked>()
  return (request) => {
    const { url = '' } = request.raw
    const known = remembered.get(url)
    if (known !== undefined) return known
    const asked = read(request)
    if (url.length > longestRemembered) return asked
    if (remembered.size >= requestsRemembered) remembered.clear()
    remembered.set(url, asked)
    return asked
  }
}

const describedForms = {
  ndjson: 'One line for each row.',
  csv: 'A header, and one record for each row (RFC 4180).',
  md: 'A table.',
  svg: 'A chart.',
} as const satisfies Record<Exclude<AnswerFormat, 'json'>, string>

/**
 * An answer that can be had in several forms.
 *
 * @param json the whole of it as JSON
 * @param example of the same
 */
export function inForms(description: string, formats: readonly AnswerFormat[], json: z.ZodType, example?: unknown) {
  const inForm = (format: AnswerFormat) =>
    format === 'json'
      ? { schema: json, ...(example === undefined ? {} : { example }) }
      : { schema: z.string().describe(describedForms[format]) }
  return { description, content: Object.fromEntries(formats.map((format) => [mediaTypes[format], inForm(format)])) }
}

/** An answer that is JSON. */
export const json = (description: string, schema: z.ZodType) => inForms(description, ['json'], schema)

/** An answer that is text of this media type. */
export const textOf = (mediaType: string, description: string): Answer => ({
  description,
  content: { [mediaType]: { schema: z.string() } },
})

/** What an answer with rows holds. */
export function rowsOf(metric: string, row: z.ZodType, meta: z.ZodType): z.ZodObject {
  return z.object({ metric: z.literal(metric), data: z.array(row), meta })
}
