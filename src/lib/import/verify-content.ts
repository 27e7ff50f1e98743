/**
 * Holds stored events against the file that they came from. The file is read by the strict way, as text that PostgreSQL asks value
 * by value, and not by the kernel or the casts of an import: a fault of those would repeat itself.
 */
import { sql } from 'kysely'
import type { Batch } from '../batches/batch.js'
import { getBatch, listBatches } from '../batches/batches.js'
import { EaError } from '../core/errors.js'
import { type Database, withTransaction } from '../db/connect.js'
import { type StagedOptions, stageForValidation, type ValidationContext } from '../load/load-chunk.js'
import type { Chunk } from '../load/split/chunk.js'
import { validationSql } from '../load/sql/validation-sql.js'
import { staging } from '../load/stage.js'
import { validationContext } from './import-context.js'
import { withReadingDefaults } from './options.js'
import { decideReading, type Reading, readingRecord, sourceOptions } from './reading/parse-options.js'
import { readingDifferences, storedOptions } from './reading/stored-reading.js'
import { keepingArchives } from './source/archive/archive.js'
import { findSources } from './source/find-sources.js'
import { hashFile, type Source, withSource } from './source/source.js'
import { chunksOfSource } from './validate-head.js'

const columns = ['occurred_at', 'user_id', 'event_type', 'properties'] as const

/** A column of an event that is not what the file says. */
interface ContentDifference {
  readonly batch: number
  readonly file: string
  readonly event_id: string
  /** Where the event begins in the file; counts from 1. */
  readonly line: number
  /** `event_id`: the event is missing. */
  readonly column: (typeof columns)[number] | 'event_id'
  readonly stored: string | null
  readonly expected: string
}

/** A batch whose file was read. */
interface VerifiedBatch {
  readonly batch: number
  readonly file: string
  /** How many records were compared, and how many there are. */
  readonly compared: number
  readonly records: number
}

/** A batch that could not be compared. */
interface SkippedBatch {
  readonly batch: number
  readonly file: string
  readonly why: string
}

export interface ContentVerification {
  readonly verified: readonly VerifiedBatch[]
  readonly skipped: readonly SkippedBatch[]
  /** The first ones. */
  readonly content_differences: readonly ContentDifference[]
}

interface VerifyContentOptions {
  /** Every record instead of a sample. */
  readonly all?: boolean
  readonly signal?: AbortSignal
}

const chunkBytes = 256 * 1024
/** A sample is about so many chunks, evenly spread: some 50,000 records. */
const sampledChunks = 40
/** When there are so many, nothing more is looked for. */
const differencesMax = 1_000

/**
 * Compares completed batches with their files.
 *
 * @param paths files of the batches to compare; without any, each batch whose file is where it was
 * @throws EaError `batch_not_found` when a file is not that of a completed batch; those of files that cannot be read
 * @example
 * const { content_differences } = await verifyContent(db, ['events.csv'])
 */
export function verifyContent(
  db: Database,
  paths: readonly string[],
  options: VerifyContentOptions = {},
): Promise<ContentVerification> {
  return keepingArchives(async () => {
    const batches = (await listBatches(db, { status: 'completed' })).filter(({ sha256 }) => sha256 !== null).reverse()
    const verified: VerifiedBatch[] = []
    const skipped: SkippedBatch[] = []
    const differences: ContentDifference[] = []
    const verify = async (batch: Batch, path: string, contentBytes: number) => {
      const found = await verifyBatch(db, batch, path, contentBytes, options)
      if ('why' in found) skipped.push(found)
      else {
        verified.push(found.batch)
        differences.push(...found.differences.slice(0, differencesMax - differences.length))
      }
    }
    if (paths.length > 0) {
      for (const path of await readable(paths)) {
        const { sha256, contentBytes } = await hashFile(path)
        const ofContent = batches.filter((batch) => batch.sha256 === sha256.toString('hex'))
        if (ofContent.length === 0) throw notImported(path)
        for (const batch of ofContent) await verify(batch, path, contentBytes)
      }
    } else {
      for (const batch of batches.filter(({ source }) => source === 'file')) {
        const identity = await hashFile(batch.file).catch(asReason)
        if (typeof identity === 'string') skipped.push({ batch: batch.id, file: batch.file, why: identity })
        else if (identity.sha256.toString('hex') !== batch.sha256) skipped.push(changed(batch, batch.file))
        else await verify(batch, batch.file, identity.contentBytes)
      }
    }
    return { verified, skipped, content_differences: differences }
  })
}

async function readable(paths: readonly string[]): Promise<string[]> {
  const { sources } = await findSources(paths)
  return sources.map((source) => {
    if (typeof source === 'string') return source
    throw source.error
  })
}

function notImported(path: string): EaError {
  return new EaError('batch_not_found', `No completed batch has the content of ${path}.`, {
    suggestions: [`Import it: \`ea import ${path}\`.`],
  })
}

function asReason(error: unknown): string {
  if (error instanceof EaError) return error.message
  throw error
}

const changed = ({ id }: Batch, file: string): SkippedBatch => ({
  batch: id,
  file,
  why: `${file} has another content now.`,
})

type Found = { readonly batch: VerifiedBatch; readonly differences: readonly ContentDifference[] }

