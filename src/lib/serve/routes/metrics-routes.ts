/** GET /metrics: what the server has counted, for Prometheus. It names stats and routes, so it asks for a key. */
import { defineRoute, textOf } from '../route.js'

export const metricsRoute = defineRoute({
  method: 'GET',
  path: '/metrics',
  scope: 'read',
  isOpen: ({ publicMetrics }) => publicMetrics,
  isCheap: true,
  config: { isProbe: true },
  operationId: 'getMetrics',
  tag: 'server',
  summary: 'What the server has counted, for Prometheus',
  description: 'Asks for no key when the server runs with --public-metrics.',
  answers: { 200: textOf('text/plain', 'The metrics.') },
  async answer({ metrics }, _, __, reply) {
    const text = await metrics.text()
    return reply.header('cache-control', 'no-store').type(metrics.contentType).send(text)
  },
})
