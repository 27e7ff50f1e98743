/**
 * The report for CI servers: JUnit XML, valid for the schema of Ant and for that of Jenkins. A failed check is a failure, an
 * unknown one an error; a warning, and an undecided check that --on-unknown lets pass, is a skipped test with its reason.
 */
import { escapedUnit, visible } from '../../present/tables/cell-text.js'
import type { CheckOutcome, CheckReport } from '../evaluate/outcome.js'
import { facts, gravity, isUndecided, placeText, rowText, subjectName } from './outcome-text.js'
import type { ReportContext } from './report-context.js'

type Attributes = Readonly<Record<string, string | number>>

/** A suite for each file of checks, with a test for each check. */
export function junit(report: CheckReport, context: ReportContext): string {
  const { outcomes } = report
  // Where there is no check, there still is a run.
  const files = outcomes.length === 0 ? [undefined] : [...new Set(outcomes.map(({ place }) => place?.file))]
  const suites = files.map((file, id) => {
    const ofFile = outcomes.filter(({ place }) => place?.file === file)
    return suiteLines({ report, outcomes: ofFile, file, id, context })
  })
  return `${['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites>', ...suites.flat(), '</testsuites>'].join('\n')}\n`
}

interface Suite {
  readonly report: CheckReport
  /** Those of this file. */
  readonly outcomes: readonly CheckOutcome[]
  readonly file: string | undefined
  readonly id: number
  readonly context: ReportContext
}

/** The schema has no place for more than a name at a test that passed, so the values are properties of the suite. */
function suiteLines({ report, outcomes, file, id, context }: Suite): string[] {
  const { seconds, asOf, exitCode } = report
  const verdicts = outcomes.map((outcome) => verdict(outcome, context))
  const count = (name: string) => verdicts.filter((verdict) => verdict?.element === name).length
  const suite = {
    name: visible(file === undefined ? 'ea check' : `ea check ${file}`),
    package: 'ea',
    id,
    hostname: 'localhost',
    timestamp: (context.ranAt ?? asOf).slice(0, 'YYYY-MM-DDTHH:MM:SS'.length),
    tests: outcomes.length,
    failures: count('failure'),
    errors: count('error'),
    skipped: count('skipped'),
    // All checks run in one transaction: its time is shared out, so that the suites add up to it.
    time: (seconds * (outcomes.length / (report.outcomes.length || 1))).toFixed(3),
  }
  const run = [property('as_of', asOf), property('exit_code', String(exitCode))]
  const properties = [...run, ...outcomes.flatMap((outcome, index) => outcomeProperties(outcome, `${index + 1}.`))]
  const warnings = outcomes.flatMap(({ name, warnings }) => warnings.map((warning) => visible(`${name}: ${warning}`)))
  return [
    `  <testsuite${attributes(suite)}>`,
    '    <properties>',
    ...properties.map((line) => `      ${line}`),
    '    </properties>',
    ...outcomes.map((outcome, index) => `    ${testcase(outcome, verdicts[index])}`),
    `    <system-out>${xmlText(outcomes.map(told).join('\n'))}</system-out>`,
    `    <system-err>${xmlText(warnings.join('\n'))}</system-err>`,
    '  </testsuite>',
  ]
}

interface Verdict {
  readonly element: 'failure' | 'error' | 'skipped'
  readonly message: string
}

/** What stands inside a test; nothing for one that passed. */
function verdict(outcome: CheckOutcome, context: ReportContext): Verdict | undefined {
  const { status, reason } = outcome
  const weight = gravity(outcome, context)
  if (weight === 'error') return { element: status === 'unknown' ? 'error' : 'failure', message: visible(reason) }
  if (weight === 'warning') return { element: 'skipped', message: visible(`warning: ${reason}`) }
  return isUndecided(outcome) ? { element: 'skipped', message: visible(`unknown: ${reason}`) } : undefined
}

function testcase(outcome: CheckOutcome, verdict: Verdict | undefined): string {
  const { name, status } = outcome
  const open = `testcase${attributes({ name: visible(name), classname: `checks.${subjectName(outcome)}`, time: '0.000' })}`
  if (verdict === undefined) return `<${open}/>`
  const { element, message } = verdict
  const said = element === 'skipped' ? attributes({ message }) : attributes({ message, type: status })
  return `<${open}><${element}${said}>${xmlText(told(outcome))}</${element}></testcase>`
}

/** Everything about a check, one line each. */
function told(outcome: CheckOutcome): string {
  const lines = facts(outcome).map(([label, text]) => `  ${label}: ${text}\n`)
  return `${outcome.status}: ${visible(outcome.name)}\n${lines.join('')}`
}

/** With all digits, for programs. */
function outcomeProperties(outcome: CheckOutcome, prefix: string): string[] {
  const { name, status, stat, assert, value, valueKind, threshold, base, baseWindows, window, place } = outcome
  const values: Record<string, string | undefined> = {
    name,
    status,
    stat,
    assert,
    value: value === null ? undefined : String(value),
    value_kind: valueKind,
    threshold,
    base: base === null ? undefined : String(base),
    base_windows: baseWindows.length === 0 ? undefined : baseWindows.map(({ from, to }) => `${from}/${to}`).join(' '),
    window: window === null ? undefined : `${window.from}/${window.to} ${window.tz}`,
    definition: outcome.definition,
    reason: outcome.reason,
    rows: outcome.rows.length === 0 ? undefined : outcome.rows.map(rowText).join('; '),
    place: place === undefined ? undefined : placeText(place),
  }
  return Object.entries(values).flatMap(([key, text]) => (text === undefined ? [] : [property(prefix + key, text)]))
}

function property(name: string, value: string): string {
  return `<property${attributes({ name, value: visible(value) })}/>`
}

function attributes(values: Attributes): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${xmlText(String(value))}"`)
    .join('')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** Text that is safe in an element and in quotes; what XML 1.0 forbids is shown as `\u0001`. */
function xmlText(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, escapedUnit)
    .replace(/[&<>"']/g, (char) => entities[char]!)
}
