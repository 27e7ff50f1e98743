/** The key or token that a request carries, wherever it stands. Whether it is good is not decided here. */
import type { FastifyRequest } from 'fastify'
import { EaError } from '../../core/errors.js'

export interface Credential {
  readonly text: string
  readonly from: 'authorization' | 'x-api-key' | 'query'
}

/**
 * The one credential of a request; undefined when it has none. The same one in two places is one.
 *
 * @param allowQueryKey whether `?key=` is one
 * @throws EaError `unauthorized` when there are two, or one of a scheme that is not `Bearer`
 */
export function credentialOf(request: FastifyRequest, allowQueryKey: boolean): Credential | undefined {
  const given: Credential[] = [
    ...headerValues(request, 'authorization').map(
      (value) => ({ text: bearerOf(value), from: 'authorization' }) as const,
    ),
    ...headerValues(request, 'x-api-key').map((value) => ({ text: value.trim(), from: 'x-api-key' }) as const),
    ...(allowQueryKey ? queryKeys(request) : []),
  ]
  const [first] = given
  if (given.some(({ text }) => text !== first!.text)) {
    throw new EaError('unauthorized', 'The request has two different keys or tokens: which one counts is not known.', {
      suggestions: ['Send one of them.'],
      details: { reason: 'ambiguous' },
    })
  }
  return first
}

/** Every occurrence of a header: Node keeps only the first `Authorization`, and a proxy before it may take the last. */
function headerValues(request: FastifyRequest, name: string): string[] {
  const { rawHeaders } = request.raw
  const values: string[] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at]!.toLowerCase() === name) values.push(rawHeaders[at + 1]!)
  }
  return values
}

function bearerOf(value: string): string {
  const [, token] = /^bearer +(\S+) *$/i.exec(value) ?? []
  if (token !== undefined) return token
  throw new EaError('unauthorized', 'The header Authorization must be `Bearer` and a key or token.', {
    details: { reason: 'scheme' },
  })
}

function queryKeys(request: FastifyRequest): Credential[] {
  const { key } = (request.query ?? {}) as { key?: unknown }
  const texts = Array.isArray(key) ? key : key === undefined ? [] : [key]
  return texts.map((text) => ({ text: String(text), from: 'query' }))
}
