/** Assertions as text: what reports show, and what can be read again. */
import type { Assertion, Base, ImportQuality, Subject } from './assertion.js'

/** The subject as a person would write it: `mean(rates[1])`. */
export function subjectText(subject: Subject): string {
  switch (subject.kind) {
    case 'freshness':
      return 'freshness'
    case 'rejected':
    case 'duplicates':
      return `${subject.kind}${overText(subject.over)}`
    case 'column': {
      const where = subject.where.map(({ column, value }) => `[${column}=${valueText(value)}]`)
      const measure = [subject.column, subject.index === undefined ? '' : `[${subject.index}]`, ...where].join('')
      return subject.aggregate === undefined ? measure : `${subject.aggregate}(${measure})`
    }
  }
}

/** The comparison with its numbers as they were written: `>= 1000`, `between 20% and 60%`. */
export function comparisonText({ comparison }: Assertion): string {
  return comparison.operator === 'between'
    ? `between ${comparison.low.text} and ${comparison.high.text}`
    : `${comparison.operator} ${comparison.threshold.text}`
}

/** `previous_period`, `same_weekday(4w)`. */
export function baseText(base: Base): string {
  return base.kind === 'same_weekday' ? `same_weekday(${base.weeks}w)` : base.kind
}

/** An assertion as text that can be read again; `text` is how it was written first. */
export function printAssertion(assertion: Assertion): string {
  const change = assertion.change === undefined ? [] : [`change vs ${baseText(assertion.change)}`]
  return [subjectText(assertion.subject), ...change, comparisonText(assertion)].join(' ')
}

function overText(over: ImportQuality['over']): string {
  if ('seconds' in over) return `(${durationText(over.seconds)})`
  return over.batches === 1 ? '' : `(${over.batches})`
}

/** A length of time in the largest unit of which it is whole: `7d`. */
export function durationText(seconds: number): string {
  const [unit, length] = units.find(([, length]) => seconds % length === 0) ?? ['s', 1]
  return `${seconds / length}${unit}`
}

const units = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
] as const

function valueText(value: string): string {
  return plainValue.test(value) ? value : `"${value.replaceAll('"', '""')}"`
}

// It neither looks like a part of the operator nor like a quoted value.
const plainValue = /^[^\s"'[\]:=!<>~≤≥≠](?:[^"[\]]*[^\s"[\]])?$/
