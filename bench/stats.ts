/**
 * How fast the questions of an analyst are answered, beside DuckDB and ClickHouse on the same events in the same run:
 * compare the ratios, not the times. `npm ci --prefix bench` once, then `npm run bench:stats -- --rounds 7 --write`.
 *
 * Logs and loaded databases stay in bench/.data (EA_BENCH_DIR), so that only the first run is long. All three answer in
 * the process or on an open connection, warm, in turn; before a time counts, the answers were equal.
 */
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { parseConfig, withDatabase } from '../src/index.js'
import { writeFigures } from './lib/document.js'
import { type LogFile, logFile } from './lib/log-file.js'
import { machine } from './lib/machine.js'
import { ea } from './lib/program.js'
import { type Line, line, median, milliseconds, table } from './lib/report.js'
import { clickHouse, duckDb, type Rival } from './lib/rivals.js'
import { dataFolder, keptDatabase, query, type Server, withServer } from './lib/server.js'
import { type Question, questions, type Span } from './lib/stats-questions.js'

const { values: flags } = parseArgs({
  options: {
    events: { type: 'string', default: '10000000' },
    'events-per-user-day': { type: 'string', default: '8' },
    rounds: { type: 'string', default: '7' },
    /** Only questions whose name contains this. */
    only: { type: 'string', default: '' },
    /** Puts the table into docs/benchmarks.md. */
    write: { type: 'boolean', default: false },
  },
})
const events = Number(flags.events)
const perUserDay = Number(flags['events-per-user-day'])
const rounds = Number(flags.rounds)
const isDense = perUserDay >= 8
const asked = questions.filter(({ name }) => name.includes(flags.only))
const days = 365
const span: Span = { from: '2025-01-01', to: '2025-12-31' }

