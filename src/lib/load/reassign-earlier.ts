/**
 * The records of a chunk that were passed over because their ids are stored already: whose events those are, in what they
 * differ from them, and which of them come first in the file all the same. Nothing here runs for a chunk of new ids.
 */
import { sql } from 'kysely'
import { type Difference, differingFields, keepDifferences, keptDifferences } from '../batches/differences.js'
import { failpoint } from '../core/failpoint.js'
import type { Transaction } from '../db/connect.js'
import { type ValidationOptions, type ValidationRules, validationSql } from './sql/validation-sql.js'
import { passedTable, staging } from './stage.js'

/** Makes the temp table of the records that a merge passes over. */
export async function createPassed(tx: Transaction): Promise<void> {
  await sql`
    CREATE TEMP TABLE ea_passed (n int, event_id uuid, occurred_at timestamptz, user_id text COLLATE "C",
      event_type text COLLATE "C", properties jsonb, was_stored boolean) ON COMMIT DROP`.execute(tx.q)
}

/** The records of a chunk of new ids that repeat one of it. */
export async function passRepeatsInChunk(
  tx: Transaction,
  rules: ValidationRules,
  options: ValidationOptions,
): Promise<void> {
  await createPassed(tx)
  await sql`
    INSERT INTO ${passedTable}
    SELECT n, event_id, occurred_at, user_id, event_type, properties, false
      FROM (SELECT *, row_number() OVER (PARTITION BY event_id ORDER BY n) AS nth
              FROM (${validationSql(staging, rules, { ...options, numbered: true })}) judged
             WHERE code IS NULL) ranked
     WHERE nth > 1`.execute(tx.q)
}

/** A record that was passed over and differs from the stored event. */
export interface PassedDifference {
  /** Its place among the good records of its chunk, from 1. */
  readonly n: number
  readonly eventId: string
  readonly fields: Difference['fields']
}

export interface ComparisonResult {
  /** For each batch, this one too, how many of the records it owns: not those whose id is new with this chunk. */
  readonly owners: Readonly<Record<string, number>>
  readonly differing: number
  /** The first of them. */
  readonly differences: readonly PassedDifference[]
}

/**
 * Holds the records that were passed over against the stored events. A statement of its own: it must see what others committed.
 *
 * ```sql
 * WITH compared AS MATERIALIZED (
 *     SELECT p.n, p.event_id, p.was_stored, e.batch_id, … AS fields
 *       FROM pg_temp.ea_passed p JOIN events e ON e.event_id = p.event_id)
 * SELECT (SELECT jsonb_object_agg(batch_id, n) FROM …) AS owners, (SELECT count(*) FROM compared WHERE …) AS differing,
 *   (…) AS differences
 * ```
 */
export async function comparePassed(tx: Transaction): Promise<ComparisonResult> {
  const { rows } = await sql<Compared>`
    WITH compared AS MATERIALIZED (
      SELECT p.n, p.event_id, p.was_stored, e.batch_id, ${differingFields('p', 'e')} AS fields
        FROM ${passedTable} p JOIN ${tx.t.events} e ON e.event_id = p.event_id
    )
    SELECT ${comparedSql}`.execute(tx.q)
  return comparisonOf(rows[0]!)
}

/** What `comparedSql` selects. */
export interface Compared {
  readonly owners: Record<string, number> | null
  readonly differing: number
  readonly differences: PassedDifference[] | null
}

/** The columns of a comparison, from `compared (n, event_id, batch_id, was_stored, fields)`. */
export const comparedSql = sql`
  (SELECT jsonb_object_agg(batch_id, n)
     FROM (SELECT batch_id, count(*) AS n FROM compared WHERE was_stored AND batch_id IS NOT NULL GROUP BY batch_id) owned) AS owners,
  (SELECT count(*) FROM compared WHERE fields <> '{}') AS differing,
  (SELECT json_agg(d ORDER BY n)
     FROM (SELECT n, event_id AS "eventId", fields FROM compared WHERE fields <> '{}' ORDER BY n LIMIT ${sql.lit(keptDifferences)}) d) AS differences`

export function comparisonOf({ owners, differing, differences }: Compared): ComparisonResult {
  return { owners: owners ?? {}, differing, differences: differences ?? [] }
}

