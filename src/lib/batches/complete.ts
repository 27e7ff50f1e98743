/**
 * How a batch that was loading ends: completed (its events count, all at once) or failed (they are removed).
 *
 *   lease ─ createBatch: loading ─ chunks ─ completeBatch: completed ─ undo: undone, or failBatch: failed
 */
import { sql } from 'kysely'
import { EaError } from '../core/errors.js'
import type { Reject } from '../core/event.js'
import { failpoint } from '../core/failpoint.js'
import { type Database, isTransient, type Transaction, withTransaction } from '../db/connect.js'
import { bumpDataVersion, lockVisibilityPatiently } from '../db/data-version.js'
import { addDelta } from '../rollups/add.js'
import type { CountedDays } from '../rollups/counted-days.js'
import { eventsOf, prepareDelta } from '../rollups/delta.js'
import type { Batch } from './batch.js'
import { getBatch } from './batches.js'
import { dropDifferences, keepFirstDifferences } from './differences.js'
import { batchAfterLoss } from './interruption.js'
import { holdLease, type Lease } from './lease.js'
import { decideAsDuplicates, ownersOfPending, storePending } from './pending.js'
import { keepFirstRejects, keepRejects } from './rejects.js'

/** What is known of a content only when all of it was read. */
export interface LoadSummary {
  /** The batch. */
  readonly id: number
  readonly sha256: Buffer
  /** How many chunks the content has: all of them must be merged. */
  readonly chunks: number
  /** Bytes of the decompressed content. */
  readonly bytes: number
  /** Wall time of the import so far. */
  readonly seconds: number
  /** The users and days of its events, as far as they were counted while it was read. */
  readonly days?: CountedDays | undefined
}

/**
 * Makes a batch visible: checks that it adds up, records whose events its duplicates are, refreshes the rollups and
 * sets its status, in one transaction.
 *
 * @throws EaError `accounting_mismatch` when its counts do not add up (a bug); `lease_lost`
 */
export async function completeBatch(db: Database, lease: Lease, loaded: LoadSummary): Promise<Batch> {
  let completed: Batch | undefined
  try {
    await withTransaction(db, async (tx) => {
      await holdLease(tx, lease)
      await completeIn(tx, [loaded])
      completed = await getBatch(tx, loaded.id)
    })
  } catch (error) {
    // A connection that was lost while it committed does not tell what became of it; the batch does.
    if (completed === undefined || !isTransient(error)) throw error
    if ((await batchAfterLoss(db, loaded.id))?.status !== 'completed') throw error
  }
  failpoint('complete.committed')
  return completed!
}

/**
 * The same inside a transaction that also loaded the batches: several of them become visible in one step, and the rollups are
 * refreshed once for all.
 *
 * @param loads at least one, each of another batch
 */
export async function completeIn(tx: Transaction, loads: readonly LoadSummary[]): Promise<void> {
  const ids = loads.map(({ id }) => id)
  const counts = await addUp(tx, ids)
  const delta = await prepareDelta(tx, ids, wholeDays(loads, counts))
  failpoint('complete.prepared')
  const stored = await storedEvents(tx, ids, delta.events)
  for (const [index, { id, chunks }] of loads.entries()) check(id, counts[index]!, stored.get(id) ?? 0, chunks)
  await sql`
    INSERT INTO ${tx.t.import_overlaps} (batch_id, owner_id, duplicates)
    SELECT c.batch_id, owner.key::bigint, sum(owner.value::bigint)
      FROM ${tx.t.import_chunks} c, jsonb_each_text(c.owners) AS owner
     WHERE c.batch_id = ANY (${ids}::bigint[]) GROUP BY c.batch_id, owner.key`.execute(tx.q)
  // Each chunk keeps no more than a batch does.
  const long = counts.filter(({ chunks, differing }) => chunks > 1 && differing > 0)
  for (const { id } of long) await keepFirstDifferences(tx, id)
  await lockVisibilityPatiently(tx)
  failpoint('complete.locked')
  await addDelta(tx)
  for (const owner of await ownersOfPending(tx, ids)) await decideAsDuplicates(tx, owner)
  failpoint('complete.rollups')
  const ended = loads.map(({ sha256, bytes, seconds }, index) => {
    const { id, read, inserted, duplicates, differing, rejected } = counts[index]!
    return { id, sha256: sha256.toString('hex'), bytes, seconds, read, inserted, duplicates, differing, rejected }
  })
  await sql`
    UPDATE ${tx.t.import_batches} b
       SET status = 'completed', sha256 = decode(l.sha256, 'hex'), bytes = l.bytes, seconds = l.seconds, read = l.read,
           inserted = l.inserted, duplicates = l.duplicates, differing = l.differing, rejected = l.rejected,
           finished_at = clock_timestamp()
      FROM json_to_recordset(${JSON.stringify(ended)}::json) AS l (id bigint, sha256 text, bytes bigint, seconds float8,
           read bigint, inserted bigint, duplicates bigint, differing bigint, rejected bigint)
     WHERE b.id = l.id AND b.status = 'loading'`.execute(tx.q)
  await bumpDataVersion(tx)
  failpoint('complete.status')
}

/** What was counted, if that is of each record and each became an event of this batch: others may have been counted and passed over. */
function wholeDays([load, ...others]: readonly LoadSummary[], [counts]: readonly Counts[]): CountedDays | undefined {
  const days = others.length === 0 ? load?.days : undefined
  return days?.events === counts?.read && days?.events === counts?.inserted ? days : undefined
}

