/**
 * GET /page/suggestions: what the page offers where a filter, a step or a property is typed. A part of the page, so it is
 * not in the OpenAPI document; it holds names of the data, so it needs the scope `read`.
 */
import { inReading } from '../stats/ask.js'
import { readSuggestions, type Suggestions } from '../stats/suggestions.js'
import type { Routes } from './context.js'
import { momentReader, shared } from './data-version.js'

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
