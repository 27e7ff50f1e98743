/** Whether a value is what a comparison asks for, exactly. */
import type { Comparison } from '../assertion/assertion.js'
import { compare, type Fraction, fractionOf } from './fraction.js'

/**
 * Compares without rounding; `between` includes both ends.
 *
 * @example
 * meets(fractionOf(0.2), parseAssertion('rates[1] >= 20%').comparison) // true
 */
export function meets(value: Fraction, comparison: Comparison): boolean {
  if (comparison.operator === 'between') {
    return (
      compare(value, fractionOf(comparison.low.value)) >= 0 && compare(value, fractionOf(comparison.high.value)) <= 0
    )
  }
  const order = compare(value, fractionOf(comparison.threshold.value))
  switch (comparison.operator) {
    case '>':
      return order > 0
    case '>=':
      return order >= 0
    case '<':
      return order < 0
    case '<=':
      return order <= 0
    case '=':
      return order === 0
    case '!=':
      return order !== 0
  }
}
