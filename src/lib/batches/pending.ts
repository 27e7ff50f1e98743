/**
 * Events that came over HTTP while a batch was loading that owns their ids. Nobody could say yet whether they are
 * duplicates: the transaction that ends that batch decides, in the order in which they came.
 */
import { sql } from 'kysely'
import { failpoint } from '../core/failpoint.js'
import type { Transaction } from '../db/connect.js'
import { bumpDataVersion } from '../db/data-version.js'
import { addDelta } from '../rollups/add.js'
import { prepareDeltaOf } from '../rollups/delta.js'
import { differingFields, keptDifferences } from './differences.js'

/** Which of these batches events wait for. */
export async function ownersOfPending(tx: Transaction, batchIds: readonly number[]): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    SELECT DISTINCT owner_id AS id FROM ${tx.t.pending_events} WHERE owner_id = ANY (${batchIds}::bigint[])`.execute(
    tx.q,
  )
  return rows.map(({ id }) => id)
}

/**
 * The batch has completed: what waited for it is a duplicate of its events. The caller holds the visibility lock.
 *
 * ```sql
 * WITH decided AS (DELETE FROM pending_events WHERE owner_id = $1 RETURNING batch_id, …),
 *   compared AS MATERIALIZED (SELECT d.batch_id, d.event_id, … AS fields FROM decided d LEFT JOIN events e …),
 *   named AS (INSERT INTO differing_duplicates …),
 *   counted AS (SELECT batch_id, count(*) AS n, … FROM compared GROUP BY batch_id),
 *   booked AS (UPDATE import_batches b SET read = b.read + c.n, duplicates = …),
 *   leaning AS (INSERT INTO import_overlaps AS o …)
 * SELECT coalesce(sum(n), 0)::bigint AS n FROM counted
 * ```
 *
 * @returns how many events were decided
 */
export async function decideAsDuplicates(tx: Transaction, ownerId: number): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    WITH decided AS (
      DELETE FROM ${tx.t.pending_events} WHERE owner_id = ${ownerId}
      RETURNING batch_id, event_id, occurred_at, user_id, event_type, properties
    ),
    ${comparedSql(tx)},
    counted AS (
      SELECT batch_id, count(*) AS n, count(*) FILTER (WHERE fields <> '{}') AS differing FROM compared GROUP BY batch_id
    ),
    booked AS (
      UPDATE ${tx.t.import_batches} b
         SET read = b.read + c.n, duplicates = b.duplicates + c.n, differing = b.differing + c.differing
        FROM counted c WHERE b.id = c.batch_id
    ),
    leaning AS (
      INSERT INTO ${tx.t.import_overlaps} AS o (batch_id, owner_id, duplicates)
      SELECT batch_id, ${ownerId}::bigint, n FROM counted
      ON CONFLICT ON CONSTRAINT import_overlaps_pkey DO UPDATE SET duplicates = o.duplicates + excluded.duplicates
    )
    SELECT coalesce(sum(n), 0)::bigint AS n FROM counted`.execute(tx.q)
  return rows[0]!.n
}

/**
 * The batch is gone and its events with it: what waited for it is stored, the first one of each id. The caller holds
 * the visibility lock and has removed the events in this transaction.
 *
 * @returns how many events were decided
 */
