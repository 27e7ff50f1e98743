import fc from 'fast-check'
import { expect, test } from 'vitest'
import { annotations, stepSummary } from '../../../src/lib/checks/reporters/github.js'
import { reporters } from '../../../src/lib/checks/reporters/reporters.js'
import { assertProperty } from '../../support/effort.js'
import { hostileReport, mixed, outcome, reportOf } from './report-examples.js'

interface Command {
  readonly name: string
  readonly properties: Readonly<Record<string, string>>
  readonly data: string
}

/**
 * A line of output as the runner of GitHub Actions reads it (ActionCommand.TryParseV2 of actions/runner): behind leading
 * blanks `::`, a known name, a space, properties parted by commas, the next `::`, data. Escapes are undone one after the
 * other, `%25` last.
 */
function readCommand(line: string): Command | undefined {
  const text = line.trimStart()
  if (!text.startsWith('::')) return undefined
  const end = text.indexOf('::', 2)
  if (end < 0) return undefined
  const info = text.slice(2, end)
  const space = info.indexOf(' ')
  const name = space < 0 ? info : info.slice(0, space)
  if (!['error', 'warning', 'notice', 'debug', 'group', 'endgroup', 'add-mask'].includes(name)) return undefined
  const properties: Record<string, string> = {}
  if (space > 0) {
    for (const part of info
      .slice(space + 1)
      .trim()
      .split(',')) {
      // A split into two that leaves out empty parts: more than one `=` in between is lost.
      const pair = /^=*([^=]+)=+([\s\S]+)$/.exec(part)
      if (pair !== null) properties[pair[1]!] = unescapedProperty(pair[2]!)
    }
  }
  return { name, properties, data: unescapedData(text.slice(end + 2)) }
}

function unescapedData(text: string): string {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%')
}

function unescapedProperty(text: string): string {
  return text
    .replaceAll('%0D', '\r')
    .replaceAll('%0A', '\n')
    .replaceAll('%3A', ':')
    .replaceAll('%2C', ',')
    .replaceAll('%25', '%')
}

/** The output as the runner reads it: lines end at CR, LF or both. */
function readOutput(output: string): (Command | undefined)[] {
  const lines = output.split(/\r\n|\r|\n/)
  expect(lines.pop()).toBe('')
  return lines.map(readCommand)
}

test('a line for each check that did not pass', () => {
  expect(reporters.github(mixed, {}).split('\n')).toEqual([
    '::warning file=metrics.yaml,line=7,col=5,title=warn%3A Week-one retention holds::mean(rates[1]) is 18.2%25, below 20%25.%0Aassert: mean(rates[1]) between 20%25 and 60%25%0Avalue: 18.2%25%0Athreshold: between 20%25 and 60%25%0Awindow: 2025-06-30 to 2025-08-24, Europe/Kyiv%0Adefinition: Users who came back.%0Awarning: No event has the type "sign_up".',
    '::error file=metrics.yaml,line=12,col=5,title=fail%3A Purchases do not collapse::sum(value) is 825, 31.25%25 less than 1,200.%0Aassert: sum(value) change vs previous_period >= -25%25%0Avalue: -31.3%25%0Athreshold: >= -25%25%0Abase: 1,200 in 2025-08-18 to 2025-08-24%0Awindow: 2025-08-25 to 2025-08-31, UTC%0Adefinition: Events in each day.',
    '::error title=fail%3A No empty day::1 of 7 rows does not hold.%0Aassert: every(unique_users) >= 100%0Avalue: 3%0Athreshold: >= 100%0Awindow: 2025-08-25 to 2025-08-31, UTC%0Adefinition: Different users with at least one event in each day.%0Arow: date=2025-08-30, unique_users=3, complete=true',
    '::error file=metrics.yaml,line=20,col=5,title=unknown%3A Events arrive::There are no events.%0Aassert: freshness <= 26h%0Avalue: -%0Athreshold: <= 26h%0Awindow: -%0Adefinition: The age of the newest event.',
    '',
  ])
})

test('nothing at all when everything passed', () => {
  expect(reporters.github(reportOf([outcome()]), {})).toBe('')
})

test.each([
  ['fail', 'fail', 'error'],
  ['unknown', 'fail', 'error'],
  ['warn', 'fail', 'warning'],
  ['warn', 'warn', 'error'],
] as const)('%s with --fail-on %s is an %s', (status, failOn, level) => {
  const report = reportOf([outcome({ status, value: null })])
  expect(readOutput(reporters.github(report, { failOn })).map((command) => command?.name)).toEqual([level])
})

test('the runner reads back the message, the title and the place', () => {
  const report = reportOf([
    outcome({
      name: '::error::50%0A, a:b=c',
      status: 'fail',
      reason: '100%25 of ::warning::\r\n##[error]x',
      place: { file: '=a,b:c%2C/metrics.yaml', line: 3, column: 5 },
    }),
  ])
  const [command] = readOutput(reporters.github(report, {}))
  expect(command?.properties).toEqual({
    file: './=a,b:c%2C/metrics.yaml',
    line: '3',
    col: '5',
    title: 'fail: ::error::50%0A, a:b=c',
  })
  expect(command?.data.split('\n')[0]).toBe('100%25 of ::warning::\\u000d\\u000a##[error]x')
})

test('every annotation is read back as it was meant, whatever the texts hold', { tags: 'property' }, () => {
  assertProperty(
    fc.property(hostileReport, (report) => {
      const meant = annotations(report, {})
      const read = readOutput(reporters.github(report, {}))
      expect(read.map((command) => command?.data)).toEqual(meant.map(({ message }) => message))
      expect(read.map((command) => command?.name)).toEqual(meant.map(({ level }) => level))
      expect(read.map((command) => command?.properties.title)).toEqual(meant.map(({ title }) => title))
      expect(read.map((command) => command?.properties.line)).toEqual(meant.map(({ line }) => line?.toString()))
      expect(read.map((command) => command?.properties.file)).toEqual(meant.map(({ file }) => file || undefined))
      for (const { title, message } of meant) {
        expect(title.length).toBeLessThanOrEqual(255)
        expect(message.length).toBeLessThanOrEqual(4096)
      }
    }),
    200,
  )
})

test('a long name and a long reason are cut where GitHub would cut them', () => {
  const report = reportOf([outcome({ name: '👍'.repeat(500), status: 'fail', reason: 'x'.repeat(5000) })])
  const { title, message } = annotations(report, {})[0]!
  expect(title).toBe(`fail: ${'👍'.repeat(124)}…`)
  expect(message).toBe(`${'x'.repeat(4095)}…`)
})

test('the summary of the step is the Markdown report below a heading', () => {
  expect(stepSummary(mixed)).toBe(`## ea check\n\n${reporters.md(mixed, {})}\n`)
})

test('a summary that GitHub would refuse is cut between lines, and says so', () => {
  const report = reportOf(
    Array.from({ length: 700 }, (_, n) => outcome({ name: `check ${n}`, reason: 'і'.repeat(1000) })),
  )
  const summary = stepSummary(report)
  expect(Buffer.byteLength(summary)).toBeLessThan(1024 * 1024)
  const lines = summary.split('\n')
  expect(lines.slice(-3)).toEqual(['', 'The rest does not fit into a summary.', ''])
  const cells = (line: string) => line.split('|').length
  expect(cells(lines.at(-4)!)).toBe(cells(lines[4]!))
})
