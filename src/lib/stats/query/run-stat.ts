/**
 * Runs a stat: parameters in, Result out, in one REPEATABLE READ READ ONLY transaction, so that the query context and the
 * answer see the same batches.
 *
 *   parameters ─ query context (range, time zone, tables) ─ SQL of the stat ─ rows ─ shape ─ Result
 */
import { type RawBuilder, sql } from 'kysely'
import type * as z from 'zod'
import { EaError } from '../../core/errors.js'
import type { RowSchema } from '../../core/row-schema.js'
import { addDays } from '../../core/time.js'
import { withCancel } from '../../db/cancel.js'
import { type Database, type Session, sqlState, type Transaction, withTransaction } from '../../db/connect.js'
import { rollupTablesOf } from '../filter/rollup-match.js'
import { requireAnswerable, type SizeFactor } from './answer-size.js'
import { tablesBeforeAsOf } from './as-of.js'
import { usersSql } from './drill-down-sql.js'
import { metaOf } from './meta.js'
import { type ContextParams, parseParams } from './params.js'
import { withColumns } from './plan-columns.js'
import type { AnswerSource, QueryContext } from './query-context.js'
import { readQueryContext } from './read-context.js'
import { withSettings } from './settings.js'
import { type Answer, columnsFor, type Stat, type StatRows } from './stat.js'
import { warningsOf } from './warnings.js'

export interface RunStatOptions {
  /** Cancels the statement when it aborts. */
  readonly signal?: AbortSignal | undefined
  /** How the caller writes the names of parameters, for messages. */
  readonly spell?: (name: string) => string
  /** How long each statement may take, in milliseconds; as long as it needs when absent. */
  readonly timeoutMs?: number | undefined
  /** From what it is answered; the fastest that can when absent. The answer is the same from each. */
  readonly source?: AnswerSource | undefined
}

const reading = { isolation: 'repeatable read', readOnly: true } as const

/**
 * Answers a question.
 *
 * @param given the parameters as given, in camel case; checked here
 * @throws EaError `usage` for parameters that are not of their form
 * @example
 * const result = await runStat(db, dau, { from: '2025-08-01', to: '2025-08-31', grain: 'week' })
 */
export async function runStat<S extends z.ZodObject, R extends RowSchema, M extends z.ZodObject>(
  db: Database,
  stat: Stat<S, R, M>,
  given: z.input<S>,
  options: RunStatOptions = {},
): Promise<Answer<Stat<S, R, M>>> {
  const params = parseParams(stat.params, given, options.spell)
  return inReading(db, options, (s) => runStatIn(s, stat, params, options))
}

/** Answers inside a transaction of the caller: several answers that see the same batches. */
export async function runStatIn<S extends z.ZodObject, R extends RowSchema, M extends z.ZodObject>(
  s: Transaction,
  stat: Stat<S, R, M>,
  params: z.output<S>,
  options: RunStatOptions = {},
): Promise<Answer<Stat<S, R, M>>> {
  const planned = await queryContextOf(s, stat, params, options)
  requireAnswerable(sizeOf(stat, params, planned), options.spell)
  const { context, warnings: ofColumns } = await withColumns(s, stat as Stat<S>, params, planned, options)
  const shaped: StatRows<z.output<R>, z.output<M>> = context.range === undefined
    ? { data: [] }
    : await stat.shape(await rowsOf(s, stat, context, stat.sql(params, context)), params, context)
  const { data, footer, meta, warnings = [] } = shaped
  const { chart } = stat
  return {
    metric: stat.name,
    columns: columnsFor(stat, params),
    data,
    ...(footer === undefined ? {} : { footer }),
    meta: {
      ...metaOf(context, stat.definition(params), params),
      ...meta,
      warnings: [
        ...ofColumns,
        ...(await warningsOf(s, context, stat.selectors?.(params), stat.fields?.(params))),
        ...warnings,
      ],
    },
    ...(chart === undefined ? {} : { chart: { ...chart, title: chart.title(params) } }),
    ...(stat.lookbackDays === undefined ? {} : { lookbackDays: stat.lookbackDays(params) }),
  } as unknown as Answer<Stat<S, R, M>>
}

/** A statement and its parameters, in the order of `$1`, `$2` …. */
export interface Statement {
  readonly sql: string
  readonly parameters: readonly unknown[]
}

/** What `runStat` (or with a key `drillDown`) would run. */
export async function explain<S extends z.ZodObject>(
  db: Database,
  stat: Stat<S>,
  given: z.input<S>,
  options: RunStatOptions & { readonly key?: string } = {},
): Promise<Statement> {
  const params = parseParams(stat.params, given, options.spell)
  return inReading(db, options, async (s) => (await statementOf(s, stat, params, options)).statement)
}

