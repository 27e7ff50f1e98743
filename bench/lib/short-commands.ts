/** What short commands cost, of which much is the start of a program: a small file, help, and a question. */
import { logFile } from './log-file.js'
import { ea, type Run, run } from './program.js'
import { type Line, line, median, seconds } from './report.js'
import { type Server, withDatabase } from './server.js'

/** 100,000 events into an empty database that is migrated, the whole command. */
export async function importSmall(server: Server, rounds: number): Promise<Line> {
  const file = await logFile({ events: 100_000 })
  const own: number[] = []
  for (let round = 0; round < rounds; round++) {
    await withDatabase(server, async (url) => {
      await ea(['db', 'migrate'], { DATABASE_URL: url })
      own.push((await ea(['import', file.path, '--quiet'], { DATABASE_URL: url })).seconds)
    })
  }
  return line('import 100k', seconds(own), '', median(own), { kind: 'at most', gate: 1.5, aim: 1, unit: ' s' })
}

/** What a short command costs beside the start of Node itself. */
export async function startUp(server: Server, rounds: number): Promise<Line[]> {
  return withDatabase(server, async (url) => {
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
    return ['ea --help', 'ea stats dau'].map((name) => {
      const extraMs = 1000 * (median(taken[name]!) - median(taken.node!))
      const target = { kind: 'at most', gate: 150, aim: 80, unit: ' ms more' } as const
      return line(name, seconds(taken[name]!), `node -e 0 ${seconds(taken.node!)}`, extraMs, target)
    })
  })
}
