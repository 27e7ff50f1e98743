/**
 * One chunk, one transaction: proves the lease, stages, merges, keeps the rejects and writes the chunk's row. A chunk
 * that is run again (a deadlock, a lost connection, a second process) finds its row and does nothing.
 *
 *   chunk of the splitter ─ lease ─ staging (COPY) ─ merge ─ events, duplicates, rejects ─ row of the chunk ─ commit
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type RawBuilder, sql } from 'kysely'
import { type Difference, keepDifferences } from '../batches/differences.js'
import { holdLease, type Lease } from '../batches/lease.js'
import { keepRejects } from '../batches/rejects.js'
import { failpoint } from '../core/failpoint.js'
import { type Database, isTransient, sqlState, type Transaction, withTransaction } from '../db/connect.js'
import { withSavepoint } from '../db/savepoint.js'
import { noRejects, type Rejects, rejectsOf } from './chunk-rejects.js'
import {
  type ClockChanges,
  type ClockCounts,
  clockChanges,
  countOddTimes,
  mayBeOdd,
  noClockCounts,
} from './clock-changes.js'
import {
  type ExpectedIds,
  isRepeatedId,
  type MergeResult,
  type MergeTarget,
  mergePlain,
  mergeStaged,
  noRemarks,
  type Rejection,
  type Remarks,
  rejectedRecords,
} from './merge.js'
import type { PassedDifference } from './reassign-earlier.js'
import type { Chunk, Shape } from './split/chunk.js'
import { stagingLayoutOf } from './sql/staging-columns.js'
import { remarksFlag, type ValidationOptions, type ValidationRules, validationSql } from './sql/validation-sql.js'
import { dropStaging, stageChunk, staging } from './stage.js'

/**
 * How a chunk is validated: `optimistic` lets casts fail, `checked` asks before each cast, `bisect` also searches the records
 * that PostgreSQL refuses all the same. Each is tried when the one before ended in a data error.
 */
export type ValidationMode = 'optimistic' | 'checked' | 'bisect'
const nextMode = { optimistic: 'checked', checked: 'bisect', bisect: undefined } as const

/** What the last records were like: bad ones tend to come together, and so do those that are stored already. */
export interface Escalation {
  /** The mode in which the next ones begin. */
  mode: ValidationMode
  /** How many of the next ones probably have ids that are stored already. */
  expects: ExpectedIds
}

/** What validation needs to know, for an import, a dry run or `ea inspect`. */
export interface ValidationContext extends Escalation {
  readonly rules: ValidationRules
  readonly shape: Shape
  /** Time zone of times without an offset. */
  readonly timezone: string
  readonly copyOptions: string
}

/** How one attempt to load records is made. */
export type Approach = Readonly<Escalation>

export interface LoadContext extends ValidationContext {
  readonly db: Database
  readonly lease: Lease
  readonly batchId: number
  /** Told about each attempt that is repeated. */
  readonly onRetry?: ((chunk: number, error: unknown) => void) | undefined
}

export interface ChunkOutcome extends ClockCounts, Remarks {
  readonly chunk: number
  readonly read: number
  readonly inserted: number
  readonly duplicates: number
  /** How many of the duplicates have other content than the event that is stored. */
  readonly differing: number
  readonly rejected: number
  /** To be gone through before the chunk is released. Empty when the chunk had been merged before. */
  readonly rejects: Rejects
}

const attempts = 6

/**
 * Merges a chunk, exactly once.
 *
 * @throws EaError `lease_lost`; the server's error when it is not one that another try can fix
 */
export async function loadChunk(context: LoadContext, chunk: Chunk): Promise<ChunkOutcome> {
  const { batchId, mode, expects } = context
  // Before anything is waited for: what has read the chunk still holds it.
  if (chunk.isPlain && mode === 'optimistic' && expects === 'new') chunk.rows({ kind: 'events', batchId })
  for (let attempt = 1; ; attempt++) {
    try {
      return await withEscalation(context, (approach) =>
        withTransaction(context.db, async (tx) => {
          await holdLease(tx, context.lease)
          const before = await mergedBefore(tx, context.batchId, chunk)
          if (before) return before
          const outcome = await mergeChunk(tx, context, chunk, approach)
          failpoint('chunk.before-commit')
          return outcome
        }),
      )
    } catch (error) {
      if (!canBeRunAgain(error) || attempt >= attempts) throw error
      context.onRetry?.(chunk.index, error)
      await sleep(100 * 2 ** attempt * (0.5 + Math.random()))
    }
  }
}

/** Splits and judges a chunk without storing anything: what is left of a file when its batch can only fail. */
export async function validateOnly(context: LoadContext, chunk: Chunk): Promise<ChunkOutcome> {
  return withEscalation(context, ({ mode }) =>
    withTransaction(context.db, async (tx) => {
      const options = await stageForValidation(tx, context, chunk, mode)
      const refusals = await rejectedRecords(tx, context.rules, options)
      const rejects = rejectsOf(chunk, refusals, options.refusals)
      const { clocks } = options
      const nothing = { inserted: 0, duplicates: 0, differing: 0, ...noRemarks, ...clocks }
      return { chunk: chunk.index, read: chunk.records, ...nothing, rejected: rejects.length, rejects }
    }),
  )
}

