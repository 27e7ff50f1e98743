/**
 * The questions of `bench:stats`: how `ea` is asked, what somebody who knows DuckDB or ClickHouse would write, and which
 * form all answers take to be compared. Each statement of those two is the one that took the least processor time of those
 * tried; `plain SQL` is what comes to mind first.
 */
import { dauOf } from './questions/dau.js'
import { viewToPurchase } from './questions/funnel.js'
import { eventsTarget, type Question, rollupsTarget, segment } from './questions/question.js'
import { retentionOf } from './questions/retention.js'
import { mostFrequent } from './questions/top-events.js'

const funnelName = 'funnel of three steps in 14 days'

/** What every database of `ea` answers. */
export const questions: readonly Question[] = [
  {
    name: 'DAU, every day',
    source: 'rollups',
    target: rollupsTarget,
    ...dauOf(false),
    bound: 'One row for each day lies in `days`: the time is that of the transaction and its round trips.',
  },
  {
    name: 'weekly retention, every cohort',
    ...retentionOf(false),
    bound: 'One scan of `user_days`, a row for each user and active day, and a count for each pair of weeks.',
  },
  mostFrequent,
  {
    name: `DAU, ${segment}`,
    source: 'events',
    target: eventsTarget,
    ...dauOf(true),
    bound:
      'A scan of whole rows: each event is fetched into the cache and its jsonb opened, where ClickHouse reads only the column that it keeps for this property.',
  },
  {
    name: funnelName,
    source: 'events',
    ...viewToPurchase,
    bound:
      'A scan of whole rows, then bringing each user’s steps together; ClickHouse keeps them in this order. `ea` also finds the time of every step, for medians and means; the others only count.',
  },
]

/** What `ea` answers from rollups that are kept only where somebody asks for them. */
export const questionsOfKept: readonly Question[] = [
  {
    name: `DAU, ${segment}, rollup kept`,
    source: 'rollups',
    target: rollupsTarget,
    ...dauOf(true),
    bound: 'One row for each day and value lies in `property_days`.',
  },
  {
    name: `weekly retention of ${segment}, rollup kept`,
    ...retentionOf(true),
    bound: 'The rows of one value in `property_user_days`, one for each user and day with it.',
  },
  {
    name: `${funnelName}, rollups kept`,
    source: 'rollups',
    ...viewToPurchase,
    bound:
      'One row for each user and event type lies in `user_times`, its times sorted: a join of users, and a search in them.',
  },
]
