/**
 * Asks a stat: parameters in, Result out, in one REPEATABLE READ READ ONLY transaction, so that the frame and the
 * answer see the same batches.
 */
import type * as z from 'zod'
import { withCancel } from '../db/cancel.js'
import { type Database, type Session, withTransaction } from '../db/connect.js'
import type { Result } from '../result.js'
import { addDays } from '../time.js'
import { type Frame, readFrame } from './frame.js'
import { type CommonParams, defaultRangeDays, parseParams } from './params.js'
import type { Stat } from './stat.js'

export interface AskOptions {
  /** Cancels the statement when it aborts. */
  readonly signal?: AbortSignal
  /** How the caller writes the names of parameters, for messages. */
  readonly spell?: (name: string) => string
}

const reading = { isolation: 'repeatable read', readOnly: true } as const

/**
 * Answers a question.
 *
 * @param given the parameters as given, in camel case; checked here
 * @throws EaError `usage` for parameters that are not of their form
 * @example
 * const result = await ask(db, dau, { from: '2025-08-01', to: '2025-08-31', grain: 'week' })
 */
export async function ask<S extends z.ZodObject>(
  db: Database,
  stat: Stat<S>,
  given: z.input<S>,
  options: AskOptions = {},
): Promise<Result> {
  const params = parseParams(stat.params, given, options.spell)
  return withTransaction(db, (tx) => withCancel(tx.client, options.signal, () => answer(tx, stat, params)), reading)
}

/** Answers inside a transaction of the caller: several answers that see the same batches. */
export async function answer<S extends z.ZodObject>(s: Session, stat: Stat<S>, params: z.output<S>): Promise<Result> {
  const frame = await frameOf(s, stat, params)
  const rows = frame.range === undefined ? [] : (await stat.sql(params, frame).execute(s.q)).rows
  return {
    metric: stat.name,
    columns: stat.columns(params),
    data: frame.range === undefined ? [] : stat.shape(rows, params, frame),
    meta: metaOf(frame, stat.definition(params)),
  }
}

/** The statement that `ask` would run, and its parameters in the order of `$1`, `$2` …; undefined without data. */
export async function explain<S extends z.ZodObject>(
  db: Database,
  stat: Stat<S>,
  given: z.input<S>,
  options: AskOptions = {},
): Promise<{ sql: string; parameters: readonly unknown[] }> {
  const params = parseParams(stat.params, given, options.spell)
  return withTransaction(
    db,
    async (tx) => {
      const frame = await frameOf(tx, stat, params)
      // Without data there is no range yet: the statement is the same for any.
      const range = frame.range ?? { from: frame.asOfLocal.slice(0, 10), to: addDays(frame.asOfLocal.slice(0, 10), 1) }
      const compiled = stat.sql(params, { ...frame, range }).compile(tx.q)
      return { sql: compiled.sql, parameters: compiled.parameters }
    },
    reading,
  )
}

function frameOf<S extends z.ZodObject>(s: Session, stat: Stat<S>, params: z.output<S>): Promise<Frame> {
  return readFrame(s, params as unknown as CommonParams, stat.grain(params), stat.readsEvents(params))
}

const defaultRangeNotes = {
  all: ' Range: all days of the data.',
  last: ` Range: the last ${defaultRangeDays} days of the data; name an earlier first day for more.`,
}

function metaOf(frame: Frame, definition: string): Result['meta'] {
  return {
    from: frame.range?.from ?? null,
    to: frame.range === undefined ? null : addDays(frame.range.to, -1),
    tz: frame.tz,
    week_start: frame.weekStart,
    as_of: frame.asOf,
    definition: `${definition}${frame.defaultRange === undefined ? '' : defaultRangeNotes[frame.defaultRange]}`,
    data_until: frame.dataUntil,
    source: frame.source,
    warnings: frame.dataUntil === null ? ['There are no events yet; `ea import FILE` brings some.'] : [],
  }
}
