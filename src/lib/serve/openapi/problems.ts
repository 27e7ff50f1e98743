/** The errors of a route, from their codes: one response for each status, with the codes that it can have. */
import * as z from 'zod'
import { catalogue, type ErrorCode } from '../../core/errors.js'
import { problemSchema } from '../problem-details.js'
import type { Answer, Route } from '../route.js'

/** What a route can throw that asks who is there: for a key the database is asked, for a token its issuer. */
const guardErrors: readonly ErrorCode[] = [
  'unauthorized',
  'forbidden',
  'rate_limited',
  'database_unreachable',
  'jwks_unavailable',
  'server_busy',
]
const databaseErrors: readonly ErrorCode[] = [
  'internal_error',
  'database_refused',
  'database_not_migrated',
  'query_timeout',
]
const bodyErrors: readonly ErrorCode[] = [
  'malformed_body',
  'request_timeout',
  'body_too_large',
  'unsupported_media_type',
  'origin_refused',
]

/** All that a route can throw. */
export function errorsOf({ params, query, body, scope, errors = [], asksDatabase }: Route): ErrorCode[] {
  return [
    ...(params === undefined && query === undefined ? [] : (['usage'] as const)),
    ...(query !== undefined && 'format' in query.shape ? (['not_acceptable'] as const) : []),
    ...(body === undefined ? [] : bodyErrors),
    ...errors,
    ...(scope === undefined ? [] : guardErrors),
    ...(asksDatabase ? databaseErrors : []),
  ]
}

const retryAfter = { 'Retry-After': { description: 'Seconds to wait.', schema: z.int().min(1) } }
const headersByStatus: Readonly<Record<number, Answer['headers']>> = {
  401: { 'WWW-Authenticate': { description: 'How to say who you are.', schema: z.string() } },
  429: retryAfter,
  503: retryAfter,
}

/**
 * The answers to a request that fails, by status.
 *
 * @param codes what the route can throw
 * @example
 * problems(['usage', 'not_acceptable']) // { 400: …, 406: … }
 */
export function problems(codes: readonly ErrorCode[]): Readonly<Record<string, Answer>> {
  const statuses = [...new Set(codes.map((code) => catalogue[code].http))]
  const ofStatus = (status: number) => codes.filter((code) => catalogue[code].http === status)
  return Object.fromEntries(statuses.map((status) => [status, answerOf(status, ofStatus(status))]))
}

function answerOf(status: number, codes: readonly ErrorCode[]): Answer {
  const headers = headersByStatus[status]
  const ofThisStatus = z.looseObject({ status: z.literal(status), code: z.enum(codes) })
  return {
    description: codes.map((code) => `\`${code}\`: ${catalogue[code].meaning} ${catalogue[code].next}`).join('\n\n'),
    ...(headers === undefined ? {} : { headers }),
    content: { 'application/problem+json': { schema: z.intersection(problemSchema, ofThisStatus) } },
  }
}
