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
import { differingFields } from '../batches/differences.js'
import { type RejectCode, rejectCodes } from '../core/event.js'
import { failpoint } from '../core/failpoint.js'
import type { Transaction } from '../db/connect.js'
import {
  type Compared,
  comparedSql,
  comparePassed,
  comparisonOf,
  createPassed,
  type PassedDifference,
  passRepeatsInChunk,
  reassignEarlier,
} from './reassign-earlier.js'
import type { Rows, RowTarget } from './split/chunk.js'
import {
  remarksFlag,
  remarksMax,
  type ValidationOptions,
  type ValidationRules,
  validationSql,
} from './sql/validation-sql.js'
import { copyToEvents, passedTable, stagedRows, stageRows, staging } from './stage.js'

/** A staged record that is no event. */
export interface Rejection {
  /** Its place among the good records of its chunk, from 1. */
  readonly n: number
  readonly code: RejectCode
  readonly detail?: string | undefined
}

/** Refusals in the order of the file. */
export type Rejections = Iterable<Rejection> & { readonly length: number }

/** What is remarkable about the events of a chunk. */
export interface Remarks {
  /** For each key how many records have it at their top and, with another value, in their properties. */
  readonly shadowed: Readonly<Record<string, number>>
  /** For each of `--types` how many records have a value that is not of it. */
  readonly mistyped: Readonly<Record<string, number>>
}

export const noRemarks: Remarks = { shadowed: {}, mistyped: {} }

export interface MergeResult extends Remarks {
  readonly inserted: number
  readonly duplicates: number
  /** How many of the duplicates have other content than the event that is stored. */
  readonly differing: number
  /** The first of them. */
  readonly differences: readonly PassedDifference[]
  /** Records that are no events, besides those that were set aside before. */
  readonly refusals: Rejections
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
  /** An id that is stored already ends the statement (`isRepeatedId`) when `new` ones are expected, and is passed over otherwise. */
  readonly expects: ExpectedIds
}

/** Which ids records are expected to have: new ones, some that are stored already, or nothing else. */
export type ExpectedIds = 'new' | 'repeats' | 'known'

/**
 * Merges what is staged.
 *
 * @throws the server's own data error (22xxx, 54xxx) when a record cannot be cast: then validate in the next mode
 * @throws the server's unique violation when an id is stored already and `new` ones are expected: then say `repeats`
 */
export async function mergeStaged(
  tx: Transaction,
  target: MergeTarget,
  rules: ValidationRules,
  options: ValidationOptions,
): Promise<MergeResult> {
  failpoint('merge.started')
  const looked = target.staged - options.refused.length
  if (target.expects !== 'new') {
    const judged = validationSql(staging, rules, { ...options, numbered: true })
    return mergeRepeating(tx, target, looked, judged, () => rejectedRecords(tx, rules, options))
  }
  const judged = validationSql(staging, rules, { ...options, flagsRemarks: true })
  const { rows } = await sql<{ inserted: number; hasRemarks: boolean }>`
    WITH ins AS (${insertSql(tx, target.batchId, sql`(${judged})`)} RETURNING true)
    SELECT count(*) AS inserted, current_setting(${sql.lit(remarksFlag)}) = '1' AS "hasRemarks" FROM ins`.execute(tx.q)
  failpoint('merge.inserted')
  const { inserted, hasRemarks } = rows[0]!
  const stored = { inserted, owners: {}, ...(hasRemarks ? await remarksOf(tx, rules, options) : noRemarks) }
  if (inserted === looked) return { ...stored, duplicates: 0, differing: 0, differences: [], refusals: [] }
  const refusals = await rejectedRecords(tx, rules, options)
  // An id that comes twice in this chunk was stored once.
  const duplicates = looked - refusals.length - inserted
  if (duplicates === 0) return { ...stored, duplicates, differing: 0, differences: [], refusals }
  await passRepeatsInChunk(tx, rules, options)
  const { differing, differences } = await comparePassed(tx)
  return { ...stored, duplicates, differing, differences, refusals }
}

/**
 * Merges a chunk of plain records: new ids go into `events` as they are, others are merged as those of any chunk.
 *
 * @param rowsOf makes the rows of the chunk
 * @throws the server's data error when properties are no JSON: then the chunk must be staged
 * @throws the server's unique violation when an id is stored already and `new` ones are expected: then say `repeats`
 */
