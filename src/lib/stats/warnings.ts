/** What a person should know beside the answer: names that no event has, values that are no numbers, no data at all. */
import { sql } from 'kysely'
import type { Session } from '../db/connect.js'
import { all, onDays } from './events.js'
import { type Frame, visibleOnly } from './frame.js'
import { isNumericComparison, notNumberSql } from './segment-sql.js'
import type { Condition, Field, Selector } from './selector.js'
import { vocabularyWarnings } from './vocabulary.js'

/**
 * The warnings of a question, for `meta.warnings`.
 *
 * @param selectors what it names beside segments
 * @param fields what it reads of events beside both
 */
export async function warningsOf(
  s: Session,
  frame: Frame,
  selectors: readonly Selector[] = [],
  fields: readonly Field[] = [],
): Promise<string[]> {
  if (frame.dataUntil === null) return ['There are no events yet; `ea import FILE` brings some.']
  const visible = visibleOnly(frame.openBatches)
  const names = await vocabularyWarnings(
    s,
    { segments: frame.segments, selectors, fields, rollups: frame.optionalRollups },
    visible.length === 0 ? undefined : all(visible),
  )
  const conditions = [...frame.segments, ...selectors.flatMap((selector) => selector.conditions)]
  return [...names, ...(await notNumbers(s, frame, conditions.filter(isNumericComparison)))]
}

/** How many events of the range have a value that a comparison cannot compare. */
async function notNumbers(s: Session, frame: Frame, comparisons: readonly Condition[]): Promise<string[]> {
  if (comparisons.length === 0 || frame.range === undefined) return []
  const counts = comparisons.map((condition) => sql`count(*) FILTER (WHERE ${notNumberSql(condition)})`)
  const { rows } = await sql<{ counts: number[] }>`
    SELECT jsonb_build_array(${sql.join(counts)}) AS counts
    FROM ${frame.t.events}
    WHERE ${all([...onDays(frame, frame.range), ...visibleOnly(frame.openBatches)])}`.execute(s.q)
  return comparisons.flatMap(({ text }, index) => {
    const count = rows[0]!.counts[index]!
    return count === 0 ? [] : [`${count} events do not match ${text}, because their value is not a number.`]
  })
}
