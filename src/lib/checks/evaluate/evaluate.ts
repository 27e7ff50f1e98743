/**
 * Decides an assertion from numbers that have been asked: whether it holds, fails, or cannot be decided, and why. Pure; it
 * knows neither the database nor severities.
 *
 * What cannot be decided is never taken for something that holds: no data, a period that is not over, a base of 0 or one
 * that the data does not cover, fewer users or events than `minBase`.
 */
import type { Result } from '../../core/result.js'
import { addDays } from '../../core/time.js'
import type { Assertion, Measure } from '../assertion/assertion.js'
import type { Unit } from '../assertion/column-units.js'
import { baseText, comparisonText, subjectText } from '../assertion/text.js'
import { meets } from './compare.js'
import { daysText } from './completeness.js'
import { evaluateFreshness, evaluateImports } from './evaluate-imports.js'
import { evaluateRows } from './evaluate-rows.js'
import type { Evaluation, EvaluationInputs } from './evaluation.js'
import { compare, type Fraction, fractionOf, meanOf, minus, numberOf, over } from './fraction.js'
import { comparedText, plainText } from './number-text.js'
import { type MeasuredValue, type MissingValue, measuredValue, unitOfValue } from './value.js'

export type { Evaluation, EvaluationInputs } from './evaluation.js'

/**
 * Judges an assertion.
 *
 * `minBase` is compared with the base of a change, else with the value, where they are counts; where they are rates, with
 * the users or events of which they are shares.
 *
 * @param evidence with an assertion that fits its stat
 * @example
 * evaluateCheck({ assertion: parseAssertion('unique_users >= 1000'), answer, … }).reason // 'unique_users is 7, not >= 1000'
 */
export function evaluateCheck(evidence: EvaluationInputs): Evaluation {
  const { assertion, answer } = evidence
  const { subject } = assertion
  if (subject.kind === 'freshness') return evaluateFreshness(assertion, evidence.freshnessSeconds ?? null)
  if (subject.kind !== 'column') return evaluateImports(assertion, subject, evidence.imports, evidence.minBase)
  if (answer === undefined) throw new Error(`${assertion.text} needs an answer`)
  const judged = evaluateMeasure(evidence, subject, answer)
  return {
    ...judged,
    reason: judged.reason + (judged.verdict === 'unknown' ? '' : pendingNote(answer)),
    definition: String(answer.meta.definition),
  }
}

type EvaluatedMeasure = Omit<Evaluation, 'definition'>

function evaluateMeasure(
  { assertion, bases, minBase }: EvaluationInputs,
  subject: Measure,
  answer: Result,
): EvaluatedMeasure {
  const measured = measuredValue(subject, answer)
  if ('unknown' in measured) return unknown(assertion, unitOfValue(subject, answer), measured.unknown)
  if (assertion.change !== undefined) return judgeChange(assertion, subject, measured, bases, minBase)
  const { unit, weight } = measured
  const { verdict, value, rows, reason } =
    evaluateRows(assertion, subject, measured) ?? evaluateValue(assertion, subject, measured.value)
  const few = tooFew(unit === 'count' && weight !== undefined ? value : weight, minBase)
  if (few !== undefined) return unknown(assertion, unit, `too few to decide: ${subjectText(subject)} ${few}`)
  return { verdict, value: numberOf(value), valueKind: unit, base: null, rows, reason }
}

function evaluateValue(assertion: Assertion, subject: Measure, value: Fraction) {
  const verdict = meets(value, assertion.comparison)
  const text = comparedText(value, assertion.comparison)
  return { verdict, value, rows: [], reason: `${subjectText(subject)} is ${text}, ${relation(assertion, verdict)}` }
}

function judgeChange(
  assertion: Assertion,
  subject: Measure,
  measured: MeasuredValue,
  bases: EvaluationInputs['bases'],
  minBase: number | undefined,
): EvaluatedMeasure {
  const before: MeasuredValue[] = []
  for (const base of bases) {
    const found = measureBase(subject, base)
    if ('unknown' in found) return unknown(assertion, measured.unit, found.unknown)
    before.push(found)
  }
  if (before.length === 0) return unknown(assertion, measured.unit, beforeAllEvents)
  const { unit, value } = measured
  const base = meanOf(before.map((found) => found.value))
  const weights = before.map(({ weight }) => weight).filter((weight) => weight !== undefined)
  const few = tooFew(unit === 'count' ? base : weights.length === 0 ? undefined : meanOf(weights), minBase)
  const name = subjectText(subject)
  const known = { base: numberOf(base), baseKind: unit }
  const versus = baseText(assertion.change!)
  if (few !== undefined)
    return { ...unknown(assertion, unit, `too few to decide: the base of ${name} (${versus}) ${few}`), ...known }
  const isPoints = isOfPoints(assertion)
  if (!isPoints && base.top === 0n) {
    return {
      ...unknown(assertion, unit, `${name} was 0 in the base (${versus}): a change cannot divide by 0`),
      ...known,
    }
  }
  const difference = minus(value, base)
  const change = isPoints ? difference : over(difference, base)
  const verdict = meets(change, assertion.comparison)
  const [from, to] = [plainText(base, unit), plainText(value, unit)]
  const what = before.length === 1 ? from : `a mean of ${from}`
  return {
    verdict,
    value: numberOf(change),
    valueKind: isPoints ? 'points' : 'rate',
    ...known,
    rows: [],
    reason: `${name} changed by ${comparedText(change, assertion.comparison)} vs ${versus} (from ${what} to ${to}), ${relation(assertion, verdict)}`,
  }
}

const beforeAllEvents = 'the base is before 1970, where there are no events'

function measureBase(subject: Measure, base: Result | undefined): MeasuredValue | MissingValue {
  if (base === undefined) return { unknown: beforeAllEvents }
  const { from, data_from } = base.meta as Record<string, string | null>
  const name = `the base ${daysText(base.meta)}`
  if (from != null && data_from != null) {
    if (from < data_from) return { unknown: `${name} begins before the data, which begins on ${data_from}` }
    const reached = addDays(from, -(base.lookbackDays ?? 0))
    if (reached < data_from) {
      return { unknown: `${name} counts users from ${reached} on, before the data, which begins on ${data_from}` }
    }
  }
  const measured = measuredValue(subject, base)
  return 'unknown' in measured ? { unknown: `in ${name}: ${measured.unknown}` } : measured
}

function isOfPoints({ comparison }: Assertion): boolean {
  return (comparison.operator === 'between' ? comparison.low : comparison.threshold).unit === 'points'
}

/** How few users or events there are, when they are fewer than it takes to decide. */
function tooFew(weight: Fraction | undefined, minBase: number | undefined): string | undefined {
  if (weight === undefined || minBase === undefined || compare(weight, fractionOf(minBase)) >= 0) return undefined
  return `stands on ${plainText(weight, 'count')}, min_base is ${minBase}`
}

function unknown(assertion: Assertion, unit: Unit, reason: string): EvaluatedMeasure {
  const valueKind = assertion.change === undefined ? unit : isOfPoints(assertion) ? 'points' : 'rate'
  return { verdict: 'unknown', value: null, valueKind, base: null, rows: [], reason }
}

function relation(assertion: Assertion, verdict: boolean): string {
  return `${verdict ? 'which is' : 'not'} ${comparisonText(assertion)}`
}

/** A funnel is decided although the window of some users is open: the range is over, and the reason tells of them. */
function pendingNote({ meta }: Result): string {
  const pending = meta.pending_users
  if (typeof pending !== 'number' || pending === 0) return ''
  return `; ${pending} ${pending === 1 ? 'user' : 'users'} may still take more steps`
}