/**
 * Runs `body` in the mode of the last records, and again in the next stricter one after each data error, and after an id
 * that is stored already.
 */
export async function withEscalation<T extends Pick<ChunkOutcome, 'inserted' | 'rejected' | 'duplicates'>>(
  last: Escalation,
  body: (approach: Approach) => Promise<T>,
): Promise<T> {
  let { mode, expects } = last
  for (;;) {
    try {
      const outcome = await body({ mode, expects })
      if (mode !== 'optimistic') last.mode = outcome.rejected > 0 ? mode : 'optimistic'
      const { duplicates, inserted } = outcome
      last.expects = duplicates === 0 ? 'new' : inserted === 0 ? 'known' : 'repeats'
      return outcome
    } catch (error) {
      const next = nextMode[mode]
      if (isRepeatedId(error) && expects === 'new') expects = 'repeats'
      else if (isDataError(error) && next !== undefined) mode = next
      else throw error
    }
  }
}

/** Also what `pg` says when the connection was lost between two statements. */
function canBeRunAgain(error: unknown): boolean {
  return isTransient(error) || (error instanceof Error && /is not queryable$/.test(error.message))
}

/** The outcome of a chunk whose transaction committed although nobody heard of it. */
async function mergedBefore(tx: Transaction, batchId: number, chunk: Chunk): Promise<ChunkOutcome | undefined> {
  const { rows } = await sql<Omit<ChunkOutcome, 'rejects'>>`
    SELECT chunk, read, inserted, duplicates, differing, rejected, shadowed, mistyped,
           skipped_times AS "skippedTimes", repeated_times AS "repeatedTimes" FROM ${tx.t.import_chunks}
     WHERE batch_id = ${batchId} AND chunk = ${chunk.index}`.execute(tx.q)
  return rows[0] && { ...rows[0], rejects: noRejects }
}

/** Stages and merges a chunk and writes its row and its rejects, inside a transaction that somebody else brackets. */
export async function mergeChunk(
  tx: Transaction,
  context: LoadContext,
  chunk: Chunk,
  { mode, expects }: Approach,
): Promise<ChunkOutcome> {
  const target = { batchId: context.batchId, chunk: chunk.index, staged: chunk.good, expects }
  const { merged, rejects, clocks } =
    mode === 'optimistic' && chunk.isPlain
      ? await mergeAsRows(tx, context, chunk, target)
      : await mergeAsText(tx, context, chunk, mode, target)
  await keepRejects(tx, context.batchId, rejects)
  await keepDifferences(tx, context.batchId, merged.differences.map(placedIn(chunk)))
  const outcome = {
    chunk: chunk.index,
    read: chunk.records,
    inserted: merged.inserted,
    duplicates: merged.duplicates,
    differing: merged.differing,
    rejected: rejects.length,
    shadowed: merged.shadowed,
    mistyped: merged.mistyped,
    ...clocks,
    rejects,
  }
  await sql`
    INSERT INTO ${tx.t.import_chunks} (batch_id, chunk, read, inserted, duplicates, differing, rejected, byte_from, byte_to, merged_by, owners, shadowed, mistyped,
                                      skipped_times, repeated_times)
    VALUES (${context.batchId}, ${chunk.index}, ${outcome.read}, ${outcome.inserted}, ${outcome.duplicates}, ${outcome.differing},
            ${outcome.rejected}, ${chunk.byteFrom}, ${chunk.byteTo}, pg_current_xact_id(), ${JSON.stringify(merged.owners)},
            ${JSON.stringify(merged.shadowed)}, ${JSON.stringify(merged.mistyped)}, ${outcome.skippedTimes}, ${outcome.repeatedTimes})`.execute(
    tx.q,
  )
  failpoint('merge.recorded')
  return outcome
}

interface Merged {
  readonly merged: MergeResult
  readonly rejects: Rejects
  readonly clocks: ClockCounts
}

/** Stages the bytes of a chunk, and has PostgreSQL say what they are. */
async function mergeAsText(
  tx: Transaction,
  context: LoadContext,
  chunk: Chunk,
  mode: ValidationMode,
  target: MergeTarget,
): Promise<Merged> {
  const options = await stageForValidation(tx, context, chunk, mode)
  const merged = await mergeStaged(tx, target, context.rules, options)
  return { merged, rejects: rejectsOf(chunk, merged.refusals, options.refusals), clocks: options.clocks }
}

/** What plain records are is known. */
async function mergeAsRows(tx: Transaction, context: LoadContext, chunk: Chunk, target: MergeTarget): Promise<Merged> {
  if (target.expects !== 'new') await prepareSession(tx, context.timezone)
  const merged = await mergePlain(tx, target, (rows) => chunk.rows(rows))
  // Their times have an offset, or are in UTC.
  return { merged, rejects: noRejects, clocks: noClockCounts }
}

