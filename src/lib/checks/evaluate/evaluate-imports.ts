/** Decides what is said about the arrival of events: how old the newest one is, and how good the last imports were. */
import type { Assertion, ImportQuality } from '../assertion/assertion.js'
import { comparisonText, durationText, subjectText } from '../assertion/text.js'
import { meets } from './compare.js'
import type { Evaluation, Imports } from './evaluation.js'
import { type Fraction, fractionOf, numberOf, over } from './fraction.js'
import { comparedText } from './number-text.js'

/** @param ageSeconds of the newest event; null without events */
export function evaluateFreshness(assertion: Assertion, ageSeconds: number | null): Evaluation {
  const definition = 'The time since the newest event.'
  return ageSeconds === null
    ? undecided('seconds', definition, 'there are no events yet')
    : decided(assertion, fractionOf(ageSeconds), 'seconds', definition)
}

/** @param imports undefined when they were not asked, which is the same as none */
export function evaluateImports(
  assertion: Assertion,
  subject: ImportQuality,
  imports: Imports | undefined,
  minBase: number | undefined,
): Evaluation {
  const { comparison } = assertion
  const isShare = (comparison.operator === 'between' ? comparison.low : comparison.threshold).unit === 'percent'
  const kind = isShare ? 'rate' : 'count'
  const definition = definitionOf(subject, isShare)
  if (imports === undefined || imports.batches === 0) {
    const when = 'batches' in subject.over ? '' : ' in this time'
    return undecided(kind, definition, `no import was completed${when}`)
  }
  const { read } = imports
  const records = read === 1 ? 'record' : 'records'
  if (isShare && read === 0) {
    return undecided(kind, definition, 'no record was read, and a share cannot divide by 0')
  }
  if (minBase !== undefined && read < minBase) {
    const were = read === 1 ? 'was' : 'were'
    return undecided(kind, definition, `too few to decide: ${read} ${records} ${were} read, min_base is ${minBase}`)
  }
  const count = fractionOf(imports[subject.kind])
  const judged = decided(assertion, isShare ? over(count, fractionOf(read)) : count, kind, definition)
  return { ...judged, reason: `${judged.reason} (${imports[subject.kind]} of ${read} ${records})` }
}

function definitionOf({ kind, over }: ImportQuality, isShare: boolean): string {
  const what = kind === 'rejected' ? 'Records that were rejected' : 'Records whose event was stored already'
  const batches =
    'seconds' in over
      ? `the batches completed in the last ${durationText(over.seconds)}`
      : over.batches === 1
        ? 'the last completed batch'
        : `the last ${over.batches} completed batches`
  return isShare ? `${what}, as a share of the records read by ${batches}.` : `${what}, of ${batches}.`
}

function decided(
  assertion: Assertion,
  value: Fraction,
  valueKind: Evaluation['valueKind'],
  definition: string,
): Evaluation {
  const verdict = meets(value, assertion.comparison)
  const text = comparedText(value, assertion.comparison)
  return {
    verdict,
    value: numberOf(value),
    valueKind,
    base: null,
    definition,
    rows: [],
    reason: `${subjectText(assertion.subject)} is ${text}, ${verdict ? 'which is' : 'not'} ${comparisonText(assertion)}`,
  }
}

function undecided(valueKind: Evaluation['valueKind'], definition: string, reason: string): Evaluation {
  return { verdict: 'unknown', value: null, valueKind, base: null, definition, reason, rows: [] }
}
