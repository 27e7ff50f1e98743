/**
 * The first records of a source as an import validates them: through the same splitter and the same SQL, in a transaction that is
 * rolled back.
 */
import { sql } from 'kysely'
import type { RejectCode } from '../core/event.js'
import { type Database, type Transaction, withTransaction } from '../db/connect.js'
import { rejectsOf } from '../load/chunk-rejects.js'
import { addedClocks, type ClockCounts, noClockCounts } from '../load/clock-changes.js'
import { stageForValidation } from '../load/load-chunk.js'
import type { Chunk } from '../load/split/chunk.js'
import { split } from '../load/split/split.js'
import { mappingSql, wholeSource } from '../load/sql/mapping-sql.js'
import type { StagingLayout } from '../load/sql/staging-columns.js'
import { validationSql } from '../load/sql/validation-sql.js'
import { dropStaging, staging } from '../load/stage.js'
import { validationContext } from './import-context.js'
import type { Reading } from './reading/parse-options.js'
import type { Source } from './source/source.js'

/** Enough for the first records of nearly every source; more chunks are taken where it is not. */
const headChunkBytes = 64 * 1024

/** A record as an import would judge it. */
export interface InspectedRecord {
  /** Counts from 1; the header is not a record. */
  readonly record: number
  /** The line it begins on; counts from 1. */
  readonly line: number
  /** Why it would be rejected; null for an event. */
  readonly code: RejectCode | null
  readonly detail: string | null
  /** The fields as far as they could be read; `occurredAt` in UTC, `properties` as JSON text. */
  readonly eventId: string | null
  readonly occurredAt: string | null
  readonly userId: string | null
  readonly eventType: string | null
  readonly properties: string | null
  readonly raw: Buffer
}

/** What the first records are. */
export interface ValidatedHead {
  readonly records: readonly InspectedRecord[]
  /** Their times as they are given. */
  readonly times: readonly string[]
  /** Of them and those that came with them. */
  readonly clocks: ClockCounts
}

/** Validates the first `wanted` records. */
export async function validateHead(
  db: Database,
  source: Source,
  reading: Reading,
  wanted: number,
): Promise<ValidatedHead> {
  const found: { records: InspectedRecord[]; times: string[]; clocks: ClockCounts } = {
    records: [],
    times: [],
    clocks: noClockCounts,
  }
  await inRolledBack(db, async (tx) => {
    const { rows } = await sql<{ now: Date }>`SELECT clock_timestamp() AS now`.execute(tx.q)
    for await (const chunk of chunksOfSource(source, reading, headChunkBytes)) {
      if (found.records.length >= wanted) break
      const judged = await validateFirst(tx, reading, rows[0]!.now, chunk, wanted - found.records.length)
      for (const record of judged.records) found.records.push(record)
      found.clocks = addedClocks(found.clocks, judged.clocks)
      for (const time of judged.times.slice(0, timeSamplesMax - found.times.length)) found.times.push(time)
    }
  })
  return found
}

/** The chunks of a source for what only looks at it: no reader of plain records, no progress. */
export function chunksOfSource(
  source: Source,
  { shape, dialect, maxRecordBytes }: Reading,
  chunkBytes: number,
): AsyncIterable<Chunk> {
  return split(source.stream(), {
    chunkBytes,
    maxRecordBytes,
    shape,
    poolSize: 1,
    headerBytes: dialect.headerBytes,
    headerLines: dialect.headerLines,
    baseOffset: source.baseOffset,
    places: source.places,
  })
}

class RolledBack extends Error {}

/** Runs `body` in a transaction that never commits. */
async function inRolledBack(db: Database, body: (tx: Transaction) => Promise<void>): Promise<void> {
  try {
    await withTransaction(db, async (tx) => {
      await body(tx)
      throw new RolledBack()
    })
  } catch (error) {
    if (!(error instanceof RolledBack)) throw error
  }
}

/** The first records of a chunk as an import judges them, and the times of all that are staged. */
async function validateFirst(
  tx: Transaction,
  reading: Reading,
  now: Date,
  chunk: Chunk,
  wanted: number,
): Promise<{ records: InspectedRecord[]; times: string[]; clocks: ClockCounts }> {
  const context = validationContext(reading, now)
  const options = await stageForValidation(tx, context, chunk, 'bisect')
  const { rows } = await sql<Omit<InspectedRecord, 'record' | 'line' | 'raw' | 'detail'> & { n: number }>`
    SELECT n, event_id::text AS "eventId", user_id AS "userId", event_type AS "eventType", properties::text AS properties,
           to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "occurredAt", code
      FROM (${validationSql(staging, context.rules, { ...options, numbered: true, between: [1, wanted] })}) judged
     ORDER BY n`.execute(tx.q)
  const times = await timesOf(tx, reading, options.layout)
  await dropStaging(tx)
  const nothing = { eventId: null, occurredAt: null, userId: null, eventType: null, properties: null }
  const judged = rows.map(({ n, ...fields }): InspectedRecord => {
    const { record, line, raw } = chunk.goodRecord(n)
    return { record, line, raw, detail: null, ...fields }
  })
  const rejects = [...rejectsOf(chunk, options.refusals)].map(
    ({ record, line, raw, code, detail }): InspectedRecord => ({
      record,
      line,
      raw,
      code,
      detail: detail ?? null,
      ...nothing,
    }),
  )
  const records = [...judged, ...rejects].sort((a, b) => a.record - b.record).slice(0, wanted)
  return { records, times, clocks: options.clocks }
}

const timeSamplesMax = 200

/** The times of the first staged records as they are given. */
async function timesOf(tx: Transaction, { mapping }: Reading, layout: StagingLayout): Promise<string[]> {
  const { occurredAt } = mappingSql(mapping, layout, wholeSource)
  const document = sql`CASE WHEN pg_input_is_valid(c1, 'jsonb') THEN c1::jsonb END AS c1`
  const { rows } = await sql<{ given: string | null }>`
    SELECT nullif(${occurredAt}, '') AS given
      FROM (SELECT ${layout.kind === 'document' ? document : sql`*`} FROM ${staging} LIMIT ${timeSamplesMax}) s`.execute(
    tx.q,
  )
  return rows.map(({ given }) => given).filter((text) => text !== null)
}
