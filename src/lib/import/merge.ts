/**
 * The merge: staged records that are events go into `events`, sorted by event_id (index locality, and one lock order
 * for all merges); what is already there is a duplicate, what is no event is a reject. One statement does it; only
 * refused records and ids that were stored before need more, to say why and whose they are.
 *
 * ON CONFLICT looks each id up before it inserts it, a second way down the index. So a chunk is first taken to be new: a
 * plain INSERT, which the primary key ends at the first id that is not, and only then again with ON CONFLICT.
 */
import { type RawBuilder, sql } from 'kysely'
import pg from 'pg'
import type { Transaction } from '../db/connect.js'
import type { RejectCode } from '../event.js'
import { failpoint } from '../failpoint.js'
import { type JudgeOptions, type JudgeRules, judgeSql } from './judge.js'
import { staging } from './stage.js'

/** A staged record that is no event. */
export interface Refusal {
  /** Its place among the good records of its chunk, from 1. */
  readonly n: number
  readonly code: RejectCode
  readonly detail?: string | undefined
}

export interface Merged {
  readonly inserted: number
  readonly duplicates: number
  /** Records that are no events, besides those that were set aside before. */
  readonly refusals: readonly Refusal[]
  /** How many of the duplicates each other batch owns. */
  readonly owners: Readonly<Record<string, number>>
}

/** What is merged where. */
export interface MergeTarget {
  readonly batchId: number
  /** Which chunk of the batch it is, from 0. */
  readonly chunk: number
  /** How many records are staged. */
  readonly staged: number
  /** Whether an id that is stored already is passed over; otherwise it ends the statement (`isRepeatedId`). */
  readonly mayRepeat: boolean
}

/**
 * Merges what is staged.
 *
 * @throws the server's own data error (22xxx, 54xxx) when a record cannot be cast: then judge strictly
 * @throws the server's unique violation when an id is stored already and `mayRepeat` is false: then say true
 */
export async function mergeStaged(
  tx: Transaction,
  target: MergeTarget,
  rules: JudgeRules,
  options: JudgeOptions,
): Promise<Merged> {
  failpoint('merge.started')
  const looked = target.staged - options.refused.length
  if (target.mayRepeat) return mergeRepeating(tx, target, looked, rules, options)
  const { rows } = await sql<{ inserted: number }>`
    WITH ins AS (${insertSql(tx, target.batchId, sql`(${judgeSql(staging, rules, options)})`)} RETURNING true)
    SELECT count(*) AS inserted FROM ins`.execute(tx.q)
  failpoint('merge.inserted')
  const { inserted } = rows[0]!
  if (inserted === looked) return { inserted, duplicates: 0, refusals: [], owners: {} }
  const refusals = await refusedRecords(tx, rules, options)
  // An id that comes twice in this chunk was stored once.
  return { inserted, duplicates: looked - refusals.length - inserted, refusals, owners: {} }
}

