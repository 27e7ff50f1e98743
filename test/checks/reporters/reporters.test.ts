import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkReportJson, checkReportSchema } from '../../../src/lib/checks/reporters/json.js'
import { definitionTexts, valueText, verdictText } from '../../../src/lib/checks/reporters/outcome-text.js'
import { parseReporter, reporters } from '../../../src/lib/checks/reporters/reporters.js'
import { textWidth } from '../../../src/lib/core/text-width.js'
import { visible } from '../../../src/lib/present/tables/cell-text.js'
import { assertProperty } from '../../support/effort.js'
import { hostileReport, mixed, outcome, reportOf } from './report-examples.js'

const lines = (...text: string[]) => `${text.join('\n')}\n`
const terminal = (width: number, more = {}) => ({ terminal: { color: false, isTty: true, width, ...more } })

test.each([
  ['junit=checks.xml', { name: 'junit', file: 'checks.xml' }],
  ['json=a=b', { name: 'json', file: 'a=b' }],
  ['github', { name: 'github', file: undefined }],
  ['md=-', { name: 'md', file: undefined }],
])('--reporter %s', (text, expected) => {
  expect(parseReporter(text)).toEqual(expected)
})

test.each([
  ['junti=x.xml', '--reporter: "junti" is none of table, json, md, junit, github; did you mean junit?'],
  ['toString', '--reporter: "toString" is none of table, json, md, junit, github'],
  ['', '--reporter: "" is none of table, json, md, junit, github'],
  ['junit=', '--reporter: the name of a file is missing after "junit="'],
])('--reporter %j is refused', (text, message) => {
  expect(() => parseReporter(text)).toThrow(expect.objectContaining({ code: 'usage', message }))
})

test.each([
  [{ value: 1_234_567 }, '1,234,567'],
  [{ value: 33.333333 }, '33.33'],
  [{ value: 99.999, threshold: '>= 100' }, '99.999'],
  [{ value: 0.1823, valueKind: 'rate' }, '18.2%'],
  [{ value: 1, valueKind: 'rate', threshold: '<= 100%' }, '100.0%'],
  [{ value: 0.07, valueKind: 'rate', threshold: '>= 7%' }, '7.0%'],
  [{ value: 0.19996, valueKind: 'rate', threshold: '>= 20%' }, '19.996%'],
  [{ value: 0.19996, valueKind: 'rate', threshold: '>= 0.2' }, '19.996%'],
  [{ value: -0.2504, valueKind: 'rate', threshold: '>= -25%', base: 10 }, '-25.04%'],
  [{ value: 0.04, valueKind: 'rate', threshold: '>= -25%', base: 10 }, '+4.0%'],
  [{ value: 0, valueKind: 'rate', threshold: '>= -25%', base: 10 }, '0.0%'],
  [{ value: -0.021, valueKind: 'points', threshold: '>= -5pp', base: 0.4 }, '-2.1 pp'],
  [{ value: 93_600, valueKind: 'seconds' }, '26 h'],
  [{ value: 94_205, valueKind: 'seconds' }, '26 h 10 min 5 s'],
  [{ value: 273_600, valueKind: 'seconds' }, '3 d 4 h'],
  [{ value: 57.4321, valueKind: 'seconds' }, '57.432 s'],
  [{ value: 59.7, valueKind: 'seconds' }, '1 min'],
  [{ value: -90, valueKind: 'seconds' }, '-1 min 30 s'],
  [{ value: null }, '-'],
] as const)('the value of %j is shown as %s', (changes, text) => {
  expect(valueText(outcome(changes))).toBe(text)
})

test.each([
  [mixed, '5 checks: 1 passed, 1 warned, 2 failed, 1 unknown'],
  [reportOf([outcome()]), '1 check: 1 passed'],
  [reportOf([]), '0 checks'],
  [reportOf(Array(1200).fill(outcome())), '1,200 checks: 1,200 passed'],
  [reportOf([outcome(), outcome({ value: null })]), '2 checks: 2 passed; 1 of them could not be decided'],
])('what was decided, in one line', (report, text) => {
  expect(verdictText(report)).toBe(text)
})

test('a definition is told once, and by the names of the checks where a stat has several', () => {
  const ofUa = outcome({ name: 'Ukraine', definition: 'Users of events with properties.country:UA.' })
  expect(definitionTexts(reportOf([outcome(), outcome({ name: 'Again' })]))).toEqual([
    'dau: Different users with at least one event in each day.',
  ])
  expect(definitionTexts(reportOf([outcome(), ofUa, outcome({ name: 'Again' })]))).toEqual([
    'dau (Enough people yesterday; Again): Different users with at least one event in each day.',
    'dau (Ukraine): Users of events with properties.country:UA.',
  ])
})

