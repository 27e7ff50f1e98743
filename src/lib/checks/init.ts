/**
 * A first file of checks, from what a database holds: its own last weeks give the thresholds, and a comment above each
 * check says which numbers they come from. On the data that it was made of no check of it fails.
 */
import type * as z from 'zod'
import type { Result } from '../core/result.js'
import { addDays, type Day, daysBetween } from '../core/time.js'
import type { Database, Transaction } from '../db/connect.js'
import { dauStat } from '../stats/dau.js'
import { completeUntil } from '../stats/query/completeness.js'
import { parseParams } from '../stats/query/params.js'
import type { OpenQueryContext } from '../stats/query/query-context.js'
import { inReading, type RunStatOptions, runStatIn } from '../stats/query/run-stat.js'
import type { Stat } from '../stats/query/stat.js'
import { retentionStat } from '../stats/retention.js'
import { trendStat } from '../stats/trend.js'
import { freshness, importQuality, readClock } from './evaluate/data-quality.js'
import { batchesBack, type Observed, writeChecks } from './init-text.js'

export interface InitOptions extends RunStatOptions {
  readonly tz?: string | undefined
  /** As the stats take it: a day or an instant. */
  readonly asOf?: string | undefined
}

/** How far back the thresholds look. */
const daysBack = 56
const typesMax = 3

/**
 * Writes a file of checks for the events of a database.
 *
 * @returns the text of a YAML file, with comments
 * @throws EaError `usage` for options that are not of their form
 * @example
 * await writeFile('metrics.yaml', await initChecks(db))
 */
export function initChecks(db: Database, options: InitOptions = {}): Promise<string> {
  return inReading(db, options, async (s) => writeChecks(await observe(s, options)))
}

/** What the thresholds are made of. */
async function observe(s: Transaction, { tz, asOf, spell }: InitOptions): Promise<Observed> {
  const clock = { tz, asOf }
  const frame = await readClock(s, parseParams(dauStat.params, clock, spell))
  const imports = await importQuality(s, { batches: batchesBack })
  const ageSeconds = await freshness(s, clock)
  const range = lastDays(frame)
  const observed = { tz: frame.tz, dataUntil: frame.dataUntil, ageSeconds, imports, asOf: frame.asOf }
  if (range === undefined) return { ...observed, range: null, users: [], events: [], types: [], retention: null }

  const ask = <S extends z.ZodObject>(stat: Stat<S>, given: Record<string, unknown>): Promise<Result> =>
    runStatIn(s, stat, parseParams(stat.params, { ...clock, ...given }))
  const users = await ask(dauStat, { ...range })
  const events = await ask(trendStat, { ...range })
  const byType = await ask(trendStat, { ...range, by: 'event_type', limit: typesMax })
  const retention = await ask(retentionStat, { startDate: addDays(range.to, 1 - daysBack), windows: 1 })
  const mean = retention.meta.mean as { rates: (number | null)[] } | undefined
  const types = [...new Set(byType.data.map(({ key }) => key as string))]
  return {
    ...observed,
    range,
    users: users.data.map((row) => row.unique_users as number),
    events: events.data.map((row) => row.value as number),
    types: types.map((type) => ({
      type,
      events: byType.data.flatMap((row) => (row.key === type ? [row.value as number] : [])),
    })),
    retention: mean?.rates[1] ?? null,
  }
}

/** The last whole days of the data, as many as there are up to `daysBack`. */
function lastDays(frame: OpenQueryContext): { from: Day; to: Day } | undefined {
  const until = completeUntil(frame)
  if (until === null || frame.dataFrom === null || frame.dataFrom >= until) return undefined
  const from = addDays(until, -Math.min(daysBack, daysBetween(frame.dataFrom, until)))
  return { from, to: addDays(until, -1) }
}
