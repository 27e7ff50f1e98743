/** How many users were active on each day: all of them, or those with events of one country. */
import { dau } from '../../../src/index.js'
import { during, duringClick, inCountry, type Question, segment } from './question.js'

type Answer = Pick<Question, 'ask' | 'command' | 'lines' | 'statements'>

/** DAU of the span. @param isSegment only events of the country count */
export function dauOf(isSegment: boolean): Answer {
  return {
    ask: (db, span) => dau(db, { ...span, segment: isSegment ? [segment] : [] }),
    command: ({ from, to }) => ['dau', '--from', from, '--to', to, ...(isSegment ? ['--segment', segment] : [])],
    lines: (result) =>
      result.data.filter((row) => row.unique_users !== 0).map((row) => `${row.date},${row.unique_users}`),
    statements: {
      'plain SQL': (span) => `
        SELECT occurred_at::date AS date, count(DISTINCT user_id)
        FROM events WHERE ${inCountry(isSegment, 'plain SQL')}${during(span)} GROUP BY 1`,
      DuckDB: (span) => `
        SELECT occurred_at::DATE AS date, count(DISTINCT user_id)
        FROM events WHERE ${inCountry(isSegment, 'DuckDB')}${during(span)} GROUP BY ALL`,
      ClickHouse: (span) =>
        isSegment
          ? `
        SELECT toDate(occurred_at) AS date, uniqExact(user_id)
        FROM events WHERE ${inCountry(isSegment, 'ClickHouse')}${duringClick(span)} GROUP BY date`
          : `
        SELECT date, count()
        FROM (
          SELECT arrayJoin(groupUniqArray(toDate(occurred_at))) AS date
          FROM events WHERE ${duringClick(span)} GROUP BY user_id
          SETTINGS optimize_aggregation_in_order = 1
        )
        GROUP BY date`,
    },
  }
}
