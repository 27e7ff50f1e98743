/** A Result as CSV by RFC 4180: a header, CRLF, quotes only where they are needed. */
import type { Result } from '../result.js'
import { flatColumns, plain } from './cells.js'

/** The rows with their header; null is an empty field, an empty text is `""`. */
export function csv(result: Result): string {
  const columns = flatColumns(result)
  const records = result.data.map((_, row) => columns.map((column) => field(column.values[row] ?? null)))
  return [columns.map((column) => field(column.name)), ...records].map((record) => `${record.join(',')}\r\n`).join('')
}

function field(value: string | number | boolean | null): string {
  const text = plain(value)
  return value === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
