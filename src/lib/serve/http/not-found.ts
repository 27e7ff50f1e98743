/**
 * What is answered where no route fits: 404 for a path that is nothing, 405 with Allow for a path that is something by
 * another method. Both count against the rate limit of the address.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { EaError } from '../../core/errors.js'

/** Registers the answers; routes that are registered later are known to them. */
export function answerNotFound(app: FastifyInstance, options: { rateLimit: number }): void {
  const routes: { readonly pattern: RegExp; readonly method: string }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    // The preflight of CORS, which fits every path.
    if (url === '*') return
    for (const name of [method].flat()) routes.push({ pattern: asRegExp(url), method: name })
  })
  const limit = options.rateLimit > 0 ? app.rateLimit() : undefined
  const refuse = (request: FastifyRequest, reply: FastifyReply): never => {
    const path = request.url.split('?', 1)[0]!
    const allowed = [...new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))].sort()
    if (allowed.length === 0) throw new EaError('not_found', `There is nothing at ${path.slice(0, 200)}.`)
    reply.header('allow', allowed.join(', '))
    throw new EaError('method_not_allowed', `${path} takes ${allowed.join(' and ')}, not ${request.method}.`)
  }
  // Already here, and not in the handler: the body of a request to nothing is not read.
  app.addHook('onRequest', async (request, reply) => {
    if (!request.is404) return
    await limit?.call(app, request, reply)
    refuse(request, reply)
  })
  // Reached from the preflight where there is none.
  app.setNotFoundHandler(refuse)
}

/** `/batches/:id` as what it matches. */
function asRegExp(pattern: string): RegExp {
  const source = pattern
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part === '*' ? '.*' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
    .join('/')
  return new RegExp(`^${source}$`)
}
