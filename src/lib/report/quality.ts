/** How far the data of a report can be trusted: how new it is, and what became of the records that were read. */
import { sql } from 'kysely'
import { type Clock, freshness, importQuality } from '../checks/evaluate/data-quality.js'
import { type RejectCode, rejectCodes } from '../core/event.js'
import type { ColumnKind } from '../core/result.js'
import type { Session } from '../db/connect.js'
import type { ReportRange } from './range.js'

/** One number about the data, with what it means. */
export interface Quality {
  readonly name: string
  readonly kind: Extract<ColumnKind, 'count' | 'rate' | 'seconds' | 'date' | 'instant'>
  readonly value: number | string | null
  readonly definition: string
}

/** All batches count: as many as there can be. */
const everyBatch = { batches: Number.MAX_SAFE_INTEGER }

/** The numbers, and the reasons of rejects, the most frequent first. */
export async function qualityOf(s: Session, clock: Clock, range: ReportRange): Promise<Quality[]> {
  const ageSeconds = await freshness(s, clock)
  const imports = await importQuality(s, everyBatch)
  const share = (count: number) => (imports.read === 0 ? null : count / imports.read)
  const newest = ageSeconds === null ? null : instantBefore(range.asOf, ageSeconds)
  const reasons = await rejectReasons(s)
  return [
    {
      name: 'Newest event',
      kind: 'instant',
      value: newest,
      definition: 'The newest event that is not later than now.',
    },
    { name: 'Freshness', kind: 'seconds', value: ageSeconds, definition: 'The time since the newest event.' },
    { name: 'First day of the data', kind: 'date', value: range.dataFrom, definition: 'The day of the oldest event.' },
    { name: 'Last day of the data', kind: 'date', value: range.dataUntil, definition: 'The day of the newest event.' },
    { name: 'Batches', kind: 'count', value: imports.batches, definition: 'Completed ones; their events count.' },
    { name: 'Records read', kind: 'count', value: imports.read, definition: 'Of the completed batches.' },
    {
      name: 'Duplicates',
      kind: 'count',
      value: imports.duplicates,
      definition: 'Records whose event was stored already.',
    },
    {
      name: 'Duplicates of all',
      kind: 'rate',
      value: share(imports.duplicates),
      definition: 'As a share of the records read.',
    },
    { name: 'Rejects', kind: 'count', value: imports.rejected, definition: 'Records that are not events.' },
    {
      name: 'Rejects of all',
      kind: 'rate',
      value: share(imports.rejected),
      definition: 'As a share of the records read.',
    },
    ...reasons.map(({ code, count }) => ({
      name: `Rejects: ${code}`,
      kind: 'count' as const,
      value: count,
      definition: rejectCodes[code],
    })),
  ]
}

function instantBefore(asOf: string, seconds: number): string {
  // A Date holds whole milliseconds, "now" has microseconds.
  const micros = Number(/\.\d{3}(\d{3})Z$/.exec(asOf)?.[1] ?? 0)
  return new Date(Math.round(Date.parse(asOf) + micros / 1000 - seconds * 1000)).toISOString()
}

/** Why records of completed batches were rejected. */
async function rejectReasons({ q, t }: Session): Promise<{ code: RejectCode; count: number }[]> {
  const { rows } = await sql<{ code: RejectCode; count: number }>`
    SELECT code, count(*) AS count
    FROM ${t.rejected_records}
    WHERE batch_id IN (SELECT id FROM ${t.import_batches} WHERE status = 'completed' AND rejected > 0)
    GROUP BY code ORDER BY count DESC, code COLLATE "C"`.execute(q)
  return rows
}
