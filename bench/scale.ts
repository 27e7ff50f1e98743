/**
 * What grows with the events, and what does not: the time of an import, of its refresh of the rollups, of the questions, and
 * the disk; and 30 daily files behind each size, the first beside the last. `npm run bench:scale -- --events
 * 1000000,10000000`; 50000000 needs 45 GB of free disk.
 *
 * A run that is cut off goes on where it stopped: databases and notes stay in bench/.data (EA_BENCH_DIR) until a size is
 * measured; then its database is dropped and its notes are kept. `--fresh` measures all of it again.
 */
import { parseArgs } from 'node:util'
import { parseConfig, withDatabase as withEaDatabase } from '../src/index.js'
import { dayLog, importDay } from './lib/daily.js'
import { writeFigures } from './lib/document.js'
import { type LogFile, logFile } from './lib/log-file.js'
import { machine } from './lib/machine.js'
import { ea } from './lib/program.js'
import { milliseconds } from './lib/report.js'
import { buildId, emptyNotes, keepNotes, readNotes, type ScaleNotes } from './lib/scale-notes.js'
import { scaleTables } from './lib/scale-tables.js'
import { dropDatabase, keptDatabase, query, type Server, withDatabase, withServer } from './lib/server.js'
import { questions } from './lib/stats-questions.js'

const { values: flags } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000,10000000' },
    /** Of imports up to 10M events, and of questions; a larger file is imported once. */
    rounds: { type: 'string', default: '3' },
    days: { type: 'string', default: '30' },
    'day-events': { type: 'string', default: '100000' },
    /** Forgets what was measured before. */
    fresh: { type: 'boolean', default: false },
    /** Puts the tables into docs/benchmarks.md. */
    write: { type: 'boolean', default: false },
  },
})
const rounds = Number(flags.rounds)
const [days, dayEvents] = [Number(flags.days), Number(flags['day-events'])]
const sizes = flags.events.split(',').map(Number)
const onceFromEvents = 20_000_000
const span = { from: '2025-01-01', to: '2025-12-31' }

function note(text: string): void {
  process.stderr.write(`${text}\n`)
}

await withServer(async (server) => {
  // The embedded server chooses its max_wal_size anew at each start, by the free disk.
  const settings = server.description.replace(/max_wal_size \w+/, '')
  const of = [await buildId(), settings, process.version, rounds, days, dayEvents].join('; ')
  const done: ScaleNotes[] = []
  // Nothing stored is a size, too: what a daily file costs without history.
  for (const events of [0, ...sizes]) done.push(await measure(server, events, of))
  const once = sizes.some((events) => events >= onceFromEvents)
    ? `, files from ${onceFromEvents / 1e6}M events once`
    : ''
  const about = `${server.description}.\n${machine()}; ${rounds === 1 ? 'one round' : `medians of ${rounds} rounds`}${once}.`
  const text = [about, ...scaleTables(done, dayEvents)].join('\n\n')
  process.stdout.write(`${text}\n`)
  if (flags.write) await writeFigures('bench:scale', text, 'Measured')
})

/** All of one size; each figure is kept as soon as it is there, and what is there is not measured again. */
async function measure(server: Server, events: number, of: string): Promise<ScaleNotes> {
  const notes = flags.fresh ? emptyNotes(events, of) : await readNotes(events, of)
  if (notes.days.length >= days) return notes
  note(`${events} events`)
  const name = `ea_bench_scale_${events}`
  // A database without notes is of another build.
  if (notes.imports.length === 0 && notes.days.length === 0) await dropDatabase(server, name)
  const log = events === 0 ? undefined : await logFile({ events, users: Math.ceil(events / 20), days: 365 })
  const wanted = events >= onceFromEvents ? 1 : rounds
  while (log !== undefined && notes.imports.length < wanted - 1) {
    await withDatabase(server, (url) => importLog(notes, url, log))
  }
  const url = await keptDatabase(server, name, async (fresh) => {
    if (log === undefined) await ea(['db', 'migrate'], { DATABASE_URL: fresh })
    else await importLog(notes, fresh, log)
    // What autovacuum does within a minute or so.
    await query(fresh, 'VACUUM ANALYZE')
    if (log !== undefined) notes.disk = await diskBytes(fresh, log)
    await keepNotes(notes)
  })
  if (log !== undefined) await askAll(notes, url)
  await importDays(notes, url)
  await dropDatabase(server, name)
  return notes
}

/** `ea import` into an empty database, which is migrated before the clock starts. */
async function importLog(notes: ScaleNotes, url: string, log: LogFile): Promise<void> {
  await ea(['db', 'migrate'], { DATABASE_URL: url })
  const done = await ea(['import', log.path, '--json'], { DATABASE_URL: url })
  const [batch] = (JSON.parse(done.stdout) as { batches: { inserted: number; phases: { completing?: number } }[] })
    .batches
  if (batch?.inserted !== log.events) throw new Error(`${log.path} is not stored whole:\n${done.stdout}`)
  notes.imports.push({
    seconds: done.seconds,
    refreshSeconds: batch.phases.completing ?? 0,
    peakMb: done.peakMb ?? null,
  })
  await keepNotes(notes)
  note(`  import ${done.seconds.toFixed(2)} s`)
}

async function diskBytes(url: string, log: LogFile): Promise<NonNullable<ScaleNotes['disk']>> {
  const [row] = await query(
    url,
    `SELECT pg_table_size('ea.events')::float8 AS events, pg_relation_size('ea.events_pkey')::float8 AS key,
            pg_table_size('ea.user_days')::float8 + pg_indexes_size('ea.user_days')::float8 AS user_days`,
  )
  return { file: log.bytes, events: Number(row?.events), key: Number(row?.key), userDays: Number(row?.user_days) }
}

/** The questions of `bench:stats`, on an open connection, each warmed up by one round. */
async function askAll(notes: ScaleNotes, url: string): Promise<void> {
  await withEaDatabase(parseConfig({ databaseUrl: url }), async (db) => {
    for (const { name, ask } of questions) {
      if (notes.questions[name] !== undefined) continue
      const taken: number[] = []
      for (let round = 0; round <= rounds; round++) {
        const began = performance.now()
        await ask(db, span)
        if (round > 0) taken.push((performance.now() - began) / 1000)
      }
      notes.questions[name] = taken
      await keepNotes(notes)
      note(`  ${name}: ${milliseconds(taken)}`)
    }
  })
}

async function importDays(notes: ScaleNotes, url: string): Promise<void> {
  while (notes.days.length < days) {
    notes.days.push(await importDay(url, await dayLog(notes.days.length, dayEvents)))
    await keepNotes(notes)
  }
  note(`  ${days} daily files: ${notes.days.map((taken) => taken?.toFixed(2) ?? '-').join(' ')} s`)
}
