/**
 * A check that can run: the stat is known, its parameters are checked, the assertion is read and fits the stat. Made by
 * `read-check.ts`, from a file or from flags; nothing after it checks again.
 */
import type { Stat } from '../../stats/query/stat.js'
import type { Assertion } from '../assertion/assertion.js'

/** The result of a check whose assertion is false. */
export const severities = ['fail', 'warn'] as const
export type Severity = (typeof severities)[number]

/** What a check is that cannot be decided. */
export const unknownVerdicts = ['unknown', 'pass', 'warn', 'fail'] as const
export type UnknownVerdict = (typeof unknownVerdicts)[number]

/** Where something stands in a file; both count from 1. */
export interface SourceLocation {
  readonly file: string
  readonly line: number
  readonly column: number
}

export interface Check {
  readonly name: string
  /** `undefined` for freshness and for the quality of imports. */
  readonly stat: Stat | undefined
  /** As the schema of the stat gives them; without a stat those of `frameParams`. */
  readonly params: Readonly<Record<string, unknown>>
  readonly assertion: Assertion
  readonly severity: Severity
  /** A value or a base that counts less than this decides nothing. */
  readonly minBase: number | undefined
  readonly onUnknown: UnknownVerdict
  /** `undefined` for a check of the command line. */
  readonly place: SourceLocation | undefined
}
