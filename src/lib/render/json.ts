/**
 * A Result as JSON: the whole object, or one row for each line. The footer of tables is left out: it is in `meta`.
 */
import type { Result } from '../result.js'
import { escapedUnit } from './cells.js'

/** `{ metric, data, meta }`: what `--json` prints and HTTP answers. */
export function json(result: Result): string {
  const { metric, data, meta } = result
  return `${safe(JSON.stringify({ metric, data, meta }, null, 2))}\n`
}

/** One JSON object for each row; nothing at all when there are none. */
export function ndjson(result: Result): string {
  return result.data.map((row) => `${safe(JSON.stringify(row))}\n`).join('')
}

/** JSON.stringify leaves DEL, C1 controls and turns of direction as they are; escaped they mean the same to a parser. */
function safe(text: string): string {
  return text.replace(/[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, escapedUnit)
}
