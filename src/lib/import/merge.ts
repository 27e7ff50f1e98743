/**
 * The merge: staged records that are events go into `events`, sorted by event_id (index locality, and one lock order
 * for all merges); what is already there is a duplicate, what is no event is a reject. One statement does it; only a
 * chunk with duplicates needs a second one, to say whose they are.
 */
import { sql } from 'kysely'
import type { Transaction } from '../db/connect.js'
import type { RejectCode } from '../event.js'
import { failpoint } from '../failpoint.js'
import { type JudgeOptions, type JudgeRules, judgeSql } from './judge.js'
import { staging } from './stage.js'

/** A staged record that is no event. */
export interface Refusal {
  readonly n: number
  readonly code: RejectCode
  readonly detail?: string | undefined
}

export interface Merged {
  readonly inserted: number
  readonly duplicates: number
  readonly refusals: readonly Refusal[]
  /** How many of the duplicates each other batch owns. */
  readonly owners: Readonly<Record<string, number>>
}

/**
 * Merges what is staged.
 *
 * @param chunk which chunk of the batch it is, counted from 0
 * @throws the server's own data error (22xxx, 54xxx) when a record cannot be cast: then judge strictly
 */
export async function mergeStaged(
  tx: Transaction,
  batchId: number,
  chunk: number,
  rules: JudgeRules,
  options: JudgeOptions,
): Promise<Merged> {
  failpoint('merge.started')
  const { rows } = await sql<{ judged: number; inserted: number; ns: number[] | null; codes: RejectCode[] | null }>`
    WITH judged AS MATERIALIZED (${judgeSql(staging, rules, options)}),
    ins AS (
      INSERT INTO ${tx.t.events} (event_id, occurred_at, batch_id, user_id, event_type, properties)
      SELECT DISTINCT ON (event_id) event_id, occurred_at, ${batchId}::bigint, user_id, event_type, properties
        FROM judged WHERE code IS NULL ORDER BY event_id, n
      ON CONFLICT ON CONSTRAINT events_pkey DO NOTHING
      RETURNING true AS new
    ),
    refused AS (SELECT array_agg(n ORDER BY n) AS ns, array_agg(code ORDER BY n) AS codes FROM judged WHERE code IS NOT NULL)
    SELECT (SELECT count(*) FROM judged) AS judged, (SELECT count(*) FROM ins) AS inserted, ns, codes FROM refused`.execute(
    tx.q,
  )
  failpoint('merge.inserted')
  const { judged, inserted, ns, codes } = rows[0]!
  const refusals = (ns ?? []).map((n, index) => ({ n, code: codes![index]! }))
  const duplicates = judged - refusals.length - inserted
  if (duplicates === 0) return { inserted, duplicates, refusals, owners: {} }

  const refused = [...refusals.map((refusal) => refusal.n), ...options.refused]
  const took = await takeBack(tx, batchId, chunk, rules, { ...options, refused })
  return {
    inserted: inserted + took,
    duplicates: duplicates - took,
    refusals,
    owners: await ownersOfDuplicates(tx, batchId, rules, { ...options, refused }),
  }
}

/**
 * Within a batch the first record in file order wins, although chunks are merged in any order: an event that a later
 * chunk of this batch has stored already is given the content of the first record here, and counted here.
 * The transaction that wrote a row tells its chunk (`import_chunks.merged_by`).
 *
 * @returns how many events were taken from later chunks
 */
async function takeBack(
  tx: Transaction,
  batchId: number,
  chunk: number,
  rules: JudgeRules,
  options: JudgeOptions,
): Promise<number> {
  const { rows } = await sql<{ taken: number }>`
    WITH later AS MATERIALIZED (
      SELECT chunk, merged_by::xid AS merged_by FROM ${tx.t.import_chunks} WHERE batch_id = ${batchId} AND chunk > ${chunk}
    ),
    mine AS (
      SELECT DISTINCT ON (event_id) * FROM (${judgeSql(staging, rules, options)}) judged ORDER BY event_id, n
    ),
    taken AS (
      UPDATE ${tx.t.events} e
         SET occurred_at = mine.occurred_at, user_id = mine.user_id, event_type = mine.event_type, properties = mine.properties
        FROM mine, later
       WHERE EXISTS (SELECT FROM later) AND e.event_id = mine.event_id AND e.batch_id = ${batchId} AND later.merged_by = e.xmin
      RETURNING later.chunk
    ),
    given_up AS (
      UPDATE ${tx.t.import_chunks} c SET inserted = inserted - t.n, duplicates = duplicates + t.n
        FROM (SELECT chunk, count(*) AS n FROM taken GROUP BY chunk) t
       WHERE c.batch_id = ${batchId} AND c.chunk = t.chunk
      RETURNING t.n
    )
    SELECT coalesce(sum(n), 0)::int AS taken FROM given_up`.execute(tx.q)
  return rows[0]!.taken
}

/** Which other batches own the events that this chunk's records repeat, with the number of such records. */
async function ownersOfDuplicates(
  tx: Transaction,
  batchId: number,
  rules: JudgeRules,
  options: JudgeOptions,
): Promise<Record<string, number>> {
  const { rows } = await sql<{ owners: Record<string, number> | null }>`
    SELECT jsonb_object_agg(batch_id, n) AS owners
      FROM (
        SELECT e.batch_id, count(*) AS n
          FROM (SELECT event_id FROM (${judgeSql(staging, rules, options)}) judged) mine
          JOIN ${tx.t.events} e ON e.event_id = mine.event_id
         WHERE e.batch_id <> ${batchId}
         GROUP BY e.batch_id
      ) owned`.execute(tx.q)
  return rows[0]!.owners ?? {}
}
