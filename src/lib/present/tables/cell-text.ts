/**
 * Result columns and cells for renderers that know only flat tables: a column of lists becomes one column for each
 * index, and a cell becomes text, for programs (`plain`) or for people (`human`).
 */
import type { Cell, Column, ColumnKind, Result } from '../../core/result.js'

/** What stands in one place of a flat table. */
export type Scalar = string | number | boolean | null

/** A column with one value in each row. */
export interface FlatColumn {
  readonly name: string
  readonly kind: ColumnKind
  readonly unit?: string | undefined
  readonly values: readonly Scalar[]
  /** The value of the footer; undefined when the result has none. */
  readonly footer?: Scalar | undefined
  /** Of a trend that has a column for each key: the key. */
  readonly key?: Scalar | undefined
  /** Where it comes from when it was spread from a column of lists. */
  readonly element?: { readonly of: string; readonly index: number } | undefined
}

const elementKinds = { counts: 'count', rates: 'rate', flags: 'flag' } as const

/** The columns of a result, lists spread: `users` of three elements becomes `users_0`, `users_1`, `users_2`. */
export function flatColumns(result: Result): FlatColumn[] {
  return columnsOf(result, result.data, listLengths(result))
}

/** About so many cells are spread at once: some milliseconds of work. */
const cellsAtOnce = 20_000

/**
 * The same columns, a few rows at a time: who writes a large answer can do other things in between.
 *
 * @returns at least once the columns, also when there are no rows
 */
export function* flatParts(result: Result): Generator<FlatColumn[]> {
  const { columns, data } = result
  const lengths = listLengths(result)
  const width = columns.reduce((sum, { name }) => sum + (lengths.get(name) ?? 1), 0)
  const rows = Math.max(1, Math.floor(cellsAtOnce / width))
  for (let from = 0; from === 0 || from < data.length; from += rows) {
    yield columnsOf(result, data.slice(from, from + rows), lengths)
  }
}

/** How many elements the longest list of each column of lists has. */
function listLengths({ columns, data }: Result): ReadonlyMap<string, number> {
  const lists = columns.filter(({ kind }) => isListKind(kind))
  return new Map(
    lists.map(({ name }) => [name, data.reduce((most, row) => Math.max(most, listOf(row[name] ?? null).length), 0)]),
  )
}

function columnsOf(
  { columns, footer }: Result,
  rows: Result['data'],
  lengths: ReadonlyMap<string, number>,
): FlatColumn[] {
  return columns.flatMap((column) => {
    const cells = rows.map((row) => row[column.name] ?? null)
    const last = footer && (footer[column.name] ?? null)
    if (isListKind(column.kind)) return spread(column, cells, last, lengths.get(column.name)!)
    return [{ ...column, values: cells.map(scalar), footer: last === undefined ? undefined : scalar(last) }]
  })
}

function isListKind(kind: ColumnKind): kind is keyof typeof elementKinds {
  return kind in elementKinds
}

function spread(column: Column, cells: readonly Cell[], last: Cell | undefined, length: number): FlatColumn[] {
  const lists = cells.map(listOf)
  const lastList = last === undefined ? undefined : listOf(last)
  return Array.from({ length }, (_, index) => ({
    name: `${column.name}_${index}`,
    kind: elementKinds[column.kind as keyof typeof elementKinds],
    unit: column.unit,
    values: lists.map((list) => list[index] ?? null),
    footer: lastList && (lastList[index] ?? null),
    element: { of: column.name, index },
  }))
}

function listOf(cell: Cell): readonly (number | boolean | null)[] {
  return typeof cell === 'object' && cell !== null ? cell : []
}

function scalar(cell: Cell): Scalar {
  return typeof cell === 'object' && cell !== null ? JSON.stringify(cell) : cell
}

/** Whether a kind is read as a number: aligned right. */
export function isNumeric(kind: ColumnKind): boolean {
  return ['count', 'number', 'rate', 'seconds', 'bytes'].includes(kind)
}

/** Whether a kind is drawn as how much there is of something. */
export function isQuantity(kind: ColumnKind): boolean {
  return kind === 'count' || kind === 'number'
}

