/** What is wrong with a parameter is said in our words, wherever it is given: a validator's own never reach a person. */
import { describe, expect, test } from 'vitest'
import { parseCheckFile } from '../../src/lib/checks/file/check-file.js'
import type { Problem } from '../../src/lib/checks/file/problem.js'
import { readCheck, readDefaults } from '../../src/lib/checks/file/read-check.js'
import { EaError } from '../../src/lib/core/errors.js'
import { exportParams } from '../../src/lib/export/params.js'
import { parseGenerateOptions } from '../../src/lib/generate/options.js'
import { createKey } from '../../src/lib/keys/keys.js'
import { reportParams } from '../../src/lib/report/options.js'
import { questionReader } from '../../src/lib/serve/answers/stat-query.js'
import { stats } from '../../src/lib/stats/catalog.js'
import { paramsOf, parseParams, snake } from '../../src/lib/stats/query/params.js'

const ofValidator =
  /invalid|expected (string|number|boolean|array|object|date|int|record|undefined)|received|too (small|big)|[<>]=?\d|NaN/i

/** Of every kind that a program can give. */
const wrong = [5, -1, 0, 1.5, 1e9, 1e300, Number.NaN, 'x', '', '1e3', true, null, [], [5], ['x'], {}, new Date(0)]
const steps = { step: ['a', 'b'] }

function messageOf(run: () => unknown): string | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (!(error instanceof EaError)) throw error
    expect(error.code).toBe('usage')
    return error.message
  }
}

const asked = [
  ...stats.map(({ name, params }) => ({ name, params, more: name === 'funnel' ? steps : {} })),
  { name: 'report', params: reportParams, more: {} },
  { name: 'export', params: exportParams, more: {} },
]
const parameters = asked.flatMap(({ name, params, more }) =>
  paramsOf(params).map((param) => [name, param.name, params, more] as const),
)

test.each(parameters)('%s: %s says itself what it takes', (_, name, params, more) => {
  const messages = wrong.flatMap((value) => messageOf(() => parseParams(params, { ...more, [name]: value })) ?? [])
  expect(messages.length).toBeGreaterThan(5)
  for (const message of messages) {
    expect(message).not.toMatch(ofValidator)
    expect(message).toMatch(new RegExp(`^${name}(:| (must|has|may))`))
  }
})

test('a number that is out of its range, and a word that is none of the choices, are told what is allowed', () => {
  const trend = stats.find(({ name }) => name === 'trend')!.params
  const fault = (given: Record<string, unknown>) => messageOf(() => parseParams(trend, given, (name) => `--${name}`))
  expect(fault({ limit: 'many' })).toBe('--limit must be a whole number from 1 to 1000, not "many".')
  expect(fault({ limit: 0 })).toBe('--limit must be a whole number from 1 to 1000, not 0.')
  expect(fault({ limit: 1.5 })).toBe('--limit must be a whole number from 1 to 1000, not 1.5.')
  expect(fault({ grain: 'year' })).toBe('--grain must be hour, day, week or month, not "year".')
  expect(fault({ from: '1940-01-01' })).toBe('--from must lie in the years 1970 to 2999, not "1940-01-01".')
  expect(fault({ asOf: '1940-01-01T00:00:00Z' })).toMatch(/must lie in the years 1970 to 2999/)
  expect(fault({ to: 'soon' })).toMatch(/must be a day \(2025-08-31\), .*; years go from 1970 to 2999, not "soon"/)
})

test('over HTTP, for each parameter of each stat', () => {
  for (const stat of stats) {
    const read = questionReader(stat)
    for (const { name, isList } of paramsOf(stat.params)) {
      for (const text of ['x y', '-1', '', '1e3', '1940-01-01', '999999999999999999999', 'properties.']) {
        const value = isList ? [text] : text
        const message = messageOf(() => read({ ...(stat.name === 'funnel' ? steps : {}), [snake(name)]: value }))
        expect(message ?? '').not.toMatch(/invalid|received|too (small|big)|[<>]=\d|NaN/i)
      }
    }
  }
})

describe('checks', () => {
  test('of each parameter', () => {
    for (const stat of stats) {
      for (const { name } of paramsOf(stat.params)) {
        for (const value of wrong) {
          const problems: Problem[] = []
          const given = { name: 'a', stat: stat.name, params: { ...steps, [name]: value }, assert: 'count() > 1' }
          readCheck(given, readDefaults(), {}, problems)
          for (const { message } of problems) expect(message).not.toMatch(ofValidator)
        }
      }
    }
  })

  test.each(['name', 'stat', 'params', 'assert', 'severity', 'min_base', 'on_unknown'])('of the word %s', (word) => {
    for (const value of wrong) {
      const problems: Problem[] = []
      readCheck({ name: 'a', stat: 'dau', assert: 'count() > 1', [word]: value }, readDefaults(), {}, problems)
      for (const { message } of problems) expect(message).not.toMatch(ofValidator)
    }
  })

  test.each([
    ['an empty file', ''],
    ['no list', 'checks: 5'],
    ['an empty list', 'checks: []'],
    ['defaults of other kinds', 'defaults: {tz: 5, as_of: [], segment: 5, min_base: -1, severity: 7}\nchecks: [5]'],
    ['defaults that are none', 'defaults: 5\nchecks: [{}]'],
  ])('of a file: %s', (_, text) => {
    const message = messageOfFile(() => parseCheckFile({ file: 'checks.yaml', text }))
    expect(message).not.toMatch(ofValidator)
  })
})

function messageOfFile(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return (error as EaError).message
  }
  throw new Error('nothing was refused')
}

test('generate and keys', async () => {
  for (const name of ['events', 'users', 'days', 'from', 'seed', 'eventsPerUserDay', 'format']) {
    for (const value of wrong) {
      const message = messageOf(() => parseGenerateOptions({ [name]: value }))
      expect(message ?? '').not.toMatch(ofValidator)
    }
  }
  expect(messageOf(() => parseGenerateOptions({ days: 0 }))).toBe('--days must be a whole number from 1 to 36500')
  for (const given of [{ name: 5 }, { scopes: 'read' }, { scopes: ['all'] }, { expiresAt: 'soon' }]) {
    // Refused before the database is asked.
    const error = await createKey({} as never, { name: 'a', scopes: ['read'], ...given } as never).catch(
      (e: Error) => e,
    )
    expect((error as EaError).message).not.toMatch(ofValidator)
  }
})
