/**
 * What the data is at this moment: its version and the time, read from the database for every request, and yet with few
 * statements: requests that come while one runs share the next one. None shares one that has begun before it came, so
 * each sees every commit that had ended by then.
 */
import { sql } from 'kysely'
import type { Database } from '../../db/connect.js'

export interface DataMoment {
  /** Grows whenever what is visible changes. */
  readonly version: number
  /** The database's clock, ISO in UTC with microseconds. */
  readonly now: string
}

/**
 * A reader of the version and the clock.
 *
 * @param clock takes the place of the database's clock
 * @example
 * const readMoment = momentReader(db)
 * await readMoment() // { version: 17, now: '2025-08-31T12:00:00.000000Z' }
 */
export function momentReader(db: Database, clock?: () => string): () => Promise<DataMoment> {
  // Compiled once, and sent without parameters: one round trip.
  const statement = sql`
    SELECT data_version AS version,
           to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS now
      FROM ${db.t.settings}`.compile(db.q).sql
  const read = async (): Promise<DataMoment> => {
    const { version, now } = (await db.pool.query<{ version: number; now: string }>(statement)).rows[0]!
    return { version, now: clock?.() ?? now }
  }
  return shared(read)
}

/** Calls of the result that come while `work` runs share its next run. */
export function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<void> | undefined
  let next: Promise<T> | undefined
  const begin = (): Promise<T> => {
    next = undefined
    const run = work()
    const end = () => {
      if (next === undefined) running = undefined
    }
    running = run.then(end, end)
    return run
  }
  return () => {
    if (running === undefined) return begin()
    next ??= running.then(begin)
    return next
  }
}
