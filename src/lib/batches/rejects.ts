/** The rejects of a batch: records that are no events, kept with their address and their untouched bytes. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { sql } from 'kysely'
import { from as copyFrom } from 'pg-copy-streams'
import type { Reject, RejectCode } from '../core/event.js'
import type { Session, Transaction } from '../db/connect.js'
import { copyHeader, copyTrailer } from '../db/copy-in.js'

/** A batch that failed keeps so many rejects, the first of the file: enough to see what is wrong with it. */
export const failedBatchKeepsRejects = 1_000

/**
 * Stores rejects. They are copied in the binary format: their bytes go as they are, and each costs no memory of its own.
 *
 * @param rejects none of them stored already
 */
export async function keepRejects(
  tx: Transaction,
  batchId: number,
  rejects: Iterable<Reject> & { readonly length: number },
): Promise<void> {
  if (rejects.length === 0) return
  const text = sql`COPY ${tx.t.rejected_records} (batch_id, record, line, byte_offset, code, detail, raw) FROM STDIN (FORMAT binary)`
  const copy = tx.client.query(copyFrom(text.compile(tx.q).sql))
  // A page at a time: what waits in a stream is memory that a chunk of nothing but rejects would fill.
  await pipeline(Readable.from(copyRows(batchId, rejects), { highWaterMark: 1 }), copy)
}

const pageBytes = 64 * 1024
/** Of a row without its texts and bytes: the number of its fields, their lengths, four numbers. */
const rowBytes = 2 + 7 * 4 + 4 * 8

function* copyRows(batchId: number, rejects: Iterable<Reject>): Generator<Buffer> {
  let page = Buffer.allocUnsafe(pageBytes)
  let at = copyHeader.copy(page)
  const text = (value: string) => {
    const bytes = page.write(value, at + 4)
    at = page.writeInt32BE(bytes, at) + bytes
  }
  for (const { record, line, byteOffset, code, detail, raw } of rejects) {
    // A character takes three bytes at most.
    const needed = rowBytes + 3 * (code.length + (detail?.length ?? 0))
    if (at + needed + raw.length > page.length) {
      yield page.subarray(0, at)
      page = Buffer.allocUnsafe(Math.max(pageBytes, needed + raw.length))
      at = 0
    }
    at = page.writeInt16BE(7, at)
    for (const number of [batchId, record, line, byteOffset]) {
      at = page.writeInt32BE(8, at)
      at = page.writeInt32BE(Math.floor(number / 2 ** 32), at)
      at = page.writeUInt32BE(number % 2 ** 32, at)
    }
    text(code)
    if (detail === undefined) at = page.writeInt32BE(-1, at)
    else text(detail)
    at = page.writeInt32BE(raw.length, at)
    at += raw.copy(page, at)
  }
  yield Buffer.concat([page.subarray(0, at), copyTrailer])
}

/** Removes all but the first rejects of a batch that failed. */
export async function keepFirstRejects(tx: Transaction, batchId: number): Promise<void> {
  await sql`
    DELETE FROM ${tx.t.rejected_records}
     WHERE batch_id = ${batchId}
       AND record > (SELECT record FROM ${tx.t.rejected_records} WHERE batch_id = ${batchId}
                      ORDER BY record OFFSET ${failedBatchKeepsRejects - 1} LIMIT 1)`.execute(tx.q)
}

/**
 * The rejects of a batch in the order of its file, a page at a time.
 *
 * @param page.after only records after this one
 * @param page.limit at most so many
 */
export async function listRejects(
  db: Session,
  batchId: number,
  page: { after?: number; limit: number },
): Promise<Reject[]> {
  const { rows } = await sql<Omit<Reject, 'detail'> & { detail: string | null }>`
    SELECT record, line, byte_offset AS "byteOffset", code, detail, raw FROM ${db.t.rejected_records}
     WHERE batch_id = ${batchId} AND record > ${page.after ?? 0} ORDER BY record LIMIT ${page.limit}`.execute(db.q)
  return rows.map(({ detail, ...reject }) => ({ ...reject, detail: detail ?? undefined }))
}

/**
 * All rejects of a batch, in the order of its file, at flat memory.
 *
 * @param after only records after this one
 */
export async function* eachReject(db: Session, batchId: number, pageSize = 200, after = 0): AsyncGenerator<Reject> {
  for (;;) {
    const page = await listRejects(db, batchId, { after, limit: pageSize })
    yield* page
    if (page.length < pageSize) return
    after = page.at(-1)!.record
  }
}

/** The rejects of a batch among `records` records from `first` on. */
export async function* rejectsBetween(
  db: Session,
  batchId: number,
  first: number,
  records: number,
): AsyncGenerator<Reject> {
  for await (const reject of eachReject(db, batchId, 200, first - 1)) {
    if (reject.record >= first + records) return
    yield reject
  }
}

/** How many rejects are kept of each code. */
export async function countRejectCodes(db: Session, batchId: number): Promise<Map<RejectCode, number>> {
  const { rows } = await sql<{ code: RejectCode; n: number }>`
    SELECT code, count(*) AS n FROM ${db.t.rejected_records} WHERE batch_id = ${batchId}
     GROUP BY code ORDER BY n DESC, code COLLATE "C"`.execute(db.q)
  return new Map(rows.map((row) => [row.code, row.n]))
}
