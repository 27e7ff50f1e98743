/** Ticks that people like: from 0 in steps of 1, 2, 2.5 or 5 times a power of ten. */
import { human } from '../tables/cell-text.js'

/** From 0 to `step * intervals`. */
export interface Scale {
  readonly step: number
  readonly intervals: number
}

/** What an axis counts: `count` in whole numbers, `rate` in tenths of a percent. */
export type AxisKind = 'count' | 'rate'

/**
 * The finest scale that reaches a value with so many intervals at most.
 *
 * @param largest 0 or more; finite
 * @example
 * niceScale(74, 4, 'count') // { step: 20, intervals: 4 }
 */
export function niceScale(largest: number, maxIntervals: number, kind: AxisKind): Scale {
  const perUnit = kind === 'rate' ? 1000 : 1
  // In units that have no fractions, so that a step of three tenths of a percent is a whole number.
  const reach = Math.max(1, Math.ceil(largest * perUnit - 1e-9))
  for (let power = 10 ** Math.floor(Math.log10(reach / maxIntervals)); ; power *= 10) {
    for (const factor of [1, 2, 2.5, 5]) {
      const step = power * factor
      const intervals = Math.ceil(reach / step)
      if (step >= 1 && Number.isInteger(step) && intervals <= maxIntervals) return { step: step / perUnit, intervals }
    }
  }
}

/**
 * A value as tables write it, or shorter where that would take too much room: a number of 20 digits and more.
 *
 * @param maxColumns more than that is written with an exponent
 */
export function shortValue(value: number, kind: AxisKind, maxColumns: number): string {
  const whole = human(value, kind, true)
  return whole.length <= maxColumns ? whole : value.toExponential(1)
}