/** How many events each batch has in `events`. */
async function storedEvents(tx: Transaction, ids: readonly number[], all: number): Promise<Map<number, number>> {
  if (ids.length === 1) return new Map([[ids[0]!, all]])
  const { rows } = await sql<{ id: number; n: number }>`
    SELECT batch_id AS id, count(*) AS n FROM ${eventsOf(tx, ids)} GROUP BY batch_id`.execute(tx.q)
  return new Map(rows.map(({ id, n }) => [id, n]))
}

interface Counts {
  readonly id: number
  readonly chunks: number
  readonly read: number
  readonly inserted: number
  readonly duplicates: number
  readonly differing: number
  readonly rejected: number
  readonly keptRejects: number
}

/** In the order of the ids. */
async function addUp(tx: Transaction, ids: readonly number[]): Promise<Counts[]> {
  const { rows } = await sql<Counts>`
    SELECT b.id, count(c.chunk) AS chunks, coalesce(sum(read), 0)::bigint AS read,
           coalesce(sum(inserted), 0)::bigint AS inserted, coalesce(sum(duplicates), 0)::bigint AS duplicates,
           coalesce(sum(differing), 0)::bigint AS differing, coalesce(sum(rejected), 0)::bigint AS rejected,
           (SELECT count(*) FROM ${tx.t.rejected_records} r WHERE r.batch_id = b.id) AS "keptRejects"
      FROM unnest(${ids}::bigint[]) WITH ORDINALITY AS b (id, n)
      LEFT JOIN ${tx.t.import_chunks} c ON c.batch_id = b.id
     GROUP BY b.id, b.n ORDER BY b.n`.execute(tx.q)
  return rows
}

function check(batchId: number, counts: Counts, storedEvents: number, chunks: number): void {
  const wrong = [
    counts.chunks !== chunks && `${counts.chunks} of ${chunks} chunks are merged`,
    counts.read !== counts.inserted + counts.duplicates + counts.rejected &&
      `read ${counts.read} is not inserted ${counts.inserted} + duplicates ${counts.duplicates} + rejected ${counts.rejected}`,
    counts.inserted !== storedEvents && `inserted ${counts.inserted}, but ${storedEvents} events are stored`,
    counts.rejected !== counts.keptRejects && `rejected ${counts.rejected}, but ${counts.keptRejects} rejects are kept`,
  ].filter((problem) => problem !== false)
  if (wrong.length > 0) {
    throw new EaError('accounting_mismatch', `Batch ${batchId} does not add up: ${wrong.join('; ')}.`)
  }
}

/** Why and with what counts a batch fails. */
export interface Failure {
  /** The code of the error. */
  readonly code: string
  readonly sha256: Buffer | null
  readonly read: number
  readonly rejected: number
  readonly bytes: number
  readonly seconds: number
  /** The first ones of the file; chunks have stored some of them, and others not, because nothing was merged any more. */
  readonly rejects: readonly Reject[]
}

/** Ends a batch without its events: removes them and keeps its row and its first rejects, so that people can see why. */
export async function failBatch(db: Database, lease: Lease, batchId: number, failure: Failure): Promise<Batch> {
  await withTransaction(db, async (tx) => {
    await holdLease(tx, lease)
    await removeLoading(tx, batchId)
    await failIn(tx, batchId, failure)
  })
  return getBatch(db, batchId)
}

/** The same inside a transaction in which nothing of the batch is stored but its row, and perhaps rejects. */
export async function failIn(tx: Transaction, batchId: number, failure: Failure): Promise<void> {
  const records = failure.rejects.map(({ record }) => record)
  await sql`DELETE FROM ${tx.t.rejected_records} WHERE batch_id = ${batchId} AND record = ANY (${records})`.execute(
    tx.q,
  )
  await keepRejects(tx, batchId, failure.rejects)
  await keepFirstRejects(tx, batchId)
  await sql`
    UPDATE ${tx.t.import_batches}
       SET status = 'failed', failure = ${failure.code}, sha256 = coalesce(${failure.sha256}, sha256), read = ${failure.read},
           inserted = 0, duplicates = 0, rejected = ${failure.rejected}, bytes = ${failure.bytes},
           seconds = ${failure.seconds}, finished_at = clock_timestamp()
     WHERE id = ${batchId} AND status = 'loading'`.execute(tx.q)
}

/** Removes what an interrupted or needless import left: its events never counted, its status becomes `undone`. */
export async function discardBatch(db: Database, lease: Lease, batchId: number): Promise<void> {
  await withTransaction(db, async (tx) => {
    await holdLease(tx, lease)
    await removeLoading(tx, batchId)
    await sql`DELETE FROM ${tx.t.rejected_records} WHERE batch_id = ${batchId}`.execute(tx.q)
    await sql`
      UPDATE ${tx.t.import_batches} SET status = 'undone', finished_at = clock_timestamp()
       WHERE id = ${batchId} AND status = 'loading'`.execute(tx.q)
  })
}

async function removeLoading(tx: Transaction, batchId: number): Promise<void> {
  failpoint('discard.started')
  await sql`DELETE FROM ${tx.t.events} WHERE batch_id = ${batchId}`.execute(tx.q)
  await sql`DELETE FROM ${tx.t.import_chunks} WHERE batch_id = ${batchId}`.execute(tx.q)
  await dropDifferences(tx, batchId)
  failpoint('discard.removed')
  // Its events never counted, but those that came over HTTP meanwhile and had to wait for it do from now on.
  await lockVisibilityPatiently(tx)
  await storePending(tx, batchId)
}
