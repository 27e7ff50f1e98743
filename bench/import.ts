/**
 * How fast `ea import` is beside the same work done by hand, on one server in one run: compare the ratios, not the
 * seconds. `npm run bench:import -- --events 1000000,10000000 --rounds 3`; with `--only` some sections, with `--daily`
 * also the slow one. It needs a build, and psql on the PATH for the comparison; pgloader when it is there.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { pgloader, psql } from './lib/by-hand.js'
import { type LogFile, logFile } from './lib/log-file.js'
import { ea, has, type Run, run } from './lib/program.js'
import { type Line, line, median, seconds, table } from './lib/report.js'
import { type Server, withDatabase, withServer } from './lib/server.js'

const sections = ['import', 'again', 'small', 'start', 'daily'] as const
const { values: flags } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    daily: { type: 'boolean', default: false },
    'user-days': { type: 'string', default: '10000000' },
  },
})
const rounds = Number(flags.rounds)
const asked = flags.only?.split(',') ?? sections.filter((section) => section !== 'daily' || flags.daily)
const lines: Line[] = []
/** Megabytes of Node at the first size, to see that ten times the file needs no more. */
let firstPeakMb: number | undefined

function note(text: string): void {
  process.stderr.write(`${text}\n`)
}

function add(added: Line): void {
  lines.push(added)
  note(`  ${added.what}: ${added.measured} ${added.figure} ${added.verdict}`)
}

/** `ea import` into the database, which is migrated before the clock starts. */
async function imported(url: string, file: LogFile): Promise<Run> {
  await ea(['db', 'migrate'], { DATABASE_URL: url })
  return importedAgain(url, file)
}

async function importedAgain(url: string, file: LogFile): Promise<Run> {
  const done = await ea(['import', file.path, '--json'], { DATABASE_URL: url })
  const { totals } = JSON.parse(done.stdout) as { totals: { read: number } }
  if (totals.read !== file.events) throw new Error(`read ${totals.read} of ${file.events} events:\n${done.stdout}`)
  return done
}

/** Each contender once per round, in turn, so that whatever disturbs the machine disturbs all. */
async function inTurn(
  server: Server,
  contenders: Readonly<Record<string, (url: string) => Promise<Run>>>,
): Promise<Record<string, Run[]>> {
  const runs: Record<string, Run[]> = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
  for (let round = 1; round <= rounds; round++) {
    for (const [name, contend] of Object.entries(contenders)) {
      const done = await withDatabase(server, contend)
      note(`  round ${round}, ${name}: ${done.seconds.toFixed(2)} s`)
      runs[name]!.push(done)
    }
  }
  return runs
}

const secondsOf = (runs: readonly Run[]) => runs.map((one) => one.seconds)

async function compareImports(server: Server, events: number): Promise<void> {
  const file = await logFile({ events, users: Math.ceil(events / 20), days: 365 })
  note(`Import of ${events} events, ${(file.bytes / 1e6).toFixed(0)} MB`)
  const contenders: Record<string, (url: string) => Promise<Run>> = { ea: (url) => imported(url, file) }
  if (await has('psql')) {
    contenders.psql = (url) => psql(url, file.path, { sorted: false })
    contenders['psql, sorted'] = (url) => psql(url, file.path, { sorted: true })
  } else note('  psql is not on the PATH: no comparison by hand')
  if (events <= 1_000_000 && (await has('pgloader'))) contenders.pgloader = (url) => pgloader(url, file.path)
  const runs = await inTurn(server, contenders)
  const own = secondsOf(runs.ea!)
  const millions = `${events / 1e6}M`
  const targets = {
    psql: { kind: 'at least', gate: events >= 5e6 ? 1.5 : 1.3, aim: 2, unit: '×' },
    'psql, sorted': undefined,
    pgloader: { kind: 'at least', gate: 3, aim: 5, unit: '×' },
  } as const
  for (const name of Object.keys(targets) as (keyof typeof targets)[]) {
    const others = runs[name]
    if (others === undefined) continue
    const ratio = median(secondsOf(others)) / median(own)
    add(line(`import ${millions}`, seconds(own), `${name} ${seconds(secondsOf(others))}`, ratio, targets[name]))
  }
  const shares = runs.ea!.flatMap((one) => completingShare(one) ?? [])
  if (shares.length > 0) {
    add(
      line(`rollups, ${millions}`, '', 'share of the import', 100 * median(shares), {
        ...{ kind: 'at most', gate: 20, aim: 10, unit: ' %' },
      }),
    )
  }
  const peaks = runs.ea!.flatMap((one) => one.peakMb ?? [])
  if (peaks.length === 0) return
  const peakMb = Math.max(...peaks)
  add(line(`memory, ${millions}`, '', 'peak of Node', peakMb, { kind: 'at most', gate: 256, aim: 200, unit: ' MB' }))
  if (firstPeakMb === undefined) firstPeakMb = peakMb
  else
    add(
      line(`memory, ${millions}`, '', 'the first size', peakMb / firstPeakMb, {
        kind: 'at most',
        gate: 1.1,
        unit: '×',
      }),
    )
}