const placedIn =
  (chunk: Chunk) =>
  ({ n, eventId, fields }: PassedDifference): Difference => {
    const { record, line } = chunk.goodRecord(n)
    return { record, line, eventId, fields }
  }

/** How a chunk is staged, and what was found on the way. */
export interface StagedOptions extends ValidationOptions {
  readonly refusals: readonly Rejection[]
  readonly clocks: ClockCounts
}

/** Stages a chunk; in the mode `bisect` with the records set aside that PostgreSQL refuses. */
export async function stageForValidation(
  tx: Transaction,
  context: ValidationContext,
  chunk: Chunk,
  mode: ValidationMode,
): Promise<StagedOptions> {
  const { rules, shape } = context
  await prepareSession(tx, context.timezone)
  const changes = await changesOf(tx, context)
  let layout = stagingLayoutOf(chunk, shape, rules.mapping, rules.timeFormat, mode !== 'optimistic')
  await stageChunk(tx, chunk, layout, context.copyOptions)
  const [times] = [...layout.types].find(([, type]) => type === 'timestamptz') ?? []
  const isTyped = times !== undefined
  const hasOdd = changes && (!isTyped || (await mayBeOdd(tx, sql.ref(`c${times + 1}`), changes)))
  if (hasOdd && isTyped) {
    // Only their texts say whether they have an offset.
    await dropStaging(tx)
    layout = { ...layout, types: new Map([...layout.types].filter(([column]) => column !== times)) }
    await stageChunk(tx, chunk, layout, context.copyOptions)
  }
  const options = { layout, numbering: chunk, refused: [], numbered: false }
  const refusals = mode === 'bisect' ? await findRejected(tx, rules, options, [1, chunk.good]) : []
  const staged = { ...options, refused: refusals.map((refusal) => refusal.n), refusals }
  return { ...staged, clocks: hasOdd ? await countOddTimes(tx, rules, staged, changes) : noClockCounts }
}

const knownChanges = new WeakMap<ValidationRules, ClockChanges>()

/** When the clocks of the zone change; undefined when they do not. */
async function changesOf(tx: Transaction, { rules, timezone }: ValidationContext): Promise<ClockChanges | undefined> {
  if (timezone === 'UTC') return undefined
  const changes = knownChanges.get(rules) ?? (await clockChanges(tx, timezone, rules.latest))
  knownChanges.set(rules, changes)
  return changes.borders.length > 0 ? changes : undefined
}

/** Settings of this transaction only: what a time without offset means, and memory for one chunk's sort. */
async function prepareSession(tx: Transaction, timezone: string): Promise<void> {
  // A chunk's duplicates are few lookups in a large table: never a reason to read all of it.
  await sql`
    SELECT set_config('TimeZone', ${timezone}, true), set_config('DateStyle', 'ISO, YMD', true),
           set_config('work_mem', '64MB', true), set_config('enable_hashjoin', 'off', true),
           set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true),
           set_config(${sql.lit(remarksFlag)}, '', true)`.execute(tx.q)
}

/**
 * Halves a range until each record that PostgreSQL refuses stands alone.
 *
 * @param between the first and the last record (by `n`) of the range
 * @param relation where the records are staged
 */
export async function findRejected(
  tx: Transaction,
  rules: ValidationRules,
  options: ValidationOptions,
  between: readonly [number, number],
  relation: RawBuilder<unknown> = staging,
): Promise<Rejection[]> {
  const [from, to] = between
  if (from > to) return []
  const state = await refusedState(tx, rules, { ...options, between }, relation)
  if (state === undefined) return []
  if (from === to) return [{ n: from, code: 'record_refused', detail: `SQLSTATE ${state}` }]
  const middle = Math.floor((from + to) / 2)
  return [
    ...(await findRejected(tx, rules, options, [from, middle], relation)),
    ...(await findRejected(tx, rules, options, [middle + 1, to], relation)),
  ]
}

/** The SQLSTATE with which PostgreSQL refuses to judge these records, or undefined when it does not. */
async function refusedState(
  tx: Transaction,
  rules: ValidationRules,
  options: ValidationOptions,
  relation: RawBuilder<unknown>,
): Promise<string | undefined> {
  try {
    await withSavepoint(tx, () =>
      sql`
        SELECT count(event_id), count(occurred_at), count(properties), count(code)
          FROM (${validationSql(relation, rules, options)}) judged`.execute(tx.q),
    )
    return undefined
  } catch (error) {
    if (isDataError(error)) return sqlState(error)
    throw error
  }
}

/** An error that is the fault of a record: 22xxx (data exception), 54xxx (too complex). */
function isDataError(error: unknown): boolean {
  return /^(22|54)/.test(sqlState(error) ?? '')
}
