/** The rows of a Result as points to draw: what is complete, and the mean of several where there is no room for each. */
import type { Result } from '../result.js'
import type { FlatColumn } from './cells.js'

/** A value over time, or a gap. */
export interface Point {
  /** Null where there is nothing to draw. */
  readonly value: number | null
  /** Whether it will not change any more. */
  readonly isComplete: boolean
}

/** A column of a Result as points. */
export function pointsOf({ values }: FlatColumn, complete: readonly boolean[]): Point[] {
  return values.map((value, row) => ({
    value: typeof value === 'number' && Number.isFinite(value) ? value : null,
    isComplete: complete[row] ?? true,
  }))
}

/**
 * For each row whether its values will not change any more: as a column of flags says, else as the end of the data says.
 *
 * @param columns the first one holds dates, or instants with the date on the clock of the question
 * @param meta its `complete_until` is the day before which everything is complete; `to` the last day of the last row
 */
export function completeRows(columns: readonly FlatColumn[], { complete_until, to }: Result['meta']): boolean[] {
  const flags = columns.filter(({ kind }) => kind === 'flag')
  if (flags.length === 1) return flags[0]!.values.map((flag) => flag !== false)
  const { kind, values } = columns[0]!
  if (typeof complete_until !== 'string') return values.map(() => true)
  const days = values.map((value) => String(value).slice(0, 10))
  // An hour is complete with its day.
  if (kind === 'instant') return days.map((day) => day < complete_until)
  return days.map((_, row) => {
    const next = days[row + 1]
    if (next !== undefined) return next <= complete_until
    return typeof to !== 'string' || to < complete_until
  })
}

/**
 * Points as means of so many consecutive ones. Those that are not complete count only where there are no others, so that
 * a day that has just begun is no fall.
 */
export function bucketed(points: readonly Point[], perPoint: number): Point[] {
  if (perPoint === 1) return [...points]
  return Array.from({ length: Math.ceil(points.length / perPoint) }, (_, bucket) => {
    const held = points.slice(bucket * perPoint, (bucket + 1) * perPoint).filter(({ value }) => value !== null)
    const complete = held.filter(({ isComplete }) => isComplete)
    const counted = complete.length > 0 ? complete : held
    if (counted.length === 0) return { value: null, isComplete: true }
    const sum = counted.reduce((total, { value }) => total + value!, 0)
    return { value: sum / counted.length, isComplete: complete.length > 0 }
  })
}

/** The largest value; 0 when there is none. */
export function peakOf(points: readonly Point[]): number {
  return points.reduce((peak, { value }) => Math.max(peak, value ?? 0), 0)
}
