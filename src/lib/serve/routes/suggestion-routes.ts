/**
 * GET /page/suggestions: what the page offers where a filter, a step or a property is typed. A part of the page, so it is
 * not in the OpenAPI document; it holds names of the data, so it needs the scope `read`.
 */

import { readSuggestions, type Suggestions } from '../../stats/filter/suggestions.js'
import { inReading } from '../../stats/query/run-stat.js'
import { momentReader, shared } from '../answers/cached-version.js'
import type { Routes } from '../http/context.js'

/** The route of suggestions; they are read once for each version of the data. */
export const suggestionRoutes: Routes = (app, { db, options }) => {
  const readMoment = momentReader(db)
  let known: { readonly version: number; readonly suggestions: Suggestions } | undefined
  const read = shared(async () => {
    const { version } = await readMoment()
    if (known?.version === version) return known.suggestions
    const suggestions = await inReading(db, { timeoutMs: options.queryTimeoutMs }, readSuggestions)
    known = { version, suggestions }
    return suggestions
  })
  const config = { scope: 'read' } as const
  app.get('/page/suggestions', { config, schema: { hide: true } as object }, async (_, reply) =>
    reply.header('cache-control', 'no-store').send(await read()),
  )
}
