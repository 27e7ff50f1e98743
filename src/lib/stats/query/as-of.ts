/**
 * What as-of hides: events at or after it do not count, in any stat. Most often there are none, and nothing has to be left
 * out; the days of the rollups nearly always tell. Where there are some, the rollups answer for the days before as-of, and
 * the events of its own day are counted anew.
 */
import { sql } from 'kysely'
import { addDays, type Day } from '../../core/time.js'
import type { Session } from '../../db/connect.js'
import type { TableNames } from '../../db/tables.js'
import { all, eventDay, inSegments, onDays } from './events.js'
import { type Cut, type OpenQueryContext, ofCompletedBatches, visibleOnly } from './query-context.js'
import { withSettings } from './settings.js'

/** What must be known to look for later events. */
export interface CutRequest {
  readonly tz: string
  /** ISO, in UTC. */
  readonly asOf: string
  /** The newest day of the rollups. */
  readonly newest: Day
  readonly openBatches: readonly number[]
}

/** Whether visible events lie at or after as-of, and where it cuts the days; undefined when there are none. */
export async function cutAt(s: Session, request: CutRequest): Promise<Cut | undefined> {
  const { tz, asOf, newest } = request
  // In no zone is it more than a day later or earlier than in UTC.
  if (addDays(newest, 1) < asOf.slice(0, 10)) return undefined
  const day = sql`(instant AT TIME ZONE ${tz})::date`
  const { rows } = await sql<{ last_before: Day; first_from: Day }>`
    SELECT (SELECT max(${day}) FROM generate_series(as_of - interval '1 microsecond', as_of - interval '3 hours',
                                                    interval '-1 minute') AS instant) AS last_before,
           (SELECT min(${day}) FROM generate_series(as_of, as_of + interval '3 hours', interval '1 minute') AS instant)
             AS first_from
    FROM (SELECT ${asOf}::timestamptz AS as_of) AS clock`.execute(s.q)
  const { last_before, first_from } = rows[0]!
  if (newest < first_from) return undefined
  if (newest <= last_before && !(await hasLater(s, request))) return undefined
  return {
    tz,
    wholeBefore: first_from,
    day: last_before < first_from ? 'between' : last_before === first_from ? 'inside' : 'mixed',
  }
}

/** Whether visible events lie at or after as-of. The index on time knows; the planner, which expects many, would read all. */
async function hasLater(s: Session, { asOf, openBatches }: CutRequest): Promise<boolean> {
  const later = all([sql`occurred_at >= ${asOf}::timestamptz`, ...ofCompletedBatches(openBatches)])
  const { rows } = await withSettings(s, { enable_seqscan: 'off' }, () =>
    sql<{ has_later: boolean }>`SELECT EXISTS (SELECT 1 FROM ${s.t.events} WHERE ${later}) AS has_later`.execute(s.q),
  )
  return rows[0]!.has_later
}

/**
 * The rollups as they would be without the events at or after as-of: subqueries in place of the tables. `user_days` is
 * exact unless the days are mixed.
 */
export function tablesBeforeAsOf(t: TableNames, context: OpenQueryContext): TableNames {
  const { cut } = context
  if (cut === undefined) return t
  const isWhole = sql`day < ${cut.wholeBefore}::date`
  const userTimes = sql`(SELECT rollup, user_id,
      times[1 : width_bucket(${context.asOf}::timestamptz - interval '1 microsecond', times)] AS times
    FROM ${t.user_times} WHERE times[1] < ${context.asOf}::timestamptz)`
  if (cut.day === 'between') {
    return {
      ...t,
      user_times: userTimes,
      days: sql`(SELECT * FROM ${t.days} AS days WHERE ${isWhole})`,
      event_type_days: sql`(SELECT * FROM ${t.event_type_days} AS event_type_days WHERE ${isWhole})`,
      user_days: sql`(SELECT * FROM ${t.user_days} AS user_days WHERE ${isWhole})`,
    }
  }
  const inZone = { ...context, tz: cut.tz }
  const day = eventDay(inZone)
  const rest = sql`${t.events} WHERE ${all([
    ...onDays(inZone, { from: cut.wholeBefore }),
    ...visibleOnly(context),
    ...inSegments(context),
  ])}`
  return {
    ...t,
    user_times: userTimes,
    days: sql`(SELECT day, active_users, events FROM ${t.days} AS days WHERE ${isWhole}
    UNION ALL SELECT ${day}, count(DISTINCT user_id), count(*) FROM ${rest} GROUP BY 1)`,
    event_type_days: sql`(SELECT day, event_type, events FROM ${t.event_type_days} AS event_type_days WHERE ${isWhole}
    UNION ALL SELECT ${day}, event_type, count(*) FROM ${rest} GROUP BY 1, 2)`,
    // Who has an event on a day before as-of has a row there; only how many of its events count differs.
    user_days: sql`(SELECT user_id, day, first_day, prev_day, events FROM ${t.user_days} AS user_days WHERE ${isWhole}
    UNION ALL SELECT user_id, day, first_day, prev_day, counted.events
      FROM ${t.user_days} AS user_days
      JOIN (SELECT user_id, ${day} AS day, count(*) AS events FROM ${rest} GROUP BY 1, 2) AS counted
        USING (user_id, day)
      WHERE NOT (${isWhole}))`,
  }
}
