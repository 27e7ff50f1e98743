/** What a question of `bench:stats` is, and the words that all of them share. */
import type { Database, Result } from '../../../src/index.js'
import type { Target } from '../report.js'

/** The days that are asked for: all of the log. */
export interface Span {
  readonly from: string
  readonly to: string
}

/** Who answers beside `ea`; `plain SQL` asks the same server for the same events. */
export type RivalName = 'plain SQL' | 'DuckDB' | 'ClickHouse'

export interface Question {
  readonly name: string
  readonly ask: (db: Database, span: Span) => Promise<Result>
  /** The same as a command. */
  readonly command: (span: Span) => string[]
  /** The answer as lines of values between commas, as the rivals give it. */
  readonly lines: (result: Pick<Result, 'data'>) => string[]
  /** What each rival is asked. All of them run with UTC as their time zone, where a cast makes a day. */
  readonly statements: Readonly<Record<RivalName, (span: Span) => string>>
  /** Who must answer for `ea`, as its `meta.source` says. */
  readonly source: 'rollups' | 'events'
  /** How many times the time of `ea` the faster of DuckDB and ClickHouse should take, with many events for each user and day. */
  readonly target: Readonly<Required<Pick<Target, 'gate' | 'aim'>>>
  /** What decides how long `ea` takes. */
  readonly bound: string
}

/** Of what rollups answer. */
export const rollupsTarget = { gate: 1, aim: 5 } as const
/** Of what reads the times of many users: at most twice the time of the faster one. */
export const eventsTarget = { gate: 0.5, aim: 1 } as const

/** Of a property that every event of the log has. */
const country = 'UA'
export const segment = `properties.country:${country}`
/** The condition of a rival's statement that begins its WHERE; nothing without a segment. */
export function inCountry(isSegment: boolean, rival: RivalName): string {
  if (!isSegment) return ''
  const property = rival === 'ClickHouse' ? 'properties.country.:String' : `properties ->> 'country'`
  return `${property} = '${country}' AND `
}

export const day = (text: string) => new Date(`${text}T00:00:00Z`)
export const dayText = (date: Date) => date.toISOString().slice(0, 10)
/** The day behind the last one, because statements ask for `[from, to)`. */
const behind = ({ to }: Span) => dayText(new Date(day(to).getTime() + 86_400_000))

/** The events of the span, for PostgreSQL and DuckDB. */
export const during = (span: Span) =>
  `occurred_at >= TIMESTAMPTZ '${span.from} 00:00:00+00' AND occurred_at < TIMESTAMPTZ '${behind(span)} 00:00:00+00'`
/** The events of the span, for ClickHouse. */
export const duringClick = (span: Span) =>
  `occurred_at >= toDateTime64('${span.from}', 6, 'UTC') AND occurred_at < toDateTime64('${behind(span)}', 6, 'UTC')`
