/** `ea check` as a user runs it: check file × data → result and exit code, the same with and without --json. */
import { readFile, symlink, writeFile } from 'node:fs/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { addDays } from '../../src/lib/core/time.js'
import { builtOnce, ea, type RunOptions } from '../support/binary.js'
import { type Bench, uuidOf, withBench } from './import-content.js'

beforeAll(builtOnce)

const asOf = '2025-08-31'

/**
 * Nine weeks to 30 August 2025, each day 60 views of 12 users and, from Monday to Friday, 20 purchases; ten new users each
 * Wednesday, and half of them once more a week later.
 */
function shop(): string {
  const lines: string[] = []
  const add = (day: string, user: number | string, type: string) =>
    lines.push(
      JSON.stringify({
        event_id: uuidOf(lines.length),
        occurred_at: `${day}T12:00:00Z`,
        user_id: typeof user === 'string' ? user : `u${user % 12}`,
        event_type: type,
      }),
    )
  for (let number = 0; number < 63; number++) {
    const day = addDays('2025-06-29', number)
    for (let index = 0; index < 60; index++) add(day, index, 'view')
    for (let index = 0; number % 7 === 3 && index < 10; index++) {
      add(day, `new${number}-${index}`, 'view')
      if (index % 2 === 0) add(day, `new${number - 7}-${index}`, 'view')
    }
    const isWeekend = [0, 6].includes(new Date(day).getUTCDay())
    for (let index = 0; index < (isWeekend ? 0 : 20); index++) add(day, index, 'purchase')
  }
  return `${lines.join('\n')}\n`
}

async function withShop(use: (bench: Bench) => Promise<void>): Promise<void> {
  await withBench(async (bench) => {
    expect(await bench.json(['import', '-'], { input: shop() })).toMatchObject({ totals: { rejected: 0 } })
    await use(bench)
  })
}

const people = '{ name: People, stat: dau, params: { from: yesterday, to: yesterday }, assert: unique_users'
const behind = '{ name: Behind, stat: dau, params: { from: 2025-09-01, to: 2025-09-07 }, assert: min(unique_users) >= 0'
const file = (...checks: string[]) => `checks:\n${checks.map((check) => `  - ${check} }\n`).join('')}`

interface Row {
  readonly file: string
  readonly flags?: readonly string[]
  /** Of each check. */
  readonly statuses: readonly string[]
  readonly code: number
  readonly value?: number | null
}

const rows: Record<string, Row> = {
  holds: { file: file(`${people} >= 12`), statuses: ['pass'], code: 0, value: 12 },
  'does not hold': { file: file(`${people} > 12`), statuses: ['fail'], code: 6, value: 12 },
  warns: { file: file(`${people} > 12, severity: warn`), statuses: ['warn'], code: 0 },
  'warns, and that is enough': {
    file: file(`${people} > 12, severity: warn`),
    flags: ['--fail-on', 'warn'],
    statuses: ['warn'],
    code: 6,
  },
  'has no data': { file: file(behind), statuses: ['unknown'], code: 7, value: null },
  'has no data and passes by a flag': {
    file: file(behind),
    flags: ['--on-unknown', 'pass'],
    statuses: ['pass'],
    code: 0,
  },
  'has no data and fails by a flag': {
    file: file(behind),
    flags: ['--on-unknown', 'fail'],
    statuses: ['fail'],
    code: 6,
  },
  'has no data and warns by its file': { file: file(`${behind}, on_unknown: warn`), statuses: ['warn'], code: 0 },
  'a flag wins over the file': {
    file: file(`${behind}, on_unknown: pass`),
    flags: ['--on-unknown', 'unknown'],
    statuses: ['unknown'],
    code: 7,
  },
  'is not over': {
    file: file('{ name: Today, stat: dau, params: { from: -2d, to: today }, assert: min(unique_users) >= 1'),
    statuses: ['unknown'],
    code: 7,
  },
  'a failure weighs more': {
    file: file(behind, `${people} > 12`.replace('People', 'More people')),
    statuses: ['unknown', 'fail'],
    code: 6,
  },
  'changes with its weekday': {
    file: file(
      '{ name: Purchases, stat: trend, params: { segment: event_type:purchase, from: 2025-08-29, to: 2025-08-29 }, assert: sum(value) change vs same_weekday(4w) >= 0%, min_base: 20',
    ),
    statuses: ['pass'],
    code: 0,
    value: 0,
  },
  'cannot divide by 0': {
    file: file(
      '{ name: Purchases, stat: trend, params: { segment: event_type:purchase, from: 2025-08-25, to: 2025-08-25 }, assert: sum(value) change vs previous_period >= 0%',
    ),
    statuses: ['unknown'],
    code: 7,
  },
  'is fresh': { file: file('{ name: Fresh, assert: freshness <= 12h'), statuses: ['pass'], code: 0, value: 43_200 },
  'was imported whole': { file: file('{ name: Whole, assert: rejected <= 0%'), statuses: ['pass'], code: 0, value: 0 },
}

