/** Content in, batch and events out: imports a text through the public function and reads back what is stored. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { eachReject } from '../../src/lib/batches/rejects.js'
import type { Reject, RejectCode } from '../../src/lib/core/event.js'
import type { Database } from '../../src/lib/db/connect.js'
import { importFiles } from '../../src/lib/import/import.js'
import type { FileOutcome, ImportOptions } from '../../src/lib/import/options.js'
import { withScratchFolder } from '../support/temp-dir.js'

export interface StoredEvent {
  readonly event_id: string
  /** `2025-01-31T10:20:30.000000`, in UTC. */
  readonly occurred_at: string
  readonly user_id: string
  readonly event_type: string
  /** As the text that PostgreSQL makes of it. */
  readonly properties: string
}

export interface Imported {
  readonly outcome: FileOutcome
  readonly rejects: readonly Reject[]
  /** In the order of their ids. */
  readonly events: readonly StoredEvent[]
}

/** As many rejects as there are. */
const anyRejects = { maxRejects: { percent: 100 } }

/**
 * Empties the database, imports one content and reads back all there is. Rejects are allowed unless `options` say
 * otherwise.
 *
 * @param name of the file: its ending counts
 */
export async function importInto(
  db: Database,
  content: string | Buffer,
  options: ImportOptions = {},
  name = 'events.csv',
): Promise<Imported> {
  await empty(db)
  return withScratchFolder(async (folder) => {
    const path = join(folder, name)
    await writeFile(path, content)
    return importPath(db, path, options)
  })
}

/** Imports a file and reads back all there is. */
export async function importPath(db: Database, path: string, options: ImportOptions = {}): Promise<Imported> {
  const { files } = await importFiles(db, [path], { ...anyRejects, ...options })
  const outcome = files[0]!
  const rejects: Reject[] = []
  if (outcome.id !== null) for await (const reject of eachReject(db, outcome.id)) rejects.push(reject)
  return { outcome, rejects, events: await storedEvents(db) }
}

export async function storedEvents(db: Database): Promise<StoredEvent[]> {
  const { rows } = await sql<StoredEvent>`
    SELECT event_id::text, to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') AS occurred_at,
           user_id, event_type, properties::text
      FROM ${db.t.events} ORDER BY event_id`.execute(db.q)
  return rows
}

/** Removes all batches and all events. */
export async function empty(db: Database): Promise<void> {
  const { events, import_batches, user_days, days, event_type_days } = db.t
  await sql`TRUNCATE ${events}, ${import_batches}, ${user_days}, ${days}, ${event_type_days} CASCADE`.execute(db.q)
}

/** The code of each record of a file, null for an event. */
export function codesOf({ outcome, rejects }: Imported): (RejectCode | null)[] {
  const codes = Array.from<RejectCode | null>({ length: outcome.read }).fill(null)
  for (const { record, code } of rejects) codes[record - 1] = code
  return codes
}

/** A CSV with LF behind each record: null is absent, anything else is quoted. */
export function csvOf(rows: readonly (readonly (string | null)[])[]): string {
  const field = (text: string | null) => (text === null ? '' : `"${text.replaceAll('"', '""')}"`)
  return rows.map((row) => `${row.map(field).join(',')}\n`).join('')
}

export const eventHeader = ['event_id', 'occurred_at', 'user_id', 'event_type', 'properties'] as const
