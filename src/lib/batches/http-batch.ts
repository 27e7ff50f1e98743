/**
 * Batches of events that come over HTTP: one per sender and hour, completed from its first commit, its counts growing.
 * The caller holds the visibility lock, so nobody undoes or grows one meanwhile.
 */
import { sql } from 'kysely'
import type { Reject } from '../core/event.js'
import type { Transaction } from '../db/connect.js'
import { type Difference, keepDifferences, keptDifferences } from './differences.js'
import { failedBatchKeepsRejects, keepRejects } from './rejects.js'
import { senderName, senderNote } from './sender.js'

/** What names a batch over HTTP. */
export interface HttpBatchName {
  /** See `senderText`. */
  readonly sender: string
  /** Any instant of the hour in which the events came. */
  readonly receivedAt: Date
}

const hourMs = 3_600_000

/** The batches of these names, made where there are none. In the order of the names. */
export async function httpBatches(tx: Transaction, names: readonly HttpBatchName[]): Promise<number[]> {
  const senders = names.map(({ sender }) => sender)
  const hours = names.map(({ receivedAt }) => new Date(Math.floor(receivedAt.getTime() / hourMs) * hourMs))
  const found = await findHttpBatches(tx, senders, hours)
  if (found.every((id) => id !== null)) return found
  await sql`
    INSERT INTO ${tx.t.import_batches}
           (source, file, sender, hour, status, reading, chunk_bytes, created_at, finished_at)
    SELECT DISTINCT ON (sender, hour) 'http', file, sender, hour, 'completed', reading, 1, hour, clock_timestamp()
      FROM unnest(${senders.map((sender) => `http:${senderName(sender)}`)}::text[], ${senders}::text[],
                  ${hours}::timestamptz[], ${senders.map(readingOf)}::jsonb[]) AS wanted (file, sender, hour, reading)
     ORDER BY sender, hour
    ON CONFLICT (sender, hour) WHERE source = 'http' AND status = 'completed' DO NOTHING`.execute(tx.q)
  return (await findHttpBatches(tx, senders, hours)) as number[]
}

/** How the records of a sender are read, with what tells the sender from others of that name. */
function readingOf(sender: string): string {
  const note = senderNote(sender)
  return JSON.stringify({ format: 'json', ...(note === undefined ? {} : { sender: note }) })
}

async function findHttpBatches(tx: Transaction, senders: readonly string[], hours: readonly Date[]) {
  const { rows } = await sql<{ id: number | null }>`
    SELECT b.id
      FROM unnest(${senders}::text[], ${hours}::timestamptz[]) WITH ORDINALITY AS wanted (sender, hour, nth)
      LEFT JOIN ${tx.t.import_batches} b
             ON b.sender = wanted.sender AND b.hour = wanted.hour AND b.source = 'http' AND b.status = 'completed'
     ORDER BY wanted.nth`.execute(tx.q)
  return rows.map((row) => row.id)
}

/** What one commit adds to a batch. */
export interface BatchIncrement {
  readonly batchId: number
  readonly inserted: number
  readonly duplicates: number
  readonly differing: number
  /** Records that were refused, also those that are not in `rejects`. */
  readonly rejected: number
  readonly bytes: number
  readonly seconds: number
  /** In the order of the records; their numbers are those within the batch's share of this commit, from 1. */
  readonly rejects: readonly Reject[]
  /** The duplicates that differ, numbered alike. */
  readonly differences: readonly Difference[]
  /** How many of the duplicates each other batch owns. */
  readonly owners: ReadonlyMap<number, number>
}

/** What only the commit that grew a batch last can have written there. */
export interface IncrementMark {
  readonly batchId: number
  /** The batch's `finished_at` in microseconds since 1970: a number that may be too long for JavaScript's. */
  readonly grownAtUs: string
}

/**
 * Adds what a commit brought to its batches: counts, the first rejects, and whose events the duplicates are.
 *
 * @returns the mark of one of them; null when there are none
 */
