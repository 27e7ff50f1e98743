/**
 * A Result as JSON: the whole object, or one row for each line. The footer of tables is left out: it is in `meta`.
 */
import type { Result, Row } from '../../core/result.js'
import { escapedUnit } from './cell-text.js'

/** `{ metric, data, meta }`: what `--json` prints and HTTP answers. */
export function* json({ metric, columns, data, meta }: Result): Generator<string> {
  yield jsonOpening(metric)
  for (const [index, row] of data.entries()) yield withDigits(jsonRow(row, index === 0), row, columns, ': ')
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
  for (const row of result.data) yield `${withDigits(safe(JSON.stringify(row)), row, result.columns, ':')}\n`
}

/** The JSON of a row with what is a text in the library only as what it is: numbers of many digits, and JSON. */
function withDigits(text: string, row: Row, columns: Result['columns'], colon: string): string {
  return columns.reduce((rest, { name, kind }) => {
    const value = row[name]
    if (typeof value !== 'string' || (kind !== 'json' && !(kind === 'number' && isNumeral.test(value)))) return rest
    // A quote inside a text is escaped, so that this is nowhere else.
    const member = `${safe(JSON.stringify(name))}${colon}`
    return rest.replace(`${member}${safe(JSON.stringify(value))}`, () => `${member}${safe(value)}`)
  }, text)
}

const isNumeral = /^-?\d/

/** JSON.stringify leaves DEL, C1 controls and turns of direction as they are; escaped they mean the same to a parser. */
function safe(text: string): string {
  return text.replace(/[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, escapedUnit)
}
