/**
 * Makes the rollups what the events say: repairs what `verifyRollups` would name, and moves the days into another
 * reporting zone. Only rows that differ are written, by DELETE, UPDATE and INSERT: a TRUNCATE would show empty tables
 * to a transaction that reads an older snapshot.
 */
import { type RawBuilder, sql } from 'kysely'
import { EaError } from '../core/errors.js'
import type { Transaction } from '../db/connect.js'
import { timesFromEvents } from './on-demand/user-times.js'
import { eventTypeDaysFromEvents, propertyUserDaysFromEvents, userDaysFromEvents } from './sql/completed-events.js'
import {
  allEvents,
  columns,
  dayColumns,
  daySumsSql,
  propertyValues,
  sameColumns,
  userDayColumns,
} from './sql/rollup-tables.js'
import { createTableAs, dropTempTables, tempTable, tuneForBulk } from './sql/temp-tables.js'
import type { RollupTable } from './verify.js'

/** What a rebuild did: the zone of the days and how many rows of each rollup it wrote or deleted. */
export interface RebuildResult {
  readonly reportingTz: string
  readonly changed: Readonly<Record<RollupTable, number>>
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
export async function rebuildRollups(tx: Transaction, options: { reportingTz?: string } = {}): Promise<RebuildResult> {
  const { rows } = await sql<{ before: string }>`
    SELECT reporting_tz AS before FROM ${tx.t.settings} FOR UPDATE`.execute(tx.q)
  const { before } = rows[0]!
  const reportingTz = options.reportingTz ?? before
  if (reportingTz !== before) await requireZone(tx, reportingTz)
  await tuneForBulk(tx)
  const zone = sql`${reportingTz}::text`
  const changed = {
    user_days: await makeTrue(tx, 'user_days', userDaysFromEvents(tx, zone), {
      ...userDayColumns(allEvents),
      order: sql`date_trunc('month', day::timestamp), user_id, day`,
    }),
    days: await makeTrue(tx, 'days', daySumsSql(allEvents, trueTable('user_days')), dayColumns(allEvents)),
    event_type_days: await makeTrue(tx, 'event_type_days', eventTypeDaysFromEvents(tx, zone), {
      keys: ['day', 'event_type'],
      values: ['events'],
    }),
    property_user_days: await makeTrue(
      tx,
      'property_user_days',
      propertyUserDaysFromEvents(tx, zone),
      userDayColumns(propertyValues),
    ),
    property_days: await makeTrue(
      tx,
      'property_days',
      daySumsSql(propertyValues, trueTable('property_user_days')),
      dayColumns(propertyValues),
    ),
    user_times: await makeTrue(tx, 'user_times', timesFromEvents(tx), {
      keys: ['rollup', 'user_id'],
      values: ['times'],
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

/** The columns of a rollup: its primary key and the rest. */
interface Columns {
  readonly keys: readonly string[]
  readonly values: readonly string[]
  /** In which order new rows are written; that of the primary key by default. */
  readonly order?: RawBuilder<unknown>
}

/** The temp table that holds what a rollup must be. */
const trueTable = (table: RollupTable) => tempTable(`ea_true_${table}`)

/** Deletes, updates and inserts what differs; gives the number of rows. */
async function makeTrue(
  tx: Transaction,
  table: RollupTable,
  truthSql: RawBuilder<unknown>,
  { keys, values, order }: Columns,
): Promise<number> {
  const stored = tx.t[table]
  const truth = trueTable(table)
  await dropTempTables(tx, [`ea_true_${table}`])
  await createTableAs(tx, `ea_true_${table}`, truthSql)
  await sql`ANALYZE ${truth}`.execute(tx.q)
  const sameKey = sameColumns(keys, 's', 't')
  const all = columns([...keys, ...values])
  const assignments = sql.join(values.map((column) => sql`${sql.id(column)} = t.${sql.id(column)}`))
  const statements = [
    sql`DELETE FROM ${stored} s WHERE NOT EXISTS (SELECT FROM ${truth} t WHERE ${sameKey}) RETURNING 1`,
    sql`UPDATE ${stored} s SET ${assignments} FROM ${truth} t
        WHERE ${sameKey} AND ROW(${columns(values, 's')}) IS DISTINCT FROM ROW(${columns(values, 't')}) RETURNING 1`,
    sql`INSERT INTO ${stored} (${all}) SELECT ${all} FROM ${truth} t
        WHERE NOT EXISTS (SELECT FROM ${stored} s WHERE ${sameKey}) ORDER BY ${order ?? columns(keys)} RETURNING 1`,
  ]
  let rowCount = 0
  for (const statement of statements) {
    const { rows } = await sql<{ written: number }>`
      WITH written AS (${statement}) SELECT count(*) AS written FROM written`.execute(tx.q)
    rowCount += rows[0]!.written
  }
  return rowCount
}
