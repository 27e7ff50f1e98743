/** The report for pull requests and wikis: GitHub's Markdown. */

import { visible } from '../../present/tables/cell-text.js'
import { markdown as markdownTable } from '../../present/tables/markdown.js'
import type { CheckReport } from '../evaluate/outcome.js'
import { outcomeResult } from './outcome-columns.js'
import { definitionTexts, rowText, verdictText } from './outcome-text.js'

/** What was decided, a table with the reason of every check, the rows and warnings behind them, and what was counted. */
export function markdown(report: CheckReport): string {
  const { outcomes } = report
  const rows = outcomes.flatMap(({ name, rows }) => rows.map((row) => `${name}: ${rowText(row)}`))
  const warnings = outcomes.flatMap(({ name, warnings }) => warnings.map((warning) => `${name}: ${warning}`))
  return [
    `**${verdictText(report)}**\n`,
    ...(outcomes.length === 0 ? [] : [markdownTable(outcomeResult(report, true))]),
    ...list('Rows that decided', rows),
    ...list('Warnings', warnings),
    ...list('What was counted', definitionTexts(report)),
  ].join('\n')
}

function list(heading: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : [`${heading}:\n`, items.map((item) => `- ${escaped(visible(item))}\n`).join('')]
}

/** What Markdown would obey inside of a line, and what only at the start of one, where a name may stand. */
function escaped(text: string): string {
  const inside = text.trim().replace(/[\\|`*_<>[\]&~$]/g, '\\$&')
  return inside.replace(/^[-+#]/, '\\$&').replace(/^(\d+)([.)])/, '$1\\$2')
}
