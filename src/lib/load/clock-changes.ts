/**
 * Local times of a chunk that the clocks of its zone skipped, or showed twice. Which instant such a time is, PostgreSQL decides:
 * of a skipped one what clocks showed that were not changed, of two the later. Only the hours around the changes of a zone are
 * looked at, so a zone without them costs nothing.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Transaction } from '../db/connect.js'
import { zoneOffsets } from '../db/zone-offsets.js'
import { instantSql } from './sql/time-sql.js'
import { occurredAtSql, type ValidationOptions, type ValidationRules } from './sql/validation-sql.js'
import { staging } from './stage.js'

/** Records whose times are local ones that do not exist, or exist twice. */
export interface ClockCounts {
  readonly skippedTimes: number
  readonly repeatedTimes: number
}

export const noClockCounts: ClockCounts = { skippedTimes: 0, repeatedTimes: 0 }

export const addedClocks = (some: ClockCounts, others: ClockCounts): ClockCounts => ({
  skippedTimes: some.skippedTimes + others.skippedTimes,
  repeatedTimes: some.repeatedTimes + others.repeatedTimes,
})

/**
 * The hours after each change of the clocks of a zone, as PostgreSQL knows it: local times in a gap and in an overlap
 * are read as instants in them.
 */
export interface ClockChanges {
  /** `from, to` of each, in order. */
  readonly borders: readonly string[]
  /** Of each, whether the clocks were set forward. */
  readonly areGaps: readonly boolean[]
}

export async function clockChanges(tx: Transaction, timezone: string, latest: Date): Promise<ClockChanges> {
  const offsets = await zoneOffsets(tx, timezone, latest)
  const changes = offsets.slice(1).map(({ from, offset }, index) => ({ from, by: offset - offsets[index]!.offset }))
  const instant = (seconds: number) => new Date(seconds * 1000).toISOString()
  return {
    borders: changes.flatMap(({ from, by }) => [instant(from), instant(from + Math.abs(by))]),
    areGaps: changes.map(({ by }) => by > 0),
  }
}

/** Whether an instant is in one of the hours: then the number of its border is odd. */
const borderOf = (instant: RawBuilder<unknown>, { borders }: ClockChanges) =>
  sql<number>`width_bucket(${instant}, ${borders}::timestamptz[])`

/** Whether a column of times holds one that may not exist, or exist twice. */
export async function mayBeOdd(tx: Transaction, column: RawBuilder<unknown>, changes: ClockChanges): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    SELECT EXISTS (SELECT FROM ${staging} WHERE ${borderOf(column, changes)} % 2 = 1) AS found`.execute(tx.q)
  return rows[0]!.found
}

/** A zone that no place has: a local time is another instant there than anywhere else, and one with an offset is not. */
const nowhere = '<+20>-20'

/** Counts what is staged as text. */
export async function countOddTimes(
  tx: Transaction,
  rules: ValidationRules,
  options: ValidationOptions,
  changes: ClockChanges,
): Promise<ClockCounts> {
  const { rows } = await sql<{ given: string; at: string; shown: string; records: number; border: number }>`
    SELECT given_at AS given, occurred_at::text AS at, occurred_at::timestamp::text AS shown, count(*)::int AS records, border
      FROM (SELECT *, ${borderOf(sql`occurred_at`, changes)} AS border FROM (${occurredAtSql(staging, rules, options)}) times) placed
     WHERE border % 2 = 1 GROUP BY given_at, occurred_at, border`.execute(tx.q)
  if (rows.length === 0) return noClockCounts
  const { rows: zones } = await sql<{ own: string }>`
    SELECT current_setting('TimeZone') AS own, set_config('TimeZone', ${nowhere}, true)`.execute(tx.q)
  const column = <K extends keyof (typeof rows)[0]>(name: K) => rows.map((row) => row[name])
  const { rows: counts } = await sql<{ skipped: number; repeated: number }>`
    SELECT coalesce(sum(records) FILTER (WHERE is_gap AND there::timestamp <> shown), 0)::int AS skipped,
           coalesce(sum(records) FILTER (WHERE NOT is_gap), 0)::int AS repeated
      FROM (SELECT *, ${instantSql(sql`given`, rules.timeFormat, options.layout.strict)} AS there
              FROM unnest(${column('given')}::text[], ${column('at')}::timestamptz[], ${column('shown')}::timestamp[],
                          ${column('records')}::int[], ${rows.map(({ border }) => changes.areGaps[(border - 1) / 2])}::bool[])
                   AS odd (given, at, shown, records, is_gap) OFFSET 0) odd
     WHERE there <> at`.execute(tx.q)
  await sql`SELECT set_config('TimeZone', ${zones[0]!.own}, true)`.execute(tx.q)
  return { skippedTimes: counts[0]!.skipped, repeatedTimes: counts[0]!.repeated }
}