test('check file × data → result and exit code', () =>
  withShop(async ({ ea, json, path }) => {
    const found: Record<string, unknown> = {}
    const wanted: Record<string, unknown> = {}
    for (const [name, row] of Object.entries(rows)) {
      await writeFile(path('metrics.yaml'), row.file)
      const args = ['check', path('metrics.yaml'), '--as-of', asOf, ...(row.flags ?? [])]
      const report = await json(args)
      const { code, stdout, stderr } = await ea(args)
      const statuses = report.checks.map(({ status }: { status: string }) => status)
      found[name] = [
        statuses,
        report.code,
        report.exit_code,
        code,
        stderr,
        row.value === undefined ? undefined : report.checks[0].value,
      ]
      wanted[name] = [row.statuses, row.code, row.code, row.code, '', row.value]
      for (const check of report.checks) expect(stdout, name).toContain(check.name)
      for (const check of report.checks) expect(check.definition, name).not.toBe('')
    }
    expect(found).toEqual(wanted)
  }))

// Each line: words behind `ea check`, what the message must hold.
const refused: [string[], RegExp][] = [
  [['--stat', 'dua', '--assert', 'min(unique_users) >= 1'], /--stat must be .*not "dua"; did you mean dau\?/],
  [
    ['--stat', 'dau', '--assert', 'min(uniqe_users) >= 1'],
    /no column uniqe_users.*did you mean min\(unique_users\) >= 1\?\n {2}min\(uniqe_users\) >= 1\n {6}\^/,
  ],
  [['--stat', 'dau', '--windows', '3', '--assert', 'count() > 1'], /dau has no --windows; known: --from, --to/],
  [['--stat', 'dau', '--form', '-7d', '--assert', 'count() > 1'], /--form[\s\S]*Did you mean --from\?/],
  [['--stat', 'dau', '--from', 'soon', '--assert', 'count() > 1'], /--from must be a day.*not "soon"/],
  [['--stat', 'trend', '--segment', 'country:UA', '--assert', 'count() > 1'], /--segment.*\n {2}country:UA\n {2}\^/],
  [['--stat', 'dau', '--assert', 'min(unique_users) => 1'], /did you mean min\(unique_users\) >= 1\?/],
  [['--stat', 'dau', '--assert', 'min(unique_users) >= 20%'], /expected a number/],
  [['--assert', 'freshnes <= 26h'], /did you mean freshness\?/],
  [['--assert', 'freshness <= 26h', '--segment', 'event_type:a'], /has no --segment; known: --tz, --as-of/],
  [['--from', '-7d'], /--assert is missing/],
  [['--stat', 'dau', '--min-base', 'many', '--assert', 'count() > 1'], /--min-base must be a number/],
  [['metrics.yaml', '--assert', 'freshness <= 1h'], /cannot be combined/],
  [['metrics.yaml', '--from', '-7d'], /--assert is missing/],
  [['--assert', 'freshness <= 1h', '--reporter', 'junt=x.xml'], /did you mean junit\?/],
  [['--assert', 'freshness <= 1h', '--reporter', 'md', '--reporter', 'junit'], /md and junit cannot both go to stdout/],
  [['--assert', 'freshness <= 1h', '--as-of', 'soon'], /--as-of must be/],
  [['-', '-'], /can be read once only/],
  [[], /Nothing to check/],
]

test('what is misspelt is refused before a database is asked', async () => {
  // Nobody listens there: exit code 5 would say that somebody was asked.
  const nowhere = ['--database-url', 'postgresql://nobody@127.0.0.1:1/none']
  const json = async (args: readonly string[], options: RunOptions = {}) => {
    const { code, stdout } = await ea([...args, '--json'], options)
    return { ...JSON.parse(stdout), code }
  }
  for (const [words, message] of refused) {
    const { code, stdout, stderr } = await ea(['check', ...words, ...nowhere])
    expect([code, stdout], words.join(' ')).toEqual([2, ''])
    expect(stderr, words.join(' ')).toMatch(message)
    expect(await json(['check', ...words, ...nowhere]), words.join(' ')).toMatchObject({
      code: 2,
      error: { code: 'usage' },
    })
  }
  const broken = 'checks:\n  - { name: A, stat: dua, assert: unique_users > 1 }\n'
  const { code, stdout, stderr } = await ea(['check', '-', ...nowhere], { input: broken })
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain('standard input:2:22: stat must be')
  expect(await json(['check', '-', ...nowhere], { input: broken })).toMatchObject({
    code: 2,
    error: { code: 'check_file_invalid', problems: [{ line: 2, column: 22, suggestion: 'dau' }] },
  })
  expect(await json(['check', 'no-such.yaml', ...nowhere])).toMatchObject({
    code: 4,
    error: { code: 'file_not_found' },
  })
})

