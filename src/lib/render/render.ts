/** A Result as text: one function for each format, loaded when it is asked for. */
import type { Result } from '../result.js'
import type { Format, RenderOptions } from './formats.js'

/**
 * Renders a Result; the text ends with a line break.
 *
 * @example
 * await render(result, 'csv', { color: false, isTty: false, width: 80 })
 */
export async function render(result: Result, format: Format, options: RenderOptions): Promise<string> {
  switch (format) {
    case 'table':
      return (await import('./table.js')).table(result, options)
    case 'json':
      return (await import('./json.js')).json(result)
    case 'ndjson':
      return (await import('./json.js')).ndjson(result)
    case 'csv':
      return (await import('./csv.js')).csv(result, options.isTty)
    case 'md':
      return (await import('./markdown.js')).markdown(result)
  }
}
