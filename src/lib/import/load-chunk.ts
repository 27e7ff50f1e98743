/**
 * One chunk, one transaction: proves the lease, stages, merges, keeps the rejects and writes the chunk's row. A chunk
 * that is run again (a deadlock, a lost connection, a second process) finds its row and does nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { holdLease, type Lease } from '../batches/lease.js'
import { keepRejects } from '../batches/rejects.js'
import { type Database, isTransient, sqlState, type Transaction, withTransaction } from '../db/connect.js'
import type { Reject } from '../event.js'
import { failpoint } from '../failpoint.js'
import { type JudgeOptions, type JudgeRules, judgeSql } from './judge.js'
import { mergeStaged, type Refusal } from './merge.js'
import type { Chunk } from './split/chunk.js'
import { stageChunk, staging } from './stage.js'

export interface LoadContext {
  readonly db: Database
  readonly lease: Lease
  readonly batchId: number
  readonly rules: JudgeRules
  /** What a time without offset means. */
  readonly timezone: string
  /** Text columns of staging, and how COPY reads them. */
  readonly columns: number
  readonly copyOptions: string
  /** Told about each attempt that is repeated. */
  readonly onRetry?: ((chunk: number, error: unknown) => void) | undefined
  /** Turned on by the first record that cannot be cast: later chunks are then judged strictly at once. */
  strict: boolean
}

export interface ChunkOutcome {
  readonly chunk: number
  readonly read: number
  readonly inserted: number
  readonly duplicates: number
  readonly rejected: number
  /** In the order of the file. Empty when the chunk had been merged before. */
  readonly rejects: readonly Reject[]
}

const attempts = 6

/**
 * Merges a chunk, exactly once.
 *
 * @throws EaError `lease_lost`; the server's error when it is not one that trying again can mend
 */
export async function loadChunk(context: LoadContext, chunk: Chunk): Promise<ChunkOutcome> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await withTransaction(context.db, async (tx) => {
        await holdLease(tx, context.lease)
        const before = await mergedBefore(tx, context.batchId, chunk)
        if (before) return before
        const outcome = await mergeChunk(tx, context, chunk)
        failpoint('chunk.before-commit')
        return outcome
      })
    } catch (error) {
      if (isDataError(error) && !context.strict) context.strict = true
      else if (!isTransient(error) || attempt >= attempts) throw error
      else {
        context.onRetry?.(chunk.index, error)
        await sleep(100 * 2 ** attempt * (0.5 + Math.random()))
      }
    }
  }
}

/** The outcome of a chunk whose transaction committed although nobody heard of it. */
async function mergedBefore(tx: Transaction, batchId: number, chunk: Chunk): Promise<ChunkOutcome | undefined> {
  const { rows } = await sql<Omit<ChunkOutcome, 'rejects'>>`
    SELECT chunk, read, inserted, duplicates, rejected FROM ${tx.t.import_chunks}
     WHERE batch_id = ${batchId} AND chunk = ${chunk.index}`.execute(tx.q)
  return rows[0] && { ...rows[0], rejects: [] }
}

/** Stages and merges a chunk and writes its row and its rejects, inside a transaction that somebody else brackets. */
export async function mergeChunk(tx: Transaction, context: LoadContext, chunk: Chunk): Promise<ChunkOutcome> {
  await prepareSession(tx, context.timezone)
  await stageChunk(tx, chunk, context.columns, context.copyOptions)
  const options = await judgeOptions(tx, context, chunk)
  const merged = await mergeStaged(tx, context.batchId, chunk.index, context.rules, options)
  const rejects = allRejects(chunk, [...merged.refusals, ...options.refusals])
  await keepRejects(tx, context.batchId, rejects)
  const outcome = {
    chunk: chunk.index,
    read: chunk.records,
    inserted: merged.inserted,
    duplicates: merged.duplicates,
    rejected: rejects.length,
    rejects,
  }
  await sql`
    INSERT INTO ${tx.t.import_chunks} (batch_id, chunk, read, inserted, duplicates, rejected, byte_from, byte_to, merged_by, owners)
    VALUES (${context.batchId}, ${chunk.index}, ${outcome.read}, ${outcome.inserted}, ${outcome.duplicates}, ${outcome.rejected},
            ${chunk.byteFrom}, ${chunk.byteTo}, pg_current_xact_id(), ${JSON.stringify(merged.owners)})`.execute(tx.q)
  failpoint('merge.recorded')
  return outcome
}

