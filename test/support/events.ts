/** Events in a test database without the importer: rows of `events`, one batch for each status, rollups rebuilt. */
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { type Database, type Session, withTransaction } from '../../src/lib/db/connect.js'
import { rebuildRollups } from '../../src/lib/rollups/rebuild.js'

export interface GivenEvent {
  /** ISO with an offset. */
  readonly at: string
  readonly user: string
  readonly type?: string
  readonly properties?: Readonly<Record<string, unknown>>
  /** A uuid, where the order of events with equal times matters. */
  readonly id?: string
}

/** Stores events in a batch of their own, and makes the rollups what they must be. */
export async function storeEvents(
  db: Database,
  events: readonly GivenEvent[],
  status: 'completed' | 'loading' = 'completed',
): Promise<void> {
  await withTransaction(db, async (tx) => {
    await storeBatch(tx, events, status)
    await rebuildRollups(tx)
  })
}

/** Stores events in a batch of their own and leaves the rollups as they are; the number of the batch comes back. */
export async function storeBatch(
  { q, t }: Session,
  events: readonly GivenEvent[],
  status: 'completed' | 'loading',
): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    INSERT INTO ${t.import_batches} (source, file, status, reading, chunk_bytes, read, inserted)
    VALUES ('file', 'test', ${status}, '{}', 1, ${events.length}, ${events.length}) RETURNING id`.execute(q)
  const batchId = rows[0]!.id
  const given = events.map(({ at, user, type = 'view', properties = {}, id = randomUUID() }) => ({
    id,
    at,
    user,
    type,
    properties,
  }))
  await sql`
    INSERT INTO ${t.events} (event_id, occurred_at, batch_id, user_id, event_type, properties)
    SELECT id, at, ${batchId}, "user", type, properties
    FROM jsonb_to_recordset(${JSON.stringify(given)}::jsonb)
      AS e(id uuid, at timestamptz, "user" text, type text, properties jsonb)`.execute(q)
  return batchId
}
