/**
 * A report as one HTML file that needs nothing else: no script, no address of another place, so that it opens from an
 * e-mail. What comes from the data is text everywhere, and a policy inside forbids the rest should that ever fail.
 */
import { chartSvg } from '../present/svg/chart.js'
import { markupText } from '../present/svg/markup-text.js'
import type { Headline } from './headlines.js'
import {
  cellHtml,
  cohortUsersHtml,
  heatMapHtml,
  htmlTable,
  scrolling,
  tableHtml,
  textCell,
  valueCell,
} from './html-tables.js'
import type { Quality } from './quality.js'
import type { Report, Section } from './report.js'
import { aboutReport, baseText, changeText } from './report-text.js'
import { styleSheet } from './style.js'

const chartWidth = 880

/**
 * The whole file; it ends with a line break.
 *
 * @example
 * await writeFile('report.html', await reportHtml(await reportOf(db)))
 */
export async function reportHtml(report: Report): Promise<string> {
  const sections: string[] = []
  for (const section of report.sections) sections.push(await sectionHtml(section))
  const title = markupText(report.title)
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${styleSheet}</style>
</head>
<body>
<header>
<h1>${title}</h1>
${aboutReport(report)
  .map((line) => `<p>${markupText(line)}</p>`)
  .join('\n')}
</header>
<main>
${warningsHtml(report.warnings)}${headlinesHtml(report.headlines)}
${sections.join('\n')}
${qualityHtml(report.quality)}
${batchesHtml(report)}
</main>
</body>
</html>
`
}

function sectionOf(id: string, title: string, inside: string): string {
  return `<section aria-labelledby="${id}">\n<h2 id="${id}">${markupText(title)}</h2>\n${inside}\n</section>`
}

function warningsHtml(warnings: readonly string[]): string {
  if (warnings.length === 0) return ''
  const lines = warnings.map((warning) => `<p>${markupText(warning)}</p>`).join('\n')
  return `${sectionOf('warnings', 'Warnings', lines).replace('<section', '<section class="warnings"')}\n`
}

function headlinesHtml(list: readonly Headline[]): string {
  const cards = list.map((headline) => {
    const { name, value, kind, change, definition } = headline
    const tone = change === null || change === 0 ? '' : change > 0 ? ' class="up"' : ' class="down"'
    const text = change === null ? '' : `<p><span${tone}>${markupText(changeText(headline))}</span></p>\n`
    return `<div class="card">\n<h3>${markupText(name)}</h3>\n<p class="value">${cellHtml(value, kind)}</p>\n${text}<p>${markupText(baseText(headline))}</p>\n<p>${markupText(definition)}</p>\n</div>`
  })
  const rows = list.map((headline) => {
    const { name, kind, value, base, change, definition } = headline
    const changed = change === null ? 'unknown' : `<data value="${change}">${markupText(changeText(headline))}</data>`
    return [
      textCell(name),
      valueCell(value, kind),
      base === null ? textCell('-', 'n') : valueCell(base.value, kind),
      { html: changed, class: 'n' },
      textCell(definition),
    ]
  })
  const table = htmlTable(
    'The numbers of the range and of the period of the same length before it',
    [
      textCell('Number'),
      ...['Range', 'Before', 'Change'].map((heading) => textCell(heading, 'n')),
      textCell('What it is'),
    ],
    rows,
  )
  return sectionOf(
    'in-numbers',
    'In numbers',
    `<div class="cards">\n${cards.join('\n')}\n</div>\n${detailsHtml('Numbers', table)}`,
  )
}

function detailsHtml(summary: string, inside: string): string {
  return `<details>\n<summary>${markupText(summary)}</summary>\n${inside}\n</details>`
}

async function sectionHtml({ id, title, result }: Section): Promise<string> {
  const definition = `<p class="about">${markupText(String(result.meta.definition))}</p>`
  if (result.data.length === 0) return sectionOf(id, title, `${definition}\n<p>No data.</p>`)
  // The namespace is for files; inside HTML it would be the only address of another place.
  const svg = (await chartSvg(result, { width: chartWidth, title })).replace(/ xmlns="[^"]*"/, '')
  const figure = `<figure>\n${scrolling(`Chart: ${title}`)}\n${svg}</div>\n</figure>`
  const tables =
    result.chart?.form === 'cohorts'
      ? `${heatMapHtml(result, 'Share of each cohort that came back, by the number of the window')}\n${detailsHtml('Users behind the rates', cohortUsersHtml(result, 'Users of each cohort that came back, by the number of the window'))}`
      : detailsHtml('Numbers', tableHtml(result, title))
  return sectionOf(id, title, `${definition}\n${figure}\n${tables}`)
}

function qualityHtml(quality: readonly Quality[]): string {
  const table = htmlTable(
    'All data, regardless of the range and the segments',
    [textCell('Number'), textCell('Value', 'n'), textCell('What it is')],
    quality.map(({ name, kind, value, definition }) => [
      textCell(name),
      { html: cellHtml(value, kind), class: 'n' },
      textCell(definition),
    ]),
  )
  return sectionOf('data-quality', 'Data quality', table)
}

function batchesHtml({ batches }: Report): string {
  const about =
    'A batch is one import, or the events that came over HTTP in an hour. Records read = inserted + duplicates + rejected.'
  const more = batches.meta.more === true ? '\n<p class="about">There are earlier batches.</p>' : ''
  const inside =
    batches.data.length === 0 ? '<p>Nothing has been imported yet.</p>' : tableHtml(batches, 'The newest batches')
  return sectionOf('batches', 'Batches', `<p class="about">${about}</p>\n${inside}${more}`)
}