/** Settings of this transaction only: what a time without offset means, and memory for one chunk's sort. */
export async function prepareSession(tx: Transaction, timezone: string): Promise<void> {
  // A chunk's duplicates are few lookups in a large table: never a reason to read all of it.
  await sql`
    SELECT set_config('TimeZone', ${timezone}, true), set_config('DateStyle', 'ISO, YMD', true),
           set_config('work_mem', '64MB', true), set_config('enable_hashjoin', 'off', true),
           set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)`.execute(tx.q)
}

/** How to judge the staged chunk: fast, or strictly with the records set aside that PostgreSQL refuses all the same. */
export async function judgeOptions(
  tx: Transaction,
  context: Pick<LoadContext, 'rules' | 'strict'>,
  chunk: Chunk,
): Promise<JudgeOptions & { refusals: readonly Refusal[] }> {
  const base = { strict: context.strict, goodBefore: chunk.goodBefore, refused: [] }
  if (!context.strict) return { ...base, refusals: [] }
  const refusals = await findRefused(tx, context.rules, base, [1, chunk.good])
  return { ...base, refused: refusals.map((refusal) => refusal.n), refusals }
}

/** Halves a range until each record that PostgreSQL refuses stands alone. */
async function findRefused(
  tx: Transaction,
  rules: JudgeRules,
  options: JudgeOptions,
  between: readonly [number, number],
): Promise<Refusal[]> {
  const [from, to] = between
  if (from > to) return []
  const state = await refusedState(tx, rules, { ...options, between })
  if (state === undefined) return []
  if (from === to) return [{ n: from, code: 'record_refused', detail: `SQLSTATE ${state}` }]
  const middle = Math.floor((from + to) / 2)
  return [
    ...(await findRefused(tx, rules, options, [from, middle])),
    ...(await findRefused(tx, rules, options, [middle + 1, to])),
  ]
}

/** The SQLSTATE with which PostgreSQL refuses to judge these records, or undefined when it does not. */
async function refusedState(tx: Transaction, rules: JudgeRules, options: JudgeOptions): Promise<string | undefined> {
  await tx.client.query('SAVEPOINT judging')
  try {
    await sql`
      SELECT count(event_id), count(occurred_at), count(properties), count(code)
        FROM (${judgeSql(staging, rules, options)}) judged`.execute(tx.q)
    await tx.client.query('RELEASE SAVEPOINT judging')
    return undefined
  } catch (error) {
    if (!isDataError(error)) throw error
    await tx.client.query('ROLLBACK TO SAVEPOINT judging; RELEASE SAVEPOINT judging')
    return sqlState(error)
  }
}

/** An error that is the fault of a record: 22xxx (data exception), 54xxx (too complex). */
export function isDataError(error: unknown): boolean {
  return /^(22|54)/.test(sqlState(error) ?? '')
}

/** Structural rejects and refused records together, in the order of the file, with their untouched bytes. */
export function allRejects(chunk: Chunk, refusals: readonly Refusal[]): Reject[] {
  const refused = refusals.map(({ n, code, detail }): Reject => ({ ...chunk.goodRecord(n), code, detail }))
  return [...chunk.rejects, ...refused].sort((a, b) => a.record - b.record)
}

/** Splits and judges a chunk without storing anything: what is left of a file when its batch can only fail. */
export async function judgeOnly(context: LoadContext, chunk: Chunk): Promise<ChunkOutcome> {
  try {
    return await withTransaction(context.db, async (tx) => {
      await prepareSession(tx, context.timezone)
      await stageChunk(tx, chunk, context.columns, context.copyOptions)
      const options = await judgeOptions(tx, context, chunk)
      const { rows } = await sql<Refusal>`
        SELECT n, code FROM (${judgeSql(staging, context.rules, options)}) judged WHERE code IS NOT NULL ORDER BY n`.execute(
        tx.q,
      )
      const rejects = allRejects(chunk, [...rows, ...options.refusals])
      return { chunk: chunk.index, read: chunk.records, inserted: 0, duplicates: 0, rejected: rejects.length, rejects }
    })
  } catch (error) {
    if (!isDataError(error) || context.strict) throw error
    context.strict = true
    return judgeOnly(context, chunk)
  }
}
