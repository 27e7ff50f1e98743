/**
 * A Result as CSV by RFC 4180: a header, CRLF, quotes only where they are needed. What goes to a file or a pipe is what is
 * stored, to the character. In particular no apostrophe is put before `=`, `+`, `-` or `@`, which spreadsheets take for
 * formulas: it would make another event type of `=x` and text of a negative number, for every program that reads it.
 */
import type { Result } from '../../core/result.js'
import { flatParts, plain, type Scalar, visible } from './cell-text.js'

/**
 * The rows with their header; null is an empty field, an empty text is `""`.
 *
 * @param isTty whether a terminal reads it: control characters are escaped then, as no program reads on
 */
export function* csv(result: Result, isTty = false): Generator<string> {
  const field = isTty ? (value: Scalar) => quoted(typeof value === 'string' ? visible(value) : value) : quoted
  let isHead = true
  for (const columns of flatParts(result)) {
    if (isHead) yield `${columns.map((column) => field(column.name)).join(',')}\r\n`
    isHead = false
    for (const row of columns[0]?.values.keys() ?? []) {
      yield `${columns.map((column) => field(column.values[row] ?? null)).join(',')}\r\n`
    }
  }
}

function quoted(value: Scalar): string {
  const text = plain(value)
  return value === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
