/** An export as one buffer. */
import type { Database } from '../../src/lib/db/connect.js'
import { exportEvents } from '../../src/lib/export/export.js'

type Given = Parameters<typeof exportEvents>[1]

/** What an export gives, whole. */
export async function exported(
  db: Database,
  given: Given = {},
): Promise<{ text: string; events: number; warnings: readonly string[] }> {
  const pieces: Buffer[] = []
  const result = await exportEvents(db, given, async (piece) => pieces.push(piece))
  return { text: Buffer.concat(pieces).toString('utf8'), ...result }
}

/** The events of an NDJSON export, in the order of their ids. */
export async function exportedEvents(db: Database, given: Given = {}): Promise<Record<string, unknown>[]> {
  const { text, events } = await exported(db, { ...given, format: 'ndjson' })
  const rows = text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
  if (rows.length !== events) throw new Error(`${rows.length} lines, but ${events} events`)
  return rows.toSorted((a, b) => (a.event_id < b.event_id ? -1 : 1))
}
