/**
 * The rollups of properties as a whole: made from all events when somebody asks for one, dropped when nobody wants it any
 * more. What a batch changes of them is the work of add.ts, add-small.ts and remove.ts, as for all events.
 */
import { sql } from 'kysely'
import type { Transaction } from '../../db/connect.js'
import { completedEvents } from '../sql/completed-events.js'
import type { PropertyRollup } from '../sql/on-demand.js'
import { propertyGroupsSql, valuesOf } from '../sql/property-values.js'
import { columns, daySumsSql, neighboursSql, propertyValues } from '../sql/rollup-tables.js'
import { createTableHashed, dropTempTables, tempTable, tuneForBulk } from '../sql/temp-tables.js'

/**
 * Makes `property_user_days` and `property_days` of these rollups anew from the events of completed batches, in one scan
 * of them. The caller holds the visibility lock, in a READ COMMITTED transaction.
 *
 * @example
 * await fillProperties(tx, [{ id: 1, kind: 'property', path: ['country'] }])
 */
export async function fillProperties(tx: Transaction, rollups: readonly PropertyRollup[]): Promise<void> {
  if (rollups.length === 0) return
  await dropProperties(tx, rollups)
  const { user, group, temp } = propertyValues
  const { property_user_days, property_days, settings } = tx.t
  await tuneForBulk(tx)
  await dropTempTables(tx, [temp.groups])
  const zone = sql`(SELECT reporting_tz FROM ${settings})`
  await createTableHashed(tx, temp.groups, propertyGroupsSql(completedEvents(tx), zone, valuesOf(rollups)))
  const all = columns([...user, 'day', 'first_day', 'prev_day', 'events'])
  await sql`
    INSERT INTO ${property_user_days} (${all})
    SELECT ${all} FROM (${neighboursSql(propertyValues, tempTable(temp.groups))}) true_user_days
    ORDER BY ${columns([...user, 'day'])}`.execute(tx.q)
  const key = columns([...group, 'day'])
  await sql`
    INSERT INTO ${property_days} (${key}, active_users, new_users, events)
    ${daySumsSql(propertyValues, sql`${property_user_days} WHERE rollup = ANY (${ids(rollups)}::smallint[])`)}
    ORDER BY ${key}`.execute(tx.q)
}

/**
 * Removes the rows of these rollups. The caller holds the visibility lock.
 *
 * @example
 * await dropProperties(tx, [{ id: 1, kind: 'property', path: ['country'] }])
 */
export async function dropProperties(tx: Transaction, rollups: readonly PropertyRollup[]): Promise<void> {
  for (const table of [tx.t.property_user_days, tx.t.property_days]) {
    await sql`DELETE FROM ${table} WHERE rollup = ANY (${ids(rollups)}::smallint[])`.execute(tx.q)
  }
}

const ids = (rollups: readonly PropertyRollup[]) => rollups.map(({ id }) => id)
