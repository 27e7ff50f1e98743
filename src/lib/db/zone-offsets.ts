/** The offsets of a time zone from UTC, as PostgreSQL knows them. */
import { sql } from 'kysely'
import type { Session } from './connect.js'

/** An offset from UTC in seconds, and the first instant that has it, in whole seconds since 1970. */
export interface ZoneOffset {
  readonly from: number
  readonly offset: number
}

/**
 * The offset at `earliest` and each other one until some days after `latest`, in order. The offset of each third day is compared with
 * that of the next, and the second of a change is searched by halves; no zone has changed twice in so few days.
 *
 * ```sql
 * WITH RECURSIVE days AS (SELECT day, … AS offset_then FROM generate_series(… interval '72 hours') AS day),
 *   found AS (SELECT lag(day) OVER earlier AS before_at, … FROM days … UNION ALL SELECT … FROM found WHERE …)
 * SELECT extract(epoch FROM after_at)::bigint AS "from", after_offset AS "offset" FROM found WHERE …
 * ```
 */
export async function zoneOffsets(
  { q }: Pick<Session, 'q'>,
  zone: string,
  latest: Date,
  earliest = new Date(0),
): Promise<ZoneOffset[]> {
  const offsetOf = (column: string) =>
    sql`extract(epoch FROM (${sql.ref(column)} AT TIME ZONE ${zone}::text) - (${sql.ref(column)} AT TIME ZONE 'UTC'))::int`
  const { rows } = await sql<ZoneOffset>`
    WITH RECURSIVE days AS (
      SELECT day, ${offsetOf('day')} AS offset_then
        FROM generate_series(${earliest}::timestamptz, ${latest}::timestamptz + interval '4 days', interval '72 hours') AS day
    ),
    found AS (
      SELECT lag(day) OVER earlier AS before_at, day AS after_at, lag(offset_then) OVER earlier AS before_offset, offset_then AS after_offset
        FROM days WINDOW earlier AS (ORDER BY day)
      UNION ALL
      SELECT CASE WHEN is_before THEN middle ELSE before_at END, CASE WHEN is_before THEN after_at ELSE middle END, before_offset, after_offset
        FROM (SELECT *, ${offsetOf('middle')} = before_offset AS is_before
                FROM (SELECT *, before_at + make_interval(secs => floor(extract(epoch FROM after_at - before_at) / 2)) AS middle
                        FROM found WHERE before_offset <> after_offset AND after_at - before_at > interval '1 second' OFFSET 0) halves
              OFFSET 0) decided
    )
    SELECT extract(epoch FROM after_at)::bigint AS "from", after_offset AS "offset"
      FROM found WHERE before_at IS NULL OR before_offset <> after_offset AND after_at - before_at <= interval '1 second'
     ORDER BY after_at`.execute(q)
  return rows
}
