/**
 * The parts of an outcome in words for people: numbers by kind, days, counts. Each report arranges them; what programs
 * read keeps all digits and does not come from here.
 */

import type { Row } from '../../core/result.js'
import { counted, grouped, visible } from '../../present/tables/cell-text.js'
import type { CheckOutcome, CheckReport, Status } from '../evaluate/outcome.js'
import { durationText } from './duration-text.js'
import type { ReportContext } from './report-context.js'

/** Whether the check could not be decided, also when --on-unknown made something else of it. */
export function isUndecided({ value }: CheckOutcome): boolean {
  return value === null
}

/** What an outcome does to the run: an error decides the exit code, a warning does not. */
export function gravity({ status }: CheckOutcome, { failOn }: ReportContext): 'error' | 'warning' | 'none' {
  if (status === 'pass') return 'none'
  return status === 'warn' && failOn !== 'warn' ? 'warning' : 'error'
}

/** What was compared; `-` when it is not known. */
export function valueText({ value, valueKind, threshold, base }: CheckOutcome): string {
  return value === null ? '-' : quantityText(value, valueKind, { threshold, isChange: base !== null })
}

/** With a change: the value before; `-` when there is none. */
export function baseValueText({ base, baseKind = 'count' }: CheckOutcome): string {
  return base === null ? '-' : quantityText(base, baseKind)
}

/** The days that were resolved: `2025-08-01 to 2025-08-31, UTC`; `-` for a check without any. */
export function windowText({ window }: CheckOutcome): string {
  return window === null ? '-' : `${daysText(window)}, ${visible(window.tz)}`
}

function daysText({ from, to }: { from: string; to: string }): string {
  return from === to ? from : `${from} to ${to}`
}

/** The stat, or of what else the check speaks: `freshness`, `rejected`, `duplicates`. */
export function subjectName({ stat, assert }: CheckOutcome): string {
  return stat ?? /^[a-z_]+/.exec(assert.trim())?.[0] ?? 'check'
}

const past = { pass: 'passed', warn: 'warned', fail: 'failed', unknown: 'unknown' } as const

/** `12 checks: 10 passed, 1 failed, 1 unknown`. */
export function verdictText({ outcomes, counts }: CheckReport): string {
  const parts = (Object.keys(past) as Status[]).filter((status) => counts[status] > 0)
  const mapped = outcomes.filter((outcome) => isUndecided(outcome) && outcome.status !== 'unknown').length
  return [
    counted(outcomes.length, 'check'),
    ...(parts.length === 0
      ? []
      : [`: ${parts.map((status) => `${grouped(counts[status])} ${past[status]}`).join(', ')}`]),
    ...(mapped === 0 ? [] : [`; ${grouped(mapped)} of them could not be decided`]),
  ].join('')
}

/** Everything about an outcome but its name and its status, as labels and one-line texts. */
export function facts(outcome: CheckOutcome): [label: string, text: string][] {
  const { assert, threshold, base, baseWindows, definition, reason, rows, warnings, place } = outcome
  const before = [baseValueText(outcome), ...(baseWindows.length === 0 ? [] : [baseWindows.map(daysText).join('; ')])]
  const lines: [string, string][] = [
    ['reason', reason],
    ['assert', assert],
    ['value', valueText(outcome)],
    ['threshold', threshold],
    ...(base === null && baseWindows.length === 0 ? [] : [['base', before.join(' in ')] as [string, string]]),
    ['window', windowText(outcome)],
    ['definition', definition],
    ...rows.map((row): [string, string] => ['row', rowText(row)]),
    ...warnings.map((warning): [string, string] => ['warning', warning]),
    ...(place === undefined ? [] : [['place', placeText(place)] as [string, string]]),
  ]
  return lines.map(([label, text]) => [label, visible(text)])
}

/** `metrics.yaml:12:5`. */
export function placeText({ file, line, column }: NonNullable<CheckOutcome['place']>): string {
  return `${file}:${line}:${column}`
}

/** `date=2025-08-01, unique_users=3`. */
export function rowText(row: Row): string {
  const cellText = (cell: Row[string]) => (typeof cell === 'string' ? cell : JSON.stringify(cell))
  return Object.entries(row)
    .map(([name, cell]) => `${name}=${cellText(cell)}`)
    .join(', ')
}

/** Each definition once, after the stat; after the names of the checks where a stat was defined in several ways. */
export function definitionTexts({ outcomes }: CheckReport): string[] {
  const defined = outcomes.filter(({ definition }) => definition !== '')
  return [...groupedBy(defined, subjectName)].flatMap(([subject, ofSubject]) => {
    const byDefinition = [...groupedBy(ofSubject, ({ definition }) => definition)]
    return byDefinition.map(([definition, same]) => {
      const label = byDefinition.length === 1 ? subject : `${subject} (${same.map(({ name }) => name).join('; ')})`
      return visible(`${label}: ${definition}`)
    })
  })
}

// Map.groupBy is not in Node 20 yet.
function groupedBy(
  outcomes: readonly CheckOutcome[],
  keyOf: (outcome: CheckOutcome) => string,
): Map<string, CheckOutcome[]> {
  const groups = new Map<string, CheckOutcome[]>()
  for (const outcome of outcomes) groups.set(keyOf(outcome), [...(groups.get(keyOf(outcome)) ?? []), outcome])
  return groups
}

function quantityText(
  value: number,
  kind: CheckOutcome['valueKind'],
  { threshold = '', isChange = false }: { threshold?: string; isChange?: boolean } = {},
): string {
  if (kind === 'seconds') return durationText(value)
  const scale = kind === 'count' ? 1 : 100
  const leastDigits = kind === 'count' ? 0 : 1
  const digits = digitsThatTell(value, scale, threshold, kind === 'count' ? 2 : 1)
  const text = new Intl.NumberFormat('en-US', {
    minimumFractionDigits: leastDigits,
    maximumFractionDigits: digits,
    signDisplay: isChange ? 'exceptZero' : 'negative',
  }).format(value * scale)
  return kind === 'count' ? text : kind === 'points' ? `${text} pp` : `${text}%`
}

/** Digits after the point: more than usual when a value would be rounded to the very number it is compared with. */
function digitsThatTell(value: number, scale: number, threshold: string, usual: number): number {
  const numbers = (threshold.match(/-?\d[\d_]*(?:\.\d+)?/g) ?? []).map((text) => Number(text.replaceAll('_', '')))
  const limits =
    scale === 1 ? numbers.map((limit) => [limit, limit]) : [...noneAndAll, ...numbers.flatMap(percentOrShare)]
  const misleads = (digits: number) =>
    limits.some(([shown, exact]) => Number((value * scale).toFixed(digits)) === shown && value !== exact)
  return [usual, 2, 3, 4, 6, 9].find((digits) => digits >= usual && !misleads(digits)) ?? 15
}

/** What a share must not be rounded to unless it is. */
const noneAndAll: [shown: number, exact: number][] = [
  [0, 0],
  [100, 1],
]

/** A number of a threshold as percent and as share: `20%` means the first, `0.2` the second. */
function percentOrShare(limit: number): [shown: number, exact: number][] {
  return [
    [limit, limit / 100],
    [limit * 100, limit],
  ]
}
