/**
 * Rows as HTML tables: a caption, headings with scope, digits that are aligned. A number with users behind it is
 * a button. All buttons of a table are one stop of the Tab key; the arrow keys move between them.
 */
import type { ColumnKind } from '../../../../core/result.js'
import { headingOf, isNumeric, type Scalar } from '../../../../present/tables/cell-text.js'
import { h, incompleteMark, unseen } from '../dom.js'
import { cellText, count } from '../format.js'

/** Rows beyond this are on paper and in the CSV only: a page that holds all of a large answer is slow. */
const maxRows = 1000

/** What a cell shows. */
export interface Cell {
  readonly text: string
  /** The key of the number, when there are users behind it. */
  readonly users?: string | undefined
  /** What it is, for the dialog and for those who do not see the table. */
  readonly name?: string | undefined
  readonly isIncomplete?: boolean
  readonly class?: string | undefined
  /** How strong its colour is, in percent. */
  readonly shade?: number
}

/** A column whose cells are made here. */
interface MadeColumn<R> {
  readonly heading: string
  /** Aligned left. */
  readonly isText?: boolean
  cell(row: R, index: number): Cell
}

/** A column of the answer, as its kind says. */
interface AnswerColumn<R> {
  readonly of: keyof R & string
  readonly kind: ColumnKind
  /** What its name says when absent. */
  readonly heading?: string
  /** The key and the name of the users behind a number. */
  users?(row: R): readonly [key: string, name: string]
  isIncomplete?(row: R): boolean
}

export interface Table {
  readonly columns: readonly MadeColumn<never>[]
  readonly rows: readonly object[]
  /** A last row. */
  readonly foot?: readonly Cell[] | undefined
  readonly class?: string
  readonly caption?: string
}

/** Called with the key and the name of the number whose users are wanted. */
export type Drill = (users: string, name: string) => void

/**
 * A table of the rows of an answer.
 *
 * @example
 * tableOf(data, [{ of: 'date', kind: 'date' }, { of: 'users', kind: 'count', heading: 'Active users' }])
 */
export function tableOf<R extends object>(
  rows: readonly R[],
  columns: readonly (AnswerColumn<NoInfer<R>> | MadeColumn<NoInfer<R>>)[],
): Table {
  return { rows, columns: columns.map((column) => ('of' in column ? made(column) : column)) }
}

function made<R>({ of, kind, heading, users, isIncomplete }: AnswerColumn<R>): MadeColumn<R> {
  return {
    heading: heading ?? headingOf(of),
    isText: !isNumeric(kind),
    cell: (row) => {
      const value = row[of] as Scalar | readonly Scalar[] | undefined
      const [key, name] = users?.(row) ?? []
      return {
        text: Array.isArray(value) ? value.join(', ') : cellText(value as Scalar | undefined, kind),
        users: Number(value) > 0 ? key : undefined,
        name,
        isIncomplete: isIncomplete?.(row) ?? false,
      }
    },
  }
}

/** A count; with users behind it when there are some. */
export function numberOf(value: number | null | undefined, key: string | undefined, name: string): Cell {
  return { text: count(value), users: (value ?? 0) > 0 ? key : undefined, name }
}

/** What makes the rows that a table leaves out, by its body. */
const leftOut = new WeakMap<HTMLTableSectionElement, () => HTMLElement[]>()

/**
 * Puts in the rows that tables leave out.
 *
 * @returns takes them out again
 */
export function showAllRows(within: ParentNode): () => void {
  const added = [...within.querySelectorAll('tbody')].flatMap((body) => {
    const rows = leftOut.get(body)?.() ?? []
    body.append(...rows)
    return rows
  })
  return () => {
    for (const row of added) row.remove()
  }
}

/** The table as an element, with the first column as headings of the rows. */
export function tableElement(given: Table, drill: Drill, caption = given.caption ?? ''): HTMLElement {
  const { rows, foot } = given
  const columns = given.columns as readonly MadeColumn<object>[]
  const line = (cells: readonly Cell[]) =>
    h('tr', {}, ...cells.map((cell, at) => cellElement(cell, columns[at]!.isText, at === 0, drill)))
  const lineOf = (row: object, index: number) => line(columns.map((column) => column.cell(row, index)))
  const heads = columns.map(({ heading, isText }) => h('th', { scope: 'col', class: isText && 'text' }, heading))
  const body = h('tbody', {}, ...rows.slice(0, maxRows).map(lineOf))
  const table = h(
    'table',
    { class: given.class },
    h('caption', { class: 'unseen' }, caption),
    h('thead', {}, h('tr', {}, ...heads)),
    body,
    foot && h('tfoot', {}, line(foot)),
  )
  moveByArrows(table)
  const scroller = h('div', { class: 'scroller', role: 'region', 'aria-label': caption, tabindex: '0' }, table)
  if (rows.length <= maxRows) return scroller
  leftOut.set(body, () => rows.slice(maxRows).map((row, index) => lineOf(row, maxRows + index)))
  const note = `The first ${count(maxRows)} of ${count(rows.length)} rows; the CSV has all.`
  return h('div', {}, scroller, h('p', { class: 'quiet left-out' }, note))
}

function cellElement(cell: Cell, isText = false, isHeading: boolean, drill: Drill): HTMLElement {
  const { text, users, name = '', isIncomplete } = cell
  const classes = [isText && 'text', cell.class].filter(Boolean).join(' ')
  const content =
    users === undefined
      ? text
      : h(
          'button',
          { type: 'button', class: 'number', title: name, onclick: () => drill(users, name) },
          text,
          unseen(`: list ${name}`),
        )
  const attributes = { class: classes || undefined, scope: isHeading && 'row' }
  const element = h(isHeading ? 'th' : 'td', attributes, content, isIncomplete && incompleteMark())
  if (cell.shade !== undefined) element.style.setProperty('--shade', `${cell.shade}%`)
  return element
}

/** Makes the buttons of a table one stop of the Tab key. */
function moveByArrows(table: HTMLTableElement): void {
  const buttons = [...table.querySelectorAll('button')]
  const buttonOf = ({ target }: Event) => (target as Element).closest('button')
  for (const button of buttons.slice(1)) button.tabIndex = -1
  table.addEventListener('keydown', (event) => {
    const from = buttonOf(event)
    const to = from && neighbour(table, from, event.key)
    if (!to) return
    event.preventDefault()
    to.focus()
  })
  table.addEventListener('focusin', (event) => {
    const to = buttonOf(event)
    if (to) for (const button of buttons) button.tabIndex = button === to ? 0 : -1
  })
}

const directions: Readonly<Record<string, readonly [down: number, right: number]>> = {
  ArrowDown: [1, 0],
  ArrowUp: [-1, 0],
  ArrowRight: [0, 1],
  ArrowLeft: [0, -1],
}

/** The next button in the direction of a key; cells without one are passed over. */
function neighbour(
  table: HTMLTableElement,
  from: HTMLButtonElement,
  key: string,
): HTMLButtonElement | null | undefined {
  const at = from.closest<HTMLTableCellElement>('td, th')!
  const line = at.parentElement as HTMLTableRowElement
  if (key === 'Home') return line.querySelector('button')
  if (key === 'End') return [...line.querySelectorAll('button')].at(-1)
  const [down, right] = directions[key] ?? []
  if (down === undefined || right === undefined) return undefined
  for (let [row, column] = [line.rowIndex + down, at.cellIndex + right]; ; row += down, column += right) {
    const cell = table.rows[row]?.cells[column]
    if (cell === undefined) return undefined
    const button = cell.querySelector('button')
    if (button) return button
  }
}
