/** The columns and cells of a statement of somebody's own, from the texts that PostgreSQL sends. */
import type { FieldDef } from 'pg'
import { decimalOf } from '../../core/decimal.js'
import type { Column, ColumnKind } from '../../core/result.js'

type SqlCell = string | number | boolean | null

interface SqlColumn {
  readonly column: Column
  read(text: string): SqlCell
}

/** The kinds of types by their number in pg_type; all others are texts as PostgreSQL writes them. */
const kinds: ReadonlyMap<number, ColumnKind> = new Map([
  [16, 'flag'],
  [20, 'number'],
  [21, 'number'],
  [23, 'number'],
  [26, 'number'],
  [700, 'number'],
  [701, 'number'],
  [1700, 'number'],
  [114, 'json'],
  [3802, 'json'],
  [1082, 'date'],
  [1184, 'instant'],
])

/** The columns of a result; a name that comes twice gets a number. */
export function sqlColumns(fields: readonly Pick<FieldDef, 'name' | 'dataTypeID'>[]): SqlColumn[] {
  const taken = new Set<string>()
  return fields.map(({ name: given, dataTypeID }) => {
    let name = given
    for (let number = 2; taken.has(name); number++) name = `${given}_${number}`
    taken.add(name)
    const kind = kinds.get(dataTypeID) ?? 'text'
    return { column: { name, kind }, read: readers[kind] ?? ((text) => text) }
  })
}

const readers: Partial<Record<ColumnKind, (text: string) => SqlCell>> = {
  flag: (text) => text === 't',
  number: (text) => (/^-?\d+(\.\d+)?$/.test(text) ? decimalOf(text) : numberOrText(text)),
  // `2025-08-31 12:00:00+00`, because the transaction is in UTC.
  instant: (text) => text.replace(/^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)\+00$/, '$1T$2Z'),
}

/** An exponent is a number; NaN and Infinity have none in JSON. */
function numberOrText(text: string): number | string {
  const number = Number(text)
  return Number.isFinite(number) ? number : text
}
