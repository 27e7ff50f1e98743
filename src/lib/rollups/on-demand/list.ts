/** The optional rollups as people see them: since when they are kept, how many rows they have, what they take on disk. */
import { sql } from 'kysely'
import type { Session } from '../../db/connect.js'
import { type OnDemandRollup, onDemandRollup } from '../sql/on-demand.js'

export interface ListedRollup {
  readonly rollup: OnDemandRollup
  /** Different values of a property; null for an event type. */
  readonly values: number | null
  /** One for each value, user and day of a property; one for each user of an event type. */
  readonly rows: number
  readonly addedAt: Date
}

/** What the tables take on disk with their indexes; all rollups of a kind share their tables. */
export interface RollupSizes {
  readonly propertyBytes: number
  readonly eventTypeBytes: number
}

/** The rollups that are kept, in the order in which they were added, and what their tables take on disk. */
export async function listRollups(db: Session): Promise<{ rollups: ListedRollup[]; sizes: RollupSizes }> {
  const rollups = await rollupRows(db)
  const { rows } = await sql<RollupSizes>`
    SELECT coalesce(sum(bytes) FILTER (WHERE relname <> 'user_times'), 0)::bigint AS "propertyBytes",
           coalesce(sum(bytes) FILTER (WHERE relname = 'user_times'), 0)::bigint AS "eventTypeBytes"
    FROM (SELECT c.relname, pg_total_relation_size(c.oid) AS bytes
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = ${db.schema} AND c.relname IN ('property_user_days', 'property_days', 'user_times')) tables`.execute(
    db.q,
  )
  return { rollups, sizes: rows[0]! }
}

/** The rollups that are kept, in the order in which they were added. */
export async function rollupRows(s: Session): Promise<ListedRollup[]> {
  // The days of a property count its user-days too, and there are far fewer of them.
  const { rows } = await sql<Omit<ListedRollup, 'rollup'> & Parameters<typeof onDemandRollup>[0]>`
    SELECT o.id, o.path, o.event_type, o.added_at AS "addedAt",
           CASE WHEN o.path IS NULL THEN t.users ELSE p.user_days END AS rows,
           CASE WHEN o.path IS NOT NULL THEN p.values END AS values
    FROM ${s.t.optional_rollups} o
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(active_users), 0)::bigint AS user_days, count(DISTINCT value) AS values
      FROM ${s.t.property_days} d WHERE d.rollup = o.id AND o.path IS NOT NULL) p
    CROSS JOIN LATERAL (
      SELECT count(*) AS users FROM ${s.t.user_times} u WHERE u.rollup = o.id AND o.path IS NULL) t
    ORDER BY o.id`.execute(s.q)
  return rows.map(({ id, path, event_type, ...row }) => ({ rollup: onDemandRollup({ id, path, event_type }), ...row }))
}
