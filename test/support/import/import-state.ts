/** What a database holds after imports, in a form that two histories with equal results share. */
import { sql } from 'kysely'
import { expect } from 'vitest'
import { openBatchIds } from '../../../src/lib/batches/batches.js'
import { type Database, type Session, withTransaction } from '../../../src/lib/db/connect.js'
import { verifyRollups } from '../../../src/lib/rollups/verify.js'

export interface StoredEvent {
  readonly id: string
  readonly at: string
  readonly user: string
  readonly type: string
  readonly content: number
  readonly batch: number
}

/** The events that count, by id. */
export async function visibleEvents(db: Database): Promise<StoredEvent[]> {
  return withTransaction(
    db,
    async (tx) => {
      const open = await openBatchIds(tx)
      const { rows } = await sql<StoredEvent>`
        SELECT event_id::text AS id, to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at, user_id AS "user",
               event_type AS type, (properties->>'content')::int AS content, batch_id AS batch
          FROM ${tx.t.events} WHERE batch_id <> ALL (${open}::bigint[]) ORDER BY event_id`.execute(tx.q)
      return rows
    },
    { isolation: 'repeatable read', readOnly: true },
  )
}

/** All that imports leave, without times, transaction numbers and the numbers of batches (their order stands for them). */
export async function dump(db: Session): Promise<Record<string, unknown[]>> {
  const { t } = db
  const ordinal = sql`(SELECT count(*) FROM ${t.import_batches} o WHERE o.id <= b.id)::int`
  const of = (table: string, columns: string, order: string) => sql<Record<string, unknown>>`
    SELECT ${ordinal} AS batch, ${sql.raw(columns)} FROM ${sql.id(db.schema, table)} x JOIN ${t.import_batches} b ON b.id = x.batch_id
     ORDER BY ${sql.raw(order)}`
  const queries = {
    events: of('events', 'x.event_id, x.occurred_at, x.user_id, x.event_type, x.properties', 'x.event_id'),
    batches: sql<Record<string, unknown>>`
      SELECT ${ordinal} AS batch, source, file, encode(sha256, 'hex') AS sha256, status, stale, reading, chunk_bytes, read, inserted,
             duplicates, rejected, bytes, failure FROM ${t.import_batches} b ORDER BY 1`,
    chunks: of(
      'import_chunks',
      'x.chunk, x.read, x.inserted, x.duplicates, x.rejected, x.byte_from, x.byte_to, (SELECT coalesce(sum(value::int), 0) FROM jsonb_each_text(x.owners)) AS owned',
      '1, x.chunk',
    ),
    rejects: of('rejected_records', 'x.record, x.line, x.byte_offset, x.code, x.detail, x.raw', '1, x.record'),
    overlaps: of(
      'import_overlaps',
      `x.duplicates, (SELECT count(*) FROM ${db.schema}.import_batches o WHERE o.id <= x.owner_id)::int AS owner`,
      '1, owner',
    ),
    user_days: sql<Record<string, unknown>>`SELECT * FROM ${t.user_days} ORDER BY user_id, day`,
    days: sql<Record<string, unknown>>`SELECT * FROM ${t.days} ORDER BY day`,
    event_type_days: sql<Record<string, unknown>>`SELECT * FROM ${t.event_type_days} ORDER BY day, event_type`,
  }
  const result: Record<string, unknown[]> = {}
  for (const [name, query] of Object.entries(queries)) result[name] = (await query.execute(db.q)).rows
  return result
}

/** What must hold whenever nobody imports: rollups are true, batches add up, nothing is left of those that ended without. */
export async function expectSound(db: Database, options: { loading?: number } = {}): Promise<void> {
  expect(await verifyRollups(db)).toEqual([])
  const { rows } = await sql<Record<string, unknown>>`
    SELECT b.id, b.status, b.read, b.inserted, b.duplicates, b.rejected, e.stored, r.kept
      FROM ${db.t.import_batches} b
      CROSS JOIN LATERAL (SELECT count(*) AS stored FROM ${db.t.events} WHERE batch_id = b.id) e
      CROSS JOIN LATERAL (SELECT count(*) AS kept FROM ${db.t.rejected_records} WHERE batch_id = b.id) r
     WHERE CASE b.status
             WHEN 'completed' THEN b.read <> b.inserted + b.duplicates + b.rejected OR e.stored <> b.inserted OR r.kept <> b.rejected
             WHEN 'loading' THEN false
             ELSE e.stored > 0 END`.execute(db.q)
  expect(rows).toEqual([])
  const orphans = await sql`
    SELECT FROM ${db.t.events} WHERE batch_id NOT IN (SELECT id FROM ${db.t.import_batches}) LIMIT 1`.execute(db.q)
  expect(orphans.rows).toEqual([])
  const { rows: open } = await sql`SELECT id FROM ${db.t.import_batches} WHERE status = 'loading'`.execute(db.q)
  expect(open).toHaveLength(options.loading ?? 0)
  const { rows: holders } = await sql`SELECT doing FROM ${db.t.import_lease}`.execute(db.q)
  expect(holders).toEqual([])
}

/** Empties every table of a test database. */
export async function clear(db: Database): Promise<void> {
  const { events, user_days, days, event_type_days, import_batches, import_lease } = db.t
  // DELETE is faster than TRUNCATE for a handful of rows.
  for (const table of [events, user_days, days, event_type_days, import_batches, import_lease]) {
    await sql`DELETE FROM ${table}`.execute(db.q)
  }
}
