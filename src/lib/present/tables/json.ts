/**
 * A Result as JSON: the whole object, or one row for each line. The footer of tables is left out: it is in `meta`.
 */
import type { Result, Row } from '../../core/result.js'
import { escapedUnit } from './cell-text.js'

/** `{ metric, data, meta }`: what `--json` prints and HTTP answers. */
export function* json({ metric, data, meta }: Result): Generator<string> {
  yield jsonOpening(metric)
  for (const [index, row] of data.entries()) yield jsonRow(row, index === 0)
  yield jsonClosing(meta, data.length === 0)
}

/** What stands before the rows. */
export function jsonOpening(metric: string): string {
  return `{\n  "metric": ${safe(JSON.stringify(metric))},\n  "data": [`
}

/** A row, with what separates it from the one before. */
export function jsonRow(row: Row, isFirst: boolean): string {
  return `${isFirst ? '' : ','}\n    ${indented(row, '    ')}`
}

/** What stands after the rows. */
export function jsonClosing(meta: Result['meta'], isEmpty: boolean): string {
  return `${isEmpty ? '' : '\n  '}],\n  "meta": ${indented(meta, '  ')}\n}\n`
}

function indented(value: unknown, indent: string): string {
  return safe(JSON.stringify(value, null, 2)).replaceAll('\n', `\n${indent}`)
}

/** One JSON object for each row; nothing at all when there are none. */
export function* ndjson(result: Result): Generator<string> {
  for (const row of result.data) yield `${safe(JSON.stringify(row))}\n`
}

/** JSON.stringify leaves DEL, C1 controls and turns of direction as they are; escaped they mean the same to a parser. */
function safe(text: string): string {
  return text.replace(/[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, escapedUnit)
}
