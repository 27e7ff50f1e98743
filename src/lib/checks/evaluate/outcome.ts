/** What a check found: all that a report needs, also when it passes. */
import type { Row } from '../../core/result.js'

export const statuses = ['pass', 'warn', 'fail', 'unknown'] as const
export type Status = (typeof statuses)[number]

export interface CheckOutcome {
  readonly name: string
  readonly status: Status
  /** `undefined` for checks of freshness and of imports. */
  readonly stat: string | undefined
  /** The assertion as it was written. */
  readonly assert: string
  /** What was compared: of the column's unit, 0..1 for rates and relative changes, seconds for ages; null when unknown. */
  readonly value: number | null
  readonly valueKind: 'count' | 'rate' | 'points' | 'seconds'
  /** The comparison as it was written: `>= 1000`, `between 20% and 60%`. */
  readonly threshold: string
  /** With a change: the value before. */
  readonly base: number | null
  /** What the base is: that of the column, while `valueKind` is that of the change (default `count`). */
  readonly baseKind?: CheckOutcome['valueKind'] | undefined
  /** The days that were resolved, both included; null for checks without a range, or without data. */
  readonly window: { readonly from: string; readonly to: string; readonly tz: string } | null
  /** With a change: what the base covers, one line for each period. */
  readonly baseWindows: readonly { readonly from: string; readonly to: string }[]
  readonly definition: string
  /** One sentence: why it failed or is unknown, with the numbers; for a pass what was found. */
  readonly reason: string
  /** The rows that decided, for `every` and `any`, at most ten. */
  readonly rows: readonly Row[]
  readonly warnings: readonly string[]
  /** Where the check stands in its file; undefined for one of the command line. */
  readonly place: { readonly file: string; readonly line: number; readonly column: number } | undefined
}

export interface CheckReport {
  readonly outcomes: readonly CheckOutcome[]
  /** How many of each. */
  readonly counts: Readonly<Record<Status, number>>
  /** 0, 6 or 7: the verdict. */
  readonly exitCode: 0 | 6 | 7
  /** What counted as now, ISO in UTC. */
  readonly asOf: string
  readonly seconds: number
}
