import { describe, expect, test } from 'vitest'
import type { Check } from '../../src/lib/checks/file/check.js'
import { parseCheckFile } from '../../src/lib/checks/file/check-file.js'
import { EaError } from '../../src/lib/core/errors.js'

const parse = (text: string): Check[] => parseCheckFile({ file: 'm.yaml', text })

/** The lines of the message behind the first one. */
function problems(text: string): string[] {
  try {
    parse(text)
  } catch (error) {
    expect(error).toBeInstanceOf(EaError)
    expect((error as EaError).code).toBe('check_file_invalid')
    return (error as EaError).message.split('\n').slice(1)
  }
  throw new Error('the file was taken')
}

/** A file with one check, its keys one to a line from line 2 on. */
const check = (...lines: string[]) => `checks:\n  - name: A\n${lines.map((line) => `    ${line}\n`).join('')}`

test('a file becomes checks that know their place', () => {
  const [people, fresh] =
    parse(`defaults: { tz: Europe/Kyiv, severity: warn, min_base: 1_000, segment: properties.country:UA }
checks:
  # Yesterday.
  - name: Enough people
    stat: dau
    params: { from: yesterday, to: yesterday, week_start: sunday }
    assert: unique_users >= 1000
    severity: fail
  - name: Fresh
    assert: freshness <= 26h
    on_unknown: pass
    min_base: 5
`)
  expect(people).toMatchObject({
    name: 'Enough people',
    stat: { name: 'dau' },
    params: { from: 'yesterday', to: 'yesterday', weekStart: 'sunday', tz: 'Europe/Kyiv', grain: 'day' },
    assertion: { text: 'unique_users >= 1000' },
    severity: 'fail',
    minBase: 1000,
    onUnknown: 'unknown',
    place: { file: 'm.yaml', line: 4, column: 5 },
  })
  expect(people!.params.segment).toMatchObject([{ text: 'properties.country:UA' }])
  expect(fresh).toMatchObject({ stat: undefined, params: { tz: 'Europe/Kyiv' }, severity: 'warn', minBase: 5 })
  expect(fresh).toMatchObject({ onUnknown: 'pass', place: { line: 9, column: 5 } })
})

test('names of parameters are those of the flags, of JSON or of the library, and aliases count', () => {
  const startDates = ['start-date', 'start_date', 'startDate', 'from'].map(
    (name) => parse(check('stat: retention', `params: { ${name}: -8w }`, 'assert: mean(rates[1]) >= 20%'))[0]!.params,
  )
  expect(startDates.map(({ startDate }) => startDate)).toEqual(Array(4).fill('-8w'))
})

test('a single value is a list of one, and scalars are read as the parameter wants them', () => {
  const [one] = parse(
    check('stat: trend', 'params: { segment: event_type:007, from: 2025, limit: 5 }', 'assert: sum(value) >= 1'),
  )
  expect(one!.params).toMatchObject({ segment: [{ text: 'event_type:007' }], from: '2025', limit: 5 })
  const [types] = parse(check('stat: top-events', 'params: { unique-users: true }', 'assert: "sum(unique_users) >= 1"'))
  expect(types!.params.uniqueUsers).toBe(true)
})

test('JSON is YAML, and a byte order mark is no matter', () => {
  expect(parse('\ufeff{"checks": [{"name": "Fresh", "assert": "freshness <= 26h"}]}')).toHaveLength(1)
})

test('an anchor is read where it is used', () => {
  const text = `defaults: { segment: &ua "properties.country:UA" }
checks:
  - name: A
    stat: trend
    params: { segment: *ua }
    assert: sum(value) > 0
`
  expect(parse(text)[0]!.params.segment).toMatchObject([{ text: 'properties.country:UA' }])
})

