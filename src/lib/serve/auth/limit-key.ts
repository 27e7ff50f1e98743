/** By whom requests are counted: by key or token where there is one, else by address. */
import { normalizeIP } from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'

/**
 * The name of who sends a request, for limits; the same for all requests of one key, one token subject or one address.
 *
 * @example
 * senderOf(request) // 'principal key:7', 'address 10.0.0.5'
 */
export function senderOf(request: FastifyRequest): string {
  const by = request.principal?.limitBy
  return by == null ? `address ${normalizeIP(request.ip)}` : `principal ${by}`
}
