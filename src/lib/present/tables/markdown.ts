/** A Result as a Markdown table (GitHub's), for reports and pull requests. */
import type { Result } from '../../core/result.js'
import { type FlatColumn, flatParts, human, isNumeric, type Scalar } from './cell-text.js'
import { heatWindows, incompleteMark, incompleteText } from './heat-map.js'

/**
 * A header, the alignments, the rows, the footer in bold; what Markdown would obey is escaped. A rate that is not complete
 * has a mark, which a line below the table explains.
 */
export function markdown(result: Result): string {
  return [...markdownLines(result)].join('')
}

/** The same, line by line. */
export function* markdownLines(result: Result): Generator<string> {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`
  let hasMarks = false
  const cell = (column: FlatColumn, value: Scalar, isComplete: Scalar | undefined) => {
    const isMarked = value !== null && isComplete === false
    hasMarks ||= isMarked
    return escaped(human(value, column.kind, true) + (isMarked ? incompleteMark : ''))
  }
  const bold = (text: string) => (text.trim() === '' ? text : `**${text}**`)
  let footer: string[] | undefined
  for (const columns of flatParts(result)) {
    const flags = new Map((heatWindows(result, columns) ?? []).map(({ rate, complete }) => [rate, complete]))
    if (footer === undefined) {
      footer = columns.map((column) => bold(cell(column, column.footer ?? null, flags.get(column)?.footer)))
      yield line(columns.map((column) => escaped(human(column.name, 'text', true))))
      yield line(columns.map((column) => (isNumeric(column.kind) ? '---:' : ':---')))
    }
    for (const row of columns[0]?.values.keys() ?? []) {
      yield line(columns.map((column) => cell(column, column.values[row] ?? null, flags.get(column)?.values[row])))
    }
  }
  if (result.footer !== undefined) yield line(footer ?? [])
  if (hasMarks) yield `\n${escaped(incompleteMark)} ${incompleteText}\n`
}

function escaped(text: string): string {
  return text.replace(/[\\|`*_<>[\]&~$]/g, (char) => `\\${char}`)
}
