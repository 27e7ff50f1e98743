/** Rollups of properties by brute force: whole tables from all visible events, as the words of the migration have them. */
import { sql } from 'kysely'
import { type Database, withTransaction } from '../../src/lib/db/connect.js'

/** From now on the rollups of just these properties are kept, made of the events that are there now. */
export async function keepProperties(db: Database, paths: readonly (readonly string[])[]): Promise<void> {
  await withTransaction(db, async ({ q, t }) => {
    for (const table of [t.optional_rollups, t.property_user_days, t.property_days, t.user_times]) {
      await sql`DELETE FROM ${table}`.execute(q)
    }
    if (paths.length === 0) return
    // The first one is of something else: no property has the first number.
    await sql`INSERT INTO ${t.optional_rollups} (id, event_type) OVERRIDING SYSTEM VALUE VALUES (7, 'view')`.execute(q)
    for (const [index, path] of paths.entries()) {
      const id = 8 + index
      await sql`
        INSERT INTO ${t.optional_rollups} (id, path) OVERRIDING SYSTEM VALUE VALUES (${id}, ${path}::text[])`.execute(q)
      await sql`
        INSERT INTO ${t.property_user_days} (rollup, value, user_id, day, first_day, prev_day, events)
        SELECT ${id}, value, user_id, day, min(day) OVER of_user,
               lag(day) OVER (of_user ORDER BY day), events
        FROM (
          SELECT properties #>> ${path}::text[] AS value, user_id,
                 (occurred_at AT TIME ZONE reporting_tz)::date AS day, count(*) AS events
          FROM ${t.events} JOIN ${t.import_batches} ON id = batch_id CROSS JOIN ${t.settings}
          WHERE status = 'completed' AND char_length(properties #>> ${path}::text[]) <= 255
          GROUP BY 1, 2, 3
        ) AS counted
        WINDOW of_user AS (PARTITION BY value, user_id)`.execute(q)
    }
    await sql`
      INSERT INTO ${t.property_days} (rollup, value, day, active_users, new_users, events)
      SELECT rollup, value, day, count(*), count(*) FILTER (WHERE day = first_day), sum(events)
      FROM ${t.property_user_days} GROUP BY rollup, value, day`.execute(q)
  })
}