export async function incrementHttpBatches(
  tx: Transaction,
  growths: readonly BatchIncrement[],
): Promise<IncrementMark | null> {
  if (growths.length === 0) return null
  for (const growth of growths) if (growth.rejects.length > 0) await keepSomeRejects(tx, growth)
  for (const growth of growths) if (growth.differences.length > 0) await keepSomeDifferences(tx, growth)
  const column = (key: 'batchId' | 'inserted' | 'duplicates' | 'differing' | 'rejected' | 'bytes' | 'seconds') =>
    growths.map((growth) => growth[key])
  const { rows } = await sql<IncrementMark>`
    UPDATE ${tx.t.import_batches} b
       SET read = b.read + g.inserted + g.duplicates + g.rejected, inserted = b.inserted + g.inserted,
           duplicates = b.duplicates + g.duplicates, differing = b.differing + g.differing, rejected = b.rejected + g.rejected, bytes = b.bytes + g.bytes,
           seconds = round((b.seconds + g.seconds)::numeric, 6), finished_at = clock_timestamp()
      FROM unnest(${column('batchId')}::bigint[], ${column('inserted')}::bigint[], ${column('duplicates')}::bigint[],
                  ${column('differing')}::bigint[], ${column('rejected')}::bigint[], ${column('bytes')}::bigint[], ${column('seconds')}::float8[])
           AS g (id, inserted, duplicates, differing, rejected, bytes, seconds)
     WHERE b.id = g.id
    RETURNING b.id AS "batchId", (extract(epoch FROM b.finished_at) * 1000000)::bigint::text AS "grownAtUs"`.execute(
    tx.q,
  )
  const overlaps = growths.flatMap(({ batchId, owners }) =>
    [...owners].filter(([owner]) => owner !== batchId).map(([owner, n]) => ({ batchId, owner, n })),
  )
  if (overlaps.length > 0) await addOverlaps(tx, overlaps)
  return rows[0]!
}

async function addOverlaps(
  tx: Transaction,
  overlaps: readonly { readonly batchId: number; readonly owner: number; readonly n: number }[],
): Promise<void> {
  await sql`
    INSERT INTO ${tx.t.import_overlaps} AS o (batch_id, owner_id, duplicates)
    SELECT * FROM unnest(${overlaps.map((o) => o.batchId)}::bigint[], ${overlaps.map((o) => o.owner)}::bigint[],
                         ${overlaps.map((o) => o.n)}::bigint[])
    ON CONFLICT ON CONSTRAINT import_overlaps_pkey DO UPDATE SET duplicates = o.duplicates + excluded.duplicates`.execute(
    tx.q,
  )
}

/** Keeps duplicates that differ as long as the batch has few, numbered on from what it has read. */
async function keepSomeDifferences(tx: Transaction, { batchId, differences }: BatchIncrement): Promise<void> {
  const { rows } = await sql<{ read: number; kept: number }>`
    SELECT read, (SELECT count(*) FROM ${tx.t.differing_duplicates} WHERE batch_id = ${batchId}) AS kept
      FROM ${tx.t.import_batches} WHERE id = ${batchId}`.execute(tx.q)
  const { read, kept } = rows[0]!
  const some = differences.slice(0, Math.max(0, keptDifferences - kept))
  await keepDifferences(
    tx,
    batchId,
    some.map((one) => ({ ...one, record: read + one.record!, line: read + one.line! })),
  )
}

/** The longest reject that is kept whole: a batch grows for an hour, and anybody with a key can fill it. */
const keptRejectBytes = 64 * 1024

/** Keeps rejects as long as the batch has few, numbered on from what it has read. */
async function keepSomeRejects(tx: Transaction, { batchId, rejects }: BatchIncrement): Promise<void> {
  const { rows } = await sql<{ read: number; kept: number }>`
    SELECT read, (SELECT count(*) FROM ${tx.t.rejected_records} WHERE batch_id = ${batchId}) AS kept
      FROM ${tx.t.import_batches} WHERE id = ${batchId}`.execute(tx.q)
  const { read, kept } = rows[0]!
  const room = Math.max(0, failedBatchKeepsRejects - kept)
  const some = rejects.slice(0, room).map(
    (reject): Reject => ({
      ...reject,
      record: read + reject.record,
      line: read + reject.record,
      byteOffset: 0,
      raw: reject.raw.subarray(0, keptRejectBytes),
    }),
  )
  await keepRejects(tx, batchId, some)
}