test('what the command line says wins over the check and the defaults', () => {
  const text = `defaults: { as_of: 2025-01-01 }\n${check('stat: dau', 'params: { tz: UTC }', 'assert: min(unique_users) > 1', 'on_unknown: warn')}`
  const overrides = { asOf: '2025-08-31', tz: 'Asia/Kathmandu', onUnknown: 'fail' } as const
  expect(parseCheckFile({ file: 'm.yaml', text }, overrides)).toMatchObject([
    { params: { asOf: '2025-08-31', tz: 'Asia/Kathmandu' }, onUnknown: 'fail' },
  ])
  expect(() => parseCheckFile({ file: 'm.yaml', text }, { tz: 'Mars/Base' })).toThrow('tz must be a time zone')
})

// Each line: the file, and the exact problems with line and column.
const refused: Record<string, [string, string[]]> = {
  'an unknown stat': [
    check('stat: dua', 'assert: unique_users > 1'),
    [
      '3:11: stat must be dau, wau, mau, top-events, trend, retention, funnel, lifecycle, stickiness or describe, not "dua"; did you mean dau?',
    ],
  ],
  'an unknown parameter, at its key': [
    check('stat: dau', 'params: { frm: yesterday }', 'assert: min(unique_users) > 1'),
    ['4:15: dau has no "frm"; did you mean from?'],
  ],
  'a value that is not of its form': [
    check('stat: dau', 'params:', '  grain: fortnight', 'assert: min(unique_users) > 1'),
    ['5:14: grain must be day, week or month, not "fortnight"'],
  ],
  'a parameter in two spellings': [
    check('stat: retention', 'params: { start-date: -8w, startDate: -9w }', 'assert: mean(rates[1]) > 1%'),
    ['4:32: startDate is the same as start-date'],
  ],
  'a list where one value is expected': [
    check('stat: dau', 'params: { from: [yesterday] }', 'assert: min(unique_users) > 1'),
    ['4:21: from takes one value, not a list'],
  ],
  'an unknown column, at its character': [
    check('stat: dau', 'assert: min(uniqe_users) >= 1'),
    ['4:17: assert: dau has no column uniqe_users: expected unique_users; did you mean min(unique_users) >= 1?'],
  ],
  'a column and a parameter at once': [
    check('stat: dau', 'params: { frm: yesterday }', 'assert: "min(uniqe_users) >= 1"'),
    [
      '4:15: dau has no "frm"; did you mean from?',
      '5:18: assert: dau has no column uniqe_users: expected unique_users; did you mean min(unique_users) >= 1?',
    ],
  ],
  'an unknown key of a check': [
    check('stat: dau', 'assrt: min(unique_users) > 1'),
    ['2:5: assert is missing', '4:5: a check has no "assrt"; did you mean assert?'],
  ],
  'an unknown key of the defaults': [
    `defaults:\n  timezone: UTC\n${check('assert: freshness <= 1h')}`,
    ['2:3: defaults has no "timezone"; known: tz, week_start, as_of, segment, severity, min_base, on_unknown'],
  ],
  'a segment of the defaults, told once': [
    `defaults: { segment: properties.x }\n${check('stat: dau', 'assert: min(unique_users) > 1')}`,
    [
      '1:22: segment: expected an operator (: = != > >= < <= ~); did you mean properties.x:*?',
      '  properties.x',
      '              ^',
    ],
  ],
  'an unknown key of the file': [
    `checs: []\n${check('assert: freshness <= 1h')}`,
    ['1:1: the file has no "checs"; did you mean checks?'],
  ],
  'a name twice': [
    `${check('assert: freshness <= 1h')}  - name: A\n    assert: rejected <= 1%\n`,
    ['4:11: line 2 has a check of this name already'],
  ],
  'a severity that is none': [
    check('assert: freshness <= 1h', 'severity: warning'),
    ['4:15: severity must be fail or warn, not "warning"'],
  ],
  'a min_base that is no number': [
    check('assert: rejected <= 1%', 'min_base: many'),
    ['4:15: min_base must be a number, not "many"'],
  ],
  'a stat where none is asked': [
    check('stat: dau', 'assert: freshness <= 1h'),
    ['3:5: stat has no meaning for freshness: leave it out'],
  ],
  'a column without a stat': [
    check('assert: unique_users > 1'),
    ['2:5: stat is missing: "unique_users > 1" reads a column of one'],
  ],
  'freshness misspelt': [
    check('assert: freshnes <= 1h'),
    ['2:5: stat is missing: "freshnes <= 1h" reads a column of one; did you mean freshness?'],
  ],
  'a parameter where none is taken': [
    check('params: { segment: event_type:a }', 'assert: freshness <= 1h'),
    ['3:15: a check without a stat has no "segment"; known: tz, as-of'],
  ],
  'an assertion that cannot be read, in quotes': [
    check('stat: dau', 'assert: "min(unique_users) => 100"'),
    ['4:32: assert: expected >= > < <= = != or between, or change vs …; did you mean min(unique_users) >= 100?'],
  ],
  'a threshold of another unit': [
    check('assert: freshness <= 26'),
    ['3:26: assert: expected an age such as 26h; did you mean freshness <= 26h?'],
  ],
  'what a stat says about its parameters together': [
    check('stat: funnel', 'params: { step: [a, b], exclude: c:2-3 }', 'assert: rate_from_first[step=2] > 10%'),
    ['4:38: exclude: expected a step from 1 to 1', '  c:2-3', '    ^'],
  ],
  'no YAML': [
    'checks: [',
    ['1:10: not readable as YAML: Flow sequence in block collection must be sufficiently indented and end with a ]'],
  ],
  'a key twice': [`${check('assert: freshness <= 1h')}    assert: freshness <= 2h\n`, ['4:5: this key is repeated']],
  'two documents': [
    '---\nchecks: []\n---\nchecks: []\n',
    ['3:1: a second document begins here (---), and a file has one'],
  ],
  'an alias of nothing': ['checks: *none\n', ['1:9: *none means nothing here: no anchor &none comes before it']],
  'an alias of itself': ['checks: &me [*me]\n', ['1:14: *me means nothing here: it contains itself']],
  'a tag': ['checks: !ruby/object {}\n', ['1:9: not readable as YAML: Unresolved tag: !ruby/object']],
  'nothing at all': ['', ['1:1: the file must be a map of names to values, not null']],
  'no checks': ['checks: []\n', ['1:9: checks must not be empty']],
  'checks without a value': ['checks:\n', ['1:1: checks must be a list']],
  'a check that is a text': [
    'checks:\n  - dau >= 5\n',
    ['2:5: a check must be a map of names to values, not "dau >= 5"'],
  ],
}

