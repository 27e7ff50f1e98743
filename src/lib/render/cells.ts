/**
 * Result columns and cells for renderers that know only flat tables: a column of lists becomes one column for each
 * index, and a cell becomes text, for programs (`plain`) or for people (`human`).
 */
import type { Cell, Column, ColumnKind, Result } from '../result.js'

/** A column with one value in each row. */
export interface FlatColumn {
  readonly name: string
  readonly kind: ColumnKind
  readonly unit?: string | undefined
  readonly values: readonly (string | number | boolean | null)[]
}

const elementKinds = { counts: 'count', rates: 'rate', flags: 'flag' } as const

/** The columns of a result, lists spread: `users` of three elements becomes `users_0`, `users_1`, `users_2`. */
export function flatColumns(result: Result): FlatColumn[] {
  return result.columns.flatMap((column) => {
    const cells = result.data.map((row) => row[column.name] ?? null)
    return isListKind(column.kind) ? spread(column, cells) : [{ ...column, values: cells.map(scalar) }]
  })
}

function isListKind(kind: ColumnKind): kind is keyof typeof elementKinds {
  return kind in elementKinds
}

function spread(column: Column, cells: readonly Cell[]): FlatColumn[] {
  const lists = cells.map((cell) => (Array.isArray(cell) ? (cell as (number | boolean | null)[]) : []))
  const length = Math.max(0, ...lists.map((list) => list.length))
  return Array.from({ length }, (_, index) => ({
    name: `${column.name}_${index}`,
    kind: elementKinds[column.kind as keyof typeof elementKinds],
    unit: column.unit,
    values: lists.map((list) => list[index] ?? null),
  }))
}

function scalar(cell: Cell): string | number | boolean | null {
  return typeof cell === 'object' && cell !== null ? JSON.stringify(cell) : cell
}

/** Whether a kind is read as a number: aligned right. */
export function isNumeric(kind: ColumnKind): boolean {
  return ['count', 'rate', 'seconds', 'bytes'].includes(kind)
}

/** A cell for programs: all digits, nothing for null. */
export function plain(value: string | number | boolean | null): string {
  return value === null ? '' : String(value)
}

/** A cell for people: rounded, with units, `-` for null; control characters are shown, not sent to the terminal. */
export function human(value: string | number | boolean | null, kind: ColumnKind, grouped: boolean): string {
  if (value === null) return '-'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'string') return visible(value)
  switch (kind) {
    case 'rate':
      return `${(value * 100).toFixed(1)}%`
    case 'seconds':
      return `${Number(value.toFixed(value < 10 ? 2 : 0))} s`
    case 'bytes':
      return bytes(value)
    default:
      return grouped ? value.toLocaleString('en-US') : String(value)
  }
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

/** Escapes what a terminal would obey: `\u001b` becomes six characters. */
export function visible(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
