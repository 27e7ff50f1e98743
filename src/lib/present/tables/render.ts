/**
 * A Result as text: one function for each format, loaded when it is asked for. Charts are beside this folder, in
 * `terminal-charts` and `svg`; none of them knows the database.
 *
 *   Result ─ table, JSON, NDJSON, CSV, Markdown, or its chart ─ text
 */
import type { Result } from '../../core/result.js'
import type { Format, RenderOptions } from './formats.js'
import { gathered } from './pieces.js'

/**
 * Renders a Result; the text ends with a line break.
 *
 * @example
 * await render(result, 'csv', { color: false, isTty: false, width: 80 })
 */
export async function render(result: Result, format: Format, options: RenderOptions): Promise<string> {
  return [...(await renderPieces(result, format, options))].join('')
}

/** The same text, made piece by piece as it is asked for; only a table is made at once, because its widths need all rows. */
export async function renderPieces(result: Result, format: Format, options: RenderOptions): Promise<Iterable<string>> {
  switch (format) {
    case 'table':
      return [(await import('./table.js')).table(result, options)]
    case 'json':
      return gathered((await import('./json.js')).json(result))
    case 'ndjson':
      return gathered((await import('./json.js')).ndjson(result))
    case 'csv':
      return gathered((await import('./csv.js')).csv(result, options.isTty))
    case 'md':
      return gathered((await import('./markdown.js')).markdownLines(result))
  }
}