function note(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Seconds of each contender, one for each round. */
type Times = Record<'ea' | 'command' | Rival['name'], number[]>

await withServer(async (server) => {
  const log = await logFile({
    ...{ events, users: Math.ceil(events / 20), days },
    ...(isDense ? {} : { 'events-per-user-day': perUserDay }),
  })
  const url = await keptDatabase(server, `ea_bench_stats_${events}_${String(perUserDay).replace('.', '_')}`, (fresh) =>
    fill(fresh, log),
  )
  const folder = `${dataFolder}stats-${events}-${perUserDay}`
  note('DuckDB and ClickHouse')
  const rivals = [await duckDb(folder, log), await clickHouse(folder, log)]
  const began = loadavg()[0]!
  const times = new Map<Question, Times>()
  try {
    for (const question of asked) times.set(question, await inTurn(question, url, rivals))
  } finally {
    for (const rival of rivals) rival.close()
  }
  report(server, rivals, times, began)
  if (!flags.write) return
  await writeFigures(
    `bench:stats ${events} ${perUserDay}`,
    await figures(server, rivals, times, url),
    `${perUserDay} events per user and day, ${events / 1e6}M events`,
  )
})

async function fill(url: string, log: LogFile): Promise<void> {
  note(`ea import of ${log.events} events`)
  await ea(['db', 'migrate'], { DATABASE_URL: url })
  await ea(['import', log.path, '--quiet'], { DATABASE_URL: url })
  // What autovacuum does within a minute or so.
  await query(url, 'VACUUM ANALYZE')
}

/** Each contender once per round, in turn, behind one round that warms up and compares. */
async function inTurn(question: Question, url: string, rivals: readonly Rival[]): Promise<Times> {
  note(question.name)
  const times: Times = { ea: [], command: [], DuckDB: [], ClickHouse: [] }
  await withDatabase(parseConfig({ databaseUrl: url }), async (db) => {
    for (let round = 0; round <= rounds; round++) {
      const [own, result] = await timed(() => question.ask(db, span))
      const lines = question.lines(result).sort()
      if (round === 0) note(`  ${lines.length} lines from ${result.meta.source}`)
      const command = await ea(['stats', ...question.command(span), '--json'], { DATABASE_URL: url })
      if (round > 0) {
        times.ea.push(own)
        times.command.push(command.seconds)
      }
      for (const rival of rivals) {
        const statement = rival.name === 'DuckDB' ? question.duckdb(span) : question.clickhouse(span)
        const [theirs, rows] = await timed(() => rival.rows(statement))
        requireEqual(rival, question, lines, rows.sort())
        if (round > 0) times[rival.name].push(theirs)
      }
    }
  })
  note(`  ${lineOf(question, times).measured}; ${lineOf(question, times).against}`)
  return times
}

async function timed<T>(run: () => Promise<T>): Promise<[seconds: number, answer: T]> {
  const began = performance.now()
  const answer = await run()
  return [(performance.now() - began) / 1000, answer]
}

function requireEqual(rival: Rival, { name }: Question, own: readonly string[], theirs: readonly string[]): void {
  if (own.length === 0) throw new Error(`${name}: no answer to compare`)
  const at = own.findIndex((row, index) => row !== theirs[index])
  if (at < 0 && own.length === theirs.length) return
  const where = at < 0 ? own.length : at
  throw new Error(
    `${name}: ${rival.name} says ${theirs[where]} of ${theirs.length} rows, ea ${own[where]} of ${own.length}`,
  )
}

/** The median of the faster rival, over that of `ea`. */
function lineOf({ name, source }: Question, times: Times): Line {
  const faster = Math.min(median(times.DuckDB), median(times.ClickHouse))
  const against = `DuckDB ${milliseconds(times.DuckDB)}, ClickHouse ${milliseconds(times.ClickHouse)}`
  const aim = isDense && source === 'rollups' ? 5 : 1
  const gate = source === 'rollups' ? 1 : 0.5
  return line(name, milliseconds(times.ea), against, faster / median(times.ea), {
    ...{ kind: 'at least', unit: '×', aim, ...(isDense ? { gate } : {}) },
  })
}

function versions(server: Server, rivals: readonly Rival[]): string {
  return `${server.description.replace(/^.*(server_version [\d.]+).*$/, 'Postgre$1').replace('Postgreserver_version', 'PostgreSQL')}; ${rivals.map((rival) => rival.description).join('; ')}`
}

function report(server: Server, rivals: readonly Rival[], times: Map<Question, Times>, began: number): void {
  const lines = [...times].map(([question, taken]) => lineOf(question, taken))
  const commands = [...times].map(([{ name }, taken]) => `${name}: whole command ${milliseconds(taken.command)}`)
  const busy = `load ${began.toFixed(1)} before the first question`
  process.stdout.write(
    `${server.description}\n${versions(server, rivals)}\n${machine()}; ${busy}; ${rounds} rounds, medians\n\n` +
      `${table(lines)}\n\n${commands.join('\n')}\n`,
  )
  if (lines.some((one) => one.verdict === 'MISSED')) process.exitCode = 1
}

/** What stands in the document: times as multiples of those of `ea`, and what bounds each question. */
async function figures(
  server: Server,
  rivals: readonly Rival[],
  times: Map<Question, Times>,
  url: string,
): Promise<string> {
  const [counted] = await query(url, 'SELECT count(*)::int AS user_days FROM ea.user_days')
  const rows = [...times].map(([{ name }, taken]) => {
    const own = median(taken.ea)
    const ratio = (seconds: readonly number[]) => {
      const value = median(seconds) / own
      return value.toFixed(value >= 10 ? 0 : value >= 1 ? 1 : 2)
    }
    const judged = lineOf(questions.find((question) => question.name === name)!, taken)
    const verdict = { aim: 'aim', gate: 'gate', MISSED: 'missed', '': 'reported' }[judged.verdict]
    return `| ${name} | ${milliseconds(taken.ea)} | ${ratio(taken.DuckDB)} | ${ratio(taken.ClickHouse)} | ${ratio(taken.command)} | ${verdict} |`
  })
  const bounds = [...times].map(([{ name, bound }]) => `- **${name}.** ${bound}`)
  return `
${events.toLocaleString('en')} events, ${Math.ceil(events / 20).toLocaleString('en')} users, ${days} days, ${Number(counted?.user_days).toLocaleString('en')} user-days
(about ${perUserDay} events for each). ${versions(server, rivals)}. ${machine()}.
${rounds} rounds in turn, medians; load ${loadavg()[0]!.toFixed(1)} at the end.

| question | ea | DuckDB / ea | ClickHouse / ea | whole command / ea | target |
|---|---|---|---|---|---|
${rows.join('\n')}

${bounds.join('\n')}`
}
