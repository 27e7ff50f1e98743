/** The numbers in the reasons of a judgement, rounded as people want them and never so far that they tell something else. */
import type { Comparison, Quantity } from '../assertion/assertion.js'
import type { Unit } from '../assertion/column-units.js'
import { compare, decimalText, type Fraction, fractionOf, times } from './fraction.js'

/** What one of a unit is, and what stands behind the number. */
interface Scale {
  readonly perUnit: Fraction
  readonly suffix: string
}

const one = fractionOf(1)
const hundred = fractionOf(100)
/** In percent: what a share must not be rounded to unless it is. */
const noneAndAll = [fractionOf(0), hundred]

/** From the largest one on. */
const durations = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const

/** Enough to tell any two fractions apart that differ. */
const mostDecimals = 40

/** The numbers with which a comparison compares. */
function thresholdsOf(comparison: Comparison): readonly Quantity[] {
  return comparison.operator === 'between' ? [comparison.low, comparison.high] : [comparison.threshold]
}

/**
 * A value in the unit of its threshold: `12.3%`, `31.5h`, for a short time in a smaller one. It gets as many decimals as it needs to lie on the same side of
 * the threshold as the value itself.
 *
 * @example
 * comparedText(fractionOf(0.1996), parseAssertion('rates[1] >= 20%').comparison) // '19.96%', not '20%'
 */
export function comparedText(value: Fraction, comparison: Comparison): string {
  const quantities = thresholdsOf(comparison)
  const scale = scaleOf(quantities[0]!, value)
  const limits = quantities.map((quantity) => times(fractionOf(quantity.value), scale.perUnit))
  const told = quantities[0]!.unit === 'percent' ? [...limits, ...noneAndAll] : limits
  return figure(times(value, scale.perUnit), told, usualDecimals(quantities[0]!)) + scale.suffix
}

/** A value by its unit alone, rounded: `12.3%`, `7.5`, `90s`. */
export function plainText(value: Fraction, unit: Unit): string {
  if (unit === 'rate') return `${figure(times(value, hundred), noneAndAll, 1)}%`
  return figure(value, [], 2) + (unit === 'seconds' ? 's' : '')
}

function scaleOf({ unit, text }: Quantity, value: Fraction): Scale {
  switch (unit) {
    case 'number':
      return { perUnit: one, suffix: '' }
    case 'percent':
      return { perUnit: hundred, suffix: '%' }
    case 'points':
      return { perUnit: hundred, suffix: 'pp' }
    case 'duration': {
      const sizes = durations.slice(durations.findIndex(([suffix]) => text.endsWith(suffix)))
      const [suffix, seconds] = sizes.find(([, size]) => compare(value, fractionOf(size)) >= 0) ?? sizes.at(-1)!
      return { perUnit: { top: 1n, bottom: BigInt(seconds) }, suffix }
    }
  }
}

function usualDecimals({ unit }: Quantity): number {
  return unit === 'number' ? 2 : 1
}

function figure(value: Fraction, limits: readonly Fraction[], usual: number): string {
  for (let decimals = usual; ; decimals++) {
    const text = decimalText(value, decimals)
    const shown = { top: BigInt(text.replace('.', '')), bottom: 10n ** BigInt(decimals) }
    const tells = limits.every((limit) => compare(shown, limit) === compare(value, limit))
    if (tells || decimals === mostDecimals) return text.includes('.') ? text.replace(/\.?0+$/, '') : text
  }
}