describe('refused, with line and column', () => {
  test.each(Object.entries(refused))('%s', (_, [text, expected]) => {
    expect(problems(text)).toEqual(expected.map((line) => (/^\d/.test(line) ? `m.yaml:${line}` : line)))
  })
})

test('everything that is wrong comes at once, in the order of the file, and for programs too', () => {
  const text = `defaults: { tz: Mars/Base }
checks:
  - name: A
    stat: dua
    assert: unique_users >= 1
  - name: B
    assert: freshnes <= 26h
  - stat: retention
    params: { windows: 0 }
    assert: mean(rates[1]) >= 20 %
`
  expect(problems(text).map((line) => /^m.yaml:\d+:\d+: \w+/.exec(line)?.[0])).toEqual([
    'm.yaml:1:17: tz',
    'm.yaml:4:11: stat',
    'm.yaml:6:5: stat',
    'm.yaml:8:5: name',
    'm.yaml:9:24: windows',
    'm.yaml:10:34: assert',
  ])
  try {
    parse(text)
  } catch (error) {
    const { details } = error as EaError
    expect((details.problems as object[])[1]).toEqual({
      file: 'm.yaml',
      line: 4,
      column: 11,
      suggestion: 'dau',
      message: expect.stringContaining('not "dua"'),
    })
  }
})