/** What `runStatIn` would run, inside a transaction of the caller, and the days `[from, to)` that it would cover. */
export async function statementOf<S extends z.ZodObject>(
  s: Session,
  stat: Stat<S>,
  params: z.output<S>,
  options: RunStatOptions & { readonly key?: string } = {},
): Promise<{ statement: Statement; range: QueryContext['range'] }> {
  const { key } = options
  const context = await queryContextOf(
    s,
    stat,
    params,
    options,
    key === undefined ? undefined : stat.drillDown?.canUseRollups,
  )
  // Without data there is no range yet: the statement is the same for any.
  const today = context.asOfLocal.slice(0, 10)
  const whole = { ...context, range: context.range ?? { from: today, to: addDays(today, 1) } }
  if (key === undefined) requireAnswerable(sizeOf(stat, params, context), options.spell)
  const compiled = (key === undefined ? stat.sql(params, whole) : usersSql(stat, params, whole, key)).compile(s.q)
  return { statement: { sql: compiled.sql, parameters: compiled.parameters }, range: context.range }
}

function sizeOf<S extends z.ZodObject>(
  stat: Stat<S>,
  params: z.output<S>,
  context: QueryContext,
): readonly SizeFactor[] {
  return context.range === undefined ? [] : (stat.size?.(params, context) ?? [])
}

/**
 * One transaction for several answers that see the same batches: `runStatIn` inside it.
 *
 * @throws EaError `query_timeout` when a statement takes longer than `timeoutMs`
 */
export async function inReading<T>(
  db: Database,
  { signal, timeoutMs }: RunStatOptions,
  read: (s: Transaction) => Promise<T>,
): Promise<T> {
  const running = withTransaction(
    db,
    (tx) =>
      withCancel(tx.client, signal, async () => {
        // Room to sort and hash; compiling costs more than it saves in statements of this size; and a row from a worker
        // costs a tenth of what PostgreSQL supposes: without that it reads user_days in one process, a third slower.
        await sql`SELECT set_config('work_mem', '128MB', true), set_config('jit', 'off', true),
          set_config('parallel_tuple_cost', '0.01', true)`.execute(tx.q)
        await limitTime(tx, { timeoutMs })
        return read(tx)
      }),
    reading,
  )
  return asTimeout(running, { signal, timeoutMs })
}

/** Has the server end each statement of this transaction that takes too long. */
export async function limitTime({ q }: Session, { timeoutMs }: Pick<RunStatOptions, 'timeoutMs'>): Promise<void> {
  if (timeoutMs === undefined) return
  await sql`SELECT set_config('statement_timeout', ${String(timeoutMs)}, true)`.execute(q)
}

/**
 * What a transaction with `limitTime` gives.
 *
 * @throws EaError `query_timeout` when one of its statements took too long
 */
export async function asTimeout<T>(running: Promise<T>, { signal, timeoutMs }: RunStatOptions): Promise<T> {
  try {
    return await running
  } catch (error) {
    // A statement that was cancelled because nobody wants its answer any more ends with the same state.
    if (timeoutMs === undefined || signal?.aborted || sqlState(error) !== '57014') throw error
    throw new EaError('query_timeout', `The database took longer than ${timeoutMs / 1000} s for the question.`, {
      cause: error,
    })
  }
}

export async function queryContextOf<S extends z.ZodObject>(
  s: Session,
  stat: Stat<S>,
  params: z.output<S>,
  { spell, source }: RunStatOptions,
  canUseRollups: Stat<S>['canUseRollups'] = stat.canUseRollups,
): Promise<QueryContext> {
  const common = params as unknown as ContextParams
  const { context, inReportingTz } = await readQueryContext(s, common, stat.range(params), spell)
  const areDaysInOrder = inReportingTz && context.cut?.day !== 'mixed'
  const isInRollups = areDaysInOrder && canUseRollups(params, { ...context, source: 'rollups' })
  if (source === 'rollups' && !isInRollups) throw new EaError('usage', 'The rollups cannot answer such a question.')
  if (!isInRollups || (source ?? 'rollups') !== 'rollups') return { ...context, source: 'events' }
  const t = tablesBeforeAsOf(rollupTablesOf(context.t, context.segments, context.onDemandRollups), context)
  return { ...context, t, source: 'rollups' }
}

/**
 * What reads events groups by hashing. The planner knows nothing of properties, expects few rows, and would have the
 * workers sort and the leader merge: a quarter of a funnel's time (docs/decisions/raw-event-questions.md).
 */
const eventSettings = { enable_sort: 'off', enable_gathermerge: 'off' }

/** Runs a statement with the settings that suit it; the next one in this transaction may be another stat's. */
export async function rowsOf<R, S extends z.ZodObject>(
  s: Session,
  stat: Stat<S>,
  context: QueryContext,
  query: RawBuilder<R>,
): Promise<R[]> {
  const settings = { events: eventSettings, rollups: stat.rollupSettings, columns: undefined }[context.source]
  const run = async () => (await query.execute(s.q)).rows
  return settings === undefined ? run() : withSettings(s, settings, run)
}