const below = [
  '',
  'warn: Week-one retention holds (metrics.yaml:7:5)',
  '  mean(rates[1]) is 18.2%, below 20%.',
  '  warning: No event has the type "sign_up".',
  '',
  'fail: Purchases do not collapse (metrics.yaml:12:5)',
  '  sum(value) is 825, 31.25% less than 1,200.',
  '',
  'fail: No empty day',
  '  1 of 7 rows does not hold.',
  '  date=2025-08-30, unique_users=3, complete=true',
  '',
  'unknown: Events arrive (metrics.yaml:20:5)',
  '  There are no events.',
  '',
  'dau: Different users with at least one event in each day.',
  'retention: Users who came back.',
  'trend: Events in each day.',
  'freshness: The age of the newest event.',
  '',
  '5 checks: 1 passed, 1 warned, 2 failed, 1 unknown',
]

test('the table, whole when it is piped', () => {
  expect(reporters.table(mixed, {})).toBe(
    lines(
      'check                      status    value  threshold             base  window',
      'Enough people yesterday    pass      1,204  >= 1000                  -  2025-08-31, UTC',
      'Week-one retention holds   warn      18.2%  between 20% and 60%      -  2025-06-30 to 2025-08-24, Europe/Kyiv',
      'Purchases do not collapse  fail     -31.3%  >= -25%              1,200  2025-08-25 to 2025-08-31, UTC',
      'No empty day               fail          3  >= 100                   -  2025-08-25 to 2025-08-31, UTC',
      'Events arrive              unknown       -  <= 26h                   -  -',
      ...below,
    ),
  )
})

test('on a narrow terminal names are cut first, then columns are left out from the right, and reasons wrapped', () => {
  expect(reporters.table(mixed, terminal(56)).split('\n').slice(0, 10)).toEqual([
    'check               status    value  threshold',
    'Enough people yes…  pass      1,204  >= 1000',
    'Week-one retentio…  warn      18.2%  between 20% and 60%',
    'Purchases do not …  fail     -31.3%  >= -25%',
    'No empty day        fail          3  >= 100',
    'Events arrive       unknown       -  <= 26h',
    '2 more columns do not fit: --reporter json',
    '',
    'warn: Week-one retention holds (metrics.yaml:7:5)',
    '  mean(rates[1]) is 18.2%, below 20%.',
  ])
})

test('a status has its colour, in the table and where its reason is told', () => {
  const shown = reporters.table(mixed, terminal(120, { color: true }))
  expect(shown).toContain('Enough people yesterday    \u001b[32mpass\u001b[0m ')
  expect(shown).toContain('No empty day               \u001b[31mfail\u001b[0m ')
  expect(shown).toContain('\u001b[33mwarn: Week-one retention holds (metrics.yaml:7:5)\u001b[0m\n')
  expect(shown).toContain('\u001b[35munknown: Events arrive (metrics.yaml:20:5)\u001b[0m\n')
})

test('checks that pass need no more than their rows, the definition and the last line', () => {
  expect(reporters.table(reportOf([outcome()]), {})).toBe(
    lines(
      'check                    status  value  threshold  window',
      'Enough people yesterday  pass    1,204  >= 1000    2025-08-31, UTC',
      '',
      'dau: Different users with at least one event in each day.',
      '',
      '1 check: 1 passed',
    ),
  )
})

test('a check that was let pass although it could not be decided says why', () => {
  const shown = reporters.table(reportOf([outcome({ value: null, reason: 'The day is not over.' })]), {})
  expect(shown).toContain('\npass: Enough people yesterday (metrics.yaml:3:5)\n  The day is not over.\n')
})

test('the table fits every terminal, obeys nothing, and piped it cuts nothing', { tags: 'property' }, () => {
  assertProperty(
    fc.property(hostileReport, fc.integer({ min: 40, max: 120 }), (report, width) => {
      for (const line of reporters.table(report, terminal(width)).split('\n')) {
        expect(textWidth(line)).toBeLessThanOrEqual(width)
      }
      const piped = reporters.table(report, {})
      expect(piped).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\p{Surrogate}]/u)
      for (const { name, threshold } of report.outcomes) {
        expect(piped).toContain(visible(name))
        expect(piped).toContain(visible(threshold))
      }
      expect(piped.split('\n').at(-2)).toBe(verdictText(report))
    }),
    40,
  )
})

