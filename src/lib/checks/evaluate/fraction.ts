/**
 * Exact numbers for comparisons, so that a threshold of 20 % holds for 1 of 5, and 40 % - 30 % is 10 points and not a
 * little more. A number of JavaScript stands for the simplest fraction that it is nearest to: 0.2 for 1/5, and the rate
 * 1/3 for 1/3 (any share of up to 90 million). Two different numbers stand for different fractions in the same order.
 */

/** `top / bottom`; `bottom` is above 0. */
export interface Fraction {
  readonly top: bigint
  readonly bottom: bigint
}

export const zero: Fraction = { top: 0n, bottom: 1n }

/** Fractions of so many bits are far beyond what anybody counts; a sum of many odd ones is cut there. */
const longestBits = 512

/**
 * The fraction that a number stands for.
 *
 * @param value finite; 0 or not nearer to it than 1e-290, as all that is counted
 * @example
 * fractionOf(0.2) // { top: 1n, bottom: 5n }
 */
export function fractionOf(value: number): Fraction {
  if (Number.isInteger(value)) return { top: BigInt(value), bottom: 1n }
  if (value < 0) return negative(fractionOf(-value))
  // value = mantissa * 2^-exponent, with a mantissa of 53 bits; all that rounds to it lies between two such borders.
  let exponent = 0
  let mantissa = value
  while (mantissa < 2 ** 52 && exponent < 1074) {
    mantissa *= 2
    exponent++
  }
  const middle = BigInt(mantissa)
  const bottom = 1n << BigInt(exponent + 2)
  const below = middle === 1n << 52n ? 1n : 2n
  return simplestBetween({ top: 4n * middle - below, bottom }, { top: 4n * middle + 2n, bottom })
}

/** The fraction with the smallest bottom that lies between two positive ones, by their continued fractions. */
function simplestBetween(low: Fraction, high: Fraction): Fraction {
  const whole = low.top / low.bottom
  if ((whole + 1n) * high.bottom < high.top) return { top: whole + 1n, bottom: 1n }
  const rest = simplestBetween(
    { top: high.bottom, bottom: high.top - whole * high.bottom },
    { top: low.bottom, bottom: low.top - whole * low.bottom },
  )
  return { top: whole * rest.top + rest.bottom, bottom: rest.top }
}

/** The number that is nearest to a fraction. */
export function numberOf({ top, bottom }: Fraction): number {
  if (top < 0n) return -numberOf({ top: -top, bottom })
  if (top === 0n) return 0
  // A quotient of more than 53 bits and a bit for what is left: Number() then rounds once and as it should.
  const shift = Math.max(0, 60 - (bits(top) - bits(bottom)))
  const shifted = top << BigInt(shift)
  const quotient = shifted / bottom
  const exact = quotient * bottom === shifted
  return Number((quotient << 1n) | (exact ? 0n : 1n)) * 2 ** -(shift + 1)
}

export function plus(a: Fraction, b: Fraction): Fraction {
  return reduced(a.top * b.bottom + b.top * a.bottom, a.bottom * b.bottom)
}

function negative({ top, bottom }: Fraction): Fraction {
  return { top: -top, bottom }
}

export function minus(a: Fraction, b: Fraction): Fraction {
  return plus(a, negative(b))
}

export function times(a: Fraction, b: Fraction): Fraction {
  return reduced(a.top * b.top, a.bottom * b.bottom)
}

/** @param b not 0 */
export function over(a: Fraction, b: Fraction): Fraction {
  const sign = b.top < 0n ? -1n : 1n
  return reduced(sign * a.top * b.bottom, sign * a.bottom * b.top)
}

export function sumOf(fractions: readonly Fraction[]): Fraction {
  return fractions.reduce(plus, zero)
}

/** @param fractions at least one */
export function meanOf(fractions: readonly Fraction[]): Fraction {
  return over(sumOf(fractions), fractionOf(fractions.length))
}

/** Below 0 when `a` is the smaller one, 0 when they are equal, above 0 when it is the larger one. */
export function compare(a: Fraction, b: Fraction): -1 | 0 | 1 {
  const difference = a.top * b.bottom - b.top * a.bottom
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** Half up, away from 0, to so many decimals: `12.30` for 123/10 and 2. */
export function decimalText({ top, bottom }: Fraction, decimals: number): string {
  const size = top < 0n ? -top : top
  const units = (2n * size * 10n ** BigInt(decimals) + bottom) / (2n * bottom)
  const digits = units.toString().padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const text = decimals === 0 ? whole : `${whole}.${digits.slice(-decimals)}`
  return top < 0n && units > 0n ? `-${text}` : text
}

function reduced(top: bigint, bottom: bigint): Fraction {
  const divisor = commonDivisor(top < 0n ? -top : top, bottom)
  const [a, b] = [top / divisor, bottom / divisor]
  const excess = BigInt(Math.max(0, bits(b) - longestBits))
  return { top: a >> excess, bottom: b >> excess }
}

function commonDivisor(a: bigint, b: bigint): bigint {
  let [larger, smaller] = [a, b]
  while (smaller !== 0n) [larger, smaller] = [smaller, larger % smaller]
  return larger
}

/** The length of a number in bits, up to 3 too many. */
function bits(value: bigint): number {
  const digits = (value < 0n ? -value : value).toString(16)
  return digits.length * 4
}
