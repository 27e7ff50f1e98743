/** GET /metrics: what the server has counted, for Prometheus. It names stats and routes, so it asks for a key. */
import type { FastifyContextConfig, FastifyInstance } from 'fastify'
import type { ServerMetrics } from '../http/metrics.js'
import type { ServeOptions } from '../http/options.js'

export function metricsRoutes(
  app: FastifyInstance,
  { metrics, options }: { metrics: ServerMetrics; options: ServeOptions },
): void {
  const config: FastifyContextConfig = { isProbe: true, ...(options.publicMetrics ? {} : { scope: 'read' as const }) }
  app.get('/metrics', { config: { ...config, pressureHandler: () => {} } }, async (_, reply) =>
    reply
      .header('cache-control', 'no-store')
      .type(metrics.contentType)
      .send(await metrics.text()),
  )
}
