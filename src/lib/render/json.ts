/** A Result as JSON: the whole object, or one row for each line. */
import type { Result } from '../result.js'

/** `{ metric, data, meta }`: what `--json` prints and HTTP answers. */
export function json(result: Result): string {
  const { metric, data, meta } = result
  return `${JSON.stringify({ metric, data, meta }, null, 2)}\n`
}

/** One JSON object for each row; nothing at all when there are none. */
export function ndjson(result: Result): string {
  return result.data.map((row) => `${JSON.stringify(row)}\n`).join('')
}
