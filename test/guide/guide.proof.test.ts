/**
 * What a newcomer reads is true: every command in README.md and docs/guide.md is run in the order of the text, as he
 * would type it, and prints what the text says. Blocks that cannot be run here say why, and are named below.
 */
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { builtOnce } from '../support/binary.js'
import { type Block, blocksOf } from './document.js'
import { withShell } from './shell.js'

/** What differs from run to run, and nothing else. The data are of 2025, so later times are those of the run. */
const differs: readonly (readonly [what: string, pattern: RegExp, becomes: string])[] = [
  ['a time of the run', /\b20(?:2[6-9]|[3-9]\d)-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| UTC)/g, '<time>'],
  ['seconds that an import took', /(?<=, |\()\d+\.\d s(?=\)|$)/gm, '<n> s'],
  ['seconds in a table', / +\d+\.\d+ s(?= )/g, ' <n> s'],
  ['a port', /(?<=127\.0\.0\.1:)\d+/g, '<port>'],
  ['the id of a request', /(?<="instance":")[0-9a-f-]{36}/g, '<uuid>'],
  ['a key', /\bea_[0-9A-Za-z]{6}[0-9A-Za-z…]*/g, 'ea_<key>'],
  ['the folder of the spool', /\/\S+\/spool\/[0-9a-f]{12}/g, '<folder>'],
  // In it is a checksum, a number of seven to ten digits.
  ['the size of a spool', /(?<=segment, )\d+ B/g, '<n> B'],
  // It depends on when the server cleans up.
  ['what rollups take on disk', /[\d.]+ [kM]?B(?= for (?:segments|funnels))/g, '<n> B'],
  ['the folder of the column store', /\/\S+\/columns\/[0-9a-f]{16}/g, '<folder>'],
  ['what it takes on disk', /(?<=events, )[\d.]+ [kM]?B/g, '<n> B'],
  ['seconds that a build took', /(?<=written in )\d+\.\d s/g, '<n> s'],
  ['a process', /(?<=process )\d+/g, '<pid>'],
]
const normalise = (text: string) =>
  differs.reduce((rest, [, pattern, becomes]) => rest.replace(pattern, becomes), text.trimEnd())

/** The blocks that are not run. A new one must be added here, so that nobody leaves one out in silence. */
const notRun: Readonly<Record<string, readonly string[]>> = {
  'README.md': ['it runs the tests, and this is one of them'],
  'docs/guide.md': [
    'it needs a Parquet file, which ea does not write',
    'it is a line for the table of cron',
    'it runs in a browser, on a page of yours',
    'the keys of the issuer are on another machine',
    'it is the configuration of nginx',
    'it needs Docker',
    'it needs the package in node_modules; the test of the package compiles and runs it',
    'the file is where it was on your machine',
  ],
}

interface Printed {
  readonly at: string
  readonly output: string
}
interface Followed {
  readonly told: readonly Printed[]
  readonly real: readonly Printed[]
}

const pages = Object.keys(notRun).map((path) => ({ path, blocks: blocksOf(readFileSync(path, 'utf8')) }))

/** Does what the page says, block by block, and gives what it tells and what is printed in truth. */
function follow(path: string, blocks: readonly Block[]): Promise<Followed> {
  return withShell(async (shell) => {
    const [told, real]: [Printed[], Printed[]] = [[], []]
    for (const block of blocks) {
      if (block.kind === 'file') await writeFile(join(shell.folder, block.name), block.content)
      if (block.kind !== 'run') continue
      if (block.database) await shell.database(block.database)
      for (const { line, text, output } of block.commands) {
        const at = `${path}:${line} $ ${text}`
        const typed = text.replaceAll('127.0.0.1:8080', `127.0.0.1:${shell.port}`)
        const ended = await shell.run(typed, output?.split('\n').length ?? 0)
        told.push({ at, output: output === null ? 'exit code 0' : normalise(output) })
        real.push({ at, output: output === null ? `exit code ${ended.exitCode}` : normalise(ended.output) })
      }
    }
    return { told, real }
  })
}

beforeAll(builtOnce)

for (const { path, blocks } of pages) {
  test.concurrent(`${path}: every command prints what the page says`, async () => {
    const { told, real } = await follow(path, blocks)
    expect(real).toEqual(told)
  })

  test(`${path}: every block is run, is a file of the text, or says why not`, () => {
    expect(blocks.filter(({ kind }) => kind === 'unknown')).toEqual([])
    expect(blocks.flatMap((block) => (block.kind === 'not run' ? [block.why] : []))).toEqual(notRun[path])
  })
}

test('a page that tells something else than what is printed fails', async () => {
  const page = [
    '```console',
    '$ ea import examples/events.csv',
    'examples/events.csv: 5,000 read, 4,999 inserted, 0 duplicates, 0 rejected (batch 1, 0.4 s)',
    '$ ea stats dau --from 2025-02-28 --format csv',
    'date,unique_users,complete',
    '2025-02-28,12,true',
    '$ ea stats dau --from 2025-02-28 --to 2025-02-28 --format csv',
    'date,unique_users,complete',
    '2025-02-28,12,true',
    '$ ea stats dau --form 2025-02-28 2>/dev/null; echo $?',
    '0',
    '```',
    '```sh',
    'ea batches show 7',
    '```',
  ].join('\n')
  const { told, real } = await follow('page', blocksOf(page))
  const wrong = real.filter(({ output }, index) => output !== told[index]!.output)
  expect(wrong.map(({ at }) => Number(/\d+/.exec(at)))).toEqual([2, 4, 10, 14])
})

test('no block is overlooked: what is no command, no file and has no reason is named', () => {
  const page =
    '```python\nprint(1)\n```\n\n<!-- not run: why -->\n```sh\nreboot\n```\n\n```console\n$ echo "1\n2"\n1\n2\n```'
  expect(blocksOf(page)).toEqual([
    { kind: 'unknown', line: 1, language: 'python' },
    { kind: 'not run', line: 6, why: 'why' },
    { kind: 'run', line: 10, commands: [{ line: 11, text: 'echo "1\n2"', output: '1\n2' }] },
  ])
  expect(() => blocksOf('  ```sh\n  reboot\n  ```')).toThrow(/margin/)
  expect(() => blocksOf('<!-- not run: why -->\ntext\n```sh\nreboot\n```')).toThrow(/right before/)
})

test('nearly every character that a page shows is compared: a change of it would be seen', () => {
  const printed = pages.flatMap(({ blocks }) =>
    blocks.flatMap((block) => (block.kind === 'run' ? block.commands.map(({ output }) => output ?? '') : [])),
  )
  let [characters, unseen] = [0, 0]
  for (const text of printed) {
    const whole = normalise(text)
    for (let at = 0; at < text.length; at++) {
      const changed = text.slice(0, at) + (text[at] === '7' ? '8' : '7') + text.slice(at + 1)
      characters += 1
      if (normalise(changed) === whole) unseen += 1
    }
  }
  expect(characters).toBeGreaterThan(10_000)
  expect(unseen / characters).toBeLessThan(0.05)
})

test('each pattern of what may differ is needed', () => {
  const text = pages
    .flatMap(({ blocks }) =>
      blocks.flatMap((block) => (block.kind === 'run' ? block.commands.map(({ output }) => output ?? '') : [])),
    )
    .join('\n')
  expect(differs.filter(([, pattern]) => text.search(pattern) < 0).map(([what]) => what)).toEqual([])
})
