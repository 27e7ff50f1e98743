/** What the clocks of a zone are ahead of UTC by, over a span of time. PostgreSQL says it; DuckDB knows no zones here. */
import { sql } from 'kysely'
import type { Session } from '../db/connect.js'

/** From an instant on, in microseconds since 1970; the first one holds for all that is earlier. */
export interface ZoneOffset {
  readonly from: number
  /** How many microseconds the clocks are ahead. */
  readonly ahead: number
}

/**
 * The offsets from before the first day until after the last one. Those at each noon and midnight are compared, and the
 * second of a change is searched by halves.
 *
 * ```sql
 * WITH RECURSIVE points AS (SELECT at, … AS ahead FROM generate_series(…, interval '12 hours') AS at),
 *   found AS (SELECT lag(at) OVER earlier AS before_at, … FROM points … UNION ALL SELECT … FROM found WHERE …)
 * SELECT … AS "from", after_ahead AS ahead FROM found WHERE … ORDER BY 1
 * ```
 */
export async function zoneOffsets(
  { q }: Pick<Session, 'q'>,
  tz: string,
  { first, last }: { readonly first: string; readonly last: string },
): Promise<ZoneOffset[]> {
  const ahead = (at: string) =>
    sql`extract(epoch FROM (${sql.ref(at)} AT TIME ZONE ${tz}) - (${sql.ref(at)} AT TIME ZONE 'UTC'))::int`
  const { rows } = await sql<{ from: number; ahead: number }>`
    WITH RECURSIVE points AS (
      SELECT at, ${ahead('at')} AS ahead
      FROM generate_series(${first}::date::timestamp AT TIME ZONE 'UTC' - interval '3 days',
                           ${last}::date::timestamp AT TIME ZONE 'UTC' + interval '4 days', interval '12 hours') AS at
    ), found AS (
      SELECT lag(at) OVER earlier AS before_at, at AS after_at, lag(ahead) OVER earlier AS before_ahead, ahead AS after_ahead
      FROM points WINDOW earlier AS (ORDER BY at)
      UNION ALL
      SELECT CASE WHEN is_before THEN middle ELSE before_at END, CASE WHEN is_before THEN after_at ELSE middle END,
        before_ahead, after_ahead
      FROM (
        SELECT *, ${ahead('middle')} = before_ahead AS is_before
        FROM (
          SELECT *, before_at + make_interval(secs => floor(extract(epoch FROM after_at - before_at) / 2)) AS middle
          FROM found WHERE before_ahead <> after_ahead AND after_at - before_at > interval '1 second' OFFSET 0
        ) AS halves OFFSET 0
      ) AS decided
    )
    SELECT extract(epoch FROM after_at)::float8 AS "from", after_ahead AS ahead
    FROM found
    WHERE before_at IS NULL OR (before_ahead <> after_ahead AND after_at - before_at <= interval '1 second')
    ORDER BY 1`.execute(q)
  return rows.map(({ from, ahead }) => ({ from: from * 1e6, ahead: ahead * 1e6 }))
}