test('an empty database is unknown, whatever is asked', () =>
  withBench(async ({ ea, path }) => {
    await writeFile(
      path('m.yaml'),
      file('{ name: A, stat: dau, assert: min(unique_users) >= 0', '{ name: B, assert: freshness <= 1000d'),
    )
    const { code, stdout } = await ea(['check', path('m.yaml')])
    expect(code).toBe(7)
    expect(stdout).toContain('2 checks: 2 unknown')
    expect((await ea(['check', path('m.yaml'), '--on-unknown', 'pass'])).code).toBe(0)
  }))

test('files and standard input are checked together, and problems of all come together', () =>
  withShop(async ({ ea, json, path }) => {
    await writeFile(path('a.yaml'), file('{ name: A, assert: freshness <= 12h'))
    await writeFile(path('b.yaml'), file('{ name: B, assert: freshness <= 1h'))
    const report = await json(['check', path('a.yaml'), path('b.yaml'), '-', '--as-of', asOf], {
      input: file('{ name: C, assert: rejected <= 0%'),
    })
    expect(report.checks.map((check: { name: string; place: object }) => [check.name, check.place])).toEqual([
      ['A', { file: path('a.yaml'), line: 2, column: 5 }],
      ['B', { file: path('b.yaml'), line: 2, column: 5 }],
      ['C', { file: 'standard input', line: 2, column: 5 }],
    ])
    expect([report.code, report.counts]).toEqual([6, { pass: 2, warn: 0, fail: 1, unknown: 0 }])

    for (const name of ['a.yaml', 'b.yaml']) await writeFile(path(name), file('{ name: A, assert: fresh <= 12h'))
    const { code, stderr } = await ea(['check', path('a.yaml'), path('b.yaml')])
    expect(code).toBe(2)
    expect(stderr).toContain(`2 problems in ${path('a.yaml')}, ${path('b.yaml')}; nothing was checked.`)
  }))

test('several reports at once, each in its place', () =>
  withShop(async ({ ea, path }) => {
    await writeFile(path('m.yaml'), file(`${people} > 12`, '{ name: Fresh, assert: freshness <= 12h'))
    const reporters = ['junit=checks.xml', 'md=checks.md', 'json=checks.json', 'github'].flatMap((reporter) => {
      const [name, target] = reporter.split('=')
      return ['--reporter', target === undefined ? name! : `${name}=${path(target)}`]
    })
    const ended = await ea(['check', path('m.yaml'), '--as-of', asOf, ...reporters], {
      env: { GITHUB_STEP_SUMMARY: path('summary.md') },
    })
    expect(ended.code).toBe(6)
    // Without another one, the table has stdout; annotations are on stderr.
    expect(ended.stdout).toContain('2 checks: 1 passed, 1 failed')
    expect(ended.stderr).toBe(
      ended.stderr
        .split('\n')
        .filter((line) => line.startsWith('::error '))
        .join('\n')
        .concat('\n'),
    )
    expect(ended.stderr).toContain(',line=2,col=5,title=fail%3A People::')
    expect(await readFile(path('checks.xml'), 'utf8')).toContain('<testsuite ')
    expect(await readFile(path('checks.md'), 'utf8')).toContain('| People |')
    expect(JSON.parse(await readFile(path('checks.json'), 'utf8')).exit_code).toBe(6)
    expect(await readFile(path('summary.md'), 'utf8')).toContain('| People |')

    const alone = await ea(['check', path('m.yaml'), '--as-of', asOf, '--reporter', 'md'])
    expect([alone.code, alone.stdout]).toEqual([6, await readFile(path('checks.md'), 'utf8')])
    await symlink(path('m.yaml'), path('link.yaml'))
    for (const itself of ['./m.yaml', 'link.yaml']) {
      const checks = await readFile(path('m.yaml'), 'utf8')
      const over = await ea(['check', path('m.yaml'), '--as-of', asOf, '--reporter', `md=${path(itself)}`])
      expect([over.code, over.stderr]).toEqual([2, expect.stringContaining('is the file that is read')])
      expect(await readFile(path('m.yaml'), 'utf8')).toBe(checks)
    }
    const nowhere = await ea(['check', path('m.yaml'), '--as-of', asOf, '--reporter', `md=${path('none/x.md')}`])
    expect([nowhere.code, nowhere.stderr]).toEqual([2, expect.stringContaining('error output_unwritable')])
  }))

