/**
 * How fast `ea import` is beside the same work done by hand, by pgloader, and by DuckDB and ClickHouse in storage of their
 * own, in one run: compare the ratios, not the seconds. `npm run bench:import -- --events 1000000,10000000 --rounds 3`;
 * with `--only` some sections, with `--daily` also the slow one, with `--write` into docs/benchmarks.md. Who is not
 * installed is left out: psql, pgloader, and what `npm ci --prefix bench` brings.
 */
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { type Comparison, compare, comparisonTable, memoryTable } from './lib/comparison.js'
import { type Contender, contenders, type Loaded } from './lib/contenders.js'
import { writeFigures } from './lib/document.js'
import { importAgain, importDaily } from './lib/later-imports.js'
import { gzipped, type LogFile, logFile, withRepeats } from './lib/log-file.js'
import { machine } from './lib/machine.js'
import { importManyFiles } from './lib/many-files.js'
import { compareOptional } from './lib/optional-imports.js'
import { comparePresets } from './lib/preset-imports.js'
import { type Line, line, median, seconds, table } from './lib/report.js'
import { withServer } from './lib/server.js'
import { importSmall, startUp } from './lib/short-commands.js'

const sections = ['import', 'forms', 'presets', 'again', 'optional', 'small', 'files', 'start', 'daily'] as const
const { values: flags } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    daily: { type: 'boolean', default: false },
    'user-days': { type: 'string', default: '10000000' },
    /** Puts the tables into docs/benchmarks.md. */
    write: { type: 'boolean', default: false },
  },
})
const rounds = Number(flags.rounds)
const asked = flags.only?.split(',') ?? sections.filter((section) => section !== 'daily' || flags.daily)
/** Larger files are loaded once per round, as CSV only: the other forms would say nothing new. */
const formsLimitEvents = 1_000_000
/** What optional rollups add to an import is a share of it; a larger file would only repeat it. */
const optionalLimitEvents = 1_000_000
/** Targets are about files of this size and more; smaller ones are for trying the benchmark. */
const targetsFromEvents = 1_000_000
/** Megabytes of Node at the first size, to see that ten times the file needs no more. */
let firstPeakMb: number | undefined

/** What was measured of one size, or of the commands: a section of the document. */
interface Section {
  readonly key: string
  readonly heading: string
  readonly lines: Line[]
  readonly comparisons: Comparison[]
  /** Finished ones. */
  readonly tables: string[]
}

function note(text: string): void {
  process.stderr.write(`${text}\n`)
}

function add(section: Section, added: Line): void {
  section.lines.push(added)
  note(`  ${added.what}: ${added.measured} ${added.figure} ${added.verdict}`)
}

const secondsOf = (runs: readonly { seconds: number }[]) => runs.map((one) => one.seconds)
const logOf = (events: number) => logFile({ events, users: Math.ceil(events / 20), days: 365 })
const linesOf = (events: number) => logFile({ events, users: Math.ceil(events / 20), days: 365, format: 'ndjson' })

async function compareImports(section: Section, all: readonly Contender[], events: number): Promise<void> {
  const file = await logOf(events)
  note(`Import of ${events} events, ${(file.bytes / 1e6).toFixed(0)} MB`)
  const millions = `${events / 1e6}M`
  const compared = await compare('CSV', all, file, { rounds, note, again: events <= formsLimitEvents })
  section.comparisons.push(...compared)
  const runs = compared[0]!.taken
  const own = runs.get('ea')!
  const targets = {
    psql: { kind: 'at least', gate: events >= 5e6 ? 1.5 : 1.3, aim: 2, unit: '×' },
    'psql, sorted': undefined,
    pgloader: { kind: 'at least', gate: 3, aim: 5, unit: '×' },
  } as const
  for (const name of Object.keys(targets) as (keyof typeof targets)[]) {
    const others = runs.get(name)
    if (others === undefined) continue
    const ratio = median(secondsOf(others)) / median(secondsOf(own))
    const against = `${name} ${seconds(secondsOf(others))}`
    add(
      section,
      line(
        `import ${millions}`,
        seconds(secondsOf(own)),
        against,
        ratio,
        events >= targetsFromEvents ? targets[name] : undefined,
      ),
    )
  }
  const shares = own.flatMap((one) => completingShare(one) ?? [])
  if (shares.length > 0) {
    add(
      section,
      line(`rollups, ${millions}`, '', 'share of the import', 100 * median(shares), {
        kind: 'at most',
        gate: 20,
        aim: 10,
        unit: ' %',
      }),
    )
  }
  const peaks = own.flatMap((one) => one.peakMb ?? [])
  if (peaks.length === 0) return
  const peakMb = Math.max(...peaks)
  const limit = { kind: 'at most', gate: 256, aim: 200, unit: ' MB' } as const
  add(section, line(`memory, ${millions}`, '', 'peak of Node', peakMb, limit))
  if (firstPeakMb === undefined) firstPeakMb = peakMb
  else {
    const flat = { kind: 'at most', gate: 1.1, unit: '×' } as const
    add(section, line(`memory, ${millions}`, '', 'the first size', peakMb / firstPeakMb, flat))
  }
}

