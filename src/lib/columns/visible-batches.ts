/** Which batches a snapshot sees, and which of them the files of a column store have as they are. */
import { sql } from 'kysely'
import type { Session } from '../db/connect.js'
import type { ColumnFile } from './column-list.js'

export interface VisibleBatch {
  readonly id: number
  readonly events: number
  /**
   * Changes with each change of its events: completing, undoing and growing over HTTP all write the counts and the time. Two
   * batches of one id, in a database that was restored from a copy, differ in their times.
   */
  readonly version: string
}

/** The completed batches that have events, as the snapshot of the session sees them. */
export async function readVisibleBatches({ q, t }: Session): Promise<VisibleBatch[]> {
  const { rows } = await sql<VisibleBatch>`
    SELECT id, inserted AS events,
           concat_ws('-', inserted, (extract(epoch FROM created_at) * 1000000)::bigint,
                     (extract(epoch FROM finished_at) * 1000000)::bigint) AS version
      FROM ${t.import_batches} WHERE status = 'completed' AND inserted > 0 ORDER BY id`.execute(q)
  return rows
}

export interface Coverage {
  /** Of each file the batches that count: they are visible, unchanged, and the files have all of their events. */
  readonly current: ReadonlyMap<ColumnFile, readonly number[]>
  /** The other visible batches. */
  readonly tail: readonly VisibleBatch[]
}

/** What of the visible batches the files have. */
export function coverageOf(files: readonly ColumnFile[], visible: readonly VisibleBatch[]): Coverage {
  const rows = new Map<string, number>()
  const keyOf = ({ id, version }: { id: number; version: string }) => `${id} ${version}`
  for (const file of files) {
    for (const batch of file.batches) rows.set(keyOf(batch), (rows.get(keyOf(batch)) ?? 0) + batch.rows)
  }
  const whole = new Set(visible.filter((batch) => rows.get(keyOf(batch)) === batch.events).map(keyOf))
  return {
    current: new Map(
      files.map((file) => [file, file.batches.filter((batch) => whole.has(keyOf(batch))).map(({ id }) => id)]),
    ),
    tail: visible.filter((batch) => !whole.has(keyOf(batch))),
  }
}
