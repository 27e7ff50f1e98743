/**
 * Every error of the server as application/problem+json (RFC 9457): a code of the catalogue comes in with its words, or
 * whatever else was thrown; a status, headers and a body go out. What only concerns those who run the server (addresses
 * of the database, messages of bugs) never goes out: it is logged.
 */
import { STATUS_CODES } from 'node:http'
import * as z from 'zod'
import { catalogue, EaError, type ErrorCode } from '../core/errors.js'
import { sqlState } from '../db/connect.js'
import { asDatabaseError } from '../db/database-error.js'
import { scopes } from '../keys/scopes.js'
import { challengeOf } from './auth/access.js'

export const problemType = 'application/problem+json; charset=utf-8'

const errorCode = z.enum(Object.keys(catalogue) as ErrorCode[]).meta({ id: 'ErrorCode' })

/** The body of an answer that is an error (RFC 9457). The codes that an answer can have are beside it, route by route. */
export const problemSchema = z
  .object({
    type: z.literal('about:blank'),
    title: z.string().describe('The words of the status.'),
    status: z.int().min(400).max(599),
    detail: z.string().describe('What happened, for people.'),
    code: errorCode,
    suggestions: z.array(z.string()).describe('What to do next, most likely first.'),
    instance: z.string().optional().describe('The id of the request, as in X-Request-Id and in the log of the server.'),
    problems: z
      .array(z.string())
      .optional()
      .describe('Each thing that is wrong with the request, where there may be several.'),
    scope: z.enum(scopes).optional().describe('The scope that the key lacks.'),
    reason: z
      .string()
      .regex(/^(missing|ambiguous|scheme|(key|token)_[a-z_]+)$/)
      .optional()
      .describe('What is wrong with the key or token.'),
    byte_offset: z.int().nonnegative().optional().describe('Where in the body something else was expected.'),
    expected: z.string().optional().describe('What was expected there.'),
    max_records: z.int().nonnegative().optional().describe('How many records a body may hold.'),
    retry_after_seconds: z.number().nonnegative().optional().describe('As in Retry-After.'),
  })
  .meta({ id: 'Problem' })

export interface Problem {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: z.output<typeof problemSchema>
  /** Whether those who run the server should hear of it. */
  readonly isOurs: boolean
}

/**
 * Turns what was thrown into an answer.
 *
 * @param error an EaError, an error of Fastify or of the database, or a bug
 * @param requestId names the occurrence in the body
 * @example
 * problemOf(new EaError('not_found', 'There is nothing at /nothing.')).status // 404
 */
export function problemOf(error: unknown, requestId?: string): Problem {
  const known = asKnown(error)
  const { http: status } = catalogue[known.code]
  const isHidden = hidesDetails(known.code)
  return {
    status,
    headers: headersOf(known, status),
    body: {
      ...(isHidden ? {} : known.details),
      type: 'about:blank',
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail: isHidden ? catalogue[known.code].meaning : known.message,
      code: known.code,
      suggestions: isHidden ? [] : [...suggestionsOf(known)],
      ...(requestId === undefined ? {} : { instance: requestId }),
    },
    isOurs: isHidden,
  }
}

/** Bugs, and what the database or the machine says: words for those who run the server. */
function hidesDetails(code: ErrorCode): boolean {
  return catalogue[code].exit === 1 || /^(database_|data_dir_|embedded_|disk_full|output_)/.test(code)
}

function headersOf(error: EaError, status: number): Record<string, string> {
  if (status === 401 || error.code === 'forbidden') return { 'www-authenticate': challengeOf(error) }
  if (status !== 503 && status !== 429) return {}
  const seconds = error.details.retry_after_seconds
  return { 'retry-after': String(typeof seconds === 'number' ? Math.ceil(seconds) : 1) }
}

/** The catalogue speaks to people at a terminal; here they have paths instead of commands. */
const nextOverHttp: Partial<Record<ErrorCode, string>> = {
  usage: 'See what it takes: /openapi.json, or /docs in a browser.',
  batch_not_found: 'See the batches: GET /batches.',
}

function suggestionsOf({ code, suggestions }: EaError): readonly string[] {
  const isGeneral = suggestions.length === 1 && suggestions[0] === catalogue[code].next
  const next = nextOverHttp[code]
  return isGeneral && next !== undefined ? [next] : suggestions
}

/** What Fastify throws, by its code; it has more, which are bugs of the server. */
const codesOfFastify: Readonly<Record<string, readonly [ErrorCode, string?]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['body_too_large', 'The body is larger than the server accepts.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'The server does not read bodies of this type.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['malformed_body', 'The length of the body differs from Content-Length.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['malformed_body', 'The body is empty.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['malformed_body', 'The body is not JSON.'],
  FST_ERR_VALIDATION: ['usage'],
  FST_ERR_BAD_URL: ['usage', 'The path is not a valid URL.'],
  FST_ERR_MAX_PARAM_LENGTH: ['not_found', 'The server has nothing at this path.'],
  FST_ERR_NOT_FOUND: ['not_found', 'The server has nothing at this path.'],
}

function asKnown(error: unknown): EaError {
  if (error instanceof EaError) return error
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string }
  const entry = code === undefined ? undefined : codesOfFastify[code]
  if (entry) return new EaError(entry[0], entry[1] ?? message ?? '', { cause: error })
  const state = sqlState(error)
  if (state === '57014') {
    return new EaError('query_timeout', 'The database took longer for this than the server allows.', { cause: error })
  }
  if (state === '53100') return new EaError('disk_full', 'The database has no space left.', { cause: error })
  const ofDatabase = asDatabaseError(error)
  if (ofDatabase instanceof EaError) return ofDatabase
  // Of the plugins: a fault of the request that has no code of its own.
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new EaError('usage', message ?? 'The request is not understood.', { cause: error })
  }
  return new EaError('internal_error', message || 'Something unexpected happened.', { cause: error })
}
