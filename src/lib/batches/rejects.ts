/** The rejects of a batch: records that are no events, kept with their address and their untouched bytes. */
import { sql } from 'kysely'
import type { Reject, RejectCode } from '../core/event.js'
import type { Session, Transaction } from '../db/connect.js'

/** A batch that failed keeps so many rejects, the first of the file: enough to see what is wrong with it. */
export const failedBatchKeepsRejects = 1_000

/** Rejects per statement: their bytes travel as parameters. */
const rejectsPerStatement = 1_000

/** Stores rejects; those that are stored already stay as they are. */
export async function keepRejects(tx: Transaction, batchId: number, rejects: Iterable<Reject>): Promise<void> {
  for (const some of pagesOf(rejects, rejectsPerStatement)) {
    const column = <K extends keyof Reject>(key: K) => some.map((reject) => reject[key] ?? null)
    await sql`
      INSERT INTO ${tx.t.rejected_records} (batch_id, record, line, byte_offset, code, detail, raw)
      SELECT ${batchId}::bigint, * FROM unnest(${column('record')}::bigint[], ${column('line')}::bigint[],
        ${column('byteOffset')}::bigint[], ${column('code')}::text[], ${column('detail')}::text[], ${column('raw')}::bytea[])
      ON CONFLICT ON CONSTRAINT rejected_records_pkey DO NOTHING`.execute(tx.q)
  }
}

function* pagesOf<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let page: T[] = []
  for (const item of items) {
    page.push(item)
    if (page.length < size) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
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
 * @param page.after only records behind this one
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
