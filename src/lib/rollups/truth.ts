/**
 * What the rollups must be: the same tables computed from `events` of completed batches, as SQL to select from.
 * Verify compares with it, rebuild makes it so.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Session } from '../db/connect.js'

/** The events that count, with their day in `reportingTz`: a batch that is loading is left out, in the same snapshot. */
function countedEvents(session: Session, reportingTz: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    SELECT user_id, event_type, (occurred_at AT TIME ZONE ${reportingTz})::date AS day
    FROM ${session.t.events}
    WHERE batch_id <> ALL (ARRAY(SELECT id FROM ${session.t.import_batches} WHERE status = 'loading'))`
}

/** `user_days` as it must be. */
export function trueUserDays(session: Session, reportingTz: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    SELECT user_id, day, events, first_value(day) OVER by_day AS first_day, lag(day) OVER by_day AS prev_day
    FROM (SELECT user_id, day, count(*) AS events FROM (${countedEvents(session, reportingTz)}) counted
          GROUP BY user_id, day) grouped
    WINDOW by_day AS (PARTITION BY user_id ORDER BY day)`
}

/** `days` as it must be, from a relation that holds the true `user_days`. */
export function trueDays(userDays: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    SELECT day, count(*) AS active_users, count(*) FILTER (WHERE day = first_day) AS new_users,
           sum(events)::bigint AS events
    FROM ${userDays} GROUP BY day`
}

/** `event_type_days` as it must be. */
export function trueEventTypeDays(session: Session, reportingTz: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    SELECT day, event_type, count(*) AS events FROM (${countedEvents(session, reportingTz)}) counted
    GROUP BY day, event_type`
}