/** How much of the import is the last transaction, which is little else than the rollups; undefined when not told. */
function completingShare(done: Run): number | undefined {
  const [batch] = (JSON.parse(done.stdout) as { batches: { phases?: { completing?: number } }[] }).batches
  const completing = batch?.phases?.completing
  return completing === undefined ? undefined : completing / done.seconds
}

/** A file that is known already costs its reading and hashing, and the start of a program. */
async function importAgain(server: Server, events: number): Promise<void> {
  const file = await logFile({ events, users: Math.ceil(events / 20), days: 365 })
  note(`The same file again, ${events} events`)
  await withDatabase(server, async (url) => {
    await imported(url, file)
    const again: number[] = []
    const hashing: number[] = []
    for (let round = 0; round < rounds; round++) {
      const began = performance.now()
      const hash = createHash('sha256')
      for await (const piece of createReadStream(file.path, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer)
      hash.digest()
      hashing.push((performance.now() - began) / 1000)
      again.push((await ea(['import', file.path, '--json'], { DATABASE_URL: url })).seconds)
    }
    const extra = median(again) - median(hashing)
    add(
      line(`again ${events / 1e6}M`, seconds(again), `reading and hashing ${seconds(hashing)}`, extra, {
        ...{ kind: 'at most', gate: 0.3, unit: ' s more' },
      }),
    )
  })
}

async function importSmall(server: Server): Promise<void> {
  const file = await logFile({ events: 100_000 })
  note('Import of 100,000 events, the whole command')
  const { small } = await inTurn(server, { small: (url) => imported(url, file) })
  const own = secondsOf(small!)
  add(line('import 100k', seconds(own), '', median(own), { kind: 'at most', gate: 1.5, aim: 1, unit: ' s' }))
}

/** What a short command costs beside the start of Node itself. */
async function startUp(server: Server): Promise<void> {
  note('Start-up')
  await withDatabase(server, async (url) => {
    await ea(['db', 'migrate'], { DATABASE_URL: url })
    await ea(['import', 'examples/events.csv'], { DATABASE_URL: url })
    const commands: Record<string, () => Promise<Run>> = {
      node: () => run(process.execPath, ['-e', '0']),
      'ea --help': () => ea(['--help']),
      'ea stats dau': () => ea(['stats', 'dau', '--from', '2025-01-01', '--to', '2025-03-01'], { DATABASE_URL: url }),
    }
    const taken: Record<string, number[]> = Object.fromEntries(Object.keys(commands).map((name) => [name, []]))
    for (let round = 0; round < 4 * rounds; round++) {
      for (const [name, command] of Object.entries(commands)) taken[name]!.push((await command()).seconds)
    }
    for (const name of ['ea --help', 'ea stats dau']) {
      const extraMs = 1000 * (median(taken[name]!) - median(taken.node!))
      add(
        line(name, seconds(taken[name]!), `node -e 0 ${seconds(taken.node!)}`, extraMs, {
          ...{ kind: 'at most', gate: 150, aim: 80, unit: ' ms more' },
        }),
      )
    }
  })
}

/** One day of 10,000 users into a schema with years of history, and into an empty one. */
async function importDaily(server: Server): Promise<void> {
  const userDays = Number(flags['user-days'])
  const perUserDay = 1.5
  const history = await logFile({
    events: userDays * perUserDay,
    ...{ users: Math.ceil(userDays / 20), days: 365, 'events-per-user-day': perUserDay },
  })
  const days = await Promise.all(
    Array.from({ length: rounds }, (_, day) =>
      logFile({ events: 100_000, users: 10_000, days: 1, from: `2026-01-0${day + 1}` }),
    ),
  )
  note(`A day of 100,000 events into ${userDays} user-days`)
  const late: number[] = []
  await withDatabase(server, async (url) => {
    await imported(url, history)
    for (const day of days) late.push((await importedAgain(url, day)).seconds)
  })
  const early: number[] = []
  for (const day of days) early.push((await withDatabase(server, (url) => imported(url, day))).seconds)
  add(
    line(
      `daily file, ${userDays / 1e6}M user-days`,
      seconds(late),
      `empty ${seconds(early)}`,
      median(late) / median(early),
      {
        ...{ kind: 'at most', gate: 2.5, aim: 1.5, unit: '×' },
      },
    ),
  )
}

await withServer(async (server) => {
  const busy = `load ${loadavg()[0]!.toFixed(1)} before the first run, ${availableParallelism()} cores`
  note(`Server: ${server.description}; ${busy}`)
  const sizes = flags.events.split(',').map(Number)
  for (const events of sizes) {
    if (asked.includes('import')) await compareImports(server, events)
    if (asked.includes('again')) await importAgain(server, events)
  }
  if (asked.includes('small')) await importSmall(server)
  if (asked.includes('start')) await startUp(server)
  if (asked.includes('daily')) await importDaily(server)
  process.stdout.write(
    `${server.description}; Node ${process.version}; ${busy}; ${rounds} rounds, medians\n\n${table(lines)}\n`,
  )
})
if (lines.some((one) => one.verdict === 'MISSED')) process.exitCode = 1
