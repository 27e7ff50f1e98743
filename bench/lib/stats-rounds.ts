/** Lets all contenders answer a question in turn, and refuses to time answers that differ. */
import { parseConfig, type Result, withDatabase } from '../../src/index.js'
import { ea } from './program.js'
import type { Question, RivalName, Span } from './questions/question.js'
import type { Rival } from './rivals.js'

/** Seconds of each contender, one for each round; `command` is `ea` with the start of its program. */
export type Times = Readonly<Record<'ea' | 'command' | RivalName, readonly number[]>>

/** Who takes longer in the round that warms up is timed once only, so that a run with 10M events ends within a quarter of an hour. */
export const slowFromSeconds = 10

interface Contender {
  readonly name: keyof Times
  answer(): Promise<{ readonly seconds: number; readonly lines: string[] }>
}

/**
 * Each contender once per round, in turn, behind one round that warms up.
 *
 * @param options.url a database of `ea`
 * @throws Error when an answer is not that of `ea`, in any round, or when others than the question says answered for `ea`
 */
export async function askInTurn(
  question: Question,
  options: { url: string; span: Span; rivals: readonly Rival[]; rounds: number; note: (text: string) => void },
): Promise<Times> {
  const { url, span, rivals, rounds, note } = options
  note(question.name)
  const times: Record<keyof Times, number[]> = { ea: [], command: [], 'plain SQL': [], DuckDB: [], ClickHouse: [] }
  await withDatabase(parseConfig({ databaseUrl: url }), async (db) => {
    const linesOf = (result: Result) => {
      if (result.meta.source !== question.source) {
        throw new Error(`${question.name}: answered from ${result.meta.source}, not from ${question.source}`)
      }
      return question.lines(result)
    }
    const contenders: Contender[] = [
      {
        name: 'ea',
        answer: async () => {
          const [seconds, result] = await timed(() => question.ask(db, span))
          return { seconds, lines: linesOf(result) }
        },
      },
      {
        name: 'command',
        answer: async () => {
          const { seconds, stdout } = await ea(['stats', ...question.command(span), '--json'], { DATABASE_URL: url })
          return { seconds, lines: linesOf(JSON.parse(stdout) as Result) }
        },
      },
      ...rivals.map(({ name, rows }) => ({
        name,
        answer: async () => {
          const [seconds, lines] = await timed(() => rows(question.statements[name](span)))
          return { seconds, lines }
        },
      })),
    ]
    const slow = new Set<keyof Times>()
    let expected: readonly string[] | undefined
    for (let round = 0; round <= rounds; round++) {
      for (const { name, answer } of contenders.filter((one) => round <= 1 || !slow.has(one.name))) {
        const { seconds, lines } = await answer()
        expected ??= lines.sort()
        requireEqual(question, name, expected, lines.sort())
        if (round > 0) times[name].push(seconds)
        else if (seconds > slowFromSeconds) slow.add(name)
      }
      if (round === 0) note(`  ${expected?.length} lines from ${question.source}${slowText([...slow])}`)
    }
  })
  return times
}

function slowText(names: readonly string[]): string {
  return names.length === 0 ? '' : `; timed once, because it takes more than ${slowFromSeconds} s: ${names.join(', ')}`
}

async function timed<T>(run: () => Promise<T>): Promise<[seconds: number, answer: T]> {
  const began = performance.now()
  const answer = await run()
  return [(performance.now() - began) / 1000, answer]
}

function requireEqual({ name }: Question, who: string, own: readonly string[], theirs: readonly string[]): void {
  if (own.length === 0) throw new Error(`${name}: no answer to compare`)
  const at = own.findIndex((row, index) => row !== theirs[index])
  if (at < 0 && own.length === theirs.length) return
  const where = at < 0 ? own.length : at
  throw new Error(`${name}: ${who} says ${theirs[where]} of ${theirs.length} rows, ea ${own[where]} of ${own.length}`)
}
