/**
 * Answers as HTML tables: a caption, headings with scope, digits that stand under each other. A number with users behind
 * it is a button. All buttons of a table are one stop of the Tab key; the arrow keys move between them.
 */
import { h, unseen } from './dom.js'
import { count, rate } from './format.js'

/** Rows beyond this are on paper and in the CSV only: a page that holds all of a large answer is slow. */
export const maxRows = 1000

/** What makes the rows that a table leaves out, by its body. */
const leftOut = new WeakMap()

/**
 * Puts in the rows that tables leave out.
 *
 * @param {ParentNode} within
 * @returns {() => void} takes them out again
 */
export function showAllRows(within) {
  const added = [...within.querySelectorAll('tbody')].flatMap((body) => {
    const rows = leftOut.get(body)?.() ?? []
    body.append(...rows)
    return rows
  })
  return () => {
    for (const row of added) row.remove()
  }
}

/**
 * What stands in a cell.
 *
 * @typedef {object} CellOf
 * @property {string} text
 * @property {string} [users] the cell of `?users=`, when there are users behind the number
 * @property {string} [name] what it is, for the dialog and for those who do not see the table
 * @property {boolean} [isIncomplete]
 * @property {string} [class]
 */

/**
 * @typedef {object} ColumnOf
 * @property {string} heading
 * @property {boolean} [isText] aligned left
 * @property {(row: any, index: number) => string | CellOf} cell
 */

/**
 * A table with the first column as headings of the rows.
 *
 * @param {string} caption
 * @param {ColumnOf[]} columns
 * @param {any[]} rows
 * @param {(users: string, name: string) => void} drill called with the cell whose users are wanted
 * @param {{ foot?: (string | CellOf)[], class?: string }} [more]
 */
export function dataTable(caption, columns, rows, drill, more = {}) {
  const shown = rows.slice(0, maxRows)
  const rowOf = (row, index) =>
    h('tr', {}, ...columns.map((column, at) => cellOf(column, column.cell(row, index), at === 0, drill)))
  const body = h('tbody', {}, ...shown.map(rowOf))
  const table = h(
    'table',
    { class: more.class },
    h('caption', { class: 'unseen' }, caption),
    h(
      'thead',
      {},
      h('tr', {}, ...columns.map(({ heading, isText }) => h('th', { scope: 'col', class: isText && 'text' }, heading))),
    ),
    body,
  )
  if (more.foot) {
    table.append(
      h('tfoot', {}, h('tr', {}, ...columns.map((column, at) => cellOf(column, more.foot[at] ?? '', at === 0, drill)))),
    )
  }
  moveByArrows(table)
  const scroller = h('div', { class: 'scroller', role: 'region', 'aria-label': caption, tabindex: '0' }, table)
  if (rows.length === shown.length) return scroller
  leftOut.set(body, () => rows.slice(maxRows).map((row, index) => rowOf(row, maxRows + index)))
  return h(
    'div',
    {},
    scroller,
    h('p', { class: 'quiet left-out' }, `The first ${count(maxRows)} of ${count(rows.length)} rows; the CSV has all.`),
  )
}

function cellOf({ isText }, given, isHeading, drill) {
  const cell = typeof given === 'string' ? { text: given } : given
  const classes = [isText && 'text', cell.class].filter(Boolean).join(' ')
  const content =
    cell.users === undefined
      ? [cell.text]
      : [
          h(
            'button',
            { type: 'button', class: 'number', title: cell.name, onclick: () => drill(cell.users, cell.name) },
            cell.text,
            unseen(`: list ${cell.name}`),
          ),
        ]
  if (cell.isIncomplete) content.push(incompleteMark())
  return h(isHeading ? 'th' : 'td', { class: classes || undefined, scope: isHeading && 'row' }, ...content)
}

/** What stands behind a number that can still change. */
export function incompleteMark() {
  return h('span', { class: 'incomplete-mark' }, h('span', { 'aria-hidden': 'true' }, '*'), unseen(' not complete'))
}

/** Makes the buttons of a table one stop of the Tab key. */
function moveByArrows(table) {
  const buttons = [...table.querySelectorAll('button')]
  for (const button of buttons.slice(1)) button.tabIndex = -1
  table.addEventListener('keydown', (event) => {
    const from = event.target.closest('button')
    const to = from && neighbour(table, from, event.key)
    if (!to) return
    event.preventDefault()
    for (const button of buttons) button.tabIndex = -1
    to.tabIndex = 0
    to.focus()
  })
  table.addEventListener('focusin', (event) => {
    const to = event.target.closest('button')
    if (to) for (const button of buttons) button.tabIndex = button === to ? 0 : -1
  })
}

/** The next button in the direction of a key; cells without one are passed over. */
function neighbour(table, from, key) {
  const [down, right] = {
    ArrowDown: [1, 0],
    ArrowUp: [-1, 0],
    ArrowRight: [0, 1],
    ArrowLeft: [0, -1],
    Home: [0, -Infinity],
    End: [0, Infinity],
  }[key] ?? [0, 0]
  if (down === 0 && right === 0) return undefined
  const at = from.closest('td, th')
  if (Math.abs(right) === Infinity) {
    const inRow = [...at.parentElement.querySelectorAll('button')]
    return right < 0 ? inRow[0] : inRow.at(-1)
  }
  let row = at.parentElement.rowIndex
  let column = at.cellIndex
  for (;;) {
    row += down
    column += right
    const cell = table.rows[row]?.cells[column]
    if (cell === undefined) return undefined
    const button = cell.querySelector('button')
    if (button) return button
  }
}

/**
 * The heat map of a retention: cohorts down, windows across, each rate in digits with its users behind it. The mean
 * stands below.
 */
export function heatMap(answer, drill) {
  const { data, meta } = answer
  const { window_type: kind, mean } = meta
  const windows = Math.max(0, ...data.map(({ rates }) => rates.length))
  const columns = [
    { heading: `Cohort (${kind})`, isText: true, cell: ({ cohort }) => cohort },
    { heading: 'Users', cell: ({ cohort, size }) => sizeCell(cohort, size) },
    ...Array.from({ length: windows }, (_, window) => ({
      heading: `${kind} ${window}`,
      cell: (row) => heatCell(row, window, kind),
    })),
  ]
  const foot = mean && [
    'Mean',
    count(mean.size),
    ...mean.rates.map((value) => ({ text: rate(value), class: `heat ${heatClass(value)}` })),
  ]
  return dataTable('Retention: the share of each cohort that came back, by window', columns, data, drill, {
    foot: foot || undefined,
    class: 'heat-map',
  })
}

function sizeCell(cohort, size) {
  return { text: count(size), users: size > 0 ? `${cohort}:0` : undefined, name: `the users of cohort ${cohort}` }
}

function heatCell({ cohort, users, rates, complete }, window, kind) {
  const [value, number] = [rates[window], users[window]]
  if (number === null || number === undefined) return { text: '', class: 'ahead' }
  return {
    text: value === null ? '–' : rate(value),
    users: number > 0 ? `${cohort}:${window}` : undefined,
    name: `the ${count(number)} of cohort ${cohort} in ${kind} ${window}`,
    isIncomplete: complete[window] === false,
    class: `heat ${heatClass(value)}${complete[window] === false ? ' incomplete' : ''}`,
  }
}

/** One of eleven shades: a rate of 100% is all cohorts' window 0, so small rates get more of them. */
function heatClass(value) {
  if (value === null || value === undefined) return 'heat-0'
  return `heat-${value === 0 ? 0 : Math.max(1, Math.min(10, Math.round(Math.sqrt(value) * 10)))}`
}
