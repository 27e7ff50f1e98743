/** Outcomes as the runner gives them: one of each status, and hostile ones. */
import fc from 'fast-check'
import { type CheckOutcome, type CheckReport, statuses } from '../../../src/lib/checks/evaluate/outcome.js'

/** A check that passed, changed where a test needs it. */
export function outcome(changes: Partial<CheckOutcome> = {}): CheckOutcome {
  return {
    name: 'Enough people yesterday',
    status: 'pass',
    stat: 'dau',
    assert: 'unique_users >= 1000',
    value: 1204,
    valueKind: 'count',
    threshold: '>= 1000',
    base: null,
    window: { from: '2025-08-31', to: '2025-08-31', tz: 'UTC' },
    baseWindows: [],
    definition: 'Different users with at least one event in each day.',
    reason: 'unique_users is 1,204.',
    rows: [],
    warnings: [],
    place: { file: 'metrics.yaml', line: 3, column: 5 },
    ...changes,
  }
}

/** The report of these outcomes; `exitCode` as the runner decides it without --fail-on warn. */
export function reportOf(outcomes: readonly CheckOutcome[]): CheckReport {
  const count = (status: CheckOutcome['status']) => outcomes.filter((outcome) => outcome.status === status).length
  const counts = { pass: count('pass'), warn: count('warn'), fail: count('fail'), unknown: count('unknown') }
  const exitCode = counts.fail > 0 ? 6 : counts.unknown > 0 ? 7 : 0
  return { outcomes, counts, exitCode, asOf: '2025-09-01T06:30:00.123456Z', seconds: 0.41 }
}

/** One of each status, with and without a change, rows, a window and a place. */
export const mixed = reportOf([
  outcome(),
  outcome({
    name: 'Week-one retention holds',
    status: 'warn',
    stat: 'retention',
    assert: 'mean(rates[1]) between 20% and 60%',
    value: 0.18234,
    valueKind: 'rate',
    threshold: 'between 20% and 60%',
    window: { from: '2025-06-30', to: '2025-08-24', tz: 'Europe/Kyiv' },
    definition: 'Users who came back.',
    reason: 'mean(rates[1]) is 18.2%, below 20%.',
    warnings: ['No event has the type "sign_up".'],
    place: { file: 'metrics.yaml', line: 7, column: 5 },
  }),
  outcome({
    name: 'Purchases do not collapse',
    status: 'fail',
    stat: 'trend',
    assert: 'sum(value) change vs previous_period >= -25%',
    value: -0.3125,
    valueKind: 'rate',
    threshold: '>= -25%',
    base: 1200,
    window: { from: '2025-08-25', to: '2025-08-31', tz: 'UTC' },
    baseWindows: [{ from: '2025-08-18', to: '2025-08-24' }],
    definition: 'Events in each day.',
    reason: 'sum(value) is 825, 31.25% less than 1,200.',
    place: { file: 'metrics.yaml', line: 12, column: 5 },
  }),
  outcome({
    name: 'No empty day',
    status: 'fail',
    assert: 'every(unique_users) >= 100',
    value: 3,
    threshold: '>= 100',
    window: { from: '2025-08-25', to: '2025-08-31', tz: 'UTC' },
    reason: '1 of 7 rows does not hold.',
    rows: [{ date: '2025-08-30', unique_users: 3, complete: true }],
    place: undefined,
  }),
  outcome({
    name: 'Events arrive',
    status: 'unknown',
    stat: undefined,
    assert: 'freshness <= 26h',
    value: null,
    valueKind: 'seconds',
    threshold: '<= 26h',
    window: null,
    definition: 'The age of the newest event.',
    reason: 'There are no events.',
    place: { file: 'metrics.yaml', line: 20, column: 5 },
  }),
])

/** Text that means something to one of the formats. */
export const hostileTexts = [
  '::error::owned',
  '##[error]owned',
  'a\r\nb\nc',
  ']]><!--&lt;',
  'pipe | `tick` <script>alert(1)</script>',
  '%0A%25:,=;',
  '=starts and ends with a space ',
  '\u0000\u0001\u001b[31mred\u007f\u0085\u2028',
  '\ud800 half, \udc00 half, \ufffe, \uffff, \u202e',
  '👩‍👩‍👧 सप्ताह 日本',
  '',
  ' ',
  '- # 1. +',
  '"quoted" \'too\' \\u0001',
]

const text = fc.oneof(
  fc.constantFrom(...hostileTexts),
  fc.string({ unit: fc.constantFrom(...'ab :,%=|<>&"\'`[]#-\\\r\n\t\u0000\u001b\ud83d\ude00\ufffe') }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('very long ', '::', '%', '👍').map((part) => part.repeat(1000)),
)
const kind = fc.constantFrom('count' as const, 'rate' as const, 'points' as const, 'seconds' as const)
const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, -0, 0.1, 1e21, 1e-9))
const days = fc.constant({ from: '2025-08-01', to: '2025-08-07' })

const hostileOutcome: fc.Arbitrary<CheckOutcome> = fc.record({
  name: text,
  status: fc.constantFrom(...statuses),
  stat: fc.option(text, { nil: undefined }),
  assert: text,
  value: fc.option(number),
  valueKind: kind,
  threshold: text,
  base: fc.option(number),
  baseKind: kind,
  window: fc.option(fc.record({ from: fc.constant('2025-08-08'), to: fc.constant('2025-08-14'), tz: text })),
  baseWindows: fc.array(days, { maxLength: 2 }),
  definition: text,
  reason: text,
  rows: fc.array(fc.dictionary(text, fc.oneof(text, number, fc.boolean(), fc.constant(null)), { maxKeys: 2 }), {
    maxLength: 2,
  }),
  warnings: fc.array(text, { maxLength: 2 }),
  place: fc.option(fc.record({ file: text, line: fc.nat(), column: fc.nat() }), { nil: undefined }),
})

/** Reports of up to four checks in which every text is hostile. */
export const hostileReport = fc.array(hostileOutcome, { maxLength: 4 }).map(reportOf)
