/**
 * Results as HTML tables: a caption, headings with a scope, numbers for people with the exact value beside them in
 * `<data value>`, so that a program can read the report too.
 */

import type { ColumnKind, Result } from '../core/result.js'
import { markupText } from '../present/svg/markup-text.js'
import { type FlatColumn, flatColumns, headingOf, human, isNumeric, type Scalar } from '../present/tables/cell-text.js'
import { heatWindows, incompleteMark, incompleteText } from '../present/tables/heat-map.js'
import { heatClass } from './heat-colors.js'

/** A cell's text, escaped; a number that is rounded for people brings its exact value along. */
export function cellHtml(value: Scalar, kind: ColumnKind): string {
  const text = markupText(human(value, kind, true))
  return typeof value === 'number' ? `<data value="${value}">${text}</data>` : text
}

/** All rows and columns of a Result; the first column names the rows. */
export function tableHtml(result: Result, caption: string): string {
  return gridHtml(flatColumns(result), caption)
}

/** A day stays on one line; an instant is long, and may break where a table would not fit. */
const isDay = (kind: ColumnKind) => kind === 'date'

function gridHtml(columns: readonly FlatColumn[], caption: string): string {
  const side = ({ kind }: FlatColumn) => (isNumeric(kind) ? ' class="n"' : isDay(kind) ? ' class="d"' : '')
  const head = columns.map((column) => `<th scope="col"${side(column)}>${markupText(headingOf(column.name))}</th>`)
  const line = (cell: (column: FlatColumn) => Scalar | undefined) =>
    `<tr>${columns
      .map((column, index) => {
        const html = cellHtml(cell(column) ?? null, column.kind)
        return index === 0 ? `<th scope="row"${side(column)}>${html}</th>` : `<td${side(column)}>${html}</td>`
      })
      .join('')}</tr>`
  const rows = (columns[0]?.values ?? []).map((_, row) => line((column) => column.values[row]))
  const footer = columns[0]?.footer === undefined ? '' : `<tfoot>${line((column) => column.footer)}</tfoot>\n`
  return (
    `${scrolling(caption)}<table>\n<caption>${markupText(caption)}</caption>\n<thead><tr>${head.join('')}</tr></thead>\n` +
    `<tbody>\n${rows.join('\n')}\n</tbody>\n${footer}</table></div>`
  )
}

/** A retention as a table of coloured tiles: cohorts down, windows across. */
export function heatMapHtml(result: Result, caption: string): string {
  const flat = flatColumns(result)
  const windows = heatWindows(result, flat) ?? []
  const [cohorts, sizes] = flat as [FlatColumn, FlatColumn]
  const unit = String(result.meta.window_type ?? 'window')
  let [hasOpen, hasBlank] = [false, false]
  const tile = (rate: Scalar, users: Scalar, complete: Scalar) => {
    if (typeof rate !== 'number') {
      if (users === null) hasBlank = true
      return `<td>${users === null ? '' : '-'}</td>`
    }
    const name = heatClass(rate)
    if (complete === false) hasOpen = true
    const mark = complete === false ? incompleteMark : ''
    return `<td${name === undefined ? '' : ` class="${name}"`}>${cellHtml(rate, 'rate')}${mark}</td>`
  }
  const line = (at: (column: FlatColumn | undefined) => Scalar) => {
    const tiles = windows.map(({ rate, users, complete }) => tile(at(rate), at(users), at(complete)))
    return `<tr><th scope="row" class="d">${cellHtml(at(cohorts), cohorts.kind)}</th><td>${cellHtml(at(sizes), 'count')}</td>${tiles.join('')}</tr>`
  }
  const rows = cohorts.values.map((_, row) => line((column) => column?.values[row] ?? null))
  // A mean is made of complete cells only.
  const footer =
    cohorts.footer === undefined
      ? ''
      : `<tfoot>${line((column) => (column?.kind === 'flag' ? true : (column?.footer ?? null)))}</tfoot>\n`
  const heads = windows.map((_, index) => `<th scope="col" class="n">${markupText(unit)} ${index}</th>`)
  const notes = [...(hasOpen ? [`${incompleteMark} ${incompleteText}`] : []), ...(hasBlank ? ['blank: not begun'] : [])]
  return (
    `${scrolling(caption)}<table class="heat">\n<caption>${markupText(caption)}</caption>\n` +
    `<thead><tr><th scope="col">Cohort</th><th scope="col" class="n">Size</th>${heads.join('')}</tr></thead>\n` +
    `<tbody>\n${rows.join('\n')}\n</tbody>\n${footer}</table></div>` +
    (notes.length === 0 ? '' : `\n<p class="about">${markupText(notes.join('; '))}</p>`)
  )
}

/** What is wider than a phone can be moved, by the keyboard too. */
export function scrolling(label: string): string {
  return `<div class="scroll" tabindex="0" role="group" aria-label="${markupText(label)}">`
}

/** The users behind the tiles, for the numbers below a heat map. */
export function cohortUsersHtml(result: Result, caption: string): string {
  const columns = flatColumns(result).filter(({ kind }) => kind !== 'rate' && kind !== 'flag')
  return gridHtml(columns, caption)
}
