/** Which events start and which return, as conditions over the rows of `events`. */
import { type RawBuilder, sql } from 'kysely'
import type { Selector } from '../filter/filter.js'
import { allOf } from '../filter/filter-sql.js'
import { inSegments } from '../query/events.js'
import type { QueryContext } from '../query/query-context.js'
import type { RetentionParams } from './params.js'

/**
 * What makes an event a start.
 *
 * @returns `isEntering`: what must hold for the first start of all to put its user into a cohort; undefined when every
 *   start does
 */
export function startConditions({ cohort, startEvent }: RetentionParams, context: QueryContext) {
  const type = ofType(startEvent)
  const rest = [...inBrackets(startEvent), ...inSegments(context)]
  if (cohort !== 'first-ever') return { isStart: [...type, ...rest], isEntering: undefined }
  return { isStart: type, isEntering: rest.length === 0 ? undefined : rest }
}

/** What makes an event a return, apart from its time. */
export function returnConditions({ returnEvent }: RetentionParams, context: QueryContext): RawBuilder<unknown>[] {
  return [...ofType(returnEvent), ...inBrackets(returnEvent), ...inSegments(context)]
}

function ofType(selector: Selector | undefined): RawBuilder<unknown>[] {
  return selector === undefined ? [] : [sql`event_type = ${selector.eventType}`]
}

function inBrackets(selector: Selector | undefined): RawBuilder<unknown>[] {
  return selector === undefined || selector.conditions.length === 0 ? [] : [allOf(selector.conditions)]
}

/**
 * A text that sorts as events are ordered, by time and then by id. Bytes of an instant sort as it does, those before
 * 2000 (negative) among themselves.
 */
export const firstEventKey = sql`(CASE WHEN occurred_at < '2000-01-01T00:00:00Z'::timestamptz THEN '0' ELSE '1' END
            || encode(timestamptz_send(occurred_at) || uuid_send(event_id), 'hex')) COLLATE "C"`
