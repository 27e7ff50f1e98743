/**
 * Which rows of an answer are known whole: their time is over and the data covers it. An answer says it in different ways:
 * a flag, a list of flags, dates, or only its range.
 */
import type { Result, Row } from '../result.js'
import { addDays, type DayGrain, windowEnd } from '../time.js'
import type { Measure } from './assertion.js'

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
  const { complete_until, to } = meta as Record<string, string | null>
  const first = columns[0]!
  const nameOf = (row: Row) => `${first.name} ${row[first.name]}`
  const flags = columns.find(({ name }) => name === 'complete')?.kind
  if (flags === 'flags') {
    // The number of users who came is that of window 0.
    const isComplete = (row: Row) => Array.isArray(row.complete) && row.complete[index ?? 0] === true
    return { leavesOut: true, isComplete, nameOf, hint: ': ask for earlier cohorts or an earlier window' }
  }
  const hint = behindHint(answer)
  if (flags === 'flag') return { leavesOut: false, isComplete: (row) => row.complete === true, nameOf, hint }
  if (first.kind === 'date') {
    const grain = (meta.grain ?? 'day') as DayGrain
    const isComplete = (row: Row) => complete_until != null && windowEnd(row.date as string, grain) <= complete_until
    return { leavesOut: false, isComplete, nameOf, hint }
  }
  if (first.kind === 'instant') return { leavesOut: false, isComplete: (row) => isHourOver(row, answer), nameOf, hint }
  const isWhole = complete_until != null && to != null && to < complete_until
  return { leavesOut: false, isComplete: () => isWhole, nameOf: () => `the range ${daysText(meta)}`, hint }
}

const msPerHour = 3_600_000

/** Whether an hour, which begins at `date` on the local clock, is over and lies on a day of the data. */
function isHourOver({ date }: Row, { meta }: Result): boolean {
  const { as_of, data_until } = meta as Record<string, string | null>
  const begins = String(date)
  if (as_of == null || data_until == null || begins.slice(0, 10) > data_until) return false
  return Date.parse(begins) + msPerHour <= Date.parse(as_of)
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
