/** `--chart` as a user runs it: on a terminal, in a pipe, into a file, and what it refuses. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify, stripVTControlCharacters } from 'node:util'
import stringWidth from 'string-width'
import { beforeAll, expect, test } from 'vitest'
import { stats } from '../../src/lib/stats/catalog.js'
import { type Bench, uuidOf, withBench } from '../commands/import-content.js'
import { binary, builtOnce, ea } from '../support/binary.js'

beforeAll(builtOnce)

/** Two weeks of a shop: on day n the first n users look, some of them buy. */
function shopEvents(): string {
  const lines: string[] = []
  const add = (at: string, user: string, type: string) =>
    lines.push(
      JSON.stringify({
        event_id: uuidOf(lines.length),
        occurred_at: at,
        user_id: user,
        event_type: type,
        properties: {},
      }),
    )
  for (let day = 1; day <= 14; day++) {
    const date = `2025-08-${String(day).padStart(2, '0')}`
    for (let user = 1; user <= day; user++) {
      add(`${date}T10:00:00Z`, `u${user}`, 'view_item')
      if (user % 3 === 0) add(`${date}T10:05:00Z`, `u${user}`, '購入完了')
    }
  }
  return `${lines.join('\n')}\n`
}

async function withShop(use: (bench: Bench) => Promise<void>): Promise<void> {
  await withBench(async (bench) => {
    expect(await bench.json(['import', '-'], { input: shopEvents() })).toMatchObject({ totals: { rejected: 0 } })
    await use(bench)
  })
}

const extra: Readonly<Record<string, string[]>> = {
  funnel: ['--step', 'view_item', '--step', '購入完了'],
  retention: ['--window-type', 'week'],
  trend: ['--by', 'event_type'],
}
const drawn = stats.filter(({ chart }) => chart !== undefined)
const asked = drawn.map(({ name }) => ['stats', name, ...(extra[name] ?? [])])

const dauChart = `━━ unique_users max 14
15 ┤
   │                                                                          ┏━
   │                                                              ┏━━━━━━━━━━━┛
   │                                                         ┏━━━━┛
10 ┤                                                   ┏━━━━━┛
   │                                             ┏━━━━━┛
   │                                  ┏━━━━━━━━━━┛
   │                            ┏━━━━━┛
 5 ┤                      ┏━━━━━┛
   │                ┏━━━━━┛
   │     ┏━━━━━━━━━━┛
   │━━━━━┛
 0 ┤
   └┬──────────────────────┬──────────────────────┬──────────────────────┬──────
    2025-08-01             2025-08-05             2025-08-09          2025-08-13
`

test('a piped chart is plain, 80 columns wide at most, and has the numbers of the answer', () =>
  withShop(async ({ ea, json }) => {
    expect((await ea(['stats', 'dau', '--chart'])).stdout).toBe(dauChart)
    for (const words of asked) {
      const { code, stdout, stderr } = await ea([...words, '--chart'])
      expect([code, stderr], words.join(' ')).toEqual([0, ''])
      expect(stdout).toBe(stripVTControlCharacters(stdout))
      for (const line of stdout.split('\n')) expect(stringWidth(line), line).toBeLessThanOrEqual(80)
    }
    const { data } = await json(['stats', 'top-events'])
    const bars = (await ea(['stats', 'top-events', '--chart'])).stdout
    for (const { event_type, events } of data) expect(bars).toMatch(new RegExp(`^${event_type} +${events} `, 'm'))
  }))

test('what is not for people has no chart, and no database is asked', async () => {
  const unreachable = ['--database-url', 'postgresql://nobody@127.0.0.1:1/none']
  for (const [words, other] of [
    [['--format', 'json'], '--format json'],
    [['--format', 'csv'], '--format csv'],
    [['--format', 'ndjson'], '--format ndjson'],
    [['--format', 'md'], '--format md'],
    [['--users', '2025-08-01'], '--users'],
    [['--sql'], '--sql'],
  ] as const) {
    const { code, stdout, stderr } = await ea(['stats', 'dau', '--chart', ...words, ...unreachable])
    expect([code, stdout], other).toEqual([2, ''])
    expect(stderr).toContain(`--chart and ${other} cannot be combined.`)
  }
  const failed = await ea(['stats', 'dau', '--chart', '--json', ...unreachable])
  expect([failed.code, failed.stderr]).toEqual([2, ''])
  expect(JSON.parse(failed.stdout)).toMatchObject({
    error: { code: 'usage', message: '--chart and --json cannot be combined.' },
  })
})

test('each stat that is drawn has the flag in its help, the list of stats has none', async () => {
  for (const { name, chart } of stats) {
    const { stdout } = await ea(['stats', name, '--help'])
    expect(/^ +--chart /m.test(stdout), name).toBe(chart !== undefined)
  }
  expect((await ea(['stats', 'list', '--help'])).stdout).not.toContain('--chart')
  expect((await ea(['stats', 'list', '--chart'])).code).toBe(2)
})

