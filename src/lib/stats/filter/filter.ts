/**
 * What a segment or a selector says, as data: made by the parser, read by the compiler to SQL and by the warnings.
 */

export type Field =
  | { readonly kind: 'event_type' }
  | { readonly kind: 'user_id' }
  /** `properties.a.b` is `['a', 'b']`. */
  | { readonly kind: 'property'; readonly path: readonly string[] }

/** `is set` is written `:*`. */
export type Operator = '=' | '!=' | '>' | '>=' | '<' | '<=' | '~' | 'is set'

/** One filter on events: `properties.country:UA,PL`. */
export interface Condition {
  readonly field: Field
  readonly operator: Operator
  /** Any of them may match (none of them, with `!=`); empty with `is set`, one with a comparison. */
  readonly values: readonly string[]
  /** The condition as it was written. */
  readonly text: string
}

/** An event type, optionally with conditions in brackets that restrict this selector only. */
export interface Selector {
  readonly eventType: string
  /** All of them hold. */
  readonly conditions: readonly Condition[]
  /** The selector as it was written. */
  readonly text: string
}
