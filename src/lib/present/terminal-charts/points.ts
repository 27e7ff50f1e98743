/** The mean of several points where there is no room for each. */
import type { Point } from '../charts/model.js'

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
    if (counted.length === 0) return { value: null, isComplete: true, isAfterData: false }
    const sum = counted.reduce((total, { value }) => total + value!, 0)
    return { value: sum / counted.length, isComplete: complete.length > 0, isAfterData: false }
  })
}

/** The largest value; 0 when there is none. */
export function peakOf(points: readonly Point[]): number {
  return points.reduce((peak, { value }) => Math.max(peak, value ?? 0), 0)
}