async function verifyBatch(
  db: Database,
  batch: Batch,
  path: string,
  contentBytes: number,
  { all = false, signal }: VerifyContentOptions,
): Promise<Found | SkippedBatch> {
  const stride = all ? 1 : Math.max(1, Math.ceil(contentBytes / chunkBytes / sampledChunks))
  const offset = Math.floor(Math.random() * stride)
  const found = new Map<string, ContentDifference[]>()
  let [compared, records] = [0, 0]
  const outcome = await eachChunk(batch, path, async (chunk, context) => {
    signal?.throwIfAborted()
    records += chunk.records
    if (chunk.index % stride !== offset || found.size >= differencesMax) return
    compared += chunk.records
    for (const one of await compare(db, batch, path, chunk, context)) {
      if (!found.has(one.eventId)) found.set(one.eventId, one.differences)
    }
  })
  if (outcome !== undefined) return outcome
  if (found.size > 0 && batch.differing > 0) await keepFirsts(db, batch, path, found)
  // What was undone meanwhile is not a difference.
  const { status } = await getBatch(db, batch.id)
  const differences = status === 'completed' ? [...found.values()].flat() : []
  return { batch: { batch: batch.id, file: path, compared, records }, differences }
}

/** An id may come twice in a file with other values: the event is the first of its records. */
async function keepFirsts(db: Database, batch: Batch, path: string, found: Map<string, ContentDifference[]>) {
  const ids = [...found.keys()]
  const firsts = new Map<string, ContentDifference[]>()
  await eachChunk(batch, path, async (chunk, context) => {
    for (const { eventId, differences } of await compare(db, batch, path, chunk, context, ids)) {
      if (!firsts.has(eventId)) firsts.set(eventId, differences)
    }
  })
  for (const [id, differences] of firsts) found.set(id, differences)
}

/** Reads a file as its batch was read. @returns why that cannot be done */
async function eachChunk(
  batch: Batch,
  path: string,
  work: (chunk: Chunk, context: ValidationContext) => Promise<void>,
): Promise<SkippedBatch | undefined> {
  const options = withReadingDefaults(storedOptions(batch.reading))
  return withSource(path, sourceOptions(options), async (source) => {
    const reading = decideReading(source, options)
    const others = otherReading(batch, reading, source)
    if (others.length > 0) {
      return { batch: batch.id, file: path, why: `It would be read another way now: ${others.join('; ')}.` }
    }
    const context = validationContext(reading, batch.created_at)
    for await (const chunk of chunksOfSource(source, reading, chunkBytes)) {
      await work(chunk, context)
      chunk.release()
    }
    return source.sha256().toString('hex') === batch.sha256 ? undefined : changed(batch, path)
  })
}

const otherReading = (batch: Batch, reading: Reading, source: Source) =>
  readingDifferences(batch.reading, readingRecord(reading, source))

interface Compared {
  readonly eventId: string
  readonly differences: ContentDifference[]
}

interface Row extends Record<(typeof columns)[number], string> {
  readonly n: number
  readonly event_id: string
  readonly stored: Readonly<Record<(typeof columns)[number], string>> | null
}

/**
 * The records of a chunk that are not stored as they are, in their order.
 *
 * @param ids only those of these ids, also when they are stored as they are
 */
async function compare(
  db: Database,
  batch: Batch,
  file: string,
  chunk: Chunk,
  context: ValidationContext,
  ids?: readonly string[],
): Promise<Compared[]> {
  const rows = await withTransaction(db, async (tx) => {
    const options: StagedOptions = await stageForValidation(tx, context, chunk, 'bisect')
    const judged = validationSql(staging, context.rules, { ...options, numbered: true })
    const time = (of: 'v' | 'e') =>
      sql`to_char(${sql.ref(`${of}.occurred_at`)} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
    const { rows } = await sql<Row>`
      SELECT v.n, v.event_id::text, ${time('v')} AS occurred_at, v.user_id, v.event_type, v.properties::text AS properties,
             CASE WHEN e.event_id IS NOT NULL THEN json_build_object('occurred_at', ${time('e')}, 'user_id', e.user_id,
               'event_type', e.event_type, 'properties', e.properties::text) END AS stored
        FROM (${judged}) v LEFT JOIN ${tx.t.events} e ON e.event_id = v.event_id
       WHERE v.code IS NULL AND (e.event_id IS NULL OR e.batch_id = ${batch.id})
         AND CASE WHEN ${ids ?? null}::uuid[] IS NULL
                  THEN (e.occurred_at, e.user_id, e.event_type, e.properties::text)
                       IS DISTINCT FROM (v.occurred_at, v.user_id, v.event_type, v.properties::text)
                  ELSE v.event_id = ANY (${ids ?? null}::uuid[]) END
       ORDER BY v.n LIMIT ${sql.lit(differencesMax)}`.execute(tx.q)
    return rows
  })
  return rows.map(({ n, event_id, stored, ...expected }) => {
    const about = { batch: batch.id, file, event_id, line: chunk.goodRecord(n).line }
    const missing: ContentDifference = { ...about, column: 'event_id', stored: null, expected: event_id }
    const differing = columns
      .filter((column) => stored !== null && stored[column] !== expected[column])
      .map((column) => ({ ...about, column, stored: stored![column], expected: expected[column] }))
    // An undo has taken events away that this batch had as duplicates, and says so.
    return { eventId: event_id, differences: stored === null ? (batch.stale ? [] : [missing]) : differing }
  })
}
