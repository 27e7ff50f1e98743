/** Which events were the most frequent. */
import { topEvents } from '../../../src/index.js'
import { during, duringClick, type Question, rollupsTarget } from './question.js'

export const mostFrequent: Question = {
  name: 'top events',
  source: 'rollups',
  target: rollupsTarget,
  ask: (db, span) => topEvents(db, { ...span, limit: 100 }),
  command: ({ from, to }) => ['top-events', '--from', from, '--to', to, '--limit', '100'],
  lines: (result) => result.data.map((row) => `${row.event_type},${row.events}`),
  statements: {
    'plain SQL': (span) => `SELECT event_type, count(*) FROM events WHERE ${during(span)} GROUP BY event_type`,
    DuckDB: (span) => `SELECT event_type, count(*) FROM events WHERE ${during(span)} GROUP BY ALL`,
    ClickHouse: (span) => `SELECT event_type, count() FROM events WHERE ${duringClick(span)} GROUP BY event_type`,
  },
  bound: 'One row for each day and type lies in `event_type_days`: the time is that of the transaction.',
}