/** The records of a relation that are events, of equal ids the first one. */
function insertSql(tx: Transaction, batchId: number, judged: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
      INSERT INTO ${tx.t.events} (event_id, occurred_at, batch_id, user_id, event_type, properties)
      SELECT DISTINCT ON (event_id) event_id, occurred_at, ${batchId}::bigint, user_id, event_type, properties
        FROM ${judged} judged
       WHERE code IS NULL ORDER BY event_id, n`
}

interface Repeating {
  readonly inserted: number
  readonly events: number
  /** The ids that were stored before, as PostgreSQL writes an array; one for each record. */
  readonly repeated: string | null
}

/**
 * The merge of a chunk that repeats ids. The statement itself says which ids it passed over: whoever asks the index again
 * asks it for every record of the chunk.
 */
async function mergeRepeating(
  tx: Transaction,
  target: MergeTarget,
  looked: number,
  rules: JudgeRules,
  options: JudgeOptions,
): Promise<Merged> {
  // NOT IN is hashed; NOT EXISTS would be a join, which must not be hashed in this session (load-chunk.ts).
  const { rows } = await sql<Repeating>`
    WITH judged AS MATERIALIZED (${judgeSql(staging, rules, options)}),
    ins AS (
      ${insertSql(tx, target.batchId, sql`judged`)}
      ON CONFLICT ON CONSTRAINT events_pkey DO NOTHING
      RETURNING event_id
    )
    SELECT (SELECT count(*) FROM ins) AS inserted, count(*) AS events,
           (array_agg(event_id) FILTER (WHERE event_id NOT IN (SELECT event_id FROM ins)))::text AS repeated
      FROM judged WHERE code IS NULL`.execute(tx.q)
  failpoint('merge.inserted')
  const { inserted, events, repeated } = rows[0]!
  const refusals = events === looked ? [] : await refusedRecords(tx, rules, options)
  const duplicates = events - inserted
  if (repeated === null) return { inserted, duplicates, refusals, owners: {} }
  const { [target.batchId]: own, ...owners } = await ownersOf(tx, repeated)
  const took = own === undefined ? 0 : await takeBack(tx, target, repeated, rules, options)
  return { inserted: inserted + took, duplicates: duplicates - took, refusals, owners }
}

/** Whether a merge found an id that is stored already. */
export function isRepeatedId(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '23505' && error.constraint === 'events_pkey'
}

/** The staged records that are no events, in file order. */
export async function refusedRecords(tx: Transaction, rules: JudgeRules, options: JudgeOptions): Promise<Refusal[]> {
  const { rows } = await sql<Refusal>`
    SELECT n, code FROM (${judgeSql(staging, rules, { ...options, numbered: true })}) judged
     WHERE code IS NOT NULL ORDER BY n`.execute(tx.q)
  return rows
}

/**
 * Within a batch the first record in file order wins, although chunks are merged in any order: an event that a later
 * chunk of this batch has stored already is given the content of the first record here, and counted here.
 * The transaction that wrote a row tells its chunk (`import_chunks.merged_by`). One chunk of a batch at a time does this:
 * of two that want the same event the second one must see what the first one did (test/import/order.proof.test.ts).
 *
 * @returns how many events were taken from later chunks
 */
async function takeBack(
  tx: Transaction,
  { batchId, chunk }: MergeTarget,
  repeated: string,
  rules: JudgeRules,
  options: JudgeOptions,
): Promise<number> {
  if ((await laterChunks(tx, batchId, chunk)).length === 0) return 0
  await sql`SELECT FROM ${tx.t.import_batches} WHERE id = ${batchId} FOR NO KEY UPDATE`.execute(tx.q)
  const later = await laterChunks(tx, batchId, chunk)
  const chunks = later.map((row) => row.chunk)
  const writers = later.map((row) => row.mergedBy)
  const { rows } = await sql<{ taken: number }>`
    WITH later AS MATERIALIZED (
      SELECT chunk, writer::xid AS writer FROM unnest(${chunks}::int[], ${writers}::text[]) AS l (chunk, writer)
    ),
    mine AS (
      SELECT DISTINCT ON (event_id) * FROM (${judgeSql(staging, rules, options)}) judged
       WHERE code IS NULL AND event_id = ANY (${repeated}::uuid[]) ORDER BY event_id, n
    ),
    taken AS (
      UPDATE ${tx.t.events} e
         SET occurred_at = mine.occurred_at, user_id = mine.user_id, event_type = mine.event_type, properties = mine.properties
        FROM mine, later
       WHERE e.event_id = mine.event_id AND e.batch_id = ${batchId} AND later.writer = e.xmin
      RETURNING later.chunk
    ),
    given_up AS (
      UPDATE ${tx.t.import_chunks} c SET inserted = inserted - t.n, duplicates = duplicates + t.n
        FROM (SELECT chunk, count(*) AS n FROM taken GROUP BY chunk) t
       WHERE c.batch_id = ${batchId} AND c.chunk = t.chunk
      RETURNING t.n
    )
    SELECT coalesce(sum(n), 0)::int AS taken FROM given_up`.execute(tx.q)
  failpoint('merge.taken')
  return rows[0]!.taken
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

/** Which batches own these events, this one too, with the number of ids. */
async function ownersOf(tx: Transaction, ids: string): Promise<Record<string, number>> {
  const { rows } = await sql<{ owners: Record<string, number> | null }>`
    SELECT jsonb_object_agg(batch_id, n) AS owners
      FROM (
        SELECT e.batch_id, count(*) AS n
          FROM unnest(${ids}::uuid[]) AS id JOIN ${tx.t.events} e ON e.event_id = id
         GROUP BY e.batch_id
      ) owned`.execute(tx.q)
  return rows[0]!.owners ?? {}
}
