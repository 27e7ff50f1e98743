/**
 * How a source would be read, and why: what `ea inspect` shows. The first records go through the same splitter and the
 * same SQL judge as in an import, inside a transaction that is rolled back. What fails on the way does not hide what
 * was found before it.
 */
import type { Readable } from 'node:stream'
import { sql } from 'kysely'
import { EaError } from '../core/errors.js'
import type { RejectCode } from '../core/event.js'
import { type Database, type Transaction, withTransaction } from '../db/connect.js'
import { rejectsOf } from '../load/chunk-rejects.js'
import { stageForValidation } from '../load/load-chunk.js'
import type { Mapping } from '../load/mapping/mapping.js'
import { detectTimeFormat, type TimeFormat, type TimeGuess } from '../load/mapping/time-format.js'
import type { Chunk } from '../load/split/chunk.js'
import { split } from '../load/split/split.js'
import { mappingSql, wholeSource } from '../load/sql/mapping-sql.js'
import type { StagingLayout } from '../load/sql/staging-columns.js'
import { validationSql } from '../load/sql/validation-sql.js'
import { dropStaging, staging } from '../load/stage.js'
import { type Dialect, sniff } from './detect/sniff.js'
import { judging } from './import-context.js'
import { importDefaults } from './options.js'
import { asGiven, decideReading, type Reading, type ReadingOptions, sourceOptions } from './parse-options.js'
import { adviceForAll } from './reject-advice.js'
import { type Source, withSource } from './source/source.js'

export interface InspectOptions extends Partial<ReadingOptions> {
  /** How many of the first records are judged; default 5. */
  readonly records?: number
  /** What `-` reads; default standard input. */
  readonly stdin?: Readable
}

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

export interface Inspection {
  readonly file: string
  readonly kind: Source['kind']
  /** Of the file as it lies on disk; null for a stream. */
  readonly diskBytes: number | null
  readonly compression: Source['compression']
  readonly encoding: string
  /** Why it is read like this, in words: first the source, then the format. */
  readonly why: readonly string[]
  /** Null when the format is not recognised. */
  readonly dialect: Dialect | null
  /** Null when the columns cannot be mapped. */
  readonly mapping: Mapping | null
  readonly timezone: string
  readonly timeFormat: TimeFormat
  /** What the times of the first records look like; null when there are none. */
  readonly times: TimeGuess | null
  readonly records: readonly InspectedRecord[]
  /** What may not be as it was meant, in sentences. */
  readonly warnings: readonly string[]
  /** What may help when nearly all of the records that are shown are rejected for one reason. */
  readonly advice: readonly string[]
  /** What stands in the way of an import; null when nothing does as far as can be seen. */
  readonly error: EaError | null
}

export const inspectDefaults = { records: 5 } as const

/** Enough for the first records of nearly every source; more chunks are taken where it is not. */
const chunkBytes = 64 * 1024

/**
 * Looks at a source without importing it.
 *
 * @param path of a file, or `-`
 * @throws EaError of a source that cannot be opened: `file_not_found`, `file_not_readable`, `file_corrupt`, …
 * @example
 * const { mapping, records } = await inspectFile(db, 'events.csv')
 */
export async function inspectFile(db: Database, path: string, options: InspectOptions = {}): Promise<Inspection> {
  const reading = {
    ...options,
    timezone: options.timezone ?? importDefaults.timezone,
    timeFormat: options.timeFormat ?? importDefaults.timeFormat,
    maxRecordBytes: options.maxRecordBytes ?? importDefaults.maxRecordBytes,
  }
  return withSource(path, sourceOptions(options), async (source) => {
    const found: Findings = { dialect: null, mapping: null, times: null, records: [], warnings: [] }
    let stopped: EaError | null = null
    try {
      await look(db, source, reading, options.records ?? inspectDefaults.records, found)
    } catch (error) {
      if (!(error instanceof EaError)) throw error
      stopped = error
    }
    return {
      file: path,
      kind: source.kind,
      diskBytes: source.progress().totalBytes,
      compression: source.compression,
      encoding: source.encoding,
      why: [...source.why, ...(found.dialect?.why ?? [])],
      timezone: reading.timezone,
      timeFormat: reading.timeFormat,
      ...found,
      advice: adviceFor(found.records),
      error: stopped,
    }
  })
}

function adviceFor(records: readonly InspectedRecord[]): readonly string[] {
  const counts = new Map<RejectCode, number>()
  for (const { code } of records) if (code !== null) counts.set(code, (counts.get(code) ?? 0) + 1)
  const reasons = [...counts].map(([code, count]) => ({ code, count })).sort((a, b) => b.count - a.count)
  return adviceForAll(records.length, reasons)
}

/** What is known so far. */
interface Findings {
  dialect: Dialect | null
  mapping: Mapping | null
  times: TimeGuess | null
  records: InspectedRecord[]
  warnings: readonly string[]
}

async function look(
  db: Database,
  source: Source,
  options: ReadingOptions,
  wanted: number,
  found: Findings,
): Promise<void> {
  found.dialect = sniff(source.head, source.headIsAll, asGiven(options), source.name)
  const reading = decideReading(source, options)
  found.mapping = reading.mapping
  found.warnings = reading.namedKeys.warnings
  const times: string[] = []
  await inRolledBack(db, async (tx) => {
    const { rows } = await sql<{ now: Date }>`SELECT clock_timestamp() AS now`.execute(tx.q)
    for await (const chunk of firstChunks(source, reading)) {
      if (found.records.length < wanted) {
        const judged = await judgeFirst(tx, reading, rows[0]!.now, chunk, wanted - found.records.length)
        for (const record of judged.records) found.records.push(record)
        for (const time of judged.times) times.push(time)
      }
      if (found.records.length >= wanted) break
    }
  })
  if (times.length > 0) found.times = detectTimeFormat(times)
  if (reading.namedKeys.idIsMissing) throw reading.namedKeys.idIsMissing.error
}

function firstChunks(source: Source, { shape, dialect, maxRecordBytes }: Reading): AsyncIterable<Chunk> {
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
async function judgeFirst(
  tx: Transaction,
  reading: Reading,
  now: Date,
  chunk: Chunk,
  wanted: number,
): Promise<{ records: InspectedRecord[]; times: string[] }> {
  const context = judging(reading, now)
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
  return { records, times }
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
