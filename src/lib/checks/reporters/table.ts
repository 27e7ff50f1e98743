/**
 * The report for a terminal: a row for each check, the reason of each that did not pass, what was counted, and what was
 * decided as the last line.
 */

import { wrapped } from '../../core/text-width.js'
import { flatColumns, visible } from '../../present/tables/cell-text.js'
import { glyphsFor } from '../../present/tables/glyphs.js'
import { gridLines, paint } from '../../present/tables/grid.js'
import { layOutTable, type TableLayoutColumn, tableLayoutColumns } from '../../present/tables/table-layout.js'
import type { CheckOutcome, CheckReport, Status } from '../evaluate/outcome.js'
import { outcomeResult } from './outcome-columns.js'
import { definitionTexts, isUndecided, placeText, rowText, verdictText } from './outcome-text.js'
import type { ReportContext } from './report-context.js'

const gap = '  '
const noteStyle = '2'
const statusStyles: Readonly<Record<Status, string>> = { pass: '32', warn: '33', fail: '31', unknown: '35' }
const piped = { color: false, isTty: false, width: 80 }

/**
 * @example
 * table(report, { terminal: { color: true, isTty: true, width: 100 } })
 */
export function table(report: CheckReport, { terminal = piped }: ReportContext): string {
  const { color, isTty } = terminal
  const width = isTty ? (terminal.width > 0 ? terminal.width : 80) : undefined
  const fitted = (text: string, indent = 0) => (width === undefined ? [text] : wrapped(text, width - indent))
  const columns = tableLayoutColumns(flatColumns(outcomeResult(report, false)), true).map(forChecks)
  const { grid, left } = layOutTable({ columns, gap }, width, glyphsFor(!isTty || terminal.unicode))
  const missing = `${left} more ${left === 1 ? 'column does' : 'columns do'} not fit: --reporter json`
  const blocks = [
    [...gridLines(grid, gap, color), ...(left === 0 ? [] : styled(fitted(missing), noteStyle))],
    ...report.outcomes
      .filter((outcome) => outcome.status !== 'pass' || isUndecided(outcome) || outcome.warnings.length > 0)
      .map((outcome) => told(outcome)),
    definitionTexts(report).flatMap((text) => styled(fitted(text), noteStyle)),
    fitted(verdictText(report)),
  ]
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`

  /** The name with its place, and indented what there is to say. */
  function told({ name, status, reason, rows, warnings, place }: CheckOutcome): string[] {
    const heading = `${status}: ${name}${place === undefined ? '' : ` (${placeText(place)})`}`
    const texts = [reason, ...rows.map(rowText), ...warnings.map((warning) => `warning: ${warning}`)]
    const lines = texts.flatMap((text) => fitted(visible(text), gap.length))
    return [...styled(fitted(visible(heading)), statusStyles[status]), ...lines.map((line) => gap + line)]
  }

  function styled(lines: readonly string[], style: string): string[] {
    return lines.map((line) => paint(line, color ? style : undefined))
  }
}

/** Only names may be shortened; a status has its colour. */
function forChecks(column: TableLayoutColumn): TableLayoutColumn {
  const [name] = column.heading
  const isStatus = name === 'status'
  const cells = isStatus
    ? column.cells.map((cell) => ({ ...cell, style: statusStyles[cell.text as Status] }))
    : column.cells
  return { ...column, cells, isCuttable: name === 'check' }
}