test('Markdown for a pull request', () => {
  expect(reporters.md(mixed, {})).toBe(
    lines(
      '**5 checks: 1 passed, 1 warned, 2 failed, 1 unknown**',
      '',
      '| check | status | value | threshold | base | window | reason |',
      '| :--- | :--- | ---: | :--- | ---: | :--- | :--- |',
      '| Enough people yesterday | pass | 1,204 | \\>= 1000 | - | 2025-08-31, UTC | unique\\_users is 1,204. |',
      '| Week-one retention holds | warn | 18.2% | between 20% and 60% | - | 2025-06-30 to 2025-08-24, Europe/Kyiv | mean(rates\\[1\\]) is 18.2%, below 20%. |',
      '| Purchases do not collapse | fail | -31.3% | \\>= -25% | 1,200 | 2025-08-25 to 2025-08-31, UTC | sum(value) is 825, 31.25% less than 1,200. |',
      '| No empty day | fail | 3 | \\>= 100 | - | 2025-08-25 to 2025-08-31, UTC | 1 of 7 rows does not hold. |',
      '| Events arrive | unknown | - | \\<= 26h | - | - | There are no events. |',
      '',
      'Rows that decided:',
      '',
      '- No empty day: date=2025-08-30, unique\\_users=3, complete=true',
      '',
      'Warnings:',
      '',
      '- Week-one retention holds: No event has the type "sign\\_up".',
      '',
      'What was counted:',
      '',
      '- dau: Different users with at least one event in each day.',
      '- retention: Users who came back.',
      '- trend: Events in each day.',
      '- freshness: The age of the newest event.',
    ),
  )
})

test('what is hostile to Markdown is escaped', () => {
  const hostile = outcome({
    name: 'a | b <img src=x>\n`c`',
    reason: '[x](http://y) & *z*',
    rows: [{ event_type: '</td>|' }],
    definition: 'Events of `<b>`.',
  })
  expect(
    reporters
      .md(reportOf([hostile]), {})
      .split('\n')
      .slice(4),
  ).toEqual([
    '| a \\| b \\<img src=x\\>\\\\u000a\\`c\\` | pass | 1,204 | \\>= 1000 | 2025-08-31, UTC | \\[x\\](http://y) \\& \\*z\\* |',
    '',
    'Rows that decided:',
    '',
    '- a \\| b \\<img src=x\\>\\\\u000a\\`c\\`: event\\_type=\\</td\\>\\|',
    '',
    'What was counted:',
    '',
    '- dau: Events of \\`\\<b\\>\\`.',
    '',
  ])
})

test('every row of the Markdown table has the cells of its header, and every line is one that was meant', {
  tags: 'property',
}, () => {
  const cells = (line: string) => line.replace(/\\./g, '').split('|').length
  assertProperty(
    fc.property(hostileReport, (report) => {
      fc.pre(report.outcomes.length > 0)
      const shown = reporters.md(report, {}).split('\n')
      const [header, , ...rows] = shown.slice(2, 4 + report.outcomes.length)
      for (const row of rows) expect(cells(row)).toBe(cells(header!))
      for (const line of shown.slice(4 + report.outcomes.length)) {
        expect(line).toMatch(/^(|- .*|Rows that decided:|Warnings:|What was counted:)$/)
        expect(line.replace(/\\./g, '')).not.toMatch(/[<>|`[\]*]/)
      }
    }),
    60,
  )
})

test('JSON has every digit and every part, also of a check that passed', () => {
  const { checks, ...rest } = JSON.parse(reporters.json(mixed, {}))
  expect(rest).toEqual({
    counts: { pass: 1, warn: 1, fail: 2, unknown: 1 },
    exit_code: 6,
    as_of: '2025-09-01T06:30:00.123456Z',
    seconds: 0.41,
  })
  expect(checks).toHaveLength(5)
  expect(checks[0]).toEqual({
    name: 'Enough people yesterday',
    status: 'pass',
    stat: 'dau',
    assert: 'unique_users >= 1000',
    value: 1204,
    value_kind: 'count',
    threshold: '>= 1000',
    base: null,
    base_kind: null,
    window: { from: '2025-08-31', to: '2025-08-31', tz: 'UTC' },
    base_windows: [],
    definition: 'Different users with at least one event in each day.',
    reason: 'unique_users is 1,204.',
    rows: [],
    warnings: [],
    place: { file: 'metrics.yaml', line: 3, column: 5 },
  })
  expect(checks[1]).toMatchObject({ value: 0.18234, warnings: ['No event has the type "sign_up".'] })
  expect(checks[2]).toMatchObject({
    base: 1200,
    base_kind: 'count',
    base_windows: [{ from: '2025-08-18', to: '2025-08-24' }],
  })
  expect(checks[3]).toMatchObject({ rows: [{ date: '2025-08-30', unique_users: 3, complete: true }], place: null })
  expect(checks[4]).toMatchObject({ stat: null, value: null, window: null })
})

test('JSON is what its schema describes, and says the same whatever the texts hold', { tags: 'property' }, () => {
  assertProperty(
    fc.property(hostileReport, (report) => {
      const shown = reporters.json(report, {})
      expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
      // JSON knows no -0.
      expect(checkReportSchema.parse(JSON.parse(shown))).toEqual(JSON.parse(JSON.stringify(checkReportJson(report))))
    }),
    100,
  )
})