test('colours when asked for, never in a file', () =>
  withShop(async ({ ea, path }) => {
    const chart = ['stats', 'dau', '--chart']
    const forced = { env: { FORCE_COLOR: '1' } }
    expect((await ea(chart, forced)).stdout).toContain('\u001b[38;5;31m')
    const plain = (await ea(chart)).stdout
    expect((await ea([...chart, '--no-color'], forced)).stdout).toBe(plain)
    expect((await ea(chart, { env: { FORCE_COLOR: '1', NO_COLOR: '1' } })).stdout).toBe(plain)
    expect((await ea([...chart, '--output', path('dau.txt')], forced)).stdout).toBe('')
    expect(await readFile(path('dau.txt'), 'utf8')).toBe(plain)
    expect((await ea([...chart, '--format', 'table'])).stdout).toBe(plain)
  }))

test('warnings are said as with the table; an empty database is a sentence and a warning', () =>
  withBench(async ({ ea }) => {
    for (const words of asked.filter(([, name]) => name !== 'funnel')) {
      const { code, stdout, stderr } = await ea([...words, '--chart'])
      expect([code, stdout], words.join(' ')).toEqual([0, 'No rows, so there is nothing to draw.\n'])
      expect(stderr).toMatch(/^warning: .*no events yet/)
    }
  }))

/** What a terminal of this size shows, stdout and stderr together; util-linux makes the terminal. */
async function onTerminal(words: readonly string[], columns: number, rows: number, env: Record<string, string>) {
  const command = [process.execPath, binary, ...words].map((word) => `'${word}'`).join(' ')
  const { stdout } = await promisify(execFile)(
    'script',
    ['-qec', `stty cols ${columns} rows ${rows}; ${command}`, '/dev/null'],
    { env: { PATH: process.env.PATH, HOME: process.env.HOME, TERM: 'xterm-256color', LANG: 'C.UTF-8', ...env } },
  )
  return stdout.replaceAll('\r\n', '\n')
}

test.each([40, 150])('a terminal of %d columns: colours, and no line is wider', (columns) =>
  withShop(async ({ ea }) => {
    for (const words of asked) {
      const { stdout, stderr } = await ea([...words, '--chart'], { terminal: { columns, rows: 30 } })
      expect(stdout).toContain('\u001b[')
      for (const line of `${stderr}${stdout}`.split('\n')) {
        expect(stringWidth(stripVTControlCharacters(line)), line).toBeLessThanOrEqual(columns)
      }
    }
  }),
)

test.skipIf(process.platform !== 'linux')('a real terminal gives its width, its height and its colours', () =>
  withShop(async ({ url }) => {
    const show = (words: readonly string[], columns: number, rows: number, env: Record<string, string> = {}) =>
      onTerminal([...words, '--chart', '--database-url', url], columns, rows, env)
    expect(await show(asked[0]!, 40, 30)).toContain('\u001b[')
    const dau = ['stats', 'dau']
    const text = await show(dau, 100, 30, { NO_COLOR: '1' })
    expect(text.split('\n').slice(0, 3)).toEqual([
      'Different users with at least one event in each day.',
      '2025-08-01 to 2025-08-14, UTC. All days of the data.',
      '━━ unique_users max 14',
    ])
    expect(text).toMatch(/^[^\u001b]*$/)
    const small = await show(dau, 100, 16, { NO_COLOR: '1' })
    expect(small.split('\n').length).toBeLessThan(text.split('\n').length)
    expect(await show(dau, 80, 24, { NO_COLOR: '1', LANG: 'C' })).toMatch(/^[\u0020-\u007e\n]*$/)
    expect(await show([...dau, '--quiet'], 30, 24, { NO_COLOR: '1' })).toBe(
      'A chart needs 40 columns, and\nhere are 30: see the table,\nwithout --chart.\n',
    )
    const wide = await show(['stats', 'retention', '--window-type', 'week'], 150, 30, { NO_COLOR: '1' })
    expect(wide).toMatch(/^cohort .* mean /m)
  }),
)

test('a command without --chart loads nothing that draws', () => {
  const loaded = new Map<string, string>()
  const load = (file: string) => {
    if (loaded.has(file)) return
    const text = readFileSync(file, 'utf8')
    loaded.set(file, text)
    for (const [, path] of text.matchAll(/(?:from|import)"(\.[^"]+\.js)"/g)) load(join(dirname(file), path!))
  }
  const dist = join(dirname(binary), '../dist')
  load(join(dist, 'commands/stats/dau.js'))
  expect(loaded.size).toBeGreaterThan(2)
  // The marks of lines, and a sentence.
  const draws = [...loaded].filter(([, text]) => /━┃┓|\\u2501\\u2503|nothing to draw/i.test(text)).map(([file]) => file)
  expect(draws).toEqual([])
})