test('--explain prints the SQL of each check and runs none', () =>
  withShop(async ({ ea, json, path }) => {
    await writeFile(
      path('m.yaml'),
      file(`${people} change vs same_weekday(2w) > 12%`, '{ name: Fresh, assert: freshness <= 12h'),
    )
    const { code, stdout } = await ea(['check', path('m.yaml'), '--as-of', asOf, '--explain'])
    expect(code).toBe(0)
    expect(stdout.match(/^-- (People|Fresh): .*$/gm)).toEqual([
      '-- People: unique_users change vs same_weekday(2w) > 12%',
      '-- Fresh: freshness <= 12h',
    ])
    expect(stdout).toContain('-- $1 = "2025-08-16"')
    const { checks } = await json(['check', path('m.yaml'), '--as-of', asOf, '--explain'])
    expect(checks[0].statements).toHaveLength(3)
  }))

describe('ea check init', () => {
  test('writes a file that its own checker takes, and that holds on the data it was made of', () =>
    withShop(async ({ ea, json, path }) => {
      const init = await ea(['check', 'init', path('metrics.yaml'), '--as-of', asOf])
      expect([init.code, init.stdout]).toEqual([0, ''])
      const text = await readFile(path('metrics.yaml'), 'utf8')
      expect(text).toContain('  # The lowest of the last 28 days had 12 users; a fifth less is the floor.\n')
      expect(text).toContain('assert: unique_users >= 9\n')
      expect(text).toContain('params: { segment: "event_type:purchase", from: -7d, to: yesterday }\n')
      const report = await json(['check', path('metrics.yaml'), '--as-of', asOf])
      expect(report.checks.map(({ name, status }: { name: string; status: string }) => [name, status])).toEqual([
        ['Events arrive', 'pass'],
        ['Enough people yesterday', 'pass'],
        ['Yesterday was a day like others of its weekday', 'pass'],
        ['view does not collapse', 'pass'],
        ['purchase does not collapse', 'pass'],
        ['Week-one retention holds', 'pass'],
        ['Records are not rejected', 'pass'],
      ])

      const again = await ea(['check', 'init', path('metrics.yaml')])
      expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('already exists')])
      expect(await readFile(path('metrics.yaml'), 'utf8')).toBe(text)
      // Long after the data has ended nothing fails either: what cannot be decided is unknown.
      expect((await ea(['check', 'init', path('metrics.yaml'), '--force'])).code).toBe(0)
      expect(await readFile(path('metrics.yaml'), 'utf8')).toMatch(
        /# - name: "Events arrive"\n {2}# +assert: freshness <= 26h/,
      )
      expect((await json(['check', path('metrics.yaml')])).counts).toMatchObject({ fail: 0, warn: 0 })
    }))

  test('takes any event type, and an empty database', () =>
    withBench(async ({ ea, json, path }) => {
      const empty = await ea(['check', 'init', '-'])
      expect(empty.code).toBe(0)
      expect(await json(['check', '-'], { input: empty.stdout })).toMatchObject({ code: 7, counts: { unknown: 2 } })

      const types = ['a "b", c: {d}', '# [x] and *', "it's 'so'"]
      const lines = types.flatMap((type, index) =>
        Array.from({ length: 28 * 20 }, (_, n) =>
          JSON.stringify({
            event_id: uuidOf(index * 1000 + n),
            occurred_at: `${addDays('2025-08-03', n % 28)}T12:00:00Z`,
            user_id: `u${n}`,
            event_type: type,
          }),
        ),
      )
      expect((await ea(['import', '-'], { input: lines.join('\n') })).code).toBe(0)
      expect((await ea(['check', 'init', path('m.yaml'), '--as-of', asOf, '--tz', 'Asia/Kathmandu'])).code).toBe(0)
      const report = await json(['check', path('m.yaml'), '--as-of', asOf])
      expect(report.counts).toMatchObject({ fail: 0, warn: 0 })
      const ofTypes = report.checks.filter(({ name }: { name: string }) => name.endsWith('does not collapse'))
      expect(ofTypes.map(({ status, base }: { status: string; base: number }) => [status, base])).toEqual(
        types.map(() => ['pass', 140]),
      )
    }))
})
