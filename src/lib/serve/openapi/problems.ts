/** The errors of a route, from their codes: one response for each status, with the codes that it can have. */
import { catalogue, type ErrorCode } from '../../core/errors.js'
import { ref, type Schema } from './schemas.js'

/** What every route answers that asks who is there: for a key the database is asked, for a token its issuer. */
export const guarded = [
  'unauthorized',
  'forbidden',
  'rate_limited',
  'database_unreachable',
  'jwks_unavailable',
  'server_busy',
] as const satisfies ErrorCode[]

/** What a route answers that asks the database. */
export const databaseTrouble = [
  'database_refused',
  'database_not_migrated',
  'query_timeout',
] as const satisfies ErrorCode[]

const retryAfter = { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 1 } } }
const headersByStatus: Readonly<Record<number, Schema>> = {
  401: { 'WWW-Authenticate': { description: 'How to say who you are.', schema: { type: 'string' } } },
  429: retryAfter,
  503: retryAfter,
}

/**
 * Responses by status.
 *
 * @param codes what the route can throw
 * @example
 * problems('usage', 'not_acceptable') // { '400': …, '406': … }
 */
export function problems(...codes: readonly ErrorCode[]): Record<string, Schema> {
  const statuses = [...new Set(codes.map((code) => catalogue[code].http))].sort()
  return Object.fromEntries(
    statuses.map((status) => [
      String(status),
      problem(
        status,
        codes.filter((code) => catalogue[code].http === status),
      ),
    ]),
  )
}

function problem(status: number, codes: readonly ErrorCode[]): Schema {
  return {
    description: codes.map((code) => `\`${code}\`: ${catalogue[code].meaning} ${catalogue[code].next}`).join('\n\n'),
    ...(headersByStatus[status] === undefined ? {} : { headers: headersByStatus[status] }),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [ref('Problem'), { properties: { status: { const: status }, code: { enum: codes } } }],
        },
      },
    },
  }
}