/** The number in a cell of such a kind; one with more digits than JavaScript has is a text. */
export function amountOf(value: Scalar): number | null {
  if (typeof value === 'string') return value === '' ? null : Number(value)
  return typeof value === 'number' ? value : null
}

/** With a capital letter. */
export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** `unique_users` as a heading: `Unique users`. */
export function headingOf(name: string): string {
  return capitalized(name.replaceAll('_', ' '))
}

/** A cell for programs: all digits, nothing for null. */
export function plain(value: Scalar): string {
  return value === null ? '' : String(value)
}

// One for all cells, because making it is what `toLocaleString` costs; only when asked for, because commands start with it.
let groupedNumber: Intl.NumberFormat | undefined

/** So many digits of a number with decimals people read. */
const peopleDigits = 9

/** A cell for people: rounded, with units, `-` for null; control characters are shown, not sent to the terminal. */
export function human(value: Scalar, kind: ColumnKind, grouped: boolean): string {
  if (value === null) return '-'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'string') return visible(value)
  switch (kind) {
    case 'rate':
      return percentText(value)
    case 'seconds':
      return grouped ? span(value) : `${numberText(Number(value.toFixed(value < 10 ? 2 : 0)), false)} s`
    case 'bytes':
      return bytes(value)
    case 'number':
      return numberText(Number.isInteger(value) ? value : Number(value.toPrecision(peopleDigits)), grouped)
    default:
      return numberText(value, grouped)
  }
}

/** `12,345`. */
export const grouped = (count: number) => numberText(count, true)

/** `1 event`, `12,345 events`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`
}

/** How long something took, in one unit: `2.9 s`, `125 s`. */
export const tookText = (seconds: number) => `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`

/**
 * A share in percent with one decimal, or with two where one would make none or all of it; what lies nearer to them than
 * that is said to.
 *
 * @example
 * percentText(0.9996) // '99.96%', not '100.0%'
 * percentText(1 / 1_000_000) // '<0.01%'
 */
export function percentText(share: number): string {
  for (const decimals of [1, 2]) {
    const text = (share * 100).toFixed(decimals)
    const shown = Math.abs(Number(text))
    if ((shown !== 0 && shown !== 100) || shown === Math.abs(share * 100)) return `${text}%`
  }
  const size = Math.abs(share)
  return `${share < 0 ? '-' : ''}${size < 0.5 ? '<0.01' : size < 1 ? '>99.99' : '>100'}%`
}

function numberText(value: number, grouped: boolean): string {
  if (!grouped) return String(value)
  groupedNumber ??= new Intl.NumberFormat('en-US')
  return groupedNumber.format(value)
}

/** A length of time in its two largest units: `57 s`, `9 h 51 min`, `3 d 4 h`. */
function span(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toFixed(seconds < 10 ? 2 : 0))} s`
  const [large, small, largeName, smallName] =
    seconds < 3600
      ? ([60, 1, 'min', 's'] as const)
      : seconds < 86_400
        ? ([3600, 60, 'h', 'min'] as const)
        : ([86_400, 3600, 'd', 'h'] as const)
  const rounded = Math.round(seconds / small) * small
  const rest = (rounded % large) / small
  const whole = `${Math.floor(rounded / large)} ${largeName}`
  return rest === 0 ? whole : `${whole} ${rest} ${smallName}`
}

function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  let rest = value
  while (rest >= 1000 && unit < units.length - 1) {
    rest /= 1000
    unit++
  }
  return `${unit === 0 ? rest : rest.toFixed(1)} ${units[unit]}`
}

/**
 * What a terminal would obey, or would not show at all: controls (C0, C1), line separators, marks that turn the
 * direction of the text, invisible spaces and tags, halves of surrogate pairs. The joiners stay: emoji and Persian need them.
 */
const invisible =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\p{Surrogate}]/gu

/** Escapes what a terminal would obey or hide: the escape character becomes the six characters `\u001b`. */
export function visible(text: string): string {
  return text.replace(invisible, escapedUnit)
}

/** The escape of JSON for one UTF-16 unit. */
export function escapedUnit(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
}
