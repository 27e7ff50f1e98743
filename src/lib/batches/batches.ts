/** The batches of a schema: their rows, and the questions that are asked about them. */
import { type RawBuilder, sql } from 'kysely'
import type * as z from 'zod'
import { EaError } from '../core/errors.js'
import type { Result, Row } from '../core/result.js'
import { columnsOf } from '../core/row-schema.js'
import type { Session } from '../db/connect.js'
import { type Batch, type BatchDetail, type BatchStatus, batchSchema, storedBatchSchema } from './batch.js'

/** The columns of a schema, as its JSON has them. */
function columnsFor(schema: z.ZodObject) {
  const read: Readonly<Record<string, RawBuilder<unknown>>> = {
    sha256: sql`encode(sha256, 'hex')`,
    created_at: instantText(sql`created_at`),
    finished_at: instantText(sql`finished_at`),
  }
  return sql.join(Object.keys(schema.shape).map((name) => sql`${read[name] ?? sql.ref(name)} AS ${sql.ref(name)}`))
}

function instantText(column: RawBuilder<unknown>): RawBuilder<string> {
  return sql`to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
}

const columns = columnsFor(storedBatchSchema)
const listedColumns = columnsFor(batchSchema)

interface BatchFilter {
  readonly status?: BatchStatus | undefined
  /** At most so many; all when absent. */
  readonly limit?: number | undefined
}

/** The batches, newest first. */
export async function listBatches(db: Session, filter: BatchFilter = {}): Promise<Batch[]> {
  return (await newestFirst<Batch>(columns, filter, db)).rows
}

function newestFirst<B>(of: RawBuilder<unknown>, { status = undefined, limit = undefined }: BatchFilter, db: Session) {
  return sql<B>`
    SELECT ${of} FROM ${db.t.import_batches}
     WHERE ${status ?? null}::text IS NULL OR status = ${status ?? null}
     ORDER BY id DESC LIMIT ${limit ?? null}`.execute(db.q)
}

/** What a table shows, in its order. */
const shown = [
  'id',
  'created_at',
  'status',
  'stale',
  'read',
  'inserted',
  'duplicates',
  'rejected',
  'bytes',
  'seconds',
  'file',
]
const allColumns = columnsOf(batchSchema)
const shownColumns = shown.map((name) => allColumns.find((column) => column.name === name)!)

/** How many batches are listed by default. */
export const defaultBatches = 50

/**
 * The newest batches as a Result; the rows hold more than a table shows. `meta.more` says whether there are others.
 *
 * @param page.limit at most so many
 * @example
 * const { data, meta } = await batchesPage(db, { status: 'completed', limit: 50 })
 */
export async function batchesPage(
  db: Session,
  { status, limit }: BatchFilter & { readonly limit: number },
): Promise<Result> {
  const { rows } = await newestFirst<Row>(listedColumns, { status, limit: limit + 1 }, db)
  return {
    metric: 'batches',
    columns: shownColumns,
    data: rows.slice(0, limit),
    meta: { status: status ?? null, limit, more: rows.length > limit },
  }
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
  /** Records by the type that one of their values does not have. */
  readonly mistyped: Readonly<Record<string, number>>
  /** Records with local times that the clocks skipped, or showed twice. */
  readonly skippedTimes: number
  readonly repeatedTimes: number
  readonly byteTo: number
}

export async function mergedChunks(db: Session, batchId: number): Promise<MergedChunk[]> {
  const { rows } = await sql<MergedChunk>`
    SELECT chunk, read, inserted, duplicates, differing, rejected, shadowed, mistyped, byte_to AS "byteTo",
           skipped_times AS "skippedTimes", repeated_times AS "repeatedTimes"
      FROM ${db.t.import_chunks} WHERE batch_id = ${batchId} ORDER BY chunk`.execute(db.q)
  return rows
}

/** The batches that own duplicates of a batch, and those whose duplicates it owns. */
export async function overlapsOf(
  db: Session,
  batchId: number,
): Promise<Pick<BatchDetail, 'leans_on' | 'leaned_on_by'>> {
  const { rows } = await sql<{ id: number; duplicates: number; owner: boolean }>`
    SELECT owner_id AS id, duplicates, true AS owner FROM ${db.t.import_overlaps} WHERE batch_id = ${batchId}
    UNION ALL
    SELECT batch_id, duplicates, false FROM ${db.t.import_overlaps} WHERE owner_id = ${batchId}
    ORDER BY 1`.execute(db.q)
  const side = (owner: boolean) =>
    rows.filter((row) => row.owner === owner).map(({ id, duplicates }) => ({ id, duplicates }))
  return { leans_on: side(true), leaned_on_by: side(false) }
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
