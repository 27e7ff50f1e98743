/** What an assertion says, as data: made by the parser, judged by `evaluate.ts`, printed by the reports. */

export const aggregates = ['min', 'max', 'mean', 'sum', 'first', 'last', 'count', 'every', 'any'] as const
export type Aggregate = (typeof aggregates)[number]

/** Values of one column of an answer: `sum(value)`, `rates[1]`, `events[event_type=purchase]`. */
export interface Measure {
  readonly kind: 'column'
  /** Without one, exactly one row may be left. */
  readonly aggregate: Aggregate | undefined
  readonly column: string
  /** The element of a column of lists: 1 in `rates[1]`. */
  readonly index: number | undefined
  /** Rows for which all of these hold. */
  readonly where: readonly { readonly column: string; readonly value: string }[]
}

/** The age of the newest event. */
interface Freshness {
  readonly kind: 'freshness'
}

/** Rejects or duplicates of the last completed batches; a share when the threshold is in percent, else their number. */
export interface ImportQuality {
  readonly kind: 'rejected' | 'duplicates'
  /** So many batches, or those that finished in so many seconds before now. */
  readonly over: { readonly batches: number } | { readonly seconds: number }
}

export type Subject = Measure | Freshness | ImportQuality

/** With what a value is compared to make a change. */
export type Base =
  | { readonly kind: 'previous_period' }
  | { readonly kind: 'previous_year' }
  | { readonly kind: 'same_weekday'; readonly weeks: number }

/** `value` is in the unit's base: 0.2 for `20%` and `20pp`, seconds for durations. */
export interface Quantity {
  readonly value: number
  readonly unit: 'number' | 'percent' | 'points' | 'duration'
  /** As it was written. */
  readonly text: string
}

export type Comparison =
  | { readonly operator: '>' | '>=' | '<' | '<=' | '=' | '!='; readonly threshold: Quantity }
  | { readonly operator: 'between'; readonly low: Quantity; readonly high: Quantity }

export interface Assertion {
  readonly subject: Subject
  /** Compare the change against this base, and not the value itself. */
  readonly change: Base | undefined
  readonly comparison: Comparison
  readonly text: string
}