/**
 * Within a batch the first record in file order wins, although chunks are merged in any order: an event that a later
 * chunk of this batch has stored already is given the content of the first record here, and counted here.
 * The transaction that wrote a row tells its chunk (`import_chunks.merged_by`). One chunk of a batch at a time does this:
 * of two that want the same event the second one must see what the first one did (test/import/robustness/order.proof.test.ts).
 *
 * The later chunk counts its record as a duplicate from then on, which differs when the content does. (What a third chunk
 * counted as differing from the record that was stored before is not looked at again: its content is not known any more.)
 *
 * ```sql
 * WITH later AS MATERIALIZED (SELECT chunk, writer::xid AS writer FROM unnest(…) AS l (chunk, writer)),
 *   mine AS (SELECT DISTINCT ON (event_id) * FROM pg_temp.ea_passed WHERE was_stored ORDER BY event_id, n),
 *   taken AS (UPDATE events e SET … FROM mine, later, events before WHERE … later.writer = e.xmin … RETURNING …),
 *   given_up AS (UPDATE import_chunks c SET inserted = inserted - t.n, … FROM (… FROM taken GROUP BY chunk) t …)
 * SELECT coalesce(sum(n), 0)::int AS taken, (…) AS differences FROM given_up
 * ```
 *
 * @returns how many events were taken from later chunks
 */
export async function reassignEarlier(
  tx: Transaction,
  { batchId, chunk }: { readonly batchId: number; readonly chunk: number },
): Promise<number> {
  if ((await laterChunks(tx, batchId, chunk)).length === 0) return 0
  await sql`SELECT FROM ${tx.t.import_batches} WHERE id = ${batchId} FOR NO KEY UPDATE`.execute(tx.q)
  const later = await laterChunks(tx, batchId, chunk)
  const chunks = later.map((row) => row.chunk)
  const writers = later.map((row) => row.mergedBy)
  const { rows } = await sql<{ taken: number; differences: Omit<PassedDifference, 'n'>[] | null }>`
    WITH later AS MATERIALIZED (
      SELECT chunk, writer::xid AS writer FROM unnest(${chunks}::int[], ${writers}::text[]) AS l (chunk, writer)
    ),
    mine AS (
      SELECT DISTINCT ON (event_id) * FROM ${passedTable} WHERE was_stored ORDER BY event_id, n
    ),
    taken AS (
      UPDATE ${tx.t.events} e
         SET occurred_at = mine.occurred_at, user_id = mine.user_id, event_type = mine.event_type, properties = mine.properties
        FROM mine, later, ${tx.t.events} before
       WHERE e.event_id = mine.event_id AND e.batch_id = ${batchId} AND later.writer = e.xmin
         AND before.event_id = mine.event_id
      RETURNING later.chunk, e.event_id AS "eventId", ${differingFields('mine', 'before')} AS fields
    ),
    given_up AS (
      UPDATE ${tx.t.import_chunks} c
         SET inserted = inserted - t.n, duplicates = duplicates + t.n, differing = c.differing + t.differing
        FROM (SELECT chunk, count(*) AS n, count(*) FILTER (WHERE fields <> '{}') AS differing
                FROM taken GROUP BY chunk) t
       WHERE c.batch_id = ${batchId} AND c.chunk = t.chunk
      RETURNING t.n
    )
    SELECT coalesce(sum(n), 0)::int AS taken,
           (SELECT json_agg(json_build_object('eventId', "eventId", 'fields', fields))
              FROM taken WHERE fields <> '{}') AS differences
      FROM given_up`.execute(tx.q)
  failpoint('merge.taken')
  const { taken, differences } = rows[0]!
  const unplaced = (differences ?? []).map((difference) => ({ ...difference, record: null, line: null }))
  await keepDifferences(tx, batchId, unplaced)
  return taken
}

/** The chunks of a batch that are merged although they come later in the file, with the transactions that did it. */
async function laterChunks(
  tx: Transaction,
  batchId: number,
  chunk: number,
): Promise<{ chunk: number; mergedBy: string }[]> {
  const { rows } = await sql<{ chunk: number; mergedBy: string }>`
    SELECT chunk, merged_by::xid::text AS "mergedBy" FROM ${tx.t.import_chunks}
     WHERE batch_id = ${batchId} AND chunk > ${chunk}`.execute(tx.q)
  return rows
}
