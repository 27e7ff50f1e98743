/**
 * The answer to a question, in one form for every renderer: columns with kinds, rows, meta.
 * A renderer never needs to know which question was asked.
 */

/** How a column is read: what its values are and how a person wants to see them. */
export type ColumnKind =
  | 'date'
  | 'instant'
  | 'count'
  | 'rate'
  | 'seconds'
  | 'bytes'
  | 'text'
  | 'flag'
  | 'counts'
  | 'rates'
  | 'flags'

export interface Column {
  readonly name: string
  readonly kind: ColumnKind
  /** What one unit of a count is, for axes and headings: `users`, `events`. */
  readonly unit?: string
}

export type Cell = string | number | boolean | null | readonly (number | boolean | null)[]
export type Row = Readonly<Record<string, Cell>>

/** What `--json` prints and HTTP answers: `{ metric, data, meta }`; `columns` stay inside. */
export interface Result {
  readonly metric: string
  readonly columns: readonly Column[]
  readonly data: readonly Row[]
  /** A last row for people's tables (a mean, a sum); what it says stands in `meta` too, so other formats leave it out. */
  readonly footer?: Row
  readonly meta: Readonly<Record<string, unknown>>
}
