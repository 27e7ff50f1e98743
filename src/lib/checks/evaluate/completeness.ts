/**
 * Which rows of an answer are complete, as the stat says it: by a flag for each row, by a list of flags, or for the range as
 * a whole.
 */
import type { Result, Row } from '../../core/result.js'
import { addDays } from '../../core/time.js'
import type { Measure } from '../assertion/assertion.js'

export interface Completeness {
  /** Whether rows that are not complete do not count; otherwise one that is used makes the value unknown. */
  readonly leavesOut: boolean
  isComplete(row: Row): boolean
  /** What a row is called in a sentence. */
  nameOf(row: Row): string
  /** What to do about a row that is not complete: the end of a sentence. */
  readonly hint: string
}

/** How an answer tells which of its rows are complete, for what is measured. */
export function completeness({ index }: Measure, answer: Result): Completeness {
  const { columns, meta } = answer
  const first = columns[0]!
  const nameOf = (row: Row) => `${first.name} ${row[first.name]}`
  switch (columns.find(({ name }) => name === 'complete')?.kind) {
    case 'flags': {
      // The number of users who came is that of window 0.
      const isComplete = (row: Row) => Array.isArray(row.complete) && row.complete[index ?? 0] === true
      if (meta.mode !== 'on-or-after') {
        return { leavesOut: true, isComplete, nameOf, hint: ': ask for earlier cohorts or an earlier window' }
      }
      // Complete are those of whom everybody has returned: without the others a mean would always be 100%.
      const hint = ': with mode on-or-after anybody may still return, mode on has windows that end'
      return { leavesOut: false, isComplete, nameOf, hint }
    }
    case 'flag':
      return { leavesOut: false, isComplete: (row) => row.complete === true, nameOf, hint: behindHint(answer) }
    default: {
      const isComplete = () => meta.range_complete === true
      return { leavesOut: false, isComplete, nameOf: () => `the range ${daysText(meta)}`, hint: behindHint(answer) }
    }
  }
}

function behindHint({ meta }: Result): string {
  const { complete_until, data_until } = meta as Record<string, string | null>
  if (complete_until == null || data_until == null) return ''
  return complete_until === addDays(data_until, 1)
    ? `: the data ends on ${data_until}, end the range there or import newer events`
    : `: ${complete_until} is not over, end the range at yesterday`
}

/** The days of an answer: `2025-08-01 to 2025-08-07`, or one day. */
export function daysText(meta: Result['meta']): string {
  const { from, to } = meta as Record<string, string>
  return from === to ? from! : `${from} to ${to}`
}
