import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  compare,
  decimalText,
  type Fraction,
  fractionOf,
  meanOf,
  minus,
  numberOf,
  over,
  plus,
  times,
} from '../../../src/lib/checks/evaluate/fraction.js'
import { assertProperty } from '../../support/effort.js'

const fraction = (top: number | bigint, bottom: number | bigint = 1): Fraction => ({
  top: BigInt(top),
  bottom: BigInt(bottom),
})

test.each<[number, Fraction]>([
  [0, fraction(0)],
  [-0, fraction(0)],
  [7, fraction(7)],
  [0.2, fraction(1, 5)],
  [-0.07, fraction(-7, 100)],
  [1 / 3, fraction(1, 3)],
  [2 / 3, fraction(2, 3)],
  [0.1 + 0.2, fractionOf(0.30000000000000004)],
  [1e300, fraction(BigInt(1e300))],
  [2 ** -30, fraction(1, 2 ** 30)],
  [94_205.123, fraction(94_205_123, 1000)],
])('%s stands for its simplest fraction', (value, expected) => {
  expect(fractionOf(value)).toEqual(expected)
})

test('a share of up to 90 million is that share, and a decimal that decimal', { tags: 'property' }, () => {
  const count = fc.integer({ min: 1, max: 90_000_000 })
  assertProperty(
    fc.property(count, count, (a, b) => {
      const [top, bottom] = [Math.min(a, b), Math.max(a, b)]
      expect(compare(fractionOf(top / bottom), fraction(top, bottom))).toBe(0)
    }),
    1000,
  )
  assertProperty(
    fc.property(fc.integer({ min: -(10 ** 7), max: 10 ** 7 }), fc.integer({ min: 0, max: 7 }), (digits, places) => {
      expect(compare(fractionOf(Number(`${digits}e-${places}`)), fraction(digits, 10 ** places))).toBe(0)
    }),
    1000,
  )
})

const anyNumber = fc
  .double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 })
  .filter((value) => value === 0 || Math.abs(value) > 1e-290)

test('numbers keep their order, and each comes back as itself', { tags: 'property' }, () => {
  const next = (value: number) => {
    const view = new DataView(new ArrayBuffer(8))
    view.setFloat64(0, value)
    view.setBigInt64(0, view.getBigInt64(0) + 1n)
    return view.getFloat64(0)
  }
  assertProperty(
    fc.property(anyNumber, anyNumber, (a, b) => {
      expect(numberOf(fractionOf(a))).toBe(a + 0)
      expect(compare(fractionOf(a), fractionOf(b))).toBe(Math.sign(a - b) + 0)
      if (a === 0) return
      const near = next(Math.abs(a))
      expect(compare(fractionOf(Math.abs(a)), fractionOf(near))).toBe(-1)
    }),
    1000,
  )
})

test('arithmetic is exact where floating point is not', () => {
  expect(numberOf(minus(fractionOf(0.4), fractionOf(0.3)))).toBe(0.1)
  expect(0.4 - 0.3).not.toBe(0.1)
  expect(numberOf(plus(fractionOf(0.1), fractionOf(0.2)))).toBe(0.3)
  expect(numberOf(meanOf([0.1, 0.2, 0.3].map(fractionOf)))).toBe(0.2)
  expect(over(fractionOf(3), fractionOf(-6))).toEqual(fraction(-1, 2))
  expect(times(fractionOf(0.07), fractionOf(100))).toEqual(fraction(7))
})

test('a quotient is the number that JavaScript makes of it', { tags: 'property' }, () => {
  const whole = fc.integer({ min: 1, max: 2 ** 53 - 1 })
  assertProperty(
    fc.property(whole, whole, (top, bottom) => {
      expect(numberOf(over(fractionOf(top), fractionOf(bottom)))).toBe(top / bottom)
    }),
    2000,
  )
})

test('a long sum of odd numbers stays short and as good as exact', () => {
  const values = Array.from({ length: 3000 }, (_, i) => Math.sqrt(i + 2) / 100)
  const sum = values.map(fractionOf).reduce(plus)
  expect(sum.bottom.toString(2).length).toBeLessThan(600)
  expect(numberOf(sum)).toBeCloseTo(
    values.reduce((a, b) => a + b),
    9,
  )
})

test.each<[Fraction, number, string]>([
  [fraction(123, 10), 2, '12.30'],
  [fraction(-1, 8), 2, '-0.13'],
  [fraction(-1, 1000), 1, '0.0'],
  [fraction(5, 2), 0, '3'],
  [fraction(999, 1000), 1, '1.0'],
  [fraction(1, 100), 3, '0.010'],
])('%o to %d decimals is %s', (value, decimals, text) => {
  expect(decimalText(value, decimals)).toBe(text)
})
