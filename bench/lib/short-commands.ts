/** What short commands cost, of which much is the start of a program: a small file, help, and a question. */
import { dau, parseConfig, withDatabase as withEaDatabase } from '../../src/index.js'
import { logFile } from './log-file.js'
import { ea, run } from './program.js'
import { type Line, line, median, milliseconds, seconds } from './report.js'
import { type Server, withDatabase } from './server.js'

const span = { from: '2025-01-01', to: '2025-03-01' }

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

/** What a short command costs beside the start of Node itself and, for a question, beside its answer on an open connection. */
export async function startUp(server: Server, rounds: number): Promise<Line[]> {
  return withDatabase(server, async (url) => {
    await ea(['db', 'migrate'], { DATABASE_URL: url })
    await ea(['import', 'examples/events.csv'], { DATABASE_URL: url })
    return withEaDatabase(parseConfig({ databaseUrl: url }), async (db) => {
      const taken = { node: [] as number[], help: [] as number[], dau: [] as number[], query: [] as number[] }
      await dau(db, span) // Connects, and fills the caches of the connection.
      for (let round = 0; round < 4 * rounds; round++) {
        taken.node.push((await run(process.execPath, ['-e', '0'])).seconds)
        taken.help.push((await ea(['--help'])).seconds)
        const given = ['--from', span.from, '--to', span.to]
        taken.dau.push((await ea(['stats', 'dau', ...given], { DATABASE_URL: url })).seconds)
        const began = performance.now()
        await dau(db, span)
        taken.query.push((performance.now() - began) / 1000)
      }
      const node = `node -e 0 ${seconds(taken.node)}`
      const extraMs = (own: readonly number[], ...parts: readonly (readonly number[])[]) =>
        1000 * (median(own) - parts.reduce((sum, part) => sum + median(part), 0))
      const target = { kind: 'at most', gate: 150, aim: 80, unit: ' ms more' } as const
      return [
        line('ea --help', seconds(taken.help), node, extraMs(taken.help, taken.node), target),
        line(
          'ea stats dau',
          seconds(taken.dau),
          `${node}, its query ${milliseconds(taken.query)}`,
          extraMs(taken.dau, taken.node, taken.query),
          target,
        ),
      ]
    })
  })
}
