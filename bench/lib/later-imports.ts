/** What an import costs that is not the first: of a file that is known, and of one day behind years of history. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type LogFile, logFile } from './log-file.js'
import { ea, type Run } from './program.js'
import { type Line, line, median, seconds } from './report.js'
import { type Server, withDatabase } from './server.js'

interface Options {
  readonly rounds: number
  readonly note: (text: string) => void
}

/** A file that is known already costs its reading and hashing, and the start of a program. */
export async function importAgain(server: Server, file: LogFile, { rounds, note }: Options): Promise<Line> {
  note(`The same file again, ${file.events} events`)
  return withDatabase(server, async (url) => {
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
    return line(`again ${file.events / 1e6}M`, seconds(again), `reading and hashing ${seconds(hashing)}`, extra, {
      kind: 'at most',
      gate: 0.3,
      unit: ' s more',
    })
  })
}

/** One day of 10,000 users into a schema with years of history, and into an empty one. */
export async function importDaily(server: Server, userDays: number, { rounds, note }: Options): Promise<Line> {
  const perUserDay = 1.5
  const history = await logFile({
    events: userDays * perUserDay,
    users: Math.ceil(userDays / 20),
    days: 365,
    'events-per-user-day': perUserDay,
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
  const what = `daily file, ${userDays / 1e6}M user-days`
  return line(what, seconds(late), `empty ${seconds(early)}`, median(late) / median(early), {
    kind: 'at most',
    gate: 2.5,
    aim: 1.5,
    unit: '×',
  })
}

/** `ea import` into the database, which is migrated before the clock starts. */
async function imported(url: string, file: LogFile): Promise<Run> {
  await ea(['db', 'migrate'], { DATABASE_URL: url })
  return importedAgain(url, file)
}

async function importedAgain(url: string, file: LogFile): Promise<Run> {
  const done = await ea(['import', file.path, '--json'], { DATABASE_URL: url })
  const { totals } = JSON.parse(done.stdout) as { totals: { read: number } }
  if (totals.read !== file.records) throw new Error(`read ${totals.read} of ${file.records} records:\n${done.stdout}`)
  return done
}
