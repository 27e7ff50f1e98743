/**
 * All benchmarks in order, each a program of its own: `npm run bench`. `--only import,scale` some of them, `--events
 * 1000000,10000000,50000000` other sizes, `--rounds 5` more rounds, `--write` puts what comes out into docs/benchmarks.md.
 * What one area finds, a missed target or a failure, does not keep the next from running; the worst decides the exit code.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { machine } from './lib/machine.js'

const root = fileURLToPath(new URL('../', import.meta.url))
const areas = ['import', 'stats', 'scale', 'serve'] as const
type Area = (typeof areas)[number]

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: areas.join() },
    events: { type: 'string', default: '1000000,10000000' },
    rounds: { type: 'string', default: '3' },
    write: { type: 'boolean', default: false },
  },
})
const sizes = flags.events.split(',').map(Number)
const asked = flags.only.split(',')
const wrong = [
  ...asked.filter((area) => !areas.includes(area as Area)).map((area) => `--only ${area}: one of ${areas.join(', ')}`),
  ...sizes.filter((size) => !Number.isSafeInteger(size) || size < 1).map(() => `--events ${flags.events}`),
  ...(/^[1-9]\d*$/.test(flags.rounds) ? [] : [`--rounds ${flags.rounds}`]),
]
if (wrong.length > 0) {
  process.stderr.write(`${wrong.join('\n')}\n`)
  process.exit(2)
}

/** Questions and imports are compared up to this size; only `scale` goes further, because rivals need disk as well. */
const comparedLimitEvents = 10_000_000
const compared = sizes.filter((size) => size <= comparedLimitEvents)
const largest = Math.max(...(compared.length > 0 ? compared : [Math.min(...sizes)]))

/** The flags of each run that an area needs. */
const runs: Record<Area, string[][]> = {
  import: [
    [
      ...['--events', (compared.length > 0 ? compared : [largest]).join(), '--rounds', flags.rounds],
      // 10M user-days take 15M events of their own: not for a run that is meant to be short.
      ...(largest >= comparedLimitEvents ? ['--daily'] : []),
    ],
  ],
  // Many events for each user and day are what rollups are good at; few are what they are bad at.
  stats: [...new Set([...compared, largest])].flatMap((size) => [
    ['--events', String(size), '--rounds', flags.rounds],
    ...(size === largest ? [['--events', String(size), '--rounds', flags.rounds, '--events-per-user-day', '1.5']] : []),
  ]),
  scale: [['--events', sizes.join(), '--rounds', flags.rounds]],
  serve: [['--events', String(largest), '--rounds', flags.rounds]],
}

if (!existsSync(`${root}bench/node_modules`)) {
  process.stderr.write(
    'npm ci --prefix bench brings DuckDB, ClickHouse and autocannon: without it nothing is compared\n',
  )
  process.exit(2)
}
process.stdout.write(`# Benchmarks\n\n${machine()}; load ${loadavg()[0]!.toFixed(1)} at the start\n`)
if (loadavg()[0]! > availableParallelism() / 2) {
  process.stderr.write('This machine is busy with something else: trust the ratios at most\n')
}
const failed: string[] = []
for (const area of areas.filter((one) => asked.includes(one))) {
  process.stdout.write(`\n## ${area}\n`)
  for (const given of runs[area]) {
    process.stdout.write(`\n\`npm run bench:${area} -- ${given.join(' ')}\`\n\n`)
    const exit = await runArea(area, [...given, ...(flags.write ? ['--write'] : [])])
    if (exit !== 0) failed.push(`${area} ${given.join(' ')}`)
  }
}
if (failed.length > 0) {
  process.stderr.write(`Failed, or missed a target:\n${failed.map((one) => `  ${one}\n`).join('')}`)
  process.exitCode = 1
}

/** Its output goes where that of this program goes. @returns its exit code; a signal ends it, and this program too */
async function runArea(area: Area, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, ['--import', 'tsx', `bench/${area}.ts`, ...args], {
    cwd: root,
    stdio: 'inherit',
  })
  let ended: NodeJS.Signals | undefined
  const passOn = (signal: NodeJS.Signals) => {
    ended = signal
    child.kill(signal)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, passOn)
  const [exit, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (...how) => resolve(how))
  })
  for (const one of ['SIGINT', 'SIGTERM'] as const) process.off(one, passOn)
  if (ended !== undefined) process.exit(ended === 'SIGINT' ? 130 : 143)
  if (signal !== null) process.stderr.write(`${area} was ended by ${signal}\n`)
  return exit ?? 1
}
