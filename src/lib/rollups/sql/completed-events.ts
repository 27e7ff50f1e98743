/**
 * What the rollups must be: the same tables computed from `events` of completed batches, as SQL to select from.
 * Verify compares with it, rebuild makes it so.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Session } from '../../db/connect.js'
import { propertyGroupsSql, registeredValues } from './property-values.js'
import { allEvents, neighboursSql, propertyValues } from './rollup-tables.js'

/** The events that count, as they stand after FROM: a batch that is loading is left out, in the same snapshot. */
export function completedEvents({ t }: Session): RawBuilder<unknown> {
  return sql`${t.events} WHERE batch_id <> ALL (ARRAY(SELECT id FROM ${t.import_batches} WHERE status = 'loading'))`
}

/** The same with their day in `reportingTz`. */
function countedEvents(session: Session, reportingTz: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    SELECT user_id, event_type, (occurred_at AT TIME ZONE ${reportingTz})::date AS day
    FROM ${completedEvents(session)}`
}

/** `user_days` as it must be. */
export function userDaysFromEvents(session: Session, reportingTz: RawBuilder<unknown>): RawBuilder<unknown> {
  return neighboursSql(
    allEvents,
    sql`(SELECT user_id, day, count(*) AS events FROM (${countedEvents(session, reportingTz)}) counted
          GROUP BY user_id, day) grouped`,
  )
}

/** `property_user_days` as it must be, for the properties that are registered; without any no event is read. */
export function propertyUserDaysFromEvents(session: Session, reportingTz: RawBuilder<unknown>): RawBuilder<unknown> {
  const events = sql`${completedEvents(session)} AND EXISTS (
    SELECT FROM ${session.t.optional_rollups} WHERE path IS NOT NULL)`
  return neighboursSql(
    propertyValues,
    sql`(${propertyGroupsSql(events, reportingTz, registeredValues(session))}) grouped`,
  )
}

/** `event_type_days` as it must be. */
export function eventTypeDaysFromEvents(session: Session, reportingTz: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    SELECT day, event_type, count(*) AS events FROM (${countedEvents(session, reportingTz)}) counted
    GROUP BY day, event_type`
}
