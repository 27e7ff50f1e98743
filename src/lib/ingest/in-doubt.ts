/**
 * A commit whose connection was lost before its end was told: the server is asked, as soon as it can be, how it ended.
 * The number of its transaction is not enough: a server that crashed gives the numbers of what it lost to others. So
 * there must also be what only this commit can have written.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { IncrementMark } from '../batches/http-batch.js'
import { type Database, sqlState } from '../db/connect.js'
import { isUnavailable } from './unavailable.js'

/** What a commit leaves behind. */
export interface CommitTrace {
  /** Its transaction. */
  readonly xid: string
  /** Null when it changed no batch: all that it says was committed by others before. */
  readonly mark: IncrementMark | null
}

/** The server is asked so often, after pauses of 50 ms, 100 ms, …: for two seconds in all. */
const attempts = 8
const pauseMs = 50

/**
 * Whether a commit happened. False also when that cannot be found out: the run may be committed again, because the ids
 * of its events see to it that none is stored twice.
 */
export async function hasCommitted(db: Database, { xid, mark }: CommitTrace): Promise<boolean> {
  if (mark === null) return true
  for (let attempt = 1; attempt <= attempts; attempt++) {
    await sleep(pauseMs * attempt)
    try {
      if (await isInProgress(db, xid)) continue
      // In a statement of its own: it must see what the transaction committed.
      const { rows } = await sql<{ is: boolean }>`
        SELECT EXISTS (
          SELECT FROM ${db.t.import_batches}
           WHERE id = ${mark.batchId} AND (extract(epoch FROM finished_at) * 1000000)::bigint::text = ${mark.grownAtUs}
        ) AS is`.execute(db.q)
      return rows[0]!.is
    } catch (error) {
      if (!isUnavailable(error)) throw error
    }
  }
  return false
}

async function isInProgress(db: Database, xid: string): Promise<boolean> {
  try {
    const { rows } = await sql<{
      status: string | null
    }>`SELECT pg_xact_status(${xid}::text::xid8) AS status`.execute(db.q)
    return rows[0]!.status === 'in progress'
  } catch (error) {
    // A number of the future: it was given before a crash, and what had it is lost.
    if (sqlState(error) === '22023') return false
    throw error
  }
}
