/**
 * GET /page/suggestions: what the page offers where a filter, a step or a property is typed. A part of the page, so it is
 * not in the OpenAPI document; it holds names of the data, so it needs the scope `read`.
 */

import { readSuggestions, type Suggestions } from '../../stats/filter/suggestions.js'
import { inReading } from '../../stats/query/run-stat.js'
import { momentReader, shared } from '../answers/cached-version.js'
import { defineRoute, perServer } from '../route.js'

/** Suggestions are read once for each version of the data. */
const suggestionsOf = perServer(({ db, options }) => {
  const readMoment = momentReader(db)
  let known: { readonly version: number; readonly suggestions: Suggestions } | undefined
  return shared(async () => {
    const { version } = await readMoment()
    if (known?.version === version) return known.suggestions
    const suggestions = await inReading(db, { timeoutMs: options.queryTimeoutMs }, readSuggestions)
    known = { version, suggestions }
    return suggestions
  })
})

export const suggestionRoute = defineRoute({
  method: 'GET',
  path: '/page/suggestions',
  scope: 'read',
  async answer(context, _, __, reply) {
    return reply.header('cache-control', 'no-store').send(await suggestionsOf(context)())
  },
})