export async function storePending(tx: Transaction, ownerId: number): Promise<number> {
  const waiting = await sql`SELECT FROM ${tx.t.pending_events} WHERE owner_id = ${ownerId} LIMIT 1`.execute(tx.q)
  if (waiting.rows.length === 0) return 0
  await sql`CREATE TEMP TABLE ea_stored (user_id text COLLATE "C", event_type text COLLATE "C", occurred_at timestamptz,
    properties jsonb, event_id uuid, batch_id bigint) ON COMMIT DROP`.execute(tx.q)
  await sql`
    WITH ins AS (
      INSERT INTO ${tx.t.events} (event_id, occurred_at, batch_id, user_id, event_type, properties)
      SELECT DISTINCT ON (event_id) event_id, occurred_at, batch_id, user_id, event_type, properties
        FROM ${tx.t.pending_events} WHERE owner_id = ${ownerId} ORDER BY event_id, id
      ON CONFLICT ON CONSTRAINT events_pkey DO NOTHING
      RETURNING user_id, event_type, occurred_at, properties, event_id, batch_id
    )
    INSERT INTO pg_temp.ea_stored SELECT * FROM ins`.execute(tx.q)
  failpoint('pending.stored')
  const decided = await bookStored(tx, ownerId)
  await prepareDeltaOf(tx, sql`pg_temp.ea_stored`)
  await addDelta(tx)
  await bumpDataVersion(tx)
  return decided
}

/** What was decided, held against the stored events; what differs is named, without its place in a request. */
const comparedSql = (tx: Transaction) => sql`compared AS MATERIALIZED (
      SELECT d.batch_id, d.event_id, ${differingFields('d', 'e')} AS fields
        FROM decided d LEFT JOIN ${tx.t.events} e ON e.event_id = d.event_id
    ),
    named AS (
      INSERT INTO ${tx.t.differing_duplicates} (batch_id, event_id, fields)
      SELECT batch_id, event_id, fields FROM compared WHERE fields <> '{}' LIMIT ${sql.lit(keptDifferences)}
    )`

/**
 * Books what became of each waiting event with its batch: stored, or a duplicate of one that came before it.
 *
 * ```sql
 * WITH decided AS (DELETE FROM pending_events WHERE owner_id = $1 RETURNING batch_id, …),
 *   compared AS MATERIALIZED …, named AS …,
 *   stored AS (SELECT batch_id, count(*) AS n FROM pg_temp.ea_stored GROUP BY batch_id),
 *   counted AS (SELECT d.batch_id, count(*) AS n, coalesce(max(s.n), 0) AS inserted, … FROM compared d LEFT JOIN stored s …),
 *   booked AS (UPDATE import_batches b SET read = b.read + c.n, inserted = b.inserted + c.inserted, …),
 *   leaning AS (INSERT INTO import_overlaps AS o …)
 * SELECT coalesce(sum(n), 0)::bigint AS n FROM counted
 * ```
 */
async function bookStored(tx: Transaction, ownerId: number): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    WITH decided AS (
      DELETE FROM ${tx.t.pending_events} WHERE owner_id = ${ownerId}
      RETURNING batch_id, event_id, occurred_at, user_id, event_type, properties
    ),
    ${comparedSql(tx)},
    stored AS (SELECT batch_id, count(*) AS n FROM pg_temp.ea_stored GROUP BY batch_id),
    counted AS (
      SELECT d.batch_id, count(*) AS n, coalesce(max(s.n), 0) AS inserted,
             count(*) FILTER (WHERE fields <> '{}') AS differing
        FROM compared d LEFT JOIN stored s ON s.batch_id = d.batch_id GROUP BY d.batch_id
    ),
    booked AS (
      UPDATE ${tx.t.import_batches} b
         SET read = b.read + c.n, inserted = b.inserted + c.inserted, duplicates = b.duplicates + c.n - c.inserted,
             differing = b.differing + c.differing
        FROM counted c WHERE b.id = c.batch_id
    ),
    leaning AS (
      INSERT INTO ${tx.t.import_overlaps} AS o (batch_id, owner_id, duplicates)
      SELECT d.batch_id, e.batch_id, count(*)
        FROM decided d JOIN ${tx.t.events} e ON e.event_id = d.event_id
       WHERE e.batch_id <> d.batch_id GROUP BY d.batch_id, e.batch_id
      ON CONFLICT ON CONSTRAINT import_overlaps_pkey DO UPDATE SET duplicates = o.duplicates + excluded.duplicates
    )
    SELECT coalesce(sum(n), 0)::bigint AS n FROM counted`.execute(tx.q)
  return rows[0]!.n
}
