/** A stat that no release has, for the test that walks it through everything. */
import { sql } from 'kysely'
import * as z from 'zod'
import { count, rate, text } from '../../src/lib/core/row-schema.js'
import { eventsInRange } from '../../src/lib/stats/query/events.js'
import { commonParams } from '../../src/lib/stats/query/params.js'
import { defineStat } from '../../src/lib/stats/query/stat.js'

export const busiest = defineStat({
  name: 'busiest-users',
  summary: 'Rank the users by their events',
  description: 'Every user of the range, the busiest first.',
  example: { command: 'ea stats busiest-users --limit 3', params: { limit: '3' }, data: [], meta: { definition: '' } },
  params: z.strictObject({ ...commonParams, limit: z.int().min(1).max(100).default(10).describe('How many users.') }),
  row: z.object({ user_id: text(), events: count('events'), share: rate() }),
  chart: { form: 'ranking', title: () => 'Events by user' },
  report: { title: 'Busiest users', params: ({ days }) => ({ ...days, limit: 5 }) },
  range: ({ from, to }) => ({ first: from, last: to, grain: 'day' }),
  canUseRollups: () => false,
  definition: () => 'The events of each user.',
  sql: ({ limit }, frame) => sql`SELECT user_id, count(*) AS events, (count(*) / sum(count(*)) OVER ())::float8 AS share
FROM ${frame.t.events} WHERE ${eventsInRange(frame)} GROUP BY user_id ORDER BY events DESC, user_id LIMIT ${limit}`,
  shape: (rows) => ({ data: rows as { user_id: string; events: number; share: number }[] }),
})
