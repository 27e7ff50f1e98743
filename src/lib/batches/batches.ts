/** The batches of a schema: their rows, and the questions that are asked about them. */
import { sql } from 'kysely'
import { EaError } from '../core/errors.js'
import type { Session } from '../db/connect.js'
import type { BatchSource, BatchStatus } from '../db/tables.js'

/** A batch as people and programs see it. */
export interface Batch {
  readonly id: number
  readonly source: BatchSource
  /** The path as it was given, `-` for stdin, `http:SENDER` for events over HTTP. */
  readonly file: string
  /** Of the decompressed content, in hexadecimal; null while stdin loads, and for events over HTTP. */
  readonly sha256: string | null
  readonly status: BatchStatus
  /** An owner of its duplicates was undone: importing its file again stores what is missing. */
  readonly stale: boolean
  /** How its records were read. */
  readonly reading: Readonly<Record<string, unknown>>
  readonly chunkBytes: number
  readonly read: number
  readonly inserted: number
  readonly duplicates: number
  /** How many of the duplicates have other content than the event that is stored. */
  readonly differing: number
  readonly rejected: number
  readonly bytes: number
  readonly seconds: number
  readonly createdAt: Date
  readonly finishedAt: Date | null
  /** The code of the error that failed it. */
  readonly failure: string | null
}

const columns = sql`id, source, file, encode(sha256, 'hex') AS sha256, status, stale, reading, chunk_bytes AS "chunkBytes",
  read, inserted, duplicates, differing, rejected, bytes, seconds, created_at AS "createdAt", finished_at AS "finishedAt", failure`

/**
 * The batches, newest first.
 *
 * @param filter.limit at most so many; all when absent
 */
export async function listBatches(
  db: Session,
  filter: { status?: BatchStatus | undefined; limit?: number | undefined } = {},
): Promise<Batch[]> {
  const { rows } = await sql<Batch>`
    SELECT ${columns} FROM ${db.t.import_batches}
     WHERE ${filter.status ?? null}::text IS NULL OR status = ${filter.status ?? null}
     ORDER BY id DESC LIMIT ${filter.limit ?? null}`.execute(db.q)
  return rows
}

/**
 * One batch.
 *
 * @throws EaError `batch_not_found`
 */
export async function getBatch(db: Session, id: number): Promise<Batch> {
  const { rows } = await sql<Batch>`SELECT ${columns} FROM ${db.t.import_batches} WHERE id = ${id}`.execute(db.q)
  if (rows[0]) return rows[0]
  throw new EaError('batch_not_found', `There is no batch ${id}.`)
}

/** The completed batch that already holds this content, if one does beside `except` and it is not stale. */
export async function findCompleted(db: Session, sha256: Buffer, except = 0): Promise<Batch | undefined> {
  const { rows } = await sql<Batch>`
    SELECT ${columns} FROM ${db.t.import_batches}
     WHERE sha256 = ${sha256} AND status = 'completed' AND NOT stale AND id <> ${except}
     ORDER BY id DESC LIMIT 1`.execute(db.q)
  return rows[0]
}

/** The batches that an interrupted import left: nobody loads them while the caller holds the lease. */
export async function interruptedBatches(db: Session): Promise<Batch[]> {
  const { rows } = await sql<Batch>`
    SELECT ${columns} FROM ${db.t.import_batches} WHERE status = 'loading' ORDER BY id`.execute(db.q)
  return rows
}

export interface NewBatch {
  readonly source: 'file' | 'stdin'
  readonly file: string
  readonly sha256: Buffer | null
  readonly reading: Readonly<Record<string, unknown>>
  readonly chunkBytes: number
}

/** Begins a batch. */
export async function createBatch(db: Session, batch: NewBatch): Promise<Batch> {
  const { rows } = await sql<Batch>`
    INSERT INTO ${db.t.import_batches} (source, file, sha256, reading, chunk_bytes)
    VALUES (${batch.source}, ${batch.file}, ${batch.sha256}, ${JSON.stringify(batch.reading)}, ${batch.chunkBytes})
    RETURNING ${columns}`.execute(db.q)
  return rows[0]!
}

/** A merged chunk of a batch, as the pipeline needs it to resume. */
export interface MergedChunk {
  readonly chunk: number
  readonly read: number
  readonly inserted: number
  readonly duplicates: number
  readonly differing: number
  readonly rejected: number
  /** Records by the key that stands at their top and, with another value, in their properties. */
  readonly shadowed: Readonly<Record<string, number>>
  readonly byteTo: number
}

export async function mergedChunks(db: Session, batchId: number): Promise<MergedChunk[]> {
  const { rows } = await sql<MergedChunk>`
    SELECT chunk, read, inserted, duplicates, differing, rejected, shadowed, byte_to AS "byteTo"
      FROM ${db.t.import_chunks} WHERE batch_id = ${batchId} ORDER BY chunk`.execute(db.q)
  return rows
}

/** The batches whose duplicates a batch owns, and those that own duplicates of it. */
export interface Overlaps {
  readonly leansOn: readonly { readonly id: number; readonly duplicates: number }[]
  readonly leanedOnBy: readonly { readonly id: number; readonly duplicates: number }[]
}

export async function overlapsOf(db: Session, batchId: number): Promise<Overlaps> {
  const { rows } = await sql<{ id: number; duplicates: number; owner: boolean }>`
    SELECT owner_id AS id, duplicates, true AS owner FROM ${db.t.import_overlaps} WHERE batch_id = ${batchId}
    UNION ALL
    SELECT batch_id, duplicates, false FROM ${db.t.import_overlaps} WHERE owner_id = ${batchId}
    ORDER BY 1`.execute(db.q)
  const side = (owner: boolean) =>
    rows.filter((row) => row.owner === owner).map(({ id, duplicates }) => ({ id, duplicates }))
  return { leansOn: side(true), leanedOnBy: side(false) }
}

/**
 * The batches whose events do not count (yet), read in the same snapshot as the events: stats over `events` leave
 * them out with `batch_id <> ALL($open)`, or without any clause when there are none.
 */
export async function openBatchIds(db: Session): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    SELECT id FROM ${db.t.import_batches} WHERE status = 'loading' ORDER BY id`.execute(db.q)
  return rows.map((row) => row.id)
}
