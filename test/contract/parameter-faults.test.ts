/** What is wrong with a parameter is said in our words, wherever it is given: a validator's own never reach a person. */
import { readdirSync } from 'node:fs'
import { type Command, Parser } from '@oclif/core'
import { describe, expect, test } from 'vitest'
import { parseCheckFile } from '../../src/lib/checks/file/check-file.js'
import type { CheckFileProblem } from '../../src/lib/checks/file/problem.js'
import { readCheck, readDefaults } from '../../src/lib/checks/file/read-check.js'
import { parseExpiry } from '../../src/lib/cli/admin/key-text.js'
import { BaseCommand } from '../../src/lib/cli/base-command.js'
import { limitOf } from '../../src/lib/cli/batches/batch-args.js'
import { asEaError } from '../../src/lib/cli/failure.js'
import { readingOptions } from '../../src/lib/cli/import/import-flags.js'
import { parseBytes, parseCount, parseDurationMs, parseRejectBudget } from '../../src/lib/cli/quantity-flags.js'
import { queryTimeout } from '../../src/lib/cli/query-timeout.js'
import { serveFlags, serveOptions } from '../../src/lib/cli/serve/serve-flags.js'
import { spoolDirOf } from '../../src/lib/cli/serve/spool-flags.js'
import { EaError } from '../../src/lib/core/errors.js'
import { exportParams } from '../../src/lib/export/params.js'
import { parseGenerateOptions } from '../../src/lib/generate/options.js'
import { encodingName } from '../../src/lib/import/source/decode.js'
import { readEvents } from '../../src/lib/ingest/body/body.js'
import { readCollected } from '../../src/lib/ingest/body/collect.js'
import { createKey } from '../../src/lib/keys/keys.js'
import { reportParams } from '../../src/lib/report/options.js'
import { queryOf } from '../../src/lib/serve/answers/stat-query.js'
import { readQuery } from '../../src/lib/serve/http/query-values.js'
import { stats } from '../../src/lib/stats/catalog.js'
import { paramsOf, parseParams, snake } from '../../src/lib/stats/query/params.js'

