/**
 * How fast the questions of an analyst are answered, beside DuckDB, ClickHouse and plain SQL on the same events in the same
 * run: compare the ratios, not the times. `npm ci --prefix bench` once, then `npm run bench:stats -- --rounds 7 --write`.
 *
 * Logs and loaded databases stay in bench/.data (EA_BENCH_DIR), so that only the first run is long. All of them answer in
 * the process or on an open connection, warm, in turn; before a time counts, the answers were equal.
 */
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { writeFigures } from './lib/document.js'
import { forgetAll, withKeptRollups } from './lib/kept-rollups.js'
import { type LogFile, logFile } from './lib/log-file.js'
import { machine } from './lib/machine.js'
import { plainSql } from './lib/plain-sql.js'
import { ea } from './lib/program.js'
import type { Question, Span } from './lib/questions/question.js'
import { milliseconds, table } from './lib/report.js'
import { clickHouse, duckDb, type Rival } from './lib/rivals.js'
import { dataFolder, keptDatabase, query, type Server, withServer } from './lib/server.js'
import { questions, questionsOfKept } from './lib/stats-questions.js'
import { askInTurn } from './lib/stats-rounds.js'
import { type Asked, judged, ratioTable } from './lib/stats-tables.js'

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
const days = 365
const users = Math.ceil(events / 20)
const span: Span = { from: '2025-01-01', to: '2025-12-31' }

function note(text: string): void {
  process.stderr.write(`${text}\n`)
}

await withServer(async (server) => {
  const log = await logFile({ events, users, days, ...(isDense ? {} : { 'events-per-user-day': perUserDay }) })
  const url = await keptDatabase(server, `ea_bench_stats_${events}_${String(perUserDay).replace('.', '_')}`, (fresh) =>
    fill(fresh, log),
  )
  await forgetAll(url)
  const folder = `${dataFolder}stats-${events}-${perUserDay}`
  note('DuckDB and ClickHouse')
  const rivals = [await plainSql(url), await duckDb(folder, log), await clickHouse(folder, log)]
  const began = loadavg()[0]!
  let asked: Asked[]
  const notes: string[] = []
  try {
    asked = await askAll(questions, url, rivals)
    if (wanted(questionsOfKept).length > 0) {
      note('Rollups of a property and of three event types')
      const [cost, more] = await withKeptRollups(url, () => askAll(questionsOfKept, url, rivals))
      asked.push(...more)
      notes.push(cost)
    }
  } finally {
    for (const rival of rivals) await rival.close()
  }
  report(server, rivals, asked, notes, began)
  if (!flags.write) return
  await writeFigures(
    `bench:stats ${events} ${perUserDay}`,
    await figures(server, rivals, asked, notes, url),
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

function wanted(all: readonly Question[]): Question[] {
  return all.filter(({ name }) => name.includes(flags.only))
}

async function askAll(all: readonly Question[], url: string, rivals: readonly Rival[]): Promise<Asked[]> {
  const asked: Asked[] = []
  for (const question of wanted(all)) {
    const one = { question, times: await askInTurn(question, { url, span, rivals, rounds, note }) }
    const { measured, against } = judged(one, isDense)
    note(`  ${measured}; ${against}`)
    asked.push(one)
  }
  return asked
}

function versions(server: Server, rivals: readonly Rival[]): string {
  const [, postgres] = /server_version ([\d.]+)/.exec(server.description) ?? []
  return [`PostgreSQL ${postgres}`, ...rivals.map((rival) => rival.description)].join('; ')
}

function report(
  server: Server,
  rivals: readonly Rival[],
  asked: readonly Asked[],
  notes: readonly string[],
  began: number,
): void {
  const lines = asked.map((one) => judged(one, isDense))
  const commands = asked.map(({ question, times }) => `${question.name}: whole command ${milliseconds(times.command)}`)
  const busy = `load ${began.toFixed(1)} before the first question`
  process.stdout.write(
    `${server.description}\n${versions(server, rivals)}\n${machine()}; ${busy}; ${rounds} rounds, medians\n\n` +
      `${[table(lines), commands.join('\n'), ratioTable(asked, isDense, rounds), ...notes].join('\n\n')}\n`,
  )
  if (lines.some((one) => one.verdict === 'MISSED')) process.exitCode = 1
}

/** What stands in the document: times as multiples of those of `ea`, and what bounds each question. */
async function figures(
  server: Server,
  rivals: readonly Rival[],
  asked: readonly Asked[],
  notes: readonly string[],
  url: string,
): Promise<string> {
  const [counted] = await query(url, 'SELECT count(*)::int AS user_days FROM ea.user_days')
  const number = (value: number) => value.toLocaleString('en')
  const about = `
${number(events)} events, ${number(users)} users, ${days} days, ${number(Number(counted?.user_days))} user-days
(about ${perUserDay} events for each). ${versions(server, rivals)}. ${machine()}.
${rounds === 1 ? 'One round' : `${rounds} rounds in turn, medians`}; load ${loadavg()[0]!.toFixed(1)} at the end.`
  const bounds = asked.map(({ question: { name, bound } }) => `- **${name}.** ${bound}`).join('\n')
  return [about, ratioTable(asked, isDense, rounds), ...notes, bounds].join('\n\n')
}
