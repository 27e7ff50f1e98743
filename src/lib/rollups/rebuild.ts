/**
 * Makes the rollups what the events say: repairs what `verifyRollups` would name, and moves the days into another
 * reporting zone. Only rows that differ are written, by DELETE, UPDATE and INSERT: a TRUNCATE would show empty tables
 * to a transaction that reads an older snapshot.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Transaction } from '../db/connect.js'
import { EaError } from '../errors.js'
import { createTableAs, tuneForBulk } from './delta.js'
import { trueDays, trueEventTypeDays, trueUserDays } from './truth.js'

/** What a rebuild did: the zone of the days and how many rows of each rollup it wrote or deleted. */
export interface Rebuilt {
  readonly reportingTz: string
  readonly changed: Readonly<Record<'user_days' | 'days' | 'event_type_days', number>>
}

/**
 * Recomputes every rollup from the events of completed batches. The caller holds the visibility lock, in a READ
 * COMMITTED transaction, and commits.
 *
 * @param options.reportingTz the zone that the days are in from now on, as PostgreSQL names it: `Europe/Kyiv`
 * @throws EaError `usage` when the server knows no such zone
 * @example
 * await rebuildRollups(tx, { reportingTz: 'Europe/Kyiv' })
 */
export async function rebuildRollups(tx: Transaction, options: { reportingTz?: string } = {}): Promise<Rebuilt> {
  const { rows } = await sql<{ before: string }>`
    SELECT reporting_tz AS before FROM ${tx.t.settings} FOR UPDATE`.execute(tx.q)
  const { before } = rows[0]!
  const reportingTz = options.reportingTz ?? before
  if (reportingTz !== before) await requireZone(tx, reportingTz)
  await tuneForBulk(tx)
  await sql`DROP TABLE IF EXISTS pg_temp.ea_true_user_days, pg_temp.ea_true_days, pg_temp.ea_true_event_type_days`.execute(
    tx.q,
  )
  const zone = sql`${reportingTz}::text`
  const userDays = sql`pg_temp.ea_true_user_days`
  await createTableAs(tx, 'ea_true_user_days', trueUserDays(tx, zone))
  await createTableAs(tx, 'ea_true_days', trueDays(userDays))
  await createTableAs(tx, 'ea_true_event_type_days', trueEventTypeDays(tx, zone))
  await sql`ANALYZE pg_temp.ea_true_user_days, pg_temp.ea_true_days, pg_temp.ea_true_event_type_days`.execute(tx.q)
  const changed = {
    user_days: await makeTrue(tx, tx.t.user_days, userDays, {
      keys: ['user_id', 'day'],
      values: ['first_day', 'prev_day', 'events'],
      order: sql`date_trunc('month', day::timestamp), user_id, day`,
    }),
    days: await makeTrue(tx, tx.t.days, sql`pg_temp.ea_true_days`, {
      keys: ['day'],
      values: ['active_users', 'new_users', 'events'],
      order: sql`day`,
    }),
    event_type_days: await makeTrue(tx, tx.t.event_type_days, sql`pg_temp.ea_true_event_type_days`, {
      keys: ['day', 'event_type'],
      values: ['events'],
      order: sql`day, event_type`,
    }),
  }
  if (reportingTz !== before || Object.values(changed).some((rowCount) => rowCount > 0)) {
    await sql`UPDATE ${tx.t.settings} SET reporting_tz = ${reportingTz}, data_version = data_version + 1`.execute(tx.q)
  }
  return { reportingTz, changed }
}

async function requireZone(tx: Transaction, zone: string): Promise<void> {
  const { rows } = await sql`SELECT FROM pg_timezone_names WHERE name = ${zone}`.execute(tx.q)
  if (rows.length > 0) return
  throw new EaError('usage', `The database knows no time zone "${zone}".`, {
    suggestions: ['Use an IANA name such as UTC, Europe/Kyiv or America/Sao_Paulo.'],
  })
}

/** Deletes, updates and inserts what differs; gives the number of rows. */
async function makeTrue(
  tx: Transaction,
  stored: RawBuilder<unknown>,
  truth: RawBuilder<unknown>,
  columns: { keys: readonly string[]; values: readonly string[]; order: RawBuilder<unknown> },
): Promise<number> {
  const sameKey = sql.join(
    columns.keys.map((key) => sql`s.${sql.id(key)} = t.${sql.id(key)}`),
    sql` AND `,
  )
  const all = sql.join([...columns.keys, ...columns.values].map((column) => sql.id(column)))
  const valuesOf = (side: string) => sql`ROW(${sql.join(columns.values.map((column) => sql.id(side, column)))})`
  const assignments = sql.join(columns.values.map((column) => sql`${sql.id(column)} = t.${sql.id(column)}`))
  const statements = [
    sql`DELETE FROM ${stored} s WHERE NOT EXISTS (SELECT FROM ${truth} t WHERE ${sameKey}) RETURNING 1`,
    sql`UPDATE ${stored} s SET ${assignments} FROM ${truth} t
        WHERE ${sameKey} AND ${valuesOf('s')} IS DISTINCT FROM ${valuesOf('t')} RETURNING 1`,
    sql`INSERT INTO ${stored} (${all}) SELECT ${all} FROM ${truth} t
        WHERE NOT EXISTS (SELECT FROM ${stored} s WHERE ${sameKey}) ORDER BY ${columns.order} RETURNING 1`,
  ]
  let rowCount = 0
  for (const statement of statements) {
    const { rows } = await sql<{ written: number }>`
      WITH written AS (${statement}) SELECT count(*) AS written FROM written`.execute(tx.q)
    rowCount += rows[0]!.written
  }
  return rowCount
}
