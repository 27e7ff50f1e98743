import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CheckReport } from '../../../src/lib/checks/evaluate/outcome.js'
import type { ReportContext } from '../../../src/lib/checks/reporters/report-context.js'
import { reporters } from '../../../src/lib/checks/reporters/reporters.js'
import { escapedUnit, visible } from '../../../src/lib/present/tables/cell-text.js'
import { assertProperty } from '../../support/effort.js'
import { hostileReport, hostileTexts, mixed, outcome, reportOf } from './report-examples.js'
import { type Element, readXml } from './xml-reader.js'

const schema = fileURLToPath(new URL('junit.xsd', import.meta.url))
const hasXmllint = spawnSync('xmllint', ['--version']).status === 0

/** The suites of a report, read as XML. */
function suitesOf(report: CheckReport, context: ReportContext = {}): readonly Element[] {
  const root = readXml(reporters.junit(report, context))
  expect(root.name).toBe('testsuites')
  return root.children
}

/** The one suite of a report whose checks are all of one file. */
function suiteOf(report: CheckReport, context: ReportContext = {}): Element {
  const inOneFile = report.outcomes.map((outcome) => ({ ...outcome, place: undefined }))
  const suites = suitesOf({ ...report, outcomes: inOneFile }, context)
  expect(suites).toHaveLength(1)
  return suites[0]!
}

const testcases = (suite: Element) => suite.children.filter(({ name }) => name === 'testcase')
const inside = (testcase: Element) => testcase.children.map(({ name, attributes }) => ({ name, ...attributes }))

