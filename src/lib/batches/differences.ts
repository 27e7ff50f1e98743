/**
 * Duplicates whose content is another than that of the event that is stored under their id. They are counted as the other
 * duplicates are; the first ones of a batch are kept by name, so that people can see what was not stored.
 */
import { type RawBuilder, sql } from 'kysely'
import type { EventField } from '../core/event.js'
import type { Column, Result } from '../core/result.js'
import type { Session, Transaction } from '../db/connect.js'
import { getBatch } from './batches.js'

/** A batch keeps so many by name, the first of the file. */
export const keptDifferences = 1_000

/** A duplicate that differs. */
export interface Difference {
  /** Counts from 1; null when a later part of the file was merged first and this record lost its place to an earlier one. */
  readonly record: number | null
  readonly line: number | null
  readonly eventId: string
  /** The fields that differ. */
  readonly fields: readonly Exclude<EventField, 'event_id'>[]
}

const compared = ['occurred_at', 'user_id', 'event_type', 'properties'] as const

/**
 * SQL: the fields in which two events differ, text[]; empty when they are equal. Properties are compared as jsonb.
 *
 * @param one what gives the columns of the one, such as a table's alias
 */
export function differingFields(one: string, other: string): RawBuilder<string[]> {
  const differs = compared.map((field) => {
    const [mine, stored] = [sql.ref(`${one}.${field}`), sql.ref(`${other}.${field}`)]
    return sql`CASE WHEN ${mine} <> ${stored} THEN ${sql.lit(field)} END`
  })
  const fields = (relation: string) => sql.join(compared.map((field) => sql.ref(`${relation}.${field}`)))
  // Most are equal: for those no array is made.
  return sql`CASE WHEN (${fields(one)}) = (${fields(other)}) THEN '{}'::text[] ELSE array_remove(ARRAY[${sql.join(differs)}]::text[], NULL) END`
}

/** Keeps duplicates that differ, as many as there is room for when their batch ends. */
export async function keepDifferences(
  tx: Transaction,
  batchId: number,
  differences: readonly Difference[],
): Promise<void> {
  if (differences.length === 0) return
  await sql`
    INSERT INTO ${tx.t.differing_duplicates} (batch_id, record, line, event_id, fields)
    SELECT ${batchId}::bigint, record, line, "eventId", fields
      FROM json_to_recordset(${JSON.stringify(differences.slice(0, keptDifferences))}::json)
           AS d (record bigint, line bigint, "eventId" uuid, fields text[])`.execute(tx.q)
}

/** Removes all but the first of a batch: its chunks kept as many each. */
export async function keepFirstDifferences(tx: Transaction, batchId: number): Promise<void> {
  await sql`
    DELETE FROM ${tx.t.differing_duplicates}
     WHERE batch_id = ${batchId}
       AND coalesce(record, 9223372036854775807) > (
         SELECT coalesce(record, 9223372036854775807) FROM ${tx.t.differing_duplicates} WHERE batch_id = ${batchId}
          ORDER BY record OFFSET ${keptDifferences - 1} LIMIT 1)`.execute(tx.q)
}

export async function dropDifferences(tx: Transaction, batchId: number): Promise<void> {
  await sql`DELETE FROM ${tx.t.differing_duplicates} WHERE batch_id = ${batchId}`.execute(tx.q)
}

/** A duplicate that differs, with the batch that owns the stored event; null when that was undone. */
interface ListedDifference extends Difference {
  readonly owner: number | null
}

/**
 * The kept ones of a batch, in the order of its file.
 *
 * @param limit at most so many
 */
async function listDifferences(db: Session, batchId: number, limit: number): Promise<ListedDifference[]> {
  const { rows } = await sql<ListedDifference>`
    SELECT d.record, d.line, d.event_id AS "eventId", d.fields, e.batch_id AS owner
      FROM ${db.t.differing_duplicates} d LEFT JOIN ${db.t.events} e ON e.event_id = d.event_id
     WHERE d.batch_id = ${batchId} ORDER BY d.record, d.event_id LIMIT ${limit}`.execute(db.q)
  return rows
}

const differenceColumns: readonly Column[] = [
  { name: 'record', kind: 'text' },
  { name: 'line', kind: 'text' },
  { name: 'event_id', kind: 'text' },
  { name: 'differs_in', kind: 'text' },
  { name: 'stored_by_batch', kind: 'text' },
]

/**
 * The first duplicates of a batch that have other content than the stored event; `meta.differing` says how many there are.
 *
 * @throws EaError `batch_not_found`
 */
export async function differencesPage(db: Session, batchId: number): Promise<Result> {
  const { id, duplicates, differing } = await getBatch(db, batchId)
  const listed = await listDifferences(db, id, keptDifferences)
  return {
    metric: 'duplicates',
    columns: differenceColumns,
    data: listed.map(({ record, line, eventId, fields, owner }) => ({
      record,
      line,
      event_id: eventId,
      differs_in: fields.join(', '),
      stored_by_batch: owner,
    })),
    meta: { batch: id, duplicates, differing, listed: listed.length },
  }
}
