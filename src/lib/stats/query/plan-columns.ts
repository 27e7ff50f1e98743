/** Whether the column store answers a question that the rollups do not; if anything is wrong with it, PostgreSQL answers. */
import type * as z from 'zod'
import { NotInColumns } from '../../columns/column-events.js'
import { EaError } from '../../core/errors.js'
import { sqlState, type Transaction } from '../../db/connect.js'
import { columnAnswer } from '../columns/column-answer.js'
import { isAboutIds } from '../columns/dialect.js'
import { isNumericComparison } from '../filter/filter-sql.js'
import type { AnswerSource, QueryContext } from './query-context.js'
import type { Stat } from './stat.js'

/**
 * The context with the rows of the column store, where it can answer.
 *
 * @returns also what a person should know when it failed
 * @throws EaError `usage` when `source` says columns and they cannot answer; `query_timeout`
 */
export async function withColumns<S extends z.ZodObject>(
  tx: Transaction,
  stat: Stat<S>,
  params: z.output<S>,
  context: QueryContext,
  { source, signal, timeoutMs }: { source?: AnswerSource | undefined } & Parameters<typeof columnAnswer>[4],
): Promise<{ context: QueryContext; warnings: string[] }> {
  const isWanted = source === undefined ? context.source === 'events' : source === 'columns'
  if (!isWanted || context.range === undefined) return { context, warnings: [] }
  const conditions = [
    ...context.segments,
    ...(stat.selectors?.(params) ?? []).flatMap((selector) => selector.conditions),
  ]
  try {
    const fromColumns = await columnAnswer(
      tx,
      context,
      (dialect) => {
        const statement = stat.inColumns?.(params, context, dialect)
        if (statement === undefined) throw new NotInColumns('only PostgreSQL answers such a question')
        return statement
      },
      conditions.filter(isNumericComparison),
      { signal, timeoutMs },
    )
    return { context: { ...context, source: 'columns', fromColumns }, warnings: [] }
  } catch (error) {
    const [reason] = (error as Error).message.split('\n')
    if (error instanceof NotInColumns || isAboutIds(error)) {
      if (source === undefined) return { context, warnings: [] }
      throw new EaError('usage', `The column store cannot answer: ${reason}.`, { cause: error })
    }
    // What ended the transaction, and what is not wanted any more.
    const isOfQuestion = signal?.aborted || sqlState(error) !== undefined || isCode(error, 'query_timeout')
    if (source !== undefined || isOfQuestion) throw error
    return { context, warnings: [`The column store did not answer, PostgreSQL did: ${reason}`] }
  }
}

const isCode = (error: unknown, code: string) => error instanceof EaError && error.code === code