test('the whole file of a check that passed and one that failed', () => {
  const failed = outcome({
    name: 'Purchases <do not> collapse',
    status: 'fail',
    stat: 'trend',
    assert: 'sum(value) change vs previous_period >= -25%',
    value: -0.3125,
    valueKind: 'rate',
    threshold: '>= -25%',
    base: 1200,
    baseWindows: [{ from: '2025-08-30', to: '2025-08-30' }],
    definition: 'Events in each day.',
    reason: 'sum(value) is 825, 31.25% less than 1,200.',
    warnings: ['No event has the type "x".'],
    place: { file: 'metrics.yaml', line: 12, column: 5 },
  })
  expect(reporters.junit(reportOf([outcome(), failed]), {})).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="ea check metrics.yaml" package="ea" id="0" hostname="localhost" timestamp="2025-09-01T06:30:00" tests="2" failures="1" errors="0" skipped="0" time="0.410">
    <properties>
      <property name="as_of" value="2025-09-01T06:30:00.123456Z"/>
      <property name="exit_code" value="6"/>
      <property name="1.name" value="Enough people yesterday"/>
      <property name="1.status" value="pass"/>
      <property name="1.stat" value="dau"/>
      <property name="1.assert" value="unique_users &gt;= 1000"/>
      <property name="1.value" value="1204"/>
      <property name="1.value_kind" value="count"/>
      <property name="1.threshold" value="&gt;= 1000"/>
      <property name="1.window" value="2025-08-31/2025-08-31 UTC"/>
      <property name="1.definition" value="Different users with at least one event in each day."/>
      <property name="1.reason" value="unique_users is 1,204."/>
      <property name="1.place" value="metrics.yaml:3:5"/>
      <property name="2.name" value="Purchases &lt;do not&gt; collapse"/>
      <property name="2.status" value="fail"/>
      <property name="2.stat" value="trend"/>
      <property name="2.assert" value="sum(value) change vs previous_period &gt;= -25%"/>
      <property name="2.value" value="-0.3125"/>
      <property name="2.value_kind" value="rate"/>
      <property name="2.threshold" value="&gt;= -25%"/>
      <property name="2.base" value="1200"/>
      <property name="2.base_windows" value="2025-08-30/2025-08-30"/>
      <property name="2.window" value="2025-08-31/2025-08-31 UTC"/>
      <property name="2.definition" value="Events in each day."/>
      <property name="2.reason" value="sum(value) is 825, 31.25% less than 1,200."/>
      <property name="2.place" value="metrics.yaml:12:5"/>
    </properties>
    <testcase name="Enough people yesterday" classname="checks.dau" time="0.000"/>
    <testcase name="Purchases &lt;do not&gt; collapse" classname="checks.trend" time="0.000"><failure message="sum(value) is 825, 31.25% less than 1,200." type="fail">fail: Purchases &lt;do not&gt; collapse
  reason: sum(value) is 825, 31.25% less than 1,200.
  assert: sum(value) change vs previous_period &gt;= -25%
  value: -31.3%
  threshold: &gt;= -25%
  base: 1,200 in 2025-08-30
  window: 2025-08-31, UTC
  definition: Events in each day.
  warning: No event has the type &quot;x&quot;.
  place: metrics.yaml:12:5
</failure></testcase>
    <system-out>pass: Enough people yesterday
  reason: unique_users is 1,204.
  assert: unique_users &gt;= 1000
  value: 1,204
  threshold: &gt;= 1000
  window: 2025-08-31, UTC
  definition: Different users with at least one event in each day.
  place: metrics.yaml:3:5

fail: Purchases &lt;do not&gt; collapse
  reason: sum(value) is 825, 31.25% less than 1,200.
  assert: sum(value) change vs previous_period &gt;= -25%
  value: -31.3%
  threshold: &gt;= -25%
  base: 1,200 in 2025-08-30
  window: 2025-08-31, UTC
  definition: Events in each day.
  warning: No event has the type &quot;x&quot;.
  place: metrics.yaml:12:5
</system-out>
    <system-err>Purchases &lt;do not&gt; collapse: No event has the type &quot;x&quot;.</system-err>
  </testsuite>
</testsuites>
`)
})

test('fail is a failure, unknown an error, a warning is skipped with its reason', () => {
  const suite = suiteOf(mixed)
  expect(suite.attributes).toMatchObject({ tests: '5', failures: '2', errors: '1', skipped: '1' })
  expect(testcases(suite).map(({ attributes }) => attributes.classname)).toEqual([
    ...['checks.dau', 'checks.retention', 'checks.trend', 'checks.dau', 'checks.freshness'],
  ])
  expect(testcases(suite).map(inside)).toEqual([
    [],
    [{ name: 'skipped', message: 'warning: mean(rates[1]) is 18.2%, below 20%.' }],
    [{ name: 'failure', message: 'sum(value) is 825, 31.25% less than 1,200.', type: 'fail' }],
    [{ name: 'failure', message: '1 of 7 rows does not hold.', type: 'fail' }],
    [{ name: 'error', message: 'There are no events.', type: 'unknown' }],
  ])
})

test('with --fail-on warn a warning is a failure, too', () => {
  const suite = suiteOf(mixed, { failOn: 'warn' })
  expect(suite.attributes).toMatchObject({ failures: '3', errors: '1', skipped: '0' })
  expect(inside(testcases(suite)[1]!)).toEqual([
    { name: 'failure', message: 'mean(rates[1]) is 18.2%, below 20%.', type: 'warn' },
  ])
})

test.each([
  ['pass', [{ name: 'skipped', message: 'unknown: No data.' }]],
  ['warn', [{ name: 'skipped', message: 'warning: No data.' }]],
  ['fail', [{ name: 'failure', message: 'No data.', type: 'fail' }]],
  ['unknown', [{ name: 'error', message: 'No data.', type: 'unknown' }]],
] as const)('an undecided check that counts as %s', (status, expected) => {
  const suite = suiteOf(reportOf([outcome({ status, value: null, reason: 'No data.' })]))
  expect(testcases(suite).map(inside)).toEqual([expected])
})

test('the time of the run, not what counted as now, when it is known', () => {
  const { attributes } = suiteOf(mixed, { ranAt: '2026-01-02T03:04:05.678Z' })
  expect(attributes.timestamp).toBe('2026-01-02T03:04:05')
})

test('a suite for each file; their times add up', () => {
  const inFile = (name: string, file: string) => outcome({ name, place: { file, line: 1, column: 1 } })
  const report = reportOf([
    inFile('a', 'one.yaml'),
    inFile('b', 'two.yaml'),
    inFile('c', 'one.yaml'),
    inFile('d', 'one.yaml'),
  ])
  const suites = suitesOf({ ...report, seconds: 2 })
  expect(suites.map(({ attributes: { name, id, tests, time } }) => ({ name, id, tests, time }))).toEqual([
    { name: 'ea check one.yaml', id: '0', tests: '3', time: '1.500' },
    { name: 'ea check two.yaml', id: '1', tests: '1', time: '0.500' },
  ])
  expect(suites.map((suite) => testcases(suite).map(({ attributes }) => attributes.name))).toEqual([
    ['a', 'c', 'd'],
    ['b'],
  ])
})

test('no checks are one suite without tests', () => {
  const suite = suiteOf(reportOf([]))
  expect(suite.attributes).toMatchObject({ name: 'ea check', tests: '0', time: '0.000' })
})

test('it is well-formed, and adds up, whatever the texts hold', { tags: 'property' }, () => {
  assertProperty(
    fc.property(hostileReport, fc.constantFrom('warn' as const, 'fail' as const), (report, failOn) => {
      const shown = (text: string) => visible(text).replace(/[\ufffe\uffff]/g, escapedUnit)
      const names: string[] = []
      for (const suite of suitesOf(report, { failOn })) {
        const found = testcases(suite)
        names.push(...found.map(({ attributes }) => attributes.name!))
        const elements = found.flatMap(({ children }) => children.map(({ name }) => name))
        const count = (name: string) => String(elements.filter((element) => element === name).length)
        expect(suite.attributes).toMatchObject({
          tests: String(found.length),
          failures: count('failure'),
          errors: count('error'),
          skipped: count('skipped'),
        })
      }
      expect(names.toSorted()).toEqual(report.outcomes.map(({ name }) => shown(name)).toSorted())
    }),
    100,
  )
})

test.skipIf(!hasXmllint)(
  'it is valid for the common schema (needs xmllint, of the Debian package libxml2-utils)',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'ea-junit-'))
    try {
      const hostile = hostileTexts.map((text) =>
        reportOf([
          outcome({ name: text, stat: text, reason: text, status: 'fail', place: { file: text, line: 1, column: 1 } }),
        ]),
      )
      const reports = [mixed, reportOf([]), ...hostile, ...fc.sample(hostileReport, 30)]
      const files = reports.map((report, index) => {
        const file = join(folder, `${index}.xml`)
        writeFileSync(file, reporters.junit(report, {}))
        return file
      })
      const { status, stderr } = spawnSync('xmllint', ['--noout', '--schema', schema, ...files], { encoding: 'utf8' })
      expect({
        status,
        invalid: stderr.split('\n').filter((line) => line !== '' && !line.endsWith(' validates')),
      }).toEqual({
        status: 0,
        invalid: [],
      })
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)
