/**
 * Tables in HTML: a caption, headings with a scope, numbers for people with the exact value beside them in `<data value>`,
 * so that a program can read the report too.
 */
import type { ColumnKind, Result } from '../core/result.js'
import { markupText } from '../present/svg/markup-text.js'
import { type FlatColumn, flatColumns, headingOf, human, isNumeric, type Scalar } from '../present/tables/cell-text.js'
import { heatLegend, heatTiles, incompleteMark, type Tile } from '../present/tables/heat-map.js'
import { heatClass } from './heat-colors.js'

/** What a cell contains: markup, and the class of the cell. */
export interface HtmlCell {
  readonly html: string
  readonly class?: string | undefined
}

/** A cell's text, escaped; a number that is rounded for people brings its exact value along. */
export function cellHtml(value: Scalar, kind: ColumnKind): string {
  const text = markupText(human(value, kind, true))
  return typeof value === 'number' ? `<data value="${value}">${text}</data>` : text
}

/** A value; numbers stand at the right, and a day stays on one line. An instant is long, and may break. */
export function valueCell(value: Scalar, kind: ColumnKind): HtmlCell {
  return { html: cellHtml(value, kind), class: isNumeric(kind) ? 'n' : kind === 'date' ? 'd' : undefined }
}

/** A text of ours or of the data. */
export function textCell(text: string, className?: string): HtmlCell {
  return { html: markupText(text), class: className }
}

/**
 * A table; the first cell of a row names it.
 *
 * @param more.foot a last row; `class` of the table
 */
export function htmlTable(
  caption: string,
  heads: readonly HtmlCell[],
  rows: readonly (readonly HtmlCell[])[],
  more: { readonly foot?: readonly HtmlCell[] | undefined; readonly class?: string } = {},
): string {
  const classOf = (name: string | undefined) => (name === undefined ? '' : ` class="${name}"`)
  const head = (scope: 'col' | 'row', cell: HtmlCell) => `<th scope="${scope}"${classOf(cell.class)}>${cell.html}</th>`
  const line = ([first, ...cells]: readonly HtmlCell[]) =>
    `<tr>${head('row', first!)}${cells.map((cell) => `<td${classOf(cell.class)}>${cell.html}</td>`).join('')}</tr>`
  const foot = more.foot === undefined ? '' : `<tfoot>${line(more.foot)}</tfoot>\n`
  return (
    `${scrolling(caption)}<table${classOf(more.class)}>\n<caption>${markupText(caption)}</caption>\n` +
    `<thead><tr>${heads.map((cell) => head('col', cell)).join('')}</tr></thead>\n` +
    `<tbody>\n${rows.map(line).join('\n')}\n</tbody>\n${foot}</table></div>`
  )
}

/** What is wider than a phone can be moved, by the keyboard too. */
export function scrolling(label: string): string {
  return `<div class="scroll" tabindex="0" role="group" aria-label="${markupText(label)}">`
}

/** All rows and columns of a Result; the first column names the rows. */
export function tableHtml(result: Result, caption: string): string {
  return columnsHtml(flatColumns(result), caption)
}

function columnsHtml(columns: readonly FlatColumn[], caption: string): string {
  const heads = columns.map(({ name, kind }) => textCell(headingOf(name), valueCell(null, kind).class))
  const line = (at: (column: FlatColumn) => Scalar | undefined) =>
    columns.map((column) => valueCell(at(column) ?? null, column.kind))
  const rows = (columns[0]?.values ?? []).map((_, row) => line(({ values }) => values[row]))
  const hasFooter = columns[0]?.footer !== undefined
  return htmlTable(caption, heads, rows, { foot: hasFooter ? line(({ footer }) => footer) : undefined })
}

/** A retention as a table of coloured tiles: cohorts down, windows across. */
export function heatMapHtml(result: Result, caption: string): string {
  const flat = flatColumns(result)
  const [cohorts, sizes] = flat as [FlatColumn, FlatColumn]
  const columns = heatTiles(result, flat) ?? []
  const unit = String(result.meta.window_type ?? 'window')
  const line = (at: (column: FlatColumn) => Scalar | undefined, tiles: readonly Tile[]): HtmlCell[] => [
    { ...valueCell(at(cohorts)!, cohorts.kind), class: 'd' },
    { html: cellHtml(at(sizes)!, 'count') },
    ...tiles.map(tileCell),
  ]
  const rows = cohorts.values.map((_, row) =>
    line(
      ({ values }) => values[row],
      columns.map(({ tiles }) => tiles[row]!),
    ),
  )
  const foot =
    cohorts.footer === undefined
      ? undefined
      : line(
          ({ footer }) => footer,
          columns.map(({ footer }) => footer!),
        )
  const heads = columns.map((_, index) => textCell(`${unit} ${index}`, 'n'))
  const notes = heatLegend(columns)
  return (
    htmlTable(caption, [textCell('Cohort'), textCell('Size', 'n'), ...heads], rows, { foot, class: 'heat' }) +
    (notes.length === 0 ? '' : `\n<p class="about">${markupText(notes.join('; '))}</p>`)
  )
}

function tileCell({ rate, isBlank, isOpen }: Tile): HtmlCell {
  if (typeof rate !== 'number') return { html: isBlank ? '' : '-' }
  return { html: `${cellHtml(rate, 'rate')}${isOpen ? incompleteMark : ''}`, class: heatClass(rate) }
}

/** The users behind the tiles, for the numbers below a heat map. */
export function cohortUsersHtml(result: Result, caption: string): string {
  return columnsHtml(
    flatColumns(result).filter(({ kind }) => kind !== 'rate' && kind !== 'flag'),
    caption,
  )
}
