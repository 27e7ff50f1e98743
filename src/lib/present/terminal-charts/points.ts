/** The rows of a Result as points to draw, and the mean of several where there is no room for each. */
import type { FlatColumn } from '../tables/cell-text.js'

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
