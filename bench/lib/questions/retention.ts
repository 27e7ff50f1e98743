/** Who came back in which week after the first one, of every cohort: of all users, or of those with events of one country. */
import { retention } from '../../../src/index.js'
import {
  day,
  dayText,
  during,
  duringClick,
  inCountry,
  type Question,
  rollupsTarget,
  type Span,
  segment,
} from './question.js'

type Answer = Pick<Question, 'ask' | 'command' | 'lines' | 'statements' | 'source' | 'target'>

const weekMs = 7 * 86_400_000
const mondayOf = (text: string) =>
  dayText(new Date(day(text).getTime() - ((day(text).getUTCDay() + 6) % 7) * 86_400_000))
const weeksIn = ({ from, to }: Span) =>
  Math.max(1, Math.round((day(mondayOf(to)).getTime() - day(mondayOf(from)).getTime()) / weekMs))

/**
 * Weekly retention of all cohorts of the span, which begins before the first event.
 *
 * @param isSegment only events of the country count, the first one too
 */
export function retentionOf(isSegment: boolean): Answer {
  return {
    source: 'rollups',
    target: rollupsTarget,
    ask: (db, span) =>
      retention(db, {
        startDate: span.from,
        to: span.to,
        windowType: 'week',
        windows: weeksIn(span),
        ...(isSegment ? { cohort: 'first-matching', segment: [segment] } : {}),
      }),
    command: (span) => [
      ...['retention', '--start-date', span.from, '--to', span.to],
      ...['--window-type', 'week', '--windows', String(weeksIn(span))],
      ...(isSegment ? ['--cohort', 'first-matching', '--segment', segment] : []),
    ],
    lines: (result) =>
      result.data.flatMap((row) =>
        (row.users as (number | null)[]).flatMap((users, week) => (users ? [`${row.cohort},${week},${users}`] : [])),
      ),
    statements: {
      'plain SQL': (span) => `
        WITH active_weeks AS (
          SELECT DISTINCT user_id, date_trunc('week', occurred_at)::date AS week
          FROM events WHERE ${inCountry(isSegment, 'plain SQL')}${during(span)}
        ), first_weeks AS (
          SELECT user_id, min(week) AS cohort FROM active_weeks GROUP BY user_id
        )
        SELECT cohort, (week - cohort) / 7 AS number, count(*)
        FROM active_weeks JOIN first_weeks USING (user_id) GROUP BY 1, 2`,
      DuckDB: (span) => `
        WITH user_weeks AS (
          SELECT DISTINCT user_id, date_trunc('week', occurred_at::DATE)::DATE AS week
          FROM events WHERE ${inCountry(isSegment, 'DuckDB')}${during(span)}
        ), cohorts AS (
          SELECT user_id, min(week) AS cohort FROM user_weeks GROUP BY user_id
        )
        SELECT cohort, (week - cohort) // 7 AS number, count(*)
        FROM user_weeks JOIN cohorts USING (user_id) GROUP BY ALL`,
      ClickHouse: (span) => `
        SELECT cohort, intDiv(week - cohort, 7) AS number, count()
        FROM (
          SELECT groupUniqArray(toMonday(occurred_at)) AS weeks, arrayMin(weeks) AS cohort
          FROM events WHERE ${inCountry(isSegment, 'ClickHouse')}${duringClick(span)} GROUP BY user_id
        ) ARRAY JOIN weeks AS week
        GROUP BY cohort, number`,
    },
  }
}
