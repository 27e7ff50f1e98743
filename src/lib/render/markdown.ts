/** A Result as a Markdown table (GitHub's), for reports and pull requests. */
import type { Result } from '../result.js'
import { flatColumns, human, isNumeric } from './cells.js'

/** A header, the alignments, the rows; pipes in cells are escaped. */
export function markdown(result: Result): string {
  const columns = flatColumns(result)
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`
  const rows = result.data.map((_, row) =>
    line(columns.map((column) => escaped(human(column.values[row] ?? null, column.kind, true)))),
  )
  return [
    line(columns.map((column) => escaped(column.name))),
    line(columns.map((column) => (isNumeric(column.kind) ? '---:' : ':---'))),
    ...rows,
  ].join('')
}

function escaped(text: string): string {
  return text.replace(/[\\|`*_<>[\]]/g, (char) => `\\${char}`)
}
