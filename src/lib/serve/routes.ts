/** All routes of the server. */
import { docsRoutes } from './openapi/docs-routes.js'
import { openApiDocument } from './openapi/openapi.js'
import { pageRoutes } from './page-routes.js'
import type { Route } from './route.js'
import { batchRoutes } from './routes/batch-routes.js'
import { collectRoute } from './routes/collect-routes.js'
import { eventsRoute } from './routes/events-routes.js'
import { healthRoutes } from './routes/health-routes.js'
import { statsRoutes } from './routes/stats-routes.js'

export const routes: readonly Route[] = [
  ...statsRoutes,
  ...batchRoutes,
  eventsRoute,
  collectRoute,
  ...pageRoutes,
  ...healthRoutes,
  ...docsRoutes(() => openApiDocument(routes)),
]
