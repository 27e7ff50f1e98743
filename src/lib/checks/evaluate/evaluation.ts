/** What is given to a judge, and what it says. */
import type { Result } from '../../core/result.js'
import type { Assertion } from '../assertion/assertion.js'
import type { CheckOutcome } from './outcome.js'

/** The part of an outcome that follows from the numbers. */
export interface Evaluation
  extends Pick<CheckOutcome, 'value' | 'valueKind' | 'base' | 'baseKind' | 'definition' | 'reason' | 'rows'> {
  readonly verdict: boolean | 'unknown'
}

/** Counts of the completed batches that an assertion is about. */
export interface Imports {
  readonly batches: number
  readonly read: number
  readonly rejected: number
  readonly duplicates: number
}

export interface EvaluationInputs {
  /** One that fits its stat: see `checkAgainst`. */
  readonly assertion: Assertion
  /** What the stat answers; undefined for freshness and imports. */
  readonly answer: Result | undefined
  /** With a change: the answers for the base windows, in their order; undefined for one that cannot be asked. */
  readonly bases: readonly (Result | undefined)[]
  /** For freshness: the age of the newest event; null without events. */
  readonly freshnessSeconds: number | null | undefined
  /** For rejected and duplicates. */
  readonly imports: Imports | undefined
  /** A value that stands on fewer users, events or records than that decides nothing. */
  readonly minBase: number | undefined
}
