/** What a person should know beside the answer: names that no event has, values that are no numbers, no data at all. */
import { sql } from 'kysely'
import { addDays } from '../../core/time.js'
import type { Session } from '../../db/connect.js'
import type { Condition, Field, Selector } from '../filter/filter.js'
import { isNumericComparison, notNumberSql } from '../filter/filter-sql.js'
import { unknownNameWarnings } from '../filter/unknown-names.js'
import { tablesBeforeAsOf } from './as-of.js'
import { all, onDays } from './events.js'
import { type QueryContext, visibleOnly } from './query-context.js'

/**
 * The warnings of a question, for `meta.warnings`.
 *
 * @param selectors what it names beside segments
 * @param fields what it reads of events beside both
 */
export async function warningsOf(
  s: Session,
  context: QueryContext,
  selectors: readonly Selector[] = [],
  fields: readonly Field[] = [],
): Promise<string[]> {
  const { cut, dataUntil, segments, onDemandRollups } = context
  if (dataUntil === null && cut !== undefined)
    return [`There are no events before ${context.asOf}, which counts as now.`]
  if (dataUntil === null) return ['There are no events yet; import some with `ea import FILE`.']
  const visible = visibleOnly(context)
  // Which values a rollup has, it does not say for a part of a day.
  const rollups = cut === undefined ? onDemandRollups : []
  const names = await unknownNameWarnings(
    { ...s, t: tablesBeforeAsOf(s.t, { ...context, segments: [] }) },
    { segments, selectors, fields, rollups },
    visible.length === 0 ? undefined : all(visible),
  )
  const conditions = [...context.segments, ...selectors.flatMap((selector) => selector.conditions)]
  return [...offTheData(context), ...names, ...(await notNumbers(s, context, conditions.filter(isNumericComparison)))]
}

/** A range that has no day of the data: its zeros would look like numbers. */
function offTheData({ range, dataFrom, dataUntil }: QueryContext): string[] {
  if (range === undefined || dataFrom === null || dataUntil === null) return []
  if (range.from > dataUntil) return [`The data ends on ${dataUntil}, before the range begins on ${range.from}.`]
  if (range.to <= dataFrom) {
    return [`The data begins on ${dataFrom}, after the range ends on ${addDays(range.to, -1)}.`]
  }
  return []
}

/** How many events of the range have a value that a comparison cannot compare. */
async function notNumbers(s: Session, context: QueryContext, comparisons: readonly Condition[]): Promise<string[]> {
  if (comparisons.length === 0 || context.range === undefined) return []
  const counted = context.fromColumns?.notNumbers ?? (await countNotNumbers(s, context, comparisons))
  return comparisons.flatMap(({ text }, index) => {
    const count = counted[index]!
    return count === 0 ? [] : [`${count} events do not match ${text}, because their value is not a number.`]
  })
}

async function countNotNumbers(s: Session, context: QueryContext, comparisons: readonly Condition[]) {
  const counts = comparisons.map((condition) => sql`count(*) FILTER (WHERE ${notNumberSql(condition)})`)
  const { rows } = await sql<{ counts: number[] }>`
    SELECT jsonb_build_array(${sql.join(counts)}) AS counts
    FROM ${context.t.events}
    WHERE ${all([...onDays(context, context.range!), ...visibleOnly(context)])}`.execute(s.q)
  return rows[0]!.counts
}