export async function mergePlain(
  tx: Transaction,
  target: MergeTarget,
  rowsOf: (target: RowTarget) => Rows,
): Promise<MergeResult> {
  const { batchId, staged: inserted, expects } = target
  if (expects === 'new') {
    const rows = rowsOf({ kind: 'events', batchId })
    if (rows.repeats === 0) {
      await copyToEvents(tx, rows)
      failpoint('merge.inserted')
      return { inserted, duplicates: 0, differing: 0, differences: [], refusals: [], owners: {}, ...noRemarks }
    }
  }
  await stageRows(tx, rowsOf({ kind: 'staging' }))
  failpoint('merge.started')
  return mergeRepeating(tx, target, target.staged, stagedRows, async () => [])
}

/** To keep the judged records for this would cost every chunk; few have any. */
async function remarksOf(tx: Transaction, rules: ValidationRules, options: ValidationOptions): Promise<Remarks> {
  const { rows } = await sql<Remarks>`
    WITH judged AS (${validationSql(staging, rules, options)}) SELECT ${remarksSql}`.execute(tx.q)
  return rows[0]!
}

/** The records of a relation that are events, of equal ids the first one. */
function insertSql(tx: Transaction, batchId: number, judged: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
      INSERT INTO ${tx.t.events} (event_id, occurred_at, batch_id, user_id, event_type, properties)
      SELECT DISTINCT ON (event_id) event_id, occurred_at, ${batchId}::bigint, user_id, event_type, properties
        FROM ${judged} judged
       WHERE code IS NULL ORDER BY event_id, n`
}

interface Repeating extends Remarks {
  readonly inserted: number
  readonly events: number
}

/**
 * The merge of a chunk that repeats ids, judged as `validated` says. The statement itself says which records it passed over: to
 * ask the index again would be to ask it for every record of the chunk.
 *
 * ```sql
 * WITH judged AS MATERIALIZED (…),
 *   ins AS (INSERT INTO events … ON CONFLICT ON CONSTRAINT events_pkey DO NOTHING RETURNING event_id),
 *   again AS MATERIALIZED (SELECT event_id, min(n) AS n FROM judged … HAVING count(*) > 1),
 *   passed AS (INSERT INTO pg_temp.ea_passed SELECT n, event_id, … FROM judged WHERE code IS NULL AND (…))
 * SELECT (SELECT count(*) FROM ins) AS inserted, count(*) AS events, … FROM judged WHERE code IS NULL
 * ```
 */
async function mergeRepeating(
  tx: Transaction,
  target: MergeTarget,
  looked: number,
  validated: RawBuilder<unknown>,
  rejected: () => Promise<Rejections>,
): Promise<MergeResult> {
  const known = target.expects === 'known' ? await mergeKnown(tx, target, looked, validated, rejected) : undefined
  if (known) return known
  await createPassed(tx)
  // NOT IN is hashed; NOT EXISTS would be a join, which must not be hashed in this session (load-chunk.ts).
  const { rows } = await sql<Repeating>`
    WITH judged AS MATERIALIZED (${validated}),
    ins AS (
      ${insertSql(tx, target.batchId, sql`judged`)}
      ON CONFLICT ON CONSTRAINT events_pkey DO NOTHING
      RETURNING event_id
    ),
    again AS MATERIALIZED (
      SELECT event_id, min(n) AS n FROM judged WHERE code IS NULL GROUP BY event_id HAVING count(*) > 1
    ),
    passed AS (
      INSERT INTO ${passedTable}
      SELECT n, event_id, occurred_at, user_id, event_type, properties, event_id NOT IN (SELECT event_id FROM ins)
        FROM judged
       WHERE code IS NULL
         AND (event_id NOT IN (SELECT event_id FROM ins)
              OR event_id IN (SELECT event_id FROM again) AND n NOT IN (SELECT n FROM again))
    )
    SELECT (SELECT count(*) FROM ins) AS inserted, count(*) AS events, ${remarksSql}
      FROM judged WHERE code IS NULL`.execute(tx.q)
  failpoint('merge.inserted')
  const { inserted, events, shadowed, mistyped } = rows[0]!
  const refusals = events === looked ? [] : await rejected()
  const duplicates = events - inserted
  const stored = { refusals, shadowed, mistyped }
  if (duplicates === 0) return { ...stored, inserted, duplicates, differing: 0, differences: [], owners: {} }
  let compared = await comparePassed(tx)
  const { [target.batchId]: own, ...owners } = compared.owners
  const took = own === undefined ? 0 : await reassignEarlier(tx, target)
  if (took > 0) compared = await comparePassed(tx)
  const { differing, differences } = compared
  return { ...stored, inserted: inserted + took, duplicates: duplicates - took, differing, differences, owners }
}

/**
 * A chunk of which every id is stored already, and none by this batch, needs no merge: one look tells whose its records are and
 * in what they differ.
 *
 * ```sql
 * WITH judged AS … (…),
 *   compared AS MATERIALIZED (SELECT j.n, …, e.batch_id, … AS fields FROM judged j LEFT JOIN events e ON e.event_id = j.event_id WHERE …)
 * SELECT count(*) AS events, count(batch_id) AS known, … FROM compared
 * ```
 *
 * @returns undefined when it is not such a chunk
 */
async function mergeKnown(
  tx: Transaction,
  target: MergeTarget,
  looked: number,
  validated: RawBuilder<unknown>,
  rejected: () => Promise<Rejections>,
): Promise<MergeResult | undefined> {
  const { rows } = await sql<Compared & Remarks & { events: number; known: number }>`
    WITH judged AS ${validated === stagedRows ? sql`NOT MATERIALIZED` : sql`MATERIALIZED`} (${validated}),
    compared AS MATERIALIZED (
      SELECT j.n, j.event_id, e.batch_id, true AS was_stored, ${differingFields('j', 'e')} AS fields
        FROM judged j LEFT JOIN ${tx.t.events} e ON e.event_id = j.event_id WHERE j.code IS NULL
    )
    SELECT count(*) AS events, count(batch_id) AS known, ${comparedSql}, ${remarksSql} FROM compared`.execute(tx.q)
  const { events, known, shadowed, mistyped, ...compared } = rows[0]!
  const { owners, differing, differences } = comparisonOf(compared)
  if (known < events || target.batchId in owners) return undefined
  const refusals = events === looked ? [] : await rejected()
  return { inserted: 0, duplicates: events, owners, differing, differences, refusals, shadowed, mistyped }
}

const counted = (column: 'shadowed' | 'mistyped') => sql`coalesce((
  SELECT json_object_agg(what, n)
    FROM (SELECT what, count(*) AS n FROM judged, unnest(${sql.ref(column)}) AS what
           WHERE code IS NULL AND ${sql.ref(column)} IS NOT NULL
           GROUP BY what ORDER BY n DESC, what LIMIT ${sql.lit(remarksMax)}) counted), '{}')`

/** What is remarkable about the events in `judged`, as two columns. Of many keys the most frequent. */
export const remarksSql = sql`${counted('shadowed')} AS shadowed, ${counted('mistyped')} AS mistyped`

/** Whether a merge found an id that is stored already. */
export function isRepeatedId(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '23505' && error.constraint === 'events_pkey'
}

const codes = Object.keys(rejectCodes) as RejectCode[]

/** Bytes of a run of rejected records: its first `n`, how many there are, the place of their code. */
const runBytes = 10

/** The staged records that are not events. Neighbours with one code come as one run: a chunk may have nothing else. */
export async function rejectedRecords(
  tx: Transaction,
  rules: ValidationRules,
  options: ValidationOptions,
): Promise<Rejections> {
  const { rows } = await sql<{ rejected: number; runs: Buffer | null }>`
    WITH rejected AS (
      SELECT n, array_position(${codes}::text[], code)::int2 AS code
        FROM (${validationSql(staging, rules, { ...options, numbered: true })}) judged
       WHERE code IS NOT NULL
    ),
    numbered AS (SELECT n, code, n - row_number() OVER (PARTITION BY code ORDER BY n) AS run FROM rejected),
    runs AS (SELECT min(n) AS first, count(*)::int AS length, code FROM numbered GROUP BY code, run)
    SELECT coalesce(sum(length), 0) AS rejected,
           string_agg(int4send(first) || int4send(length) || int2send(code), '' ORDER BY first) AS runs
      FROM runs`.execute(tx.q)
  const { rejected, runs } = rows[0]!
  return { length: rejected, [Symbol.iterator]: () => rejectionsIn(runs ?? Buffer.alloc(0)) }
}

function* rejectionsIn(runs: Buffer): Generator<Rejection> {
  for (let at = 0; at < runs.length; at += runBytes) {
    const first = runs.readInt32BE(at)
    const after = first + runs.readInt32BE(at + 4)
    const code = codes[runs.readInt16BE(at + 8) - 1]!
    for (let n = first; n < after; n++) yield { n, code }
  }
}