const ofValidator =
  /invalid|expected (string|number|boolean|array|object|date|int|record|undefined)|received|too (small|big)|(^|\s)[<>]=?\d|NaN|Parsing --|error occurred|to be one of/i

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
    const read = (query: object) => readQuery(queryOf(stat), query, stat.name)
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
          const problems: CheckFileProblem[] = []
          const given = { name: 'a', stat: stat.name, params: { ...steps, [name]: value }, assert: 'count() > 1' }
          readCheck(given, readDefaults(), {}, problems)
          for (const { message } of problems) expect(message).not.toMatch(ofValidator)
        }
      }
    }
  })

  test.each(['name', 'stat', 'params', 'assert', 'severity', 'min_base', 'on_unknown'])('of the word %s', (word) => {
    for (const value of wrong) {
      const problems: CheckFileProblem[] = []
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
  expect(messageOf(() => parseGenerateOptions({ days: 0 }))).toBe(
    '--days must be a whole number from 1 to 36500, not 0.',
  )
  for (const given of [{ name: 5 }, { scopes: 'read' }, { scopes: ['all'] }, { expiresAt: 'soon' }]) {
    // Refused before the database is asked.
    const error = await createKey({} as never, { name: 'a', scopes: ['read'], ...given } as never).catch(
      (e: Error) => e,
    )
    expect((error as EaError).message).not.toMatch(ofValidator)
  }
})

const commandFiles = readdirSync('src/commands', { recursive: true })
  .map(String)
  .filter((name) => name.endsWith('.ts'))

describe.each(commandFiles)('the command line of %s', async (file) => {
  const { default: command } = (await import(`../../src/commands/${file}`)) as { default: typeof Command }
  const flags = { ...BaseCommand.baseFlags, ...command.flags }
  const { args } = command

  async function fault(argv: readonly string[]): Promise<string | undefined> {
    try {
      await Parser.parse([...argv], { flags, args, strict: command.strict })
      return undefined
    } catch (error) {
      const told = await asEaError(error, flags)
      expect(told.code).toBe('usage')
      expect(told.message).not.toMatch(ofValidator)
      return told.message
    }
  }

  test.each(Object.entries(flags))('--%s', async (name, flag) => {
    if (flag.type === 'boolean') return
    // Without a value, what it takes is said.
    expect(await fault([`--${name}`])).toMatch(new RegExp(`^--${name} has no value: .{4}`))
    const messages = await Promise.all(['x y', '-1', '1.5', '1e3', ''].map((text) => fault([`--${name}=${text}`])))
    for (const message of messages) {
      // All choices, and nothing else, are refused here; what they mean is read by the functions below.
      if (flag.options !== undefined) expect(message).toMatch(new RegExp(`^--${name} must be one of .*, not ".*"\\.$`))
    }
  })

  test('arguments and flags that there are not, and those that are missing', async () => {
    expect(await fault(['--no-such-flag'])).toBe('Unknown flag: --no-such-flag')
    for (const [name, arg] of Object.entries(args)) {
      if (arg.required) expect(await fault([])).toMatch(new RegExp(`${name.toUpperCase()} is missing: .{4}`))
    }
    await fault(['a', 'b', 'c'])
    for (const text of ['x y', '-1', '']) await fault(['--', text])
  })
})

describe('what flags say, as it is read', () => {
  const texts = ['x y', '-1', '', '1e3', '1.5.5', '99999999999999999999', 'a=', '\0', '"']
  const range = { min: 1, max: 9 }
  const reading = { timezone: 'UTC', 'time-format': 'auto', 'max-record-bytes': '1MB' }

  test.each([
    ['a count', '--jobs', (text: string) => parseCount('--jobs', text, range)],
    ['a size', '--chunk-bytes', (text: string) => parseBytes('--chunk-bytes', text, range)],
    ['a duration', '--wait', (text: string) => parseDurationMs('--wait', text)],
    ['--max-rejects', '--max-rejects', parseRejectBudget],
    ['--query-timeout', '--query-timeout', queryTimeout],
    ['--limit', '--limit', (limit: string) => limitOf({ limit })],
    ['--expires', '--expires', (text: string) => parseExpiry(text, new Date(0))],
    ['--encoding', '--encoding', encodingName],
    ...['map', 'id-from', 'skip-lines', 'timezone', 'time-format', 'max-record-bytes'].map(
      (name) =>
        [`--${name}`, `--${name}`, (text: string) => readingOptions({ ...reading, [name]: text } as never)] as const,
    ),
  ] as const)('%s', (_, flag, read) => {
    const messages = texts.flatMap((text) => messageOf(() => (read as (text: string) => unknown)(text)) ?? [])
    expect(messages.length).toBeGreaterThan(2)
    for (const message of messages) {
      expect(message).toContain(flag)
      expect(message).not.toMatch(ofValidator)
    }
  })

  const texted = Object.entries(serveFlags).filter(([, flag]) => flag.type === 'option' && flag.options === undefined)
  test.each(texted)('ea serve --%s', async (name, flag) => {
    const defaults = Object.fromEntries(
      Object.entries(serveFlags).map(([each, { default: value }]) => [each, value ?? undefined]),
    )
    const refusals: string[] = []
    for (const text of texts) {
      const given = { ...defaults, quiet: false, [name]: 'multiple' in flag && flag.multiple ? [text] : text }
      await spoolDirOf((given as { 'spool-dir'?: string })['spool-dir'], async () => ({
        dataDir: '/data',
        schema: 'ea',
      }))
        .then((folder) => serveOptions(given as never, folder, {}))
        .catch((error: EaError) => refusals.push(`${error.code} ${error.message}`))
    }
    for (const refusal of refusals) {
      expect(refusal).toMatch(name.startsWith('jwt') ? /^(usage Tokens need|file_not_readable --jwt)/ : `--${name}`)
      expect(refusal).not.toMatch(ofValidator)
    }
    expect(refusals.length).toBeGreaterThan(0)
  })
})

test('bodies over HTTP', async () => {
  const bodies = ['', ' ', '5', 'x', '"a"', 'null', '[', '[1', '{"a"', '{"events": 5}', '{"events": {}}', '[}', '[{]']
  for (const text of [...bodies, '{"user_id": [], "events": [{}]}', '{"a": 1, "a": 2, "events": [{}]}']) {
    const bytes = Buffer.from(text)
    const reads = [readEvents(bytes, 'json'), readEvents(bytes, 'ndjson'), readCollected(bytes, { at: new Date(0) })]
    for (const ended of await Promise.allSettled(reads)) {
      if (ended.status === 'rejected') {
        expect((ended.reason as EaError).code).toMatch(/^(malformed_body|body_too_large)$/)
        expect((ended.reason as EaError).message).not.toMatch(ofValidator)
      }
    }
  }
})
