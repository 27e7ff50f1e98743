/**
 * The answer to a question, in one form for every renderer: columns with kinds, rows, meta.
 * A renderer never needs to know which question was asked. With `errors.ts` (what went wrong) and `event.ts` (what an event
 * is) it is what all other folders share:
 *
 *   flags, environment ─ config;  record ─ event or reject code;  stat ─ Result ─ renderer;  failure ─ EaError ─ exit code, status
 */

/** How a column is read: what its values are and how a person wants to see them. */
export type ColumnKind =
  | 'date'
  | 'instant'
  | 'count'
  /** Any number; one that JavaScript cannot hold is a text of its digits. */
  | 'number'
  | 'rate'
  | 'seconds'
  | 'bytes'
  | 'text'
  /** A text that is JSON; as JSON it is what it says. */
  | 'json'
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
/** What is undefined is not there: a column that the parameters left out. */
export type Row = Readonly<Record<string, Cell | undefined>>

/** How the rows are drawn: what they have in common with those of every answer of this form. */
export interface Chart {
  /**
   * - `lines`: dates, then counts, or dates, keys and one count
   * - `ranking`: names with a count, the largest first
   * - `histogram`: numbers with a count
   * - `funnel`: steps with their users
   * - `cohorts`: for each cohort a list of rates
   * - `stack`: dates, then counts that add up
   */
  readonly form: 'lines' | 'ranking' | 'histogram' | 'funnel' | 'cohorts' | 'stack'
  readonly title: string
  /** Of a stack the column that is drawn below zero. */
  readonly below?: string
}

/**
 * What `--json` prints and HTTP answers: `{ metric, data, meta }`; the rest stays inside.
 *
 * @typeParam R a row
 * @typeParam M what is known about the rows as a whole
 */
export interface Result<R = Row, M = Readonly<Record<string, unknown>>> {
  readonly metric: string
  readonly columns: readonly Column[]
  readonly data: readonly R[]
  /** A last row for people's tables (a mean, a sum); what it says stands in `meta` too, so other formats leave it out. */
  readonly footer?: Row
  readonly meta: M
  /** Absent where there is nothing to draw. */
  readonly chart?: Chart
  /** How many days before its first one an answer counts users. */
  readonly lookbackDays?: number
}
