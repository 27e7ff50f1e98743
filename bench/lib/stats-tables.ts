/** The tables of `bench:stats`: one for the terminal with targets and times, one for the document with ratios. */
import type { Question } from './questions/question.js'
import { type Line, line, markdown, median, milliseconds } from './report.js'
import { slowFromSeconds, type Times } from './stats-rounds.js'

/** A question and what it took. */
export interface Asked {
  readonly question: Question
  readonly times: Times
}

/**
 * The median of the faster of DuckDB and ClickHouse over that of `ea`.
 *
 * @param isDense whether a user has many events on a day he is active; with few of them, rollups are only reported
 */
export function judged({ question: { name, target }, times }: Asked, isDense: boolean): Line {
  const faster = Math.min(median(times.DuckDB), median(times.ClickHouse))
  const against = `plain SQL ${milliseconds(times['plain SQL'])}, DuckDB ${milliseconds(times.DuckDB)}, ClickHouse ${milliseconds(times.ClickHouse)}`
  return line(name, milliseconds(times.ea), against, faster / median(times.ea), {
    kind: 'at least',
    unit: '×',
    ...(isDense ? target : { aim: 1 }),
  })
}

/** Times as multiples of those of `ea`, and below them who was too slow for all rounds. @param rounds as asked for */
export function ratioTable(asked: readonly Asked[], isDense: boolean, rounds: number): string {
  const others = ['plain SQL', 'DuckDB', 'ClickHouse', 'command'] as const
  const rows = asked.map((one) => {
    const own = median(one.times.ea)
    const verdict = { aim: 'aim', gate: 'gate', MISSED: 'missed', '': 'reported' }[judged(one, isDense).verdict]
    const ratios = others.map((name) => shortRatio(median(one.times[name]) / own))
    return [one.question.name, milliseconds(one.times.ea), ...ratios, verdict]
  })
  const heads = ['question', 'ea', 'plain SQL / ea', 'DuckDB / ea', 'ClickHouse / ea', 'whole command / ea', 'target']
  return [markdown(heads, rows), ...slowOnes(asked, rounds)].join('\n\n')
}

function slowOnes(asked: readonly Asked[], rounds: number): string[] {
  const once = asked.flatMap(({ question, times }) =>
    Object.entries(times).flatMap(([name, taken]) => (taken.length < rounds ? `${name} in “${question.name}”` : [])),
  )
  return once.length === 0 ? [] : [`Timed once, because it takes more than ${slowFromSeconds} s: ${once.join('; ')}.`]
}

function shortRatio(value: number): string {
  return value.toFixed(value >= 10 ? 0 : value >= 1 ? 1 : 2)
}
