/** A report as Markdown, for a pull request, a wiki or a chat: the same numbers and definitions, without pictures. */

import type { ColumnKind, Result } from '../core/result.js'
import { visible } from '../present/tables/cell-text.js'
import { markdown } from '../present/tables/markdown.js'
import type { Report } from './report.js'
import { aboutReport, baseText, changeText, qualityText } from './report-text.js'

/** The whole text; it ends with a line break. */
export function reportMarkdown(report: Report): string {
  const { title, warnings, headlines, sections, quality, batches } = report
  const numbers = textTable(
    ['number:text', 'range:count', 'change:text', 'against:text', 'what_it_is:text'],
    headlines.map((headline) => [
      headline.name,
      qualityText(headline),
      changeText(headline),
      baseText(headline),
      headline.definition,
    ]),
  )
  const trust = textTable(
    ['number:text', 'value:count', 'what_it_is:text'],
    quality.map((one) => [one.name, qualityText(one), one.definition]),
  )
  return [
    `# ${escaped(title)}`,
    aboutReport(report).map(escaped).join('\n'),
    ...(warnings.length === 0 ? [] : ['## Warnings', warnings.map((warning) => `- ${escaped(warning)}`).join('\n')]),
    '## In numbers',
    markdown(numbers).trimEnd(),
    ...sections.flatMap(({ title: heading, result }) => [
      `## ${escaped(heading)}`,
      escaped(String(result.meta.definition)),
      result.data.length === 0 ? 'No data.' : markdown(result).trimEnd(),
    ]),
    '## Data quality',
    markdown(trust).trimEnd(),
    '## Batches',
    batches.data.length === 0 ? 'Nothing has been imported yet.' : markdown(batches).trimEnd(),
  ]
    .join('\n\n')
    .concat('\n')
}

/** Texts as a Result, for the renderer of tables. */
function textTable(columns: readonly string[], rows: readonly (readonly string[])[]): Result {
  const parsed = columns.map((column) => {
    const [name, kind] = column.split(':') as [string, ColumnKind]
    return { name, kind }
  })
  const data = rows.map((row) => Object.fromEntries(parsed.map(({ name }, index) => [name, row[index]!])))
  return { metric: 'report', columns: parsed, data, meta: {} }
}

/** What Markdown would obey stays text, also at the start of a line. */
function escaped(text: string): string {
  return visible(text)
    .replace(/[\\|`*_<>[\]&~$#]/g, (char) => `\\${char}`)
    .replace(/^([-+]|\d+[.)])/, (mark) => `${mark.slice(0, -1)}\\${mark.slice(-1)}`)
}