/** The same events in other clothes, and one file of which every hundredth record comes twice. */
async function compareForms(section: Section, all: readonly Contender[], events: number): Promise<void> {
  const log = await logOf(events)
  note(`Other forms of ${events} events`)
  const forms: [what: string, file: LogFile][] = [
    ['CSV, 1 % of it twice', await withRepeats(log)],
    ['CSV, gzip', await gzipped(log)],
    ['NDJSON', await linesOf(events)],
  ]
  for (const [what, file] of forms) section.comparisons.push(...(await compare(what, all, file, { rounds, note })))
}

/** A small file in every form, so that a contender that answers wrong is found before the long runs. */
async function rehearse(all: readonly Contender[]): Promise<void> {
  const events = 10_000
  note(`Rehearsal with ${events} events: what is stored must be equal`)
  const quiet = { rounds: 1, note: () => {}, again: true }
  const log = await logOf(events)
  const lines = await linesOf(events)
  for (const file of [log, await withRepeats(log), await gzipped(log), lines]) {
    await compare('rehearsal', all, file, quiet)
  }
}

/** How much of the import is the last transaction, which is little else than the rollups; undefined when not told. */
function completingShare(done: Loaded): number | undefined {
  const [batch] = (JSON.parse(done.stdout ?? '') as { batches: { phases?: { completing?: number } }[] }).batches
  const completing = batch?.phases?.completing
  return completing === undefined ? undefined : completing / done.seconds
}

await withServer(async (server) => {
  const busy = `load ${loadavg()[0]!.toFixed(1)} before the first run`
  note(`Server: ${server.description}; ${busy}`)
  const sizes = flags.events.split(',').map(Number)
  const compares = asked.includes('import') || asked.includes('forms')
  const all = compares ? await contenders(server, note) : []
  if (compares) await rehearse(all)
  const done: Section[] = sizes.map((events) => ({
    key: `bench:import ${events}`,
    heading: `${events / 1e6}M events`,
    lines: [],
    comparisons: [],
    tables: [],
  }))
  for (const [index, events] of sizes.entries()) {
    const section = done[index]!
    if (asked.includes('import')) await compareImports(section, all, events)
    if (asked.includes('forms') && events <= formsLimitEvents) await compareForms(section, all, events)
    if (asked.includes('presets') && events <= formsLimitEvents) {
      section.tables.push(await comparePresets(server, await linesOf(events), { rounds, note }))
    }
    if (asked.includes('again')) add(section, await importAgain(server, await logOf(events), { rounds, note }))
    if (asked.includes('optional') && events <= optionalLimitEvents) {
      section.tables.push(await compareOptional(server, await logOf(events), { rounds, note }))
    }
  }
  const commands: Section = {
    key: 'bench:import commands',
    heading: 'Small files and starting up',
    lines: [],
    comparisons: [],
    tables: [],
  }
  if (asked.includes('small')) add(commands, await importSmall(server, rounds))
  if (asked.includes('files')) for (const one of await importManyFiles(server, rounds)) add(commands, one)
  if (asked.includes('start')) for (const one of await startUp(server, rounds)) add(commands, one)
  if (asked.includes('daily')) {
    add(commands, await importDaily(server, Number(flags['user-days']), { rounds, note }))
  }
  const versions = all.flatMap(({ version }) => version || [])
  const about = `${[server.description, ...versions].join('; ')}.\n${machine()}; ${busy}; ${rounds === 1 ? 'one round' : `${rounds} rounds in turn, medians`}.`
  for (const section of [...done, commands]) await report(section, about)
})

async function report({ key, heading, lines, comparisons, tables: finished }: Section, about: string): Promise<void> {
  const tables = [
    ...(lines.length > 0 ? [table(lines)] : []),
    ...(comparisons.length > 0 ? [comparisonTable(comparisons), memoryTable(comparisons)] : []),
    ...finished,
  ]
  if (tables.length === 0) return
  const text = [about, ...tables].join('\n\n')
  process.stdout.write(`${heading}\n\n${text}\n\n`)
  if (flags.write) await writeFigures(key, text, heading)
  if (lines.some((one) => one.verdict === 'MISSED')) process.exitCode = 1
}
