/** `every` and `any`: which rows decide, and the sentence about them. */
import type { Row } from '../../core/result.js'
import type { Assertion, Comparison, Measure } from '../assertion/assertion.js'
import { comparisonText, subjectText } from '../assertion/text.js'
import { meets } from './compare.js'
import { compare, type Fraction } from './fraction.js'
import { comparedText } from './number-text.js'
import type { MeasuredValue, WindowValue } from './value.js'

/** No report needs more rows to see what is wrong. */
const mostRows = 10

export interface DecidedByRows {
  readonly verdict: boolean
  /** Of one of the rows that decide. */
  readonly value: Fraction
  readonly rows: readonly Row[]
  readonly reason: string
}

/**
 * Judges each row of `every` and `any`.
 *
 * @returns undefined for another aggregate
 */
export function evaluateRows(
  assertion: Assertion,
  subject: Measure,
  { points }: MeasuredValue,
): DecidedByRows | undefined {
  const { aggregate } = subject
  if (aggregate !== 'every' && aggregate !== 'any') return undefined
  const { comparison } = assertion
  const good = points.filter(({ value }) => meets(value, comparison))
  const verdict = aggregate === 'every' ? good.length === points.length : good.length > 0
  const deciding = verdict ? good : points.filter((point) => !good.includes(point))
  const { name, point } = tellingPoint(deciding, comparison, aggregate)
  const [some, all] = [deciding.length, points.length]
  const are = some === 1 ? 'is' : 'are'
  const which =
    all === 1
      ? `the only row is${verdict ? '' : ' not'}`
      : aggregate === 'every'
        ? verdict
          ? `all ${all} rows are`
          : `${some} of ${all} rows ${are} not`
        : verdict
          ? `${some} of ${all} rows ${are}`
          : `none of ${all} rows is`
  const key = Object.entries(point.row)[0]!
  return {
    verdict,
    value: point.value,
    rows: deciding.slice(0, mostRows).map(({ row }) => row),
    reason: `${subjectText(subject)}: ${which} ${comparisonText(assertion)}, ${name} is ${comparedText(point.value, comparison)} (${key[0]} ${key[1]})`,
  }
}

/** Of the rows that decide, the one to tell: the worst of `every`, the best of `any`, else the first. */
function tellingPoint(
  points: readonly WindowValue[],
  { operator }: Comparison,
  aggregate: 'every' | 'any',
): { readonly name: string; readonly point: WindowValue } {
  const isFloor = operator === '>' || operator === '>='
  if (!isFloor && operator !== '<' && operator !== '<=') return { name: 'the first', point: points[0]! }
  const wantsLowest = isFloor === (aggregate === 'every')
  const sign = wantsLowest ? -1 : 1
  return {
    name: wantsLowest ? 'the lowest' : 'the highest',
    point: points.reduce((best, point) => (compare(point.value, best.value) === sign ? point : best)),
  }
}
